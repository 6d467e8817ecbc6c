/** REINFORCE under the microscope: estimates of a policy gradient beside the exact one.
 *
 *  `specimen` holds all architectures of a small space: probabilities, recorded rewards, and the inner
 *  products of their score vectors. From these the browser computes every estimate, mean and variance by
 *  itself, as `enas_viz/facts/specimen.py` does; the kernel is not asked. The other traits say what is looked
 *  at: `samples`, `rule` and `baseline`, `images`, `entropy_weight`, `seed`, `closer`. Named exports are pure. */

import { clamp, make } from "./replay.js";

const CLOUD = 300; // estimates that are drawn
const STOPS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000];
const WEIGHTS = [0, 0.0001, 0.001, 0.01, 0.1];
const RULES = ["none", "mean", "best"];
const HALF = Math.SQRT1_2; // cosine of 45 degrees
const SHOWN = 200; // samples of one estimate that are drawn as points at most

// ---------------------------------------------------------------- pure

/** A specimen as numbers: {n, p, steps, h, gram (n by n), right: {images: {batches, counts}}}. */
export function unpackSpecimen(data) {
  const n = data.probabilities.length, gram = new Float64Array(n * n);
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = data.gram[at++];
  let sum = 0;
  const steps = data.probabilities.map((p) => (sum += p));
  const right = Object.fromEntries(Object.entries(data.right).map(([images, packed]) => {
    const counts = typeof packed === "string" ? Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)) : packed;
    return [images, { batches: counts.length / n, counts }];
  }));
  return { n, p: data.probabilities, steps, h: data.entropies, gram, right, images: Object.keys(right).map(Number).sort((a, b) => a - b) };
}

const mean = (s, values) => values.reduce((sum, v, a) => sum + s.p[a] * v, 0);

/** What is exact: mean rewards, their variance by minibatch, expected reward, and of the gradient its
 *  square and its inner product with each score vector. */
export function truth(s, images, weight = 0) {
  const { batches, counts } = s.right[images], rewards = [], noise = [];
  for (let a = 0; a < s.n; a++) {
    let sum = 0, squares = 0;
    for (let b = 0; b < batches; b++) sum += counts[b * s.n + a];
    for (let b = 0; b < batches; b++) squares += (counts[b * s.n + a] - sum / batches) ** 2;
    rewards.push(sum / batches / images + weight * s.h[a]);
    noise.push(squares / batches / images ** 2);
  }
  const expected = mean(s, rewards), paid = rewards.map((r, a) => s.p[a] * (r - expected));
  const towards = paid.map((_, a) => paid.reduce((sum, v, b) => sum + v * s.gram[a * s.n + b], 0));
  const square = towards.reduce((sum, v, a) => sum + v * paid[a], 0);
  const level = (values) => Math.sqrt(mean(s, values));
  return { images, weight, rewards, noise, expected, towards, square, spread: level(rewards.map((r) => (r - expected) ** 2)), level: level(noise) };
}

/** The baseline of a rule; "value" is the number that was chosen. */
export function baselineOf(s, t, rule, value = 0) {
  if (rule === "value") return value;
  if (rule === "none") return 0;
  if (rule === "mean") return t.expected;
  const squares = t.rewards.map((_, a) => s.gram[a * (s.n + 1)]);
  return mean(s, squares.map((g, a) => g * t.rewards[a])) / mean(s, squares);
}

/** The variance of a one-sample estimate: [by the networks sampled, by the images]. */
export function parts(s, t, baseline) {
  const squares = t.rewards.map((_, a) => s.gram[a * (s.n + 1)]);
  return [mean(s, squares.map((g, a) => g * (t.rewards[a] - baseline) ** 2)) - t.square, mean(s, squares.map((g, a) => g * t.noise[a]))];
}

/** The cosine in the root mean square, for a one-sample variance and so many samples. */
export const cosine = (square, variance, samples) => Math.sqrt(square / (square + variance / samples));

/** How many samples make it 45 degrees. */
export const needed = (square, variance) => Math.ceil(variance / square);

/** Where to begin looking for the network that a uniform number draws, by its first digits. */
function guideOf(steps) {
  const cells = 256, starts = new Uint16Array(cells);
  for (let cell = 0, at = 0; cell < cells; cell++) {
    while (at < steps.length - 1 && steps[at] <= cell / cells) at++;
    starts[cell] = at;
  }
  return starts;
}

/** Draws more samples of an estimate: into `which` the networks, into `right` how many images they got right. */
function sampleInto(s, images, state, from, to, which, right, at) {
  const { batches, counts } = s.right[images], { steps, n } = s, guide = (s.guide ??= guideOf(steps));
  for (let i = from; i < to; i++) { // mulberry32, once for the network and once for the minibatch
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    const u = ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    state = (state + 0x6d2b79f5) >>> 0;
    t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    const v = ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    let network = guide[(u * 256) | 0];
    while (network < n - 1 && steps[network] <= u) network++;
    which[at + i] = network;
    right[at + i] = counts[Math.floor(v * batches) * n + network];
  }
  return state;
}

const firstState = (seed, estimate) => (Math.imul(seed, 0x9e3779b1) + Math.imul(estimate, 0x85ebca6b)) >>> 0;

/** The samples of one estimate: [architecture, accuracy] each. */
export function samplesOf(s, images, seed, estimate, samples) {
  const which = new Uint16Array(samples), right = new Uint16Array(samples);
  sampleInto(s, images, firstState(seed, estimate), 0, samples, which, right, 0);
  return Array.from(which, (a, i) => [a, right[i] / images]);
}

/** Samples of many estimates, summed: of each the architectures, how often, accuracies together. kept: what an earlier
 *  call with the same images, seed and count left, whose samples are the first of these; it is filled. */
export function drawnSets(s, images, seed, count, samples, kept = {}) {
  if (!(kept.size >= samples)) {
    const size = Math.max(samples, 100), before = kept.size ?? 0, which = new Uint16Array(count * size), right = new Uint16Array(count * size);
    const states = kept.states ?? Uint32Array.from({ length: count }, (_, k) => firstState(seed, k));
    for (let k = 0; k < count; k++) {
      if (before) { which.set(kept.which.subarray(k * before, (k + 1) * before), k * size); right.set(kept.right.subarray(k * before, (k + 1) * before), k * size); }
      states[k] = sampleInto(s, images, states[k], before, size, which, right, k * size);
    }
    Object.assign(kept, { size, which, right, states });
  }
  return Array.from({ length: count }, (_, k) => {
    const often = new Float64Array(s.n), sums = new Float64Array(s.n), which = [], start = k * kept.size;
    for (let i = start; i < start + samples; i++) {
      const a = kept.which[i];
      if (!often[a]++) which.push(a);
      sums[a] += kept.right[i] / images;
    }
    return { samples, which, often: which.map((a) => often[a]), sums: which.map((a) => sums[a]) };
  });
}

/** Every set's estimate for any baseline c: along - c * alongOnes, and as squared length paid - 2c * mixed + c^2 * ones. */
export function estimators(s, t, sets) {
  return sets.map(({ samples, which, often, sums }) => {
    const paid = which.map((a, i) => (sums[i] + often[i] * t.weight * s.h[a]) / samples), ones = often.map((n) => n / samples);
    const made = { along: 0, alongOnes: 0, paid: 0, mixed: 0, ones: 0 };
    for (let i = 0; i < which.length; i++) {
      const row = which[i] * s.n, towards = t.towards[which[i]], g = s.gram[row + which[i]];
      let p = 0, o = 0; // the rest of the row, once instead of twice
      for (let j = 0; j < i; j++) { const b = s.gram[row + which[j]]; p += paid[j] * b; o += ones[j] * b; }
      made.along += paid[i] * towards;
      made.alongOnes += ones[i] * towards;
      made.paid += paid[i] * (2 * p + paid[i] * g);
      made.mixed += paid[i] * o + ones[i] * p + paid[i] * ones[i] * g;
      made.ones += ones[i] * (2 * o + ones[i] * g);
    }
    return made;
  });
}

/** Estimators at a baseline: [along, across] the exact gradient, whose length is the unit. */
export function placed(t, made, c) {
  return made.map((e) => {
    const along = (e.along - c * e.alongOnes) / t.square, length = e.paid - 2 * c * e.mixed + c * c * e.ones;
    return [along, Math.sqrt(Math.max(0, length / t.square - along ** 2))];
  });
}

/** Each set as an estimate: [along, across] the exact gradient, whose length is the unit. */
export const estimates = (s, t, sets, baseline) => placed(t, estimators(s, t, sets), baseline);

/** The angle of an estimate from the truth, in degrees. */
export const degrees = ([along, across]) => (Math.atan2(across, along) * 180) / Math.PI;

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** A ratio as people say it: 34, 3.4, 1. */
export const times = (ratio) => (ratio >= 9.95 ? String(Math.round(ratio)) : String(Number(ratio.toFixed(1))));

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;
const weightText = (w) => (w === 0 ? "0" : w === 0.0001 ? "0.0001, the code" : w === 0.1 ? "0.1, the paper" : String(w));
const nearest = (stops, value) => stops.reduce((best, stop, i) => (Math.abs(Math.log((stop + 1e-9) / (value + 1e-9))) < Math.abs(Math.log((stops[best] + 1e-9) / (value + 1e-9))) ? i : best), 0);

/** What is said of a state, in three sentences. */
export function sentences(found) {
  const { samples, rule, angles, square, variance, bare, share, t, s } = found;
  const several = samples === 1 ? "from a single sample" : `the mean of ${samples} samples`;
  const with_ = { none: "Without a baseline", mean: "With the mean reward as baseline", best: "With the best baseline", value: "With this baseline" }[rule];
  const ratio = bare / variance;
  const change = rule === "none" ? "this is how much estimates scatter" : Math.abs(ratio - 1) < 0.005 ? "the variance is as without one"
    : ratio > 1 ? `the variance is ${times(ratio)} times smaller than without` : `the variance is ${times(1 / ratio)} times greater than without`;
  return [
    `An estimate, ${several}, points ${Math.round(quantile(angles, 0.5))}° away from the truth (median; eight in ten: ${Math.round(quantile(angles, 0.1))}° to ${Math.round(quantile(angles, 0.9))}°).`,
    `${with_} ${change}; it takes ${needed(square, variance).toLocaleString("en")} samples to come within about 45°.`,
    t.level > 0
      ? `Rewards deviate by ${percent(t.spread, 1)} from network to network, by ${percent(t.level, 1)} from minibatch to minibatch; minibatches make ${percent(share, share < 0.1 ? 1 : 0)} of the variance.`
      : `On all ${t.images} validation images a reward has no noise; from network to network rewards deviate by ${percent(t.spread, 1)}.`,
  ];
}

// ---------------------------------------------------------------- drawings, as markup

const svg = (width, height, inside) =>
  `<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${inside}</svg>`;
const text = (x, y, words, look = "small") => `<text class="${look}" x="${x.toFixed(1)}" y="${y.toFixed(1)}">${words}</text>`;
const path = (look, d) => `<path class="${look}" d="${d}"/>`;
const r1 = (v) => v.toFixed(1);

/** Estimates around the origin, the exact gradient pointing up. Left or right means nothing. */
function cloudSvg(width, height, { cloud, ghost, rule, reach }) {
  const x0 = width / 2, y0 = height * 0.7, unit = Math.min((width / 2 - 14) / reach, (y0 - 30) / 1.15);
  const spot = ([along, across], k) => [clamp(x0 + (k % 2 ? 1 : -1) * across * unit, 3, width - 3), clamp(y0 - along * unit, 3, height - 3)];
  const inside = ([along, across]) => across * unit < width / 2 - 3 && along * unit < y0 - 3 && -along * unit < height - y0 - 3;
  const dots = (points) => points.map((point, k) => { const [x, y] = spot(point, k); return inside(point) ? `M${r1(x)} ${r1(y)}h0` : ""; }).join("");
  const [nx, ny] = spot(cloud[0], 0), tip = y0 - unit, angle = Math.round(degrees(cloud[0]));
  const average = cloud.reduce((sum, [along]) => sum + along, 0) / cloud.length;
  const far = Math.hypot(width, height), ray = (d) => `M${r1(x0)} ${r1(y0)}L${r1(x0 + far * Math.sin((d * Math.PI) / 180))} ${r1(y0 - far * Math.cos((d * Math.PI) / 180))}`;
  const head = Math.min(9, unit / 2);
  return svg(width, height, `
    ${path("rule", `M0 ${r1(y0)}H${width}`)}${path("rule faint", ray(45) + ray(-45))}
    ${text(width - 4, y0 - 6, "90°", "small end")}${text(4, y0 - 6, "90°", "small start")}
    ${text(Math.min(width - 30, x0 + (y0 - 16) - 8), Math.max(14, y0 - (width - 30 - x0) - 4), "45°")}
    ${rule === "none" ? "" : path("cloud ghost", dots(ghost))}${path("cloud", dots(cloud))}
    ${path("needle", `M${r1(x0)} ${r1(y0)}L${r1(nx)} ${r1(ny)}`)}<circle class="needle-end" cx="${r1(nx)}" cy="${r1(ny)}" r="4.5"/>
    ${path("true", `M${r1(x0)} ${r1(y0)}V${r1(tip + head)}`)}${path("true-tip", `M${r1(x0)} ${r1(tip)}l${r1(-head * 0.6)} ${r1(head * 1.15)}h${r1(head * 1.2)}z`)}
    ${path("average", `M${r1(x0 - 6)} ${r1(clamp(y0 - average * unit, 6, height - 6))}h12`)}
    ${text(x0, y0 + 17, "truth", "small strong ringed")}
    ${text(clamp(nx, 20, width - 20), ny < y0 ? ny - 9 : ny + 17, `${angle}°`, "small angle ringed")}
    ${text(4, height - 6, "sideways: all other directions", "small start")}`);
}

const PAD = { left: 40, right: 36, top: 12, bottom: 34 };

/** The cosine against the number of samples. */
function cosineSvg(width, height, { square, variance, bare, samples, rule, cosines }) {
  const right = width - PAD.right, bottom = height - PAD.bottom, most = Math.log(STOPS[STOPS.length - 1]);
  const x = (m) => PAD.left + ((right - PAD.left) * Math.log(m)) / most, y = (c) => bottom - (bottom - PAD.top) * clamp(c, 0, 1);
  const curve = (v) => "M" + Array.from({ length: 61 }, (_, i) => Math.exp((most * i) / 60)).map((m) => `${r1(x(m))} ${r1(y(cosine(square, v, m)))}`).join("L");
  const low = quantile(cosines, 0.1), high = quantile(cosines, 0.9), now = x(samples);
  return svg(width, height, `
    ${[0, 0.5, 1].map((c) => path("rule", `M${PAD.left} ${r1(y(c))}H${right}`) + text(PAD.left - 6, y(c) + 4, String(c), "small end")).join("")}
    ${[30, 45, 60, 90].map((d) => text(right + 6, y(Math.cos((d * Math.PI) / 180)) + 4, `${d}°`, "small start")).join("")}
    ${path("rule faint", `M${PAD.left} ${r1(y(HALF))}H${right}`)}
    ${[1, 10, 100, 1000].map((m) => text(x(m), bottom + 16, String(m))).join("")}${text((PAD.left + right) / 2, height - 4, "samples of an estimate")}
    ${rule === "none" ? "" : path("curve dashed", curve(bare))}${path("curve", curve(variance))}
    ${path("cursor", `M${r1(now)} ${PAD.top - 6}V${bottom}`)}
    ${path("whisker", `M${r1(now)} ${r1(y(low))}V${r1(y(high))}`)}<circle class="middle" cx="${r1(now)}" cy="${r1(y(quantile(cosines, 0.5)))}" r="4"/>`);
}

/** The variance against the baseline, as a share of the variance without one. */
function varianceSvg(width, height, { s, t, baseline, bare, top, best }) {
  const right = width - 12, bottom = height - PAD.bottom, most = 1.1;
  const x = (c) => PAD.left + ((right - PAD.left) * c) / top, y = (v) => clamp(bottom - ((bottom - PAD.top) * v) / most, PAD.top, bottom);
  const steps = Array.from({ length: 61 }, (_, i) => (top * i) / 60);
  const all = steps.map((c) => [c, parts(s, t, c)]).filter(([, [a, b]]) => (a + b) / bare <= most);
  const line = (value) => all.map(([c, v]) => `${r1(x(c))} ${r1(y(value(v) / bare))}`);
  const total = line(([a, b]) => a + b), floor = line(([, b]) => b), ends = [x(all[0][0]), x(all[all.length - 1][0])];
  const now = parts(s, t, baseline), mark = x(clamp(baseline, 0, top));
  return svg(width, height, `
    ${[0, 0.5, 1].map((v) => path("rule", `M${PAD.left} ${r1(y(v))}H${right}`) + text(PAD.left - 6, y(v) + 4, percent(v).replace(" ", ""), "small end")).join("")}
    ${path("noise", `M${r1(ends[0])} ${bottom}L${floor.join("L")}L${r1(ends[1])} ${bottom}z`)}
    ${path("curve", `M${total.join("L")}`)}
    ${[0, 0.5, 1, 1.5].filter((c) => c <= top).map((c) => text(x(c), bottom + 16, String(c))).join("")}${text((PAD.left + right) / 2, height - 4, "baseline")}
    ${path("rule faint", `M${r1(x(t.expected))} ${PAD.top}V${bottom}`)}${text(x(t.expected) - 6, PAD.top + 26, "mean reward", "small end")}
    ${path("cursor", `M${r1(mark)} ${PAD.top - 6}V${bottom}`)}<circle class="middle" cx="${r1(mark)}" cy="${r1(y((now[0] + now[1]) / bare))}" r="4"/>`);
}

/** Every network's reward, with its noise, and the samples of the estimate that the needle shows. */
function rewardSvg(width, height, { s, t, order, baseline, rule, shown, high }) {
  const right = width - 12, bottom = height - 24, gap = (right - PAD.left) / s.n;
  const x = (rank) => PAD.left + gap * (rank + 0.5), y = (v) => clamp(bottom - ((bottom - PAD.top) * v) / high, PAD.top - 8, bottom + 8);
  const rank = new Map(order.map((a, i) => [a, i]));
  const bars = order.map((a, i) => `M${r1(x(i))} ${r1(y(t.rewards[a] - Math.sqrt(t.noise[a])))}V${r1(y(t.rewards[a] + Math.sqrt(t.noise[a])))}`).join("");
  const dots = order.map((a, i) => `M${r1(x(i))} ${r1(y(t.rewards[a]))}h0`).join("");
  const drawn = shown.map(([a, accuracy]) => `M${r1(x(rank.get(a)))} ${r1(y(accuracy + t.weight * s.h[a]))}h0`).join("");
  const ticks = high > 1.05 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  return svg(width, height, `
    ${ticks.map((v) => path("rule", `M${PAD.left} ${r1(y(v))}H${right}`) + text(PAD.left - 6, y(v) + 4, String(v), "small end")).join("")}
    ${path("bar", bars)}${path("cloud", dots)}${path("samples", drawn)}
    ${rule === "none" ? "" : path("curve dashed", `M${PAD.left} ${r1(y(baseline))}H${right}`) + text(PAD.left + 4, y(baseline) - 5, "baseline", "small start")}
    ${text((PAD.left + right) / 2, height - 6, `all ${s.n} networks, from worst to best`)}`);
}

// ---------------------------------------------------------------- the widget

let views = 0;

function render({ model, el }) {
  const uid = `enasm${Date.now().toString(36)}-${views++}-`;
  const life = new AbortController();
  const hear = (target, event, then, options) => target.addEventListener(event, then, { signal: life.signal, ...options });
  let s, labels, kept = null, keptOf = "", sets = null, setsOf = "", known = new Map(), truths = new Map(), order = [], queued = false, frame = 0;

  const slider = (label, count) => {
    const input = make("input", { type: "range", min: 0, max: count - 1, step: 1, "aria-label": label });
    const output = make("output");
    return { input, output, row: make("label", { class: "knob" }, make("span", {}, label), input, output) };
  };
  const many = slider("Samples", STOPS.length), photos = slider("Images a reward", 2), bonus = slider("Entropy weight", WEIGHTS.length);
  const value = slider("its value", 2);
  value.input.step = "any";
  value.input.setAttribute("aria-label", "Value of the baseline");
  const names = { none: "none", mean: "mean reward", best: "best" };
  const rules = RULES.map((rule) => {
    const made = make("button", { type: "button", "data-rule": rule }, names[rule]);
    hear(made, "click", () => set({ rule }));
    return made;
  });
  const again = make("button", { type: "button", class: "again" }, "Draw again");
  const closer = make("button", { type: "button", class: "closer", title: "Draw the estimates as large as fits" }, "Closer");
  const said = [0, 1, 2].map(() => make("p"));
  const panel = (name, title, height, drag) => {
    const box = make("div", { class: `plot${drag ? " dragged" : ""}`, role: "img", "data-plot": name });
    box.style.height = `${height}px`;
    return { name, box, height, element: make("figure", { class: name }, make("figcaption", { class: "over" }, title), box) };
  };
  const cloud = panel("estimates", `${CLOUD} estimates and the truth`, 330), cosines = panel("cosine", "How near the truth: cosine (dashed: no baseline)", 190, true),
    variances = panel("variance", "Variance of an estimate (filled: by minibatches)", 190, true), rewards = panel("rewards", "Rewards: mean, and ± one deviation of a minibatch", 190);
  const readout = make("p", { class: "readout" });
  const mark = (look, words) => {
    const li = make("li");
    li.innerHTML = `<svg class="enas-svg mini" viewBox="0 0 20 12" width="20" height="12" aria-hidden="true">${look}</svg>`;
    li.append(words);
    return li;
  };
  const legend = make("ul", { class: "legend" },
    mark('<path class="true" d="M2 6H13"/><path class="true-tip" d="M20 6l-8-4v8z"/>', "exact gradient"),
    mark('<path class="needle" d="M2 6H14"/><circle class="needle-end" cx="15" cy="6" r="4"/>', "one estimate, and its samples"),
    mark('<path class="cloud" d="M4 6h0M10 3h0M15 8h0"/>', "other estimates"),
    mark('<path class="cloud ghost" d="M4 6h0M10 3h0M15 8h0"/>', "the same without baseline"),
    mark('<path class="average" d="M3 6h14"/>', "mean of the estimates"));
  const root = make("div", { class: "enas-viz enas-replay enas-microscope", role: "group", tabindex: "-1", "aria-label": "REINFORCE under the microscope" },
    make("div", { class: "knobs" }, many.row, photos.row, bonus.row,
      make("div", { class: "knob rules", role: "group", "aria-label": "Kind of baseline" }, make("span", {}, "Baseline"), ...rules), value.row, make("div", { class: "buttons" }, again, closer)),
    make("div", { class: "said", "aria-live": "polite" }, ...said),
    make("div", { class: "plots" }, cloud.element, make("div", { class: "side" }, cosines.element, variances.element), rewards.element),
    readout, legend, make("p", { class: "facts" }));
  el.append(root);

  function save() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  }
  function set(values) {
    for (const [name, v] of Object.entries(values)) model.set(name, v);
    save();
  }
  const get = (name) => model.get(name);

  function load() {
    const data = get("specimen");
    s = unpackSpecimen(data);
    labels = data.labels ?? [];
    photos.input.max = s.images.length - 1;
    setsOf = keptOf = "";
    for (const kept of [truths, known]) kept.clear();
    root.querySelector(".facts").textContent = data.facts ?? "";
    draw();
  }

  /** All that is drawn and said follows from the traits. */
  function state() {
    const samples = get("samples"), rule = get("rule"), images = get("images"), seed = get("seed"), weight = get("entropy_weight");
    const facts = `${images},${weight}`;
    if (!truths.has(facts)) truths.set(facts, truth(s, images, weight));
    const t = truths.get(facts), baseline = baselineOf(s, t, rule, get("baseline"));
    const series = `${images},${seed}`, key = `${samples},${series}`;
    if (series !== keptOf) { kept = {}; keptOf = series; }
    const which = `${key},${weight}`;
    if (!known.has(which)) {
      if (key !== setsOf) { sets = drawnSets(s, images, seed, CLOUD, samples, kept); setsOf = key; }
      if (known.size >= 3 * STOPS.length) known.clear();
      known.set(which, estimators(s, t, sets));
    }
    const made = known.get(which);
    const [byNetwork, byImages] = parts(s, t, baseline), [bareNetwork, bareImages] = parts(s, t, 0);
    const variance = byNetwork + byImages, bare = bareNetwork + bareImages;
    const found = placed(t, made, baseline), angles = found.map(degrees);
    const high = Math.max(1, ...t.rewards.map((r, a) => r + Math.sqrt(t.noise[a])));
    return { s, t, samples, rule, baseline, variance, bare, share: byImages / variance, square: t.square, cloud: found, ghost: rule === "none" ? [] : placed(t, made, 0),
      angles, cosines: angles.map((d) => Math.cos((d * Math.PI) / 180)), reach: Math.max(1.5, 1.3 * Math.sqrt((get("closer") ? variance : bare) / samples / t.square)),
      shown: samplesOf(s, images, seed, 0, Math.min(samples, SHOWN)), order, high, top: high > 1.05 ? 1.5 : 1, seed };
  }

  let now;
  function draw() {
    frame = 0;
    now = state();
    order = now.t.rewards.map((_, a) => a).sort((a, b) => now.t.rewards[a] - now.t.rewards[b]);
    now.order = order;
    many.input.value = nearest(STOPS, now.samples);
    many.output.textContent = now.samples.toLocaleString("en");
    photos.input.value = s.images.indexOf(now.t.images);
    photos.output.textContent = now.t.level > 0 ? now.t.images : `all ${now.t.images}`;
    bonus.input.value = nearest(WEIGHTS, now.t.weight);
    bonus.output.textContent = weightText(now.t.weight);
    value.input.max = now.top;
    value.input.value = now.baseline;
    value.output.textContent = now.baseline.toFixed(3);
    for (const [input, output] of [many, photos, bonus, value].map((k) => [k.input, k.output])) input.setAttribute("aria-valuetext", output.textContent);
    for (const made of rules) made.setAttribute("aria-pressed", made.dataset.rule === now.rule);
    closer.setAttribute("aria-pressed", !!get("closer"));
    const told = sentences(now);
    told.forEach((sentence, i) => { if (said[i].textContent !== sentence) said[i].textContent = sentence; });
    paint();
  }
  function paint() {
    if (!now) return;
    cloud.height = root.classList.contains("enas-wide") ? 426 : 320;
    cloud.box.style.height = `${cloud.height}px`;
    const plots = [[cloud, cloudSvg], [cosines, cosineSvg], [variances, varianceSvg], [rewards, rewardSvg]];
    const widths = plots.map(([{ box }]) => box.clientWidth); // before any is drawn: reading after writing lays out the page each time
    plots.forEach(([plot, drawing], i) => {
      const markup = drawing(Math.max(240, Math.floor(widths[i] || 560)), plot.height, now);
      if (markup !== plot.drawn) plot.box.innerHTML = plot.drawn = markup;
    });
    cloud.box.setAttribute("aria-label", said[0].textContent);
    cosines.box.setAttribute("aria-label", `Cosine ${cosine(now.square, now.variance, now.samples).toFixed(2)} with ${now.samples} samples; without a baseline ${cosine(now.square, now.bare, now.samples).toFixed(2)}.`);
    variances.box.setAttribute("aria-label", said[1].textContent);
    rewards.box.setAttribute("aria-label", said[2].textContent);
  }
  /** At most one drawing a frame, however fast a slider moves. */
  const soon = () => { frame ||= requestAnimationFrame(draw); };

  hear(many.input, "input", () => set({ samples: STOPS[many.input.value] }));
  hear(photos.input, "input", () => set({ images: s.images[photos.input.value] }));
  hear(bonus.input, "input", () => set({ entropy_weight: WEIGHTS[bonus.input.value] }));
  hear(value.input, "input", () => set({ rule: "value", baseline: Number(value.input.value) }));
  hear(closer, "click", () => set({ closer: !get("closer") }));
  hear(again, "click", () => set({ seed: (get("seed") + 1) % 100000 }));
  // the two plots over samples and over baselines are sliders, too, for a pointer
  const share = (box, event, right) => {
    const area = box.getBoundingClientRect();
    return clamp((event.clientX - area.left - PAD.left) / (area.width - PAD.left - right), 0, 1);
  };
  const dragged = (box, then) => {
    for (const event of ["pointerdown", "pointermove"]) hear(box, event, (e) => { if (e.buttons & 1) then(e); });
  };
  dragged(cosines.box, (e) => set({ samples: STOPS[nearest(STOPS, STOPS[STOPS.length - 1] ** share(cosines.box, e, PAD.right))] }));
  dragged(variances.box, (e) => set({ rule: "value", baseline: Number((now.top * share(variances.box, e, 12)).toFixed(3)) }));
  hear(rewards.box, "pointermove", (e) => {
    const a = order[clamp(Math.floor(share(rewards.box, e, 12) * s.n), 0, s.n - 1)];
    const noise = Math.sqrt(now.t.noise[a]);
    readout.textContent = `${labels[a] ?? `network ${a + 1}`}: reward ${now.t.rewards[a].toFixed(3)}${noise ? ` ± ${noise.toFixed(3)}` : ""}, probability ${percent(s.p[a], 1)}`;
  });
  hear(rewards.box, "pointerleave", () => { readout.textContent = ""; });

  const resized = globalThis.ResizeObserver && new ResizeObserver(() => {
    root.classList.toggle("enas-narrow", root.clientWidth < 640);
    root.classList.toggle("enas-wide", root.clientWidth >= 760);
    root.classList.toggle("enas-broad", root.clientWidth >= 960);
    paint();
  });
  resized?.observe(root);
  const heard = { "change:specimen": load, ...Object.fromEntries(["samples", "rule", "baseline", "images", "entropy_weight", "seed", "closer"].map((name) => [`change:${name}`, soon])) };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  load();
  return () => {
    life.abort();
    cancelAnimationFrame(frame);
    resized?.disconnect();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
