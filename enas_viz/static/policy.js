/** A recorded policy: an LSTM that samples networks, in float64, without a kernel.
 *
 * `enas_viz/records/sampler.py` is its twin in Python, and a test compares the two. What it reads is
 * `Policy.told()`; weights are laid out row after row.
 */

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** A vector times a matrix that has a row for each of its numbers. */
function times(x, matrix) {
  const out = new Float64Array(matrix.length / x.length);
  const width = out.length;
  for (let row = 0; row < x.length; row++) {
    const value = x[row], start = row * width;
    for (let i = 0; i < width; i++) out[i] += value * matrix[start + i];
  }
  return out;
}

/** A policy that `walk` can ask. @param stage "first" or "final" */
export function opened(told, stage) {
  const bytes = Uint8Array.from(atob(told.weights[stage]), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const weights = {};
  let at = 0;
  for (const [name, rows, columns] of told.shapes)
    weights[name] = Float64Array.from({ length: rows * columns }, () => view.getFloat32(4 * at++, true));
  return { ...told, weights };
}

/** Probabilities of the options of one row of logits; a skip's single logit z gives (no, yes). */
export function chances(kind, row) {
  const logits = kind === "skip" ? [-row[0], row[0]] : row;
  const top = Math.max(...logits);
  const weights = logits.map((z) => Math.exp(z - top));
  const total = sum(weights);
  return weights.map((w) => w / total);
}

/** What a uniform number u in [0, 1) picks: operations and sources by cumulated probability; a skip
 * is taken where u is below its probability. */
export function drawn(kind, row, u) {
  if (kind === "skip") return Number(u < sigmoid(2 * row[0]));
  let cumulated = 0;
  return chances(kind, row).slice(0, -1).filter((p) => u >= (cumulated += p)).length;
}

/** All steps of one sample, [{picks, logits}], logits shaped, one row for each draw.
 *
 * @param told what the first steps picked  @param random gives a number in [0, 1) for each other
 * draw; it is handed the draw's place in the flat list
 */
export function walk(policy, told = [], random = Math.random) {
  const w = policy.weights;
  const zeros = new Float64Array(w.start.length);
  const units = zeros.length;
  let given = w.start, cell = zeros, hidden = zeros, place = "", anchors = [], keys = [];

  const raw = (kind) => {
    if (kind === "op") return times(hidden, w.op_softmax).map((z, i) => z + (w.op_bias ? w.op_bias[i] : 0));
    const asked = times(hidden, w.w2);
    return keys.map((key) => sum(key.map((k, i) => Math.tanh(asked[i] + k) * w.v[i])));
  };
  const shaped = ({ kind, cell: where }) => {
    if (kind === "silent") return [];
    const shift = (kind === "op" && policy.shifts[where]) || [];
    const row = Array.from(raw(kind), (z, i) =>
      policy.bounds[kind] * Math.tanh(z / policy.temperature) + (shift[i] || 0));
    return kind === "skip" ? row.map((z) => [z]) : [row];
  };
  const next = (kind, picks) => {
    if (kind === "op") return w.op_embedding.subarray(picks[0] * units, (picks[0] + 1) * units);
    if (kind === "index") return anchors[picks[0]];
    if (kind === "silent") return w.start;
    const chosen = anchors.filter((_, i) => picks[i]);
    const parts = policy.mean ? Math.max(1, chosen.length) : 1 + chosen.length;
    return zeros.map((_, i) => sum(chosen.map((anchor) => anchor[i])) / parts);
  };

  return policy.plan.map((decision, t) => {
    const { kind, anchor, entry } = decision;
    if (decision.cell !== place) // a new cell points at its own nodes only
      [place, given, anchors, keys] = [decision.cell, w.start, [], []];
    const before = [cell, hidden];
    const gates = times([...given, ...hidden], w.lstm); // input, forget, output, candidate
    const gate = (which, i) => gates[which * units + i];
    cell = cell.map((c, i) => sigmoid(gate(1, i)) * c + sigmoid(gate(0, i)) * Math.tanh(gate(3, i)));
    hidden = cell.map((c, i) => sigmoid(gate(2, i)) * Math.tanh(c));
    const logits = shaped(decision);
    const picks = told[t] || logits.map((row, i) => drawn(kind, row, random(entry + i)));
    given = next(kind, picks);
    if (anchor) {
      keys.push(times(hidden, w.w1));
      anchors.push(anchor === "empty" ? zeros : hidden);
      if (anchor === "kept" && !policy.carried) [cell, hidden] = before;
    }
    return { picks, logits };
  });
}

/** How often each option was picked in several walks: per step, per draw, per option. */
export const histogram = (policy, walks) =>
  policy.plan.map(({ kind }, t) =>
    walks[0][t].logits.map((row, i) =>
      chances(kind, row).map((_, option) => walks.filter((steps) => steps[t].picks[i] === option).length)));
