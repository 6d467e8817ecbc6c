/** Dashboard: one or several runs while they go, or as they went, in one look.
 *
 *  `runs` holds what stays the same, `told` all that was known a while ago, `news` what came since;
 *  `state` says how each run stands. The browser draws; it asks the kernel only to pause, go on or stop
 *  (by a message, which does not wait for a running cell as traits do). `at` is the moment that is looked at, in epochs; below 0: always the newest. `opened` is the
 *  sample that is replayed. Named exports are pure, none may be called `render`. */

import replay, { button, clamp, dress, glyph, make, opIcon, paint, picture, shapes, unpack, unpackPicks } from "./replay.js";
import { hostModel } from "./host.js";

const WIDTH = 560, LEFT = 60, RIGHT = WIDTH - 10;
const SEARCH = { reward: [42, 150], entropy: [186, 240], shape: [276, 316], loss: [352, 392], lr: [428, 458] };
const TRAINING = { reward: [42, 150], loss: [186, 250], lr: [286, 326] }; // of one network, which samples nothing
const LAPSE = 14000; // milliseconds that a whole search takes when it is played
const NETS = 250; // milliseconds between two drawings of the newest network

// ---------------------------------------------------------------- pure

/** All that is known of a run: what was told, and the news that follow on it. */
export function joined(told, news) {
  const follows = news?.after?.[0] === told.points.n.length && news.after[1] === told.moments.n.length && news.after[2] === told.epochs.length;
  if (!follows) return { ...told, now: null, samples: news?.samples ?? told.points.n.length, result: "" };
  const both = (name) => Object.fromEntries(Object.entries(told[name]).map(([k, v]) => [k, news[name][k].length ? v.concat(news[name][k]) : v]));
  return { points: both("points"), moments: both("moments"), epochs: told.epochs.concat(news.epochs), now: news.now, samples: news.samples, result: news.result };
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

const percent = (value) => `${Math.round(100 * value)} %`;
const plain = (value) => String(Number(value.toPrecision(3)));

/** A line through (x, y) pairs; what is unknown is left out. */
function line(pairs, to) {
  const points = pairs.filter(([, y]) => y !== null && y !== undefined).map(([x, y]) => to(x, y));
  return points.length > 1 ? `M${points.join("L")}` : "";
}

/** Dots as one path of strokes without length. */
const dots = (xs, ys, to) => xs.map((x, i) => (ys[i] === null ? "" : `M${to(x, ys[i])}h0`)).join("");

// ---------------------------------------------------------------- one run

/** The part of the page that shows one run. `tell(action)`: what the reader asks of it; `beside(name)`:
 *  extremes of what other runs of its kind plot under that name, so that all have the same scale. */
function panel(facts, uid, hear, tell, beside) {
  const { scene, final } = facts, macro = facts.kind === "macro";
  const PLOTS = final ? TRAINING : SEARCH, HEIGHT = PLOTS.lr[1] + 32;
  const svg = (inside) => picture(`<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg board" viewBox="0 0 ${WIDTH} ${HEIGHT}">${inside}</svg>`, uid);
  const title = (name, text) => PLOTS[name] && `<text class="small strong start" x="2" y="${PLOTS[name][0] - (name === "reward" ? 28 : 12)}">${text}</text>`;
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
  const curves = svg(`
    ${title("reward", final ? "Accuracy on training images" : "Reward: accuracy on validation images")}${keys.join("")}
    ${title("entropy", "Entropy of the policy, in nats") ?? ""}
    ${title("shape", macro ? "Skips that it sets" : "Loose ends of a cell") ?? ""}
    ${title("loss", final ? "Training loss" : "Training loss of the shared weights")}${title("lr", "Learning rate")}
    <rect class="reach" x="${LEFT}" width="${RIGHT - LEFT}" height="0"/>
    <g class="axes"></g><path class="rule aim" d=""/>
    ${names.map((name) => `<path class="${looks[name.split("-")[1]]}" data-line="${name}" d=""/>`).join("")}
    <circle class="dot best" r="4" cx="-99" cy="0"/><path class="cursor" d="M0 ${PLOTS.reward[0] - 8}V${HEIGHT - 26}"/>`);
  const lines = Object.fromEntries(names.map((name) => [name, curves.querySelector(`[data-line="${name}"]`)]));
  const axes = curves.querySelector(".axes"), reach = curves.querySelector(".reach"), aim = curves.querySelector(".aim");
  const ring = curves.querySelector(".best[r='4'][cx='-99']"), cursor = curves.querySelector(".cursor");

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
  const act = (action, label, icon) => button(action, label, icon, () => tell(action), hear);
  const pause = act("pause", "Pause the run", "pause"), stop = act("stop", "Stop the run; it can be resumed", "stop");
  const controls = make("div", { class: "buttons" }, pause, stop);
  const nets = ["best", "latest"].map((which) => {
    const drawing = picture(scene.network, uid), box = make("div", { class: "network", role: "img" }, drawing);
    const words = make("p", { class: "over" }), open = button("open", "Replay this one", "play", () => tell("open", which), hear);
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

  let known = null, span = 1, drawnColumns = 0, axisText = "", lastNets = 0;
  const toX = (t) => LEFT + ((RIGHT - LEFT) * t) / span;
  const toY = (name, low, high) => (value) => PLOTS[name][1] - ((PLOTS[name][1] - PLOTS[name][0]) * (value - low)) / (high - low);

  function axis(name, [low, high, ticks], form) {
    const y = toY(name, low, high);
    return ticks.map((t) => `<path class="rule" d="M${LEFT} ${y(t).toFixed(1)}H${RIGHT}"/><text class="small end" x="${LEFT - 6}" y="${(y(t) + 4).toFixed(1)}">${form(t)}</text>`).join("");
  }
  const ends = ([low, high, ticks]) => [low, high, ticks.length ? [ticks[0], ticks[ticks.length - 1]] : []];

  const height = final ? "train" : "reward";
  const inEpochs = (name) => [...known.epochs, ...(known.now ? [known.now] : [])].map((e) => [e.epoch + 0.5, e[name]]);
  /** All that one of the plots holds. */
  function values(name) {
    if (name === "shape") return known.points.shape;
    const found = inEpochs(name === "reward" ? height : name).map(([, v]) => v).filter((v) => v !== null && v !== undefined);
    return name === "reward" ? [...known.points.accuracy, ...found] : found;
  }

  /** Draws the curves from what is known. */
  function plot() {
    const { points } = known;
    const pooled = (name, most) => scale([...values(name), ...beside(name)], most);
    const reward = pooled("reward");
    const entropy = ends(facts.band ? scale([0, facts.band[1], ...values("entropy"), ...beside("entropy")]) : pooled("entropy", 2));
    const shape = ends(macro ? [0, 1, [0, 1]] : pooled("shape", 2));
    const loss = ends(pooled("loss", 2)), lr = ends(pooled("lr", 2));
    const wanted = nice(span / 7), marks = [1];
    for (let e = wanted; e <= span; e += wanted) if (e > 1) marks.push(e);
    const policy = final ? "" : axis("entropy", entropy, plain) + axis("shape", shape, macro ? percent : plain);
    const text = axis("reward", reward, percent) + policy +
      axis("loss", loss, plain) + axis("lr", lr, plain) +
      marks.map((e) => `<text class="small" x="${toX(e - 0.5).toFixed(1)}" y="${HEIGHT - 8}">${e}</text>`).join("") +
      `<text class="small end" x="${LEFT - 6}" y="${HEIGHT - 8}">epoch</text>`;
    if (text !== axisText) axes.innerHTML = axisText = text;
    const to = (name, axis) => {
      const y = toY(name, axis[0], axis[1]);
      return (t, v) => `${toX(t).toFixed(1)} ${clamp(y(v), PLOTS[name][0] - 6, PLOTS[name][1] + 6).toFixed(1)}`;
    };
    const set = (name, d) => lines[name].setAttribute("d", d);
    const r = to("reward", reward);
    set("reward-dots", dots(points.x, points.accuracy, r));
    set("reward-mean", line(inEpochs(height), r));
    set("reward-baseline", line(points.x.map((x, i) => [x, points.baseline[i]]), r));
    for (const [name, axis, dotted] of [["entropy", entropy, true], ["shape", shape, true], ["loss", loss], ["lr", lr]]) {
      if (!PLOTS[name]) continue;
      if (dotted) set(`${name}-dots`, dots(points.x, points[name], to(name, axis)));
      set(`${name}-mean`, line(inEpochs(name), to(name, axis)));
    }
    if (facts.band && !final && entropy[1] > entropy[0]) {
      const y = toY("entropy", entropy[0], entropy[1]);
      reach.setAttribute("y", y(facts.band[1]));
      reach.setAttribute("height", Math.max(0, y(facts.band[0]) - y(facts.band[1])));
    }
    if (facts.target !== null && !final) aim.setAttribute("d", `M${LEFT} ${toY("shape", 0, 1)(facts.target)}H${RIGHT}`);
    rewardAxis = reward;
  }
  let rewardAxis = [0, 1, []];

  /** Colours of the heat map, as the theme has them. */
  function colours() {
    const style = getComputedStyle(canvas);
    return facts.ops.map((op) => { canvas.style.color = `var(--enas-${op})`; return style.color; });
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
    cursor.setAttribute("transform", `translate(${toX(t).toFixed(1)} 0)`);
    heatCursor.style.left = `${(100 * t) / span}%`;
    const best = bestOf(points.accuracy, count);
    ring.setAttribute("cx", best < 0 ? -99 : toX(points.x[best]).toFixed(1));
    if (best >= 0) ring.setAttribute("cy", toY("reward", rewardAxis[0], rewardAxis[1])(points.accuracy[best]).toFixed(1));
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
      net.box.setAttribute("aria-label", net.words.textContent);
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
    element, nets, curves, kind: facts.kind + final,
    extremes(name) {
      const found = known ? values(name) : [];
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
      const told = final ? known.result : `${known.samples} samples; best ${percent(Math.max(0, ...known.points.accuracy))}.`;
      curves.parentNode.setAttribute("aria-label", `Curves of the run. ${told}`);
    },
    stand,
    tell(state) {
      bar.value = state.done;
      status.textContent = standing(state, facts.epochs, known?.samples ?? 0, final ? known?.result || "one network" : "");
      element.dataset.status = state.status;
      const goes = state.status === "running" || state.status === "paused" || state.status === "waiting";
      controls.hidden = !goes;
      bar.hidden = !goes;
      pause.innerHTML = glyph(state.status === "paused" ? "play" : "pause");
      pause.title = state.status === "paused" ? "Go on with the run" : "Pause the run";
      pause.setAttribute("aria-label", pause.title);
    },
    timeAt(clientX) {
      const box = curves.getBoundingClientRect();
      return clamp(((((clientX - box.left) / box.width) * WIDTH - LEFT) / (RIGHT - LEFT)) * span, 0, span);
    },
  };
}

// ---------------------------------------------------------------- the widget

let views = 0;

function render({ model, el }) {
  const uid = `enasd${Date.now().toString(36)}-${views++}-`;
  const life = new AbortController();
  const hear = (target, event, then, options) => target.addEventListener(event, then, { signal: life.signal, ...options });
  let panels = [], attached = false, queued = false, frame = 0, closeReplay = null, rolling = 0;

  const save = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  };
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Moment of the search" });
  const place = make("span", { class: "place" });
  const roll = button("roll", "Play the search", "play", () => toggle(), hear);
  const newest = make("button", { type: "button", class: "newest", title: "Follow the newest sample" }, "newest");
  const runsBox = make("div", { class: "runs" }), opened = make("div", { class: "opened" });
  const root = make("div", { class: "enas-viz enas-replay enas-dashboard", role: "group", tabindex: "-1",
    "aria-label": "Dashboard of searches" },
    make("div", { class: "controls" }, roll, slider, place, newest), runsBox, opened);
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
  }
  function stateChanged() {
    model.get("state").forEach((state, k) => panels[k]?.tell(state));
  }

  function go(t) { model.set("at", t); save(); }
  function toggle() {
    if (rolling) return rest();
    const from = at() < 0 || at() >= end() ? 0 : at(), began = performance.now();
    roll.innerHTML = glyph("pause");
    const tick = () => {
      const t = from + ((performance.now() - began) / LAPSE) * end();
      if (t >= end()) { rest(); return go(-1); }
      go(t);
      rolling = requestAnimationFrame(tick);
    };
    rolling = requestAnimationFrame(tick);
  }
  function rest() { cancelAnimationFrame(rolling); rolling = 0; roll.innerHTML = glyph("play"); }

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
  const heard = { "change:runs": build, "change:told": soon, "change:news": soon, "change:state": stateChanged, "change:at": moved, "change:opened": openedChanged };
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
