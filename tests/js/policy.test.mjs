/** Facts about the sampler's pure functions; that it is Python's twin, a test in Python says. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const policy = await load("policy.js");

/** One layer of two operations under a controller of one unit, all of whose weights are 0. */
const plan = [
  { kind: "op", cell: "", anchor: "", entry: 0 },
  { kind: "silent", cell: "", anchor: "kept", entry: 0 },
  { kind: "op", cell: "", anchor: "", entry: 1 },
  { kind: "skip", cell: "", anchor: "kept", entry: 2 },
];
const shapes = [["lstm", 2, 4], ["start", 1, 1], ["op_embedding", 2, 1], ["op_softmax", 1, 2], ["w1", 1, 1], ["w2", 1, 1], ["v", 1, 1]];
const zeros = Buffer.from(new Float32Array(17).buffer).toString("base64");
const told = {
  plan, shapes, temperature: 1, bounds: { op: 1, skip: 1 }, shifts: {}, mean: false, carried: true,
  weights: { first: zeros, final: zeros },
};

test("weights are read in their order, little-endian", () => {
  const numbers = Float32Array.from({ length: 17 }, (_, i) => i);
  const found = policy.opened({ ...told, weights: { final: Buffer.from(numbers.buffer).toString("base64") } }, "final");
  assert.deepEqual([...found.weights.lstm], [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...found.weights.op_softmax], [11, 12]);
  assert.deepEqual([...found.weights.v], [15]);
});

test("chances of a row add up to one, and a skip has two", () => {
  assert.deepEqual(policy.chances("op", [0, 0]), [0.5, 0.5]);
  const [no, yes] = policy.chances("skip", [0.3]);
  assert.ok(Math.abs(yes - 1 / (1 + Math.exp(-0.6))) < 1e-12 && Math.abs(no + yes - 1) < 1e-12);
  assert.deepEqual(policy.chances("op", [-1e308, 1e308]), [0, 1]);
});

test("a draw falls into the share that it lies in", () => {
  assert.deepEqual([0, 0.2499, 0.25, 0.74, 0.9999].map((u) => policy.drawn("op", [0, 0, 0, 0], u)), [0, 0, 1, 2, 3]);
  assert.deepEqual([0.4999, 0.5].map((u) => policy.drawn("skip", [0], u)), [1, 0]);
});

test("a controller that knows nothing is even, and what it is told stands", () => {
  const net = policy.opened(told, "first");
  const steps = policy.walk(net, [], () => 0.6);
  assert.deepEqual(steps.map((s) => s.picks), [[1], [], [1], [0]]);
  assert.deepEqual(steps.map((s) => s.logits), [[[0, 0]], [], [[0, 0]], [[0]]]);
  assert.deepEqual(policy.walk(net, [[0], []], () => 0.6).map((s) => s.picks), [[0], [], [1], [0]]);
});

test("each draw is handed its place in the flat list", () => {
  const places = [];
  policy.walk(policy.opened(told, "first"), [], (at) => places.push(at) && 0);
  assert.deepEqual(places, [0, 1, 2]);
});

test("a histogram counts options per step and draw", () => {
  const net = policy.opened(told, "final");
  const walks = [0.1, 0.6, 0.7].map((u) => policy.walk(net, [], () => u));
  assert.deepEqual(policy.histogram(net, walks), [[[1, 2]], [], [[1, 2]], [[2, 1]]]);
});
