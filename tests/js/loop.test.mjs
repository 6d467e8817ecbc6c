/** Facts about the pure functions of the loop's module. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const loop = await load("loop.js");

const fade = ["a", "opacity", 100, 300, [0, 1]];
const word = ["a", "text", 200, 201, ["now"]];
const way = ["b", "at", 0, 100, [0, 0, 1, 10, 20, 1, 20, 0, 2]];

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(loop.default), ["render"]);
  assert.equal("render" in loop, false);
});

test("a number goes from its first to its last value, slow at both ends", () => {
  assert.equal(loop.valueAt(fade, 100), 0);
  assert.equal(loop.valueAt(fade, 200), 0.5);
  assert.ok(loop.valueAt(fade, 120) < 0.1);
  assert.equal(loop.valueAt(fade, 300), 1);
  assert.equal(loop.valueAt(fade, Infinity), 1);
});

test("a place goes through all that it is given", () => {
  assert.deepEqual(loop.valueAt(way, 50), [10, 20, 1]);
  assert.deepEqual(loop.valueAt(way, 100), [20, 0, 2]);
});

test("a state keeps what no cue touched yet, and words change at once", () => {
  const before = { "a opacity": 0.3, "a text": "old", "c x": 5 };
  assert.deepEqual(loop.stateAt([fade, word], 50, before), before);
  const later = loop.stateAt([fade, word], 200, before);
  assert.equal(later["a text"], "now");
  assert.equal(later["c x"], 5);
  assert.equal(before["a text"], "old");
});

test("values that cues share come back from the table", () => {
  const packed = { rest: [], table: [way[4]], acts: [{ name: "x", cues: [[...way.slice(0, 4), 0], fade] }], plain: [] };
  const { acts } = loop.unpacked(packed);
  assert.deepEqual(acts[0].cues, [way, fade]);
});

test("the state after some acts is that of one after the other", () => {
  const acts = [{ cues: [fade] }, { cues: [["a", "opacity", 0, 10, [1, 0.5]]] }];
  const rest = loop.atRest([["a", "opacity", 0]], [["b", "x", 2]]);
  assert.deepEqual(loop.stateAfter(acts, 0, rest), { "a opacity": 0, "b x": 2 });
  assert.equal(loop.stateAfter(acts, 1, rest)["a opacity"], 1);
  assert.equal(loop.stateAfter(acts, 2, rest)["a opacity"], 0.5);
});

test("between two turns numbers move and words are those of the second", () => {
  const found = loop.mixed({ "a x": 0, "b at": [0, 0, 1], "c text": "old" }, { "a x": 10, "b at": [4, 8, 1], "c text": "new", "d x": 3 }, 0.5);
  assert.deepEqual(found, { "a x": 5, "b at": [2, 4, 1], "c text": "new", "d x": 3 });
});

test("a button plays the next stage or a former one again, never one that has not its turn", () => {
  assert.deepEqual(loop.pressed(0, 0), { by: 0, from: 0 });
  assert.equal(loop.pressed(1, 0), null);
  assert.deepEqual(loop.pressed(1, 1), { by: 0, from: 1 });
  assert.deepEqual(loop.pressed(1, 4), { by: 0, from: 1 });
  assert.deepEqual(loop.pressed(0, 4), { by: 1, from: 0 });
});

test("keys that are not ours are let through", () => {
  assert.equal(loop.keyAction("b"), null);
  assert.equal(loop.keyAction("f"), "whole");
  assert.equal(loop.keyAction("3"), 2);
});
