/** Facts about counts of samples and about guesses: pure functions. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const draws = await load("draws.js");
const guess = await load("guess.js");
const answers = await load("answers.js");

const counts = {
  samples: 100,
  series: [
    { name: "before the search", steps: [[[30, 70]], [], [[60, 40], [45, 55]]] },
    { name: "after the search", steps: [[[5, 95]], [], [[90, 10], [20, 80]]] },
  ],
};

test("an option is counted in each series; a skip by its yes", () => {
  assert.deepEqual(draws.tally(counts, "pick", 0, 0), [30, 5]);
  assert.deepEqual(draws.tally(counts, "pick", 0, 1), [70, 95]);
  assert.deepEqual(draws.tally(counts, "bits", 2, 0), [40, 10]);
  assert.deepEqual(draws.tally(counts, "bits", 2, 1), [55, 80]);
});

test("counts are told in words, with the number of samples", () => {
  assert.equal(draws.inWords(counts, [30, 5], "pick"),
    "before the search: picked in 30 of 100 samples; after the search: picked in 5 of 100 samples");
  assert.match(draws.inWords(counts, [40, 10], "bits"), /after the search: yes in 10 of 100 samples$/);
});

test("a count of a hundred has a standard error of 5 at most", () => {
  assert.equal(draws.largestError(100), Math.sqrt(100 * 0.5 * 0.5));
});

test("a guess is right where no option is more likely, as far as two digits tell", () => {
  assert.equal(guess.isRight([0.2, 0.7, 0.1], 1), true);
  assert.equal(guess.isRight([0.2, 0.7, 0.1], 0), false);
  assert.deepEqual([0, 1, 2, 3].map((i) => guess.isRight([0.25, 0.25, 0.25, 0.25], i)), [true, true, true, true]);
  assert.equal(guess.isRight([0.401, 0.403], 0), true);
  assert.equal(guess.isRight([0.39, 0.4], 0), false);
});

test("guesses are counted, right ones too", () => {
  assert.deepEqual([true, false, true].reduce(guess.scored, [0, 0]), [2, 3]);
});

test("a step with one option, or none, asks nothing", () => {
  assert.deepEqual([{ kind: "silent", n: 0 }, { kind: "bits", n: 1 }, { kind: "bits", n: 2 }, { kind: "pick", n: 2 }].map(guess.asks),
    [false, false, true, true]);
});

test("the verdict names the most likely option and what was guessed", () => {
  const found = [{ label: "conv 3×3", p: 0.7 }, { label: "sep 3×3", p: 0.3 }];
  assert.equal(guess.verdict(found, 0), "Right: conv 3×3 (0.70) is the most likely.");
  assert.equal(guess.verdict(found, 1), "Wrong: conv 3×3 (0.70) is the most likely, not sep 3×3 (0.30).");
  assert.equal(guess.verdict(found.map((bar) => ({ ...bar, p: 0.5 })), 1), "Right: sep 3×3 (0.50) is among the most likely.");
  assert.equal(guess.verdict(found, guess.SHOWN), "");
  assert.equal(guess.verdict(found, undefined), "");
});

test("going on keeps what was decided up to the step, by the reader where there are choices", () => {
  const episode = answers.told([{ picks: [1], logits: [[0, 1]] }, { picks: [], logits: [] }, { picks: [0, 1], logits: [[1], [2]] }]);
  assert.deepEqual(episode.steps, [[[1], [[0, 1]]], [[], []], [[0, 1], [[1], [2]]]]);
  assert.deepEqual(answers.before(episode, [], 1), [[1], []]);
  assert.deepEqual(answers.before(episode, [[0], [], [1, 1]], 2), [[0], [], [1, 1]]);
});
