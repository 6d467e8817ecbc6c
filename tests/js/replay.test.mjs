/** Facts about the pure functions of the replay's module, loaded as anywidget loads it: in one file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./module.mjs";

const replay = await load("replay.js");
const { hostModel } = await load("host.js");

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(replay.default), ["render"]);
  assert.equal("render" in replay, false);
});

test("keys mean actions, and other keys are let through", () => {
  const keys = ["ArrowRight", "ArrowLeft", "PageDown", "PageUp", "Home", "End", " ", "k", "b", "d", "Escape"];
  assert.deepEqual(keys.map(replay.keyAction),
    ["next", "back", "leap", "leapBack", "first", "last", "toggle", "toggle", null, null, null]);
});

test("every action stays inside the episode", () => {
  for (const action of ["next", "back", "leap", "leapBack", "first", "last"])
    for (const step of [0, 3, 6]) {
      const to = replay.moved(action, step, 7);
      assert.ok(to >= 0 && to <= 6);
    }
  assert.equal(replay.moved("leap", 0, 7), 5);
  assert.equal(replay.moved("unknown", 4, 7), 4);
});

test("a silent step that is left out is shown with the decision before it, or the first one", () => {
  const scene = { plan: ["silent", "silent", "pick", "pick", "silent", "pick", "silent"].map((kind) => ({ kind })) };
  assert.deepEqual(replay.homes(scene, false), [2, 2, 2, 3, 3, 5, 5]);
  assert.deepEqual(replay.homes(scene), [0, 1, 2, 3, 4, 5, 6]);
});

test("a shape is past, now or future", () => {
  assert.deepEqual([2, 3, 4].map((born) => replay.tense(born, 3)), ["past", "now", "future"]);
});

test("what a step left out shows while it decides, and never again", () => {
  assert.deepEqual([2, 3, 4].map((born) => replay.tenseOfChoice(born, 3, 0)), ["out", "rejected", "future"]);
  assert.deepEqual([2, 3, 4].map((born) => replay.tenseOfChoice(born, 3, 1)), ["past", "now", "future"]);
});

test("a merge point shows only where skips arrive", () => {
  const merge = { kind: "merge", born: 3, merge: "1" };
  assert.deepEqual([2, 3, 4].map((now) => replay.look(merge, now, [0, 0])), ["future", "out", "out"]);
  assert.deepEqual([2, 3, 4].map((now) => replay.look(merge, now, [0, 1])), ["future", "now", "past"]);
  const several = { ...merge, merge: "2" }; // of an operation's input: one is read as it is
  assert.deepEqual([[1, 0], [1, 1]].map((picks) => replay.look(several, 3, picks)), ["out", "now"]);
});

test("the layer before is read, too, where no layer was chosen", () => {
  const before = { kind: "row", born: 3, row: 1, none: "1" };
  const looks = (picks) => [3, 4].map((now) => replay.look(before, now, picks, true));
  assert.deepEqual(looks([0, 0]), ["now", "past"]);
  assert.deepEqual(looks([1, 0]), ["rejected", "out"]);
  assert.deepEqual(looks([1, 1]), ["now", "past"]);
  assert.deepEqual([3, 4].map((now) => replay.look({ ...before, none: undefined }, now, [0, 0], true)), ["rejected", "out"]);
});

test("a skip's logit z stands for the pair (-z, z)", () => {
  const [[no, yes]] = replay.probabilities("bits", [[0.5]]);
  assert.ok(Math.abs(yes - 1 / (1 + Math.exp(-1))) < 1e-12);
  assert.ok(Math.abs(no + yes - 1) < 1e-12);
});

test("probabilities stay numbers where a temperature makes logits infinite", () => {
  const [row] = replay.probabilities("pick", [[1e308, 1e308, -1e308]], 0.01);
  const [bits] = replay.probabilities("bits", [[1e308]], 0.01);

  assert.deepEqual(row, [0.5, 0.5, 0]);
  assert.deepEqual(bits, [0, 1]);
});

test("probabilities of an operation sum to one, however large its logits", () => {
  const [row] = replay.probabilities("pick", [[900, 899, -5, 0, 1, 2]]);
  assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-12);
});

test("a temperature flattens or sharpens what the logits say, and one leaves it alone", () => {
  const at = (temperature) => replay.probabilities("pick", [[1, 0, 0, 0, 0, 0]], temperature)[0][0];
  assert.ok(at(0.1) > 0.99 && Math.abs(at(1e6) - 1 / 6) < 1e-6);
  assert.deepEqual(replay.probabilities("bits", [[0.7]], 1), replay.probabilities("bits", [[0.7]]));
  const [[, yes]] = replay.probabilities("bits", [[0.5]], 2);
  assert.ok(Math.abs(yes - 1 / (1 + Math.exp(-0.5))) < 1e-12); // sigmoid(2z / T)
  assert.deepEqual([-10, 0, 20].map(replay.temperatureAt), [0.5, 1, 4]);
});

test("a point in the film's drawings opens the nearest moment", () => {
  const moments = [{ x: 10 }, { x: 20 }, { x: 50 }];
  assert.deepEqual([-5, 14, 16, 34, 36, 900].map((x) => replay.nearest(moments, x)), [0, 0, 1, 1, 2, 2]);
});

test("a window follows the present step and never shows beyond the ends", () => {
  assert.equal(replay.centred(50, 400, 2000), 0);
  assert.equal(replay.centred(1000, 400, 2000), 800);
  assert.equal(replay.centred(1990, 400, 2000), 1600);
  assert.equal(replay.centred(100, 400, 300), 0);
});

test("options stand on a line one after the other, and fill it", () => {
  assert.deepEqual(replay.segments([0.25, 0.5, 0.25]), [[0, 0.25], [0.25, 0.75], [0.75, 1]]);
  assert.deepEqual(replay.segments([1]), [[0, 1]]);
  assert.deepEqual(replay.segments([0, 1]), [[0, 0], [0, 1]]);
  assert.deepEqual(replay.segments([]), []);
});

test("a needle falls inside the segment of what was picked, and at the same place each time", () => {
  const places = Array.from({ length: 50 }, (_, key) => replay.needleAt([0.4, 0.5], key));
  assert.ok(places.every((x) => x > 0.4 && x < 0.5));
  assert.ok(new Set(places).size > 10);
  assert.deepEqual(places, places.map((_, key) => replay.needleAt([0.4, 0.5], key)));
});

test("templates are filled by name", () => {
  assert.equal(replay.fill("{a} of {b}", { a: 1, b: 2 }), "1 of 2");
});

test("the page's stand-in model tells of changes, once, and only while one listens", () => {
  const model = hostModel({ step: 0 });
  let told = 0;
  const then = () => { told += 1; };
  model.on("change:step", then);
  model.set("step", 1);
  model.set("step", 1);
  model.off("change:step", then);
  model.set("step", 2);
  assert.equal(told, 1);
  assert.equal(model.get("step"), 2);
});

test("a page that sets what is no number changes nothing and tells nobody", () => {
  const model = hostModel({ step: 2 }), told = [];
  model.on("change:step", () => told.push(model.get("step")));

  model.set("step", NaN);
  model.set("step", 3);

  assert.deepEqual(told, [3]);
});
