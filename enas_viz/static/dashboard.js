/** Dashboard: one or several runs while they go, or as they went, in one look.
 *
 *  `runs` holds what stays the same, `told` all that was known a while ago, `news` what came since;
 *  `state` says how each run stands. The browser draws; it asks the kernel only to pause, go on or stop
 *  (by a message, which does not wait for a running cell as traits do). `at` is the moment that is looked at, in epochs; below 0: always the newest. `opened` is the
 *  sample that is replayed; `overlaid`: runs of a kind share one set of axes. Named exports are pure, none may be called `render`. */

import replay, { button, clamp, colourOf, dress, glyph, make, opIcon, paint, picture, shapes, token, unpack, unpackPicks } from "./replay.js";
import { hostModel } from "./host.js";

const WIDTH = 560, LEFT = 60, RIGHT = WIDTH - 10;
const SEARCH = { reward: [42, 150], entropy: [186, 240], shape: [276, 316], loss: [352, 392], lr: [428, 458] };
const TRAINING = { reward: [42, 150], loss: [186, 250], lr: [286, 326] }; // of one network, which samples nothing
const LAPSE = 14000; // milliseconds that a whole search takes when it is played
const NETS = 250; // milliseconds between two drawings of the newest network
const RUNS = 4; // looks of a line for runs that are overlaid; then they come again

// ---------------------------------------------------------------- pure

/** All that is known of a run: what was told, and the news that follow on it. */
export function joined(told, news) {
  const follows = news?.after?.[0] === told.points.n.length && news.after[1] === told.moments.n.length && news.after[2] === told.epochs.length;
  if (!follows) return { ...told, now: null, samples: news?.samples ?? told.points.n.length, result: "", summary: news?.summary ?? "" };
  const both = (name) => Object.fromEntries(Object.entries(told[name]).map(([k, v]) => [k, news[name][k].length ? v.concat(news[name][k]) : v]));
  return { points: both("points"), moments: both("moments"), epochs: told.epochs.concat(news.epochs), now: news.now, samples: news.samples, result: news.result, summary: news.summary };
}

/** How many of `xs`, which ascend, are at most `x`. */
export function countUntil(xs, x) {
  let low = 0, high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle + 1; else high = middle;
  }
  return low;
}

/** The index of the best of the first `count` accuracies; -1 where there is none. */
export function bestOf(accuracy, count) {
  let best = -1;
  for (let i = 0; i < count; i++) if (best < 0 || accuracy[i] > accuracy[best]) best = i;
  return best;
}

/** [lowest, highest, ticks] of an axis that holds all values, at round numbers. */
export function scale(values, most = 4) {
  if (!values.length) return [0, 1, []];
  let low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  if (high - low < 1e-9 + 1e-4 * Math.abs(high)) [low, high] = [low - 0.05 * (Math.abs(low) || 1), high + 0.05 * (Math.abs(high) || 1)];
  const base = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10, 20].map((s) => s * base).find((s) => (high - low) / s <= most - 0.5);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  return [first * step, last * step, Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(9)))];
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** One line on how a run stands. */
export function standing(state, epochs, samples, result = "") {
  const at = `epoch ${Math.min(state.epoch + 1, epochs || state.epoch + 1)}${epochs ? ` of ${epochs}` : ""}`;
  const count = result || `${samples.toLocaleString("en")} ${samples === 1 ? "sample" : "samples"}`;
  const left = state.left > 0 ? `, about ${duration(state.left)} left` : "";
  switch (state.status) {
    case "running": return `running: ${at}, ${count}${left}`;
    case "paused": return `paused: ${at}, ${count}${left}`;
    case "stopped": return `stopped: ${at}, ${count}${state.message ? `. ${state.message}` : ""}`;
    case "failed": return `failed: ${state.message}`;
    case "waiting": return "about to begin";
    default: return `finished: ${epochs || state.epoch + 1} epochs, ${count}${state.seconds ? `, ${duration(state.seconds)}` : ""}`;
  }
}

/** The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `value`. */
export function nice(value) {
  for (let size = 1; ; size *= 10) for (const factor of [1, 2, 5]) if (factor * size >= value) return factor * size;
}

const percent = (value) => `${Math.round(100 * value)} %`, percent1 = (value) => `${(100 * value).toFixed(1)} %`;

/** Ticks in words, with as many decimals as it takes to tell them apart; share: in per cent. */
export function tickTexts(ticks, share = false) {
  const gap = ticks.slice(1).reduce((least, t, i) => Math.min(least, t - ticks[i]), Infinity), values = ticks.map((t) => (share ? 100 * t : t));
  const near = (share ? 100 : 1) * (gap < Infinity ? gap : Math.abs(ticks[0] ?? 1) || 1) * 0.01;
  let digits = 0;
  while (digits < 12 && values.some((v) => Math.abs(Number(v.toFixed(digits)) - v) > near)) digits++;
  return values.map((v) => (share ? `${v.toFixed(digits)} %` : String(Number(v.toFixed(digits)))));
}

export const PLAY = glyph("play"), RESUME = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M2 3h2.6v10H2zM7 3l7.5 5L7 13z" fill="currentColor"/></svg>';

/** A button that says what it does: those that rule a run differ in words from those that play its past. What
 *  says so already stays: replaced while it is pressed, it would take the click with it. */
function worded(made, icon, word, label) {
  if (made.title !== label || !made.lastChild?.data) {
    made.innerHTML = icon === "resume" ? RESUME : glyph(icon);
    made.append(word);
    made.title = label;
    made.setAttribute("aria-label", `${word}: ${label}`);
  }
  return made;
}

/** A whole network in words: what was sampled for each layer, or for each node of a cell. */
export function named(scene, episode) {
  const told = new Map();
  scene.plan.forEach((turn, step) => {
    if (turn.kind === "silent") return;
    const [first, node] = String(turn.at).split("."), where = node === undefined ? `layer ${Number(first) + 1}` : `cell ${Number(first) + 1} node ${Number(node) + 1}`;
    const words = token(scene, episode, step).join(" "), said = turn.kind === "pick" ? words : words === "none" ? "no skips" : `skips from ${words}`;
    told.set(where, [...(told.get(where) ?? []), said]);
  });
  return [...told].map(([where, words]) => `${where}: ${words.join(", ")}`).join("; ");
}

/** A line through (x, y) pairs; what is unknown is left out. */
function line(pairs, to) {
  const points = pairs.filter(([, y]) => y !== null && y !== undefined).map(([x, y]) => to(x, y));
  return points.length > 1 ? `M${points.join("L")}` : "";
}

/** Dots as one path of strokes without length. */
const dots = (xs, ys, to) => xs.map((x, i) => (ys[i] === null ? "" : `M${to(x, ys[i])}h0`)).join("");

/** The newest epoch at or before moment `at` (below 0: the newest) of which something is known; undefined where there is none. */
export const epochAt = (epochs, at, name) => epochs.findLast((e) => e[name] != null && (at < 0 || e.epoch < Math.max(at, 1e-9)));

// ---------------------------------------------------------------- the plots of a run, or of several

/** An empty drawing of plots over epochs: titles, axes, a cursor, and `inside`. keys: marks beside the first title. */
function board(uid, facts, keys, inside) {
  const { final } = facts, macro = facts.kind === "macro", PLOTS = final ? TRAINING : SEARCH, HEIGHT = PLOTS.lr[1] + 32;
  const title = (name, text) => (PLOTS[name] ? `<text class="small strong start" x="2" y="${PLOTS[name][0] - (name === "reward" && keys ? 28 : 12)}">${text}</text>` : "");
  const curves = picture(`<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg board" viewBox="0 0 ${WIDTH} ${HEIGHT}">
    ${title("reward", final ? "Accuracy on training images" : "Reward: accuracy on validation images")}${keys}
    ${title("entropy", facts.policy ? "Entropy of the policy, in nats" : "Entropy: this strategy has no policy")}
    ${title("shape", macro ? "Skips that it sets" : "Loose ends of a cell")}
    ${title("loss", final ? "Training loss" : "Training loss of the shared weights")}${title("lr", "Learning rate")}
    <rect class="reach" x="${LEFT}" width="${RIGHT - LEFT}" height="0"/>
    <g class="axes"></g><path class="rule aim" d=""/>${inside}<path class="cursor" d="M0 ${PLOTS.reward[0] - 8}V${HEIGHT - 26}"/></svg>`, uid);
  const axes = curves.querySelector(".axes"), reach = curves.querySelector(".reach"), aim = curves.querySelector(".aim"), cursor = curves.querySelector(".cursor");
  const ends = ([low, high, ticks]) => [low, high, ticks.length ? [ticks[0], ticks[ticks.length - 1]] : []];
  let span = 1, scales = {}, axisText = "";
  const toX = (t) => LEFT + ((RIGHT - LEFT) * t) / span;
  const toY = (name) => { const [low, high] = scales[name]; return (value) => PLOTS[name][1] - ((PLOTS[name][1] - PLOTS[name][0]) * (value - low)) / (high - low); };
  function axis(name, share) {
    const y = toY(name), ticks = scales[name][2], texts = tickTexts(ticks, share);
    return ticks.map((t, i) => `<path class="rule" d="M${LEFT} ${y(t).toFixed(1)}H${RIGHT}"/><text class="small end" x="${LEFT - 6}" y="${(y(t) + 4).toFixed(1)}">${texts[i]}</text>`).join("");
  }
  return {
    curves, PLOTS, toX, toY,
    /** values(name): all numbers of a plot; epochs: how many there are side by side. */
    scale(values, epochs) {
      span = epochs;
      scales = { reward: scale(values("reward")), loss: ends(scale(values("loss"), 2)), lr: ends(scale(values("lr"), 2)),
        entropy: ends(facts.band ? scale([0, facts.band[1], ...values("entropy")]) : scale(values("entropy"), 2)), shape: ends(macro ? [0, 1, [0, 1]] : scale(values("shape"), 2)) };
      const wanted = nice(span / 7), marks = [1];
      for (let e = wanted; e <= span; e += wanted) if (e > 1) marks.push(e);
      const text = axis("reward", true) + (final ? "" : axis("entropy") + axis("shape", macro)) + axis("loss") + axis("lr") +
        marks.map((e) => `<text class="small" x="${toX(e - 0.5).toFixed(1)}" y="${HEIGHT - 8}">${e}</text>`).join("") +
        `<text class="small end" x="${LEFT - 6}" y="${HEIGHT - 8}">epoch</text>`;
      if (text !== axisText) axes.innerHTML = axisText = text;
      if (facts.band && !final && scales.entropy[1] > scales.entropy[0]) {
        const y = toY("entropy");
        reach.setAttribute("y", y(facts.band[1]));
        reach.setAttribute("height", Math.max(0, y(facts.band[0]) - y(facts.band[1])));
      }
      if (facts.target !== null && !final) aim.setAttribute("d", `M${LEFT} ${toY("shape")(facts.target)}H${RIGHT}`);
    },
    /** Where a value of a plot stands, as a point of a path. */
    to(name) {
      const y = toY(name);
      return (t, v) => `${toX(t).toFixed(1)} ${clamp(y(v), PLOTS[name][0] - 6, PLOTS[name][1] + 6).toFixed(1)}`;
    },
    stand(t) { cursor.setAttribute("transform", `translate(${toX(t).toFixed(1)} 0)`); },
    timeAt(clientX) {
      const box = curves.getBoundingClientRect();
      return clamp(((((clientX - box.left) / box.width) * WIDTH - LEFT) / (RIGHT - LEFT)) * span, 0, span);
    },
  };
}

/** Runs of one kind on the same axes: for each a line of its own look, and a row of a table. */
function overlay(group, uid) {
  const look = (k) => `series series-${(k % RUNS) + 1}`, { facts, final } = group[0], PLOTS = final ? TRAINING : SEARCH, names = Object.keys(PLOTS);
  const drawn = board(uid, facts, "", group.map((_, k) => names.map((name) => `<path class="${look(k)}" data-line="${k}-${name}" d=""/>`).join("")).join(""));
  const lines = group.map((_, k) => names.map((name) => drawn.curves.querySelector(`[data-line="${k}-${name}"]`)));
  const cell = (tag, ...inside) => make(tag, tag === "th" ? { scope: "col" } : {}, ...inside);
  const rows = group.map((p, k) => {
    const values = [0, 1, 2].slice(final ? 1 : 0).map(() => make("td"));
    const mark = picture(`<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg mini" viewBox="0 0 34 12" width="34" height="12" aria-hidden="true"><path class="${look(k)}" d="M1 6H33"/></svg>`, uid);
    return { values, element: make("tr", {}, make("th", { scope: "row" }, mark, p.facts.name), ...values) };
  });
  const table = make("table", {}, make("thead", {}, make("tr", {}, cell("th", "Run"), ...(final ? [] : [cell("th", "Best sample")]),
    cell("th", final ? "Accuracy" : "Mean reward"), cell("th", "Loss"))), make("tbody", {}, ...rows.map((row) => row.element)));
  const when = make("p", { class: "over" }), words = make("p", { class: "unseen" });
  const box = make("div", { class: "curves", role: "img", "aria-label": `Curves of ${group.map((p) => p.facts.name).join(", ")} on the same axes` }, drawn.curves);
  return {
    element: make("section", { class: "overlay", "aria-label": "Runs on the same axes" }, box, make("div", { class: "compared" }, when, table, words)), group, drawn,
    show(epochs) {
      drawn.scale((name) => group.flatMap((p) => p.values(name)), epochs);
      group.forEach((p, k) => names.forEach((name, i) => lines[k][i].setAttribute("d", line(p.inEpochs(name), drawn.to(name)))));
    },
    stand(at, t) {
      drawn.stand(t);
      when.textContent = at < 0 ? "Until now" : `Until epoch ${Math.floor(t) + 1}`;
      rows.forEach(({ values }, k) => {
        const { known } = group[k], { points } = known, best = bestOf(points.accuracy, at < 0 ? points.n.length : countUntil(points.x, at));
        const epochs = [...known.epochs, ...(known.now ? [known.now] : [])], mean = final ? "train" : "reward";
        const told = [epochAt(epochs, at, mean)?.[mean], epochAt(epochs, at, "loss")?.loss];
        const texts = [best < 0 ? "none yet" : percent1(points.accuracy[best]), told[0] == null ? "none yet" : percent1(told[0]), told[1] == null ? "none yet" : told[1].toFixed(2)];
        values.forEach((td, i) => { td.textContent = texts[i + (final ? 1 : 0)]; });
      });
    },
  };
}

// ---------------------------------------------------------------- one run

/** The part of the page that shows one run. `tell(action)`: what the reader asks of it; `beside(name)`:
 *  all that other runs of its kind plot under that name, so that all have the same scale. */
function panel(facts, uid, hear, tell, beside) {
  const { scene, final } = facts, macro = facts.kind === "macro";
  const key = final ? [["curve", "an epoch", 18]]
    : [["dots", "a sample", 7], ["curve", "mean of an epoch", 18], ["curve dashed", "baseline", 18], ["dot best", "best", 9]];
  let x = LEFT;
  const keys = key.map(([name, words, width]) => {
    const mark = name === "dot best" ? `<circle class="${name}" cx="${x + 5}" cy="27" r="4"/>` : `<path class="${name}" d="M${x} 27h${name === "dots" ? 0 : width}"/>`;
    const made = `${mark}<text class="small start" x="${x + width + 6}" y="31">${words}</text>`;
    x += width + 22 + 6.2 * words.length;
    return made;
  });
  const names = ["reward-dots", "reward-mean", "reward-baseline", "entropy-dots", "entropy-mean", "shape-dots", "shape-mean", "loss-mean", "lr-mean"];
  const looks = { dots: "dots", mean: "curve", baseline: "curve dashed" };
  const drawn = board(uid, facts, keys.join(""), `${names.map((name) => `<path class="${looks[name.split("-")[1]]}" data-line="${name}" d=""/>`).join("")}
    <circle class="dot best" data-ring="" r="4" cx="-99" cy="0"/>`);
  const { curves, PLOTS, toX, toY } = drawn;
  const lines = Object.fromEntries(names.map((name) => [name, curves.querySelector(`[data-line="${name}"]`)]));
  const ring = curves.querySelector("[data-ring]");

  const canvas = make("canvas", { "aria-hidden": "true" }), heatCursor = make("div", { class: "heat-cursor" });
  const rows = facts.places.length * facts.ops.length;
  canvas.height = rows;
  const every = Math.ceil((14 * facts.places.length) / 380);
  const labels = make("div", { class: "heat-labels", "aria-hidden": "true" },
    ...facts.places.map((name, k) => make("span", {}, k % every ? "" : name.replace("reduction", "reduct."))));
  const heatBox = make("div", { class: "heat-box" }, canvas, heatCursor);
  const readout = make("p", { class: "readout" });
  const legend = make("ul", { class: "legend" }, ...scene.options.ops.map(({ op, label }) => make("li", {}, opIcon(uid, op, true), label)));
  const heat = make("div", { class: "heat", role: "img" },
    make("p", { class: "over" }, `What each ${macro ? "layer" : "node"} uses, epoch by epoch`),
    make("div", { class: "heat-grid" }, labels, heatBox), legend, readout);

  const about = make("span", { class: "about" }, facts.about), status = make("p", { class: "status", role: "status" });
  const bar = make("progress", { max: 1, value: 0, "aria-label": "How far the run has come" });
  const act = (action, label, icon, word) => worded(button(action, label, icon, () => tell(action), hear), icon, word, label);
  const pause = act("pause", "Pause the run", "pause", "pause"), stop = act("stop", "Stop the run; it can be resumed", "stop", "stop");
  const controls = make("div", { class: "buttons" }, pause, stop);
  const nets = ["best", "latest"].map((which) => {
    const drawing = picture(scene.network, uid), box = make("div", { class: "network", tabindex: "-1", role: "img" }, drawing);
    const words = make("p", { class: "over" }), open = worded(button("open", "", "play", () => tell("open", which), hear), "play", "replay", `Replay the ${which} sample`);
    const width = Number(drawing.getAttribute("width"));
    box.style.setProperty("--natural", `${width}px`);
    return { which, box, drawing, words, open, parts: shapes(drawing, null), shown: null,
      element: make("div", { class: "net" }, make("div", { class: "net-head" }, words, open), box) };
  });
  const element = make("section", { class: "run", "aria-label": facts.name },
    make("div", { class: "head" }, make("div", {}, make("h2", {}, facts.name), about), controls),
    bar, status,
    make("div", { class: "plots" }, make("div", { class: "curves", role: "img", "aria-label": "" }, curves), heat),
    make("div", { class: "nets" }, ...nets.map((net) => net.element)));

  let known = null, span = 1, drawnColumns = 0, lastNets = 0;

  const height = final ? "train" : "reward";
  const inEpochs = (name) => [...known.epochs, ...(known.now ? [known.now] : [])].map((e) => [e.epoch + 0.5, e[name === "reward" ? height : name]]);
  /** All that one of the plots holds. */
  function values(name) {
    if (!known) return [];
    if (name === "shape") return known.points.shape;
    const found = inEpochs(name).map(([, v]) => v).filter((v) => v !== null && v !== undefined);
    return name === "reward" ? [...known.points.accuracy, ...found] : found;
  }

  /** Draws the curves from what is known. */
  function plot() {
    const { points } = known;
    drawn.scale((name) => [...values(name), ...beside(name)], span);
    const set = (name, d) => lines[name].setAttribute("d", d);
    const r = drawn.to("reward");
    set("reward-dots", dots(points.x, points.accuracy, r));
    set("reward-mean", line(inEpochs("reward"), r));
    set("reward-baseline", line(points.x.map((x, i) => [x, points.baseline[i]]), r));
    for (const [name, dotted] of [["entropy", true], ["shape", true], ["loss"], ["lr"]]) {
      if (!PLOTS[name]) continue;
      if (dotted) set(`${name}-dots`, dots(points.x, points[name], drawn.to(name)));
      set(`${name}-mean`, line(inEpochs(name), drawn.to(name)));
    }
  }

  /** Colours of the heat map, as the theme has them. */
  function colours() {
    const style = getComputedStyle(canvas);
    return facts.ops.map((op) => { canvas.style.color = colourOf(op); return style.color; });
  }

  function column(context, tones, epoch, shares) {
    context.clearRect(epoch, 0, 1, rows);
    shares.forEach((share, row) => {
      if (!share) return;
      context.globalAlpha = Math.min(1, 0.03 + (share / 100) ** 0.75);
      context.fillStyle = tones[row % facts.ops.length];
      context.fillRect(epoch, row, 1, 1);
    });
  }

  function warm(afresh) {
    const { epochs, now } = known, context = canvas.getContext?.("2d");
    if (!context || !canvas.isConnected) return; // no colours yet: hosts attach a widget after drawing it
    const columns = Math.max(1, Math.ceil(span));
    if (canvas.width !== columns || afresh || drawnColumns > epochs.length) { canvas.width = columns; drawnColumns = 0; }
    const tones = colours();
    for (; drawnColumns < epochs.length; drawnColumns++) column(context, tones, epochs[drawnColumns].epoch, epochs[drawnColumns].shares);
    if (now) column(context, tones, now.epoch, now.shares);
  }

  /** Marks the moment that is looked at, and draws its best and its newest network. */
  function stand(at, quick) {
    const { points } = known, count = at < 0 ? points.n.length : countUntil(points.x, at);
    const t = at < 0 ? (points.x[points.x.length - 1] ?? known.epochs.length) : Math.min(at, span);
    drawn.stand(t);
    heatCursor.style.left = `${(100 * t) / span}%`;
    const best = bestOf(points.accuracy, count);
    ring.setAttribute("cx", best < 0 ? -99 : toX(points.x[best]).toFixed(1));
    if (best >= 0) ring.setAttribute("cy", toY("reward")(points.accuracy[best]).toFixed(1));
    element.querySelector(".nets").hidden = best < 0;
    if (best < 0) return;
    const hurried = quick && performance.now() - lastNets < NETS;
    if (!hurried) lastNets = performance.now();
    for (const net of nets) {
      const i = net.which === "best" ? best : count - 1;
      if (hurried && net.which === "latest") continue;
      net.words.textContent = `${net.which === "best" ? "Best sample so far" : "Newest sample"}: ${(100 * points.accuracy[i]).toFixed(1)} %, epoch ${Math.floor(points.x[i]) + 1}`;
      net.n = points.n[i];
      if (net.shown === points.picks[i]) continue;
      net.shown = points.picks[i];
      const episode = unpackPicks(scene, facts, net.shown);
      dress(scene, episode, net.drawing, null, net.parts, uid);
      paint(net.parts, scene, episode, scene.plan.length, -1, Infinity, () => {});
      net.box.setAttribute("aria-label", `${net.words.textContent}. ${named(scene, episode)}`);
    }
  }

  /** What the heat map says under a point of it. */
  function read(place, epoch) {
    const found = [...known.epochs, ...(known.now ? [known.now] : [])].find((e) => e.epoch === epoch);
    if (!found?.shares.length) return "";
    const shares = facts.ops.map((op, i) => [scene.options.ops[i].label, found.shares[place * facts.ops.length + i]]);
    const told = shares.filter(([, share]) => share > 0).sort((a, b) => b[1] - a[1]).map(([label, share]) => `${label} ${share} %`);
    return `${facts.places[place]}, epoch ${epoch + 1}: ${told.join(", ")}`;
  }
  hear(heatBox, "pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const place = clamp(Math.floor(((event.clientY - box.top) / box.height) * facts.places.length), 0, facts.places.length - 1);
    readout.textContent = read(place, Math.floor(((event.clientX - box.left) / box.width) * span));
  });
  hear(heatBox, "pointerleave", () => { readout.textContent = ""; });

  return {
    element, nets, curves, facts, final, kind: facts.kind + final, values, inEpochs, timeAt: drawn.timeAt,
    extremes(name) {
      const found = values(name);
      return found.length ? [found.reduce((a, b) => Math.min(a, b)), found.reduce((a, b) => Math.max(a, b))] : [];
    },
    get known() { return known; },
    get end() { return known ? Math.max(facts.epochs || 0, known.epochs.length, Math.ceil(known.points.x[known.points.x.length - 1] ?? 0)) : 1; },
    /** Draws what is known, over `epochs` of time. */
    show(found, epochs, at, afresh) {
      known = found;
      if (epochs !== span) { span = epochs; drawnColumns = 1e9; }
      plot();
      warm(afresh);
      stand(at, true);
      heat.setAttribute("aria-label", `Share of each operation. ${read(0, Math.max(0, known.epochs.length - 1))}`);
      heat.hidden = !known.samples;
      curves.parentNode.setAttribute("aria-label", `Curves of the run, ${known.samples} samples. ${known.summary} ${final ? known.result : ""}`.trim());
    },
    stand,
    /** samples: how many there are, which may not be drawn yet. */
    tell(state, samples = 0) {
      bar.value = state.done;
      status.textContent = standing(state, facts.epochs, samples, final ? known?.result || "one network" : "");
      element.dataset.status = state.status;
      const goes = state.status === "running" || state.status === "paused" || state.status === "waiting";
      controls.hidden = !goes;
      bar.hidden = !goes;
      const rests = state.status === "paused"; // its sign is not that of playing what is past
      worded(pause, rests ? "resume" : "pause", rests ? "go on" : "pause", rests ? "Go on with the run" : "Pause the run");
    },
  };
}

// ---------------------------------------------------------------- the widget

let views = 0;

function render({ model, el }) {
  const uid = `enasd${Date.now().toString(36)}-${views++}-`;
  const life = new AbortController();
  const hear = (target, event, then, options) => target.addEventListener(event, then, { signal: life.signal, ...options });
  let panels = [], overlays = [], attached = false, queued = false, frame = 0, closeReplay = null, rolling = 0;

  const save = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  };
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Moment of the search" });
  const place = make("span", { class: "place" });
  const roll = button("roll", "Play the search so far", "play", () => toggle(), hear);
  const newest = make("button", { type: "button", class: "newest", title: "Follow the newest sample" }, "newest");
  const lay = make("button", { type: "button", class: "newest lay", title: "Draw the curves of the runs on the same axes" }, "overlay curves");
  const above = make("div", { class: "overlays" }), runsBox = make("div", { class: "runs" }), opened = make("div", { class: "opened" });
  const root = make("div", { class: "enas-viz enas-replay enas-dashboard", role: "group", tabindex: "-1",
    "aria-label": "Dashboard of searches" },
    make("div", { class: "controls" }, roll, slider, place, newest, lay), above, runsBox, opened);
  el.append(root);

  const at = () => model.get("at"), end = () => Math.max(1, ...panels.map((p) => p.end));

  function build() {
    panels = model.get("runs").map((facts, k) => panel(facts, `${uid}${k}-`, hear, (action, which) => {
      if (action === "open") return open(k, panels[k].nets.find((net) => net.which === which).n);
      const status = model.get("state")[k].status;
      model.send?.({ run: k, action: action === "pause" && status === "paused" ? "resume" : action });
    }, (name) => panels.flatMap((p, i) => (i !== k && p.kind === panels[k].kind ? p.extremes(name) : []))));
    runsBox.replaceChildren(...panels.map((p) => p.element));
    runsBox.classList.toggle("several", panels.length > 1);
    panels.forEach((p, k) => hear(p.curves, "click", (event) => choose(k, p.timeAt(event.clientX))));
    const kinds = [...new Set(panels.map((p) => p.kind))].map((kind) => panels.filter((p) => p.kind === kind));
    overlays = kinds.filter((group) => group.length > 1).map((group, k) => overlay(group, `${uid}o${k}-`));
    for (const o of overlays) hear(o.drawn.curves, "click", (event) => { rest(); go(o.drawn.timeAt(event.clientX)); });
    lay.hidden = !overlays.length;
    above.replaceChildren(...overlays.map((o) => o.element));
    layered();
    draw(true);
    openedChanged();
  }

  function draw(afresh) {
    frame = 0;
    const told = model.get("told"), news = model.get("news");
    const found = panels.map((p, k) => joined(told[k], news[k]));
    panels.forEach((p, k) => { if (!p.known) p.show(found[k], 1, at()); else p.show(found[k], end(), at(), false); });
    const epochs = end();
    panels.forEach((p, k) => p.show(found[k], epochs, at(), afresh));
    for (const o of overlays) o.show(epochs);
    stateChanged();
    moved();
  }
  /** At most one drawing a frame, however fast the news come. */
  const soon = () => { frame ||= requestAnimationFrame(() => draw(false)); };

  function moved() {
    slider.max = end();
    const newestX = Math.max(0, ...panels.map((p) => p.known.points.x[p.known.points.x.length - 1] ?? p.known.epochs.length));
    const t = at() < 0 ? newestX : at();
    slider.value = t;
    place.textContent = at() < 0 ? "newest" : `epoch ${Math.min(Math.floor(t) + 1, end())}`;
    slider.setAttribute("aria-valuetext", place.textContent);
    newest.hidden = at() < 0;
    for (const p of panels) p.stand(at(), false);
    for (const o of overlays) o.stand(at(), Math.min(t, end()));
  }
  function layered() {
    const on = !!model.get("overlaid") && overlays.length > 0;
    lay.setAttribute("aria-pressed", on);
    above.hidden = !on;
    for (const o of overlays) for (const p of o.group) p.curves.parentNode.hidden = on;
  }
  function stateChanged() {
    model.get("state").forEach((state, k) => panels[k]?.tell(state, model.get("news")[k]?.samples ?? panels[k].known?.samples));
  }

  function go(t) { model.set("at", t); save(); }
  function toggle() {
    if (rolling) return rest();
    const from = at() < 0 || at() >= end() ? 0 : at(), began = performance.now();
    wear(true);
    const tick = () => {
      const t = from + ((performance.now() - began) / LAPSE) * end();
      if (t >= end()) { rest(); return go(-1); }
      go(t);
      rolling = requestAnimationFrame(tick);
    };
    rolling = requestAnimationFrame(tick);
  }
  function rest() { cancelAnimationFrame(rolling); rolling = 0; wear(false); }
  function wear(on) {
    roll.innerHTML = glyph(on ? "pause" : "play");
    roll.title = on ? "Hold the time-lapse" : "Play the search so far";
    roll.setAttribute("aria-label", roll.title);
  }

  /** Opens the sample nearest in time among those that kept their steps. */
  function choose(k, t) {
    const { moments } = panels[k].known;
    if (!moments.n.length) return;
    const away = moments.x.map((x) => Math.abs(x - t));
    open(k, moments.n[away.indexOf(Math.min(...away))]);
  }
  function open(k, n) {
    const { moments } = panels[k].known;
    const nearest = moments.n.reduce((a, b) => (Math.abs(b - n) < Math.abs(a - n) ? b : a), moments.n[0]);
    if (nearest === undefined) return;
    model.set("opened", [k, nearest]);
    save();
    opened.scrollIntoView?.({ block: "nearest" });
  }
  function openedChanged() {
    closeReplay?.();
    closeReplay = null;
    opened.replaceChildren();
    const [k, n] = model.get("opened");
    const moments = panels[k]?.known?.moments, i = moments ? moments.n.indexOf(n) : -1;
    if (i < 0) return;
    const facts = model.get("runs")[k];
    const film = { ...facts, moments: [{ picks: moments.picks[i], logits: moments.logits[i], facts: moments.facts[i] }] };
    const inner = hostModel({ scene: facts.scene, episode: unpack(facts.scene, film, 0), film: {}, step: 0, moment: 0, playing: false, rolling: false, speed: 1, temperature: 1 });
    const shut = make("button", { type: "button", class: "shut" }, "close");
    hear(shut, "click", () => { model.set("opened", []); save(); });
    const box = make("div");
    opened.append(make("div", { class: "head" }, make("h2", {}, `How ${facts.name} decided one sample`), shut), box);
    closeReplay = replay.render({ model: inner, el: box });
  }

  hear(slider, "input", () => { rest(); go(Number(slider.value)); });
  hear(lay, "click", () => { model.set("overlaid", !model.get("overlaid")); save(); });
  hear(newest, "click", () => { rest(); go(-1); slider.focus(); });
  const themes = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  if (themes?.addEventListener) hear(themes, "change", () => draw(true));
  const dressed = globalThis.MutationObserver && new MutationObserver(() => draw(true));
  for (const node of [document.documentElement, document.body]) dressed?.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "theme", "class"] });
  const resized = globalThis.ResizeObserver && new ResizeObserver(() => {
    root.classList.toggle("enas-narrow", root.clientWidth < 640);
    root.classList.toggle("enas-wide", root.clientWidth >= 900);
    for (const { box } of panels.flatMap((p) => p.nets)) box.tabIndex = box.scrollWidth > box.clientWidth + 1 ? 0 : -1; // what scrolls can be focused
    if (!attached && root.isConnected) { attached = true; draw(true); }
  });
  resized?.observe(root);
  const heard = { "change:runs": build, "change:told": soon, "change:news": soon, "change:state": stateChanged, "change:at": moved, "change:overlaid": layered, "change:opened": openedChanged };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  build();
  return () => {
    life.abort();
    cancelAnimationFrame(frame);
    cancelAnimationFrame(rolling);
    resized?.disconnect();
    dressed?.disconnect();
    closeReplay?.();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
