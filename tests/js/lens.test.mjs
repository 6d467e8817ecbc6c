/** Facts about the pure functions of the lens's module. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const lens = await load("lens.js");

const option = (raw, draw, picked, label = "a") => ({ label, raw, shift: 0, draw, picked });
const pick = { kind: "op", rows: [option(0.5, 0.8, false, "a"), option(-0.5, 0.8, false, "b"), option(0, 0.8, true, "c")] };
const bits = { kind: "skip", rows: [option(0.2, 0.9, false, "layer 1"), option(-0.2, 0.1, true, "layer 2")] };

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(lens.default), ["render"]);
  assert.equal("render" in lens, false);
});

test("probabilities of a pick sum to one, and the draw falls into one share", () => {
  const found = lens.reshaped(pick, 1, 1.5);
  assert.ok(Math.abs(found.reduce((sum, row) => sum + row.p, 0) - 1) < 1e-12);
  assert.deepEqual(found.map((row) => row.picked), [false, false, true]);
  assert.ok(Math.abs(found[0].z - 1.5 * Math.tanh(0.5)) < 1e-12);
});

test("a larger constant moves the shares under the same draw", () => {
  assert.deepEqual(lens.reshaped(pick, 0.3, 5).map((row) => row.picked), [true, false, false]);
});

test("a skip is taken where its own draw is below its probability", () => {
  const found = lens.reshaped(bits, 1, 1.5);
  assert.deepEqual(found.map((row) => row.picked), [false, true]);
  assert.ok(Math.abs(found[0].p - 1 / (1 + Math.exp(-3 * Math.tanh(0.2)))) < 1e-12);
  assert.deepEqual(lens.reshaped(bits, 0.05, 5).map((row) => row.picked), [true, false]);
});

test("without draws what was picked stays", () => {
  const silent = { kind: "op", rows: pick.rows.map((row) => ({ ...row, draw: null })) };
  assert.deepEqual(lens.reshaped(silent, 0.1, 5).map((row) => row.picked), [false, false, true]);
  assert.deepEqual(lens.reshaped({ kind: "silent", rows: [] }, 1, 1), []);
});

test("a what-if says whether the same draw picks something else", () => {
  const say = (constant, temperature) => lens.told(pick, lens.reshaped(pick, temperature, constant), temperature, constant);
  assert.match(say(1.5, 1), /picks the same: c \(/);
  assert.match(say(5, 0.3), /picks something else: a \(/);
});

test("a slider's ten steps double", () => {
  assert.deepEqual([0, 10, -10, 20].map(lens.numberAt), [1, 2, 0.5, 4]);
  assert.equal(lens.numberAt(lens.positionOf(1.5)), 1.5);
  assert.equal(lens.numberAt(lens.positionOf(2.5)), 2.5);
});
