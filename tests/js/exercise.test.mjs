/** Facts about the pure functions of the exercise's module. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const exercise = await load("exercise.js");

const state = (more) => ({
  kind: "choice", way: "Divide.", answer: "The answer is 2.", hinted: false, shown: false, tried: [],
  verdicts: { 0: ["✗", "Too few."], 1: ["✗", "Too many."], 2: ["✓", "Two."] }, ...more,
});

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(exercise.default), ["render"]);
  assert.equal("render" in exercise, false);
});

test("what nobody has answered is neither right nor wrong", () => {
  const { mark, says, way, answer, wrong, solved, idle } = exercise.told(state());
  assert.deepEqual([mark, says, way, answer, wrong, solved, idle], ["", "", "", "", 0, false, true]);
});

test("a first wrong answer gets a nudge, a second one also the way", () => {
  const first = exercise.told(state({ tried: ["0"] })), second = exercise.told(state({ tried: ["0", "1"] }));
  assert.deepEqual([first.mark, first.says, first.way, first.wrong], ["✗", "Too few.", "", 1]);
  assert.deepEqual([second.says, second.way, second.wrong], ["Too many.", "Hint: Divide.", 2]);
});

test("a hint may be asked for at once, and the answer replaces what was said", () => {
  assert.equal(exercise.told(state({ hinted: true })).way, "Hint: Divide.");
  const given = exercise.told(state({ tried: ["0"], hinted: true, shown: true }));
  assert.deepEqual([given.mark, given.says, given.way, given.answer], ["→", "", "", "The answer is 2."]);
});

test("a right answer ends hints, and stays solved when another is looked at", () => {
  const right = exercise.told(state({ tried: ["0", "1", "2"], hinted: true }));
  assert.deepEqual([right.mark, right.says, right.way, right.solved], ["✓", "Two.", "", true]);
  assert.equal(exercise.told(state({ tried: ["2", "0"] })).solved, true);
});

test("a list that the page does not know is not right, and says who knows more", () => {
  const found = exercise.told(state({ kind: "list", tried: ["7 7"] }));
  assert.equal(found.mark, "✗");
  assert.match(found.says, /running notebook/);
});

test("an answer is listed once, the present one last", () => {
  assert.deepEqual(exercise.after(["0", "1"], "0"), ["1", "0"]);
  assert.deepEqual(exercise.after(["0", "1"], "2", 2), ["1", "2"]);
});

test("a typed list loses brackets and commas, other text stays", () => {
  assert.equal(exercise.normal("[0, 3,1]"), "0 3 1");
  assert.equal(exercise.normal(" (0 -3) "), "0 -3");
  assert.equal(exercise.normal(" conv3x3 "), "conv3x3");
  assert.equal(exercise.normal(""), "");
});

test("arrow keys go around, other keys lead nowhere", () => {
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End", "x"].map((key) => exercise.moved(key, 0, 3)), [1, 2, 0, 2, null]);
  assert.equal(exercise.moved("ArrowDown", 2, 3), 0);
});
