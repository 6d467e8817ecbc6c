/** Facts about the pure functions of the module that shows a network's inside. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const child = await load("child.js");

const window = { kind: "sep", size: 3, stride: 1, pad: 1, weights: [0, 0, 0, 0, 2, 0, 0, 0, 0], side: 2, low: 0, high: 2.55 };
const pixels = Uint8Array.from([0, 100, 200, 255, 10, 20, 30, 40]); // two images
const recording = {
  classes: ["cat", "dog"], labels: [0, 1], base: { probabilities: [[0.9, 0.1], [0.6, 0.4]], maps: { a: "1", b: "2" }, windows: { 1: "w" } },
  variants: { "cut:1-1": { probabilities: [[0.2, 0.8], [0.1, 0.9]], maps: { b: "3" }, windows: {} } },
};

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(child.default), ["render"]);
  assert.equal("render" in child, false);
});

test("a recording holds one change at a time, a second click takes it back", () => {
  assert.deepEqual(child.toggled([], "cut:1-1", false), ["cut:1-1"]);
  assert.deepEqual(child.toggled(["cut:1-1"], "op:0:avg3x3", false), ["op:0:avg3x3"]);
  assert.deepEqual(child.toggled(["cut:1-1"], "cut:1-1", false), []);
});

test("a supernet takes any number of changes, one operation for each place", () => {
  const both = child.toggled(["cut:1-1"], "op:0:avg3x3", true);
  assert.deepEqual(both, ["cut:1-1", "op:0:avg3x3"]);
  assert.deepEqual(child.toggled(both, "op:0:max3x3", true), ["cut:1-1", "op:0:max3x3"]);
  assert.deepEqual(child.toggled(both, "op:1:max3x3", true).length, 3);
});

test("a change is laid over the network as it is", () => {
  assert.equal(child.seenWith(recording, [], {}), recording.base);
  assert.deepEqual(child.seenWith(recording, ["cut:1-1"], {}), { probabilities: [[0.2, 0.8], [0.1, 0.9]], maps: { a: "1", b: "3" }, windows: { 1: "w" } });
});

test("an answer counts for its own changes only", () => {
  const answer = { changes: ["x", "y"], seen: { probabilities: [], maps: {}, windows: {} } };
  assert.deepEqual(child.seenWith(recording, ["x", "y"], answer).probabilities, []);
  assert.equal(child.seenWith(recording, ["x", "z"], answer), null);
  assert.equal(child.seenWith(recording, ["x"], {}), null);
});

test("a verdict says what, how likely, whether it is right, and what it was before", () => {
  assert.deepEqual(child.sentences(recording, recording.base, 1, ""),
    ["The network as it is", "It predicts cat (60 %). Wrong: it is dog.", "Of the 2 images it gets 1 right."]);
  assert.deepEqual(child.sentences(recording, recording.variants["cut:1-1"], 1, "Layer 2 without layer 1"),
    ["Layer 2 without layer 1", "It predicts dog (90 %). Right.", "Unchanged: cat (60 %). Of the 2 images it gets 1 right."]);
});

test("a window reads nothing beyond the edge, and its own image only", () => {
  const first = child.windowAt(window, pixels, 0, 0);
  assert.deepEqual(first.values.map((v) => v === null), [true, true, true, true, false, false, true, false, false]);
  assert.ok(Math.abs(first.values[5] - 1) < 1e-12);
  assert.ok(Math.abs(child.windowAt(window, pixels, 1, 3).values[4] - 0.4) < 1e-12);
});

test("a filter multiplies and adds, a pool looks at real pixels only", () => {
  const all = (w) => [...child.slide(w, pixels, 0)].map((v) => Number(v.toFixed(6)));
  assert.deepEqual(all(window), [0, 2, 4, 5.1]);
  const mean = (0 + 1 + 2 + 2.55) / 4;
  assert.deepEqual(all({ ...window, kind: "avg", weights: [] }), Array(4).fill(Number(mean.toFixed(6))));
  assert.deepEqual(all({ ...window, kind: "max", weights: [], low: -3, high: -1 }), Array(4).fill(-1));
});

test("a window that steps by two halves the map", () => {
  const w = { ...window, side: 4, stride: 2, pad: 0 }, sixteen = Uint8Array.from({ length: 16 }, (_, k) => k);
  assert.equal(child.outSide(w), 2);
  assert.deepEqual([child.windowAt(w, sixteen, 0, 3).top, child.windowAt(w, sixteen, 0, 3).left], [2, 2]);
});

test("bytes come in base64, or as one of its digits each", () => {
  assert.deepEqual([...child.bytes("AP8H")], [0, 255, 7]);
  assert.deepEqual([...child.bytes("ABa/", 63)], [0, 1, 26, 63]);
});

test("numbers take at most four characters", () => {
  assert.deepEqual([0.124, -0.5, 1.26, -12.3, 0.001, -0.04].map((v) => child.short(v)), [".12", "−.50", "1.3", "−12", "0", "−.04"]);
  assert.deepEqual([-0.44, -0.04].map((v) => child.short(v, 1)), ["−.4", "0"]);
});

test("shades lie between paper and ink", () => {
  assert.deepEqual(child.blend([255, 255, 255], [8, 64, 122], 1), [8, 64, 122]);
  assert.deepEqual(child.blend([255, 255, 255], [5, 55, 155], 0.5), [130, 155, 205]);
});

test("templates are filled", () => {
  assert.equal(child.fill("{a} of {b}", { a: 1, b: 16 }), "1 of 16");
});
