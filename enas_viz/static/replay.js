/** Replay of an episode: the controller's strip, the probabilities of the present step, and the child
 *  network that grows. Of a search, a film: curves over time, every moment of which opens an episode.
 *
 *  `scene` holds two drawings whose shapes name the step that decides them (`data-born`), and templates
 *  of what is said; `episode` holds picks and logits, `film` those of its moments. This module only moves
 *  clocks: it sets class names, fills templates, draws bars. State lives in the traits alone, so a saved
 *  notebook and an exported page play without a kernel.
 *  With `free` set, the reader may choose, too: `mine` holds what each step then picks, `answer` what
 *  the kernel's controller says to that. `whole`: all that is decided shows, not only what came so far.
 *  Named exports are pure; none may be called `render` (anywidget would take it for the widget). */
import { create } from "./element.js";

const SVG = "http://www.w3.org/2000/svg";
const PREFIX = "enas-"; // of ids in the drawings; ids are global in a page, so each view has its own
const BEAT = 1400; // milliseconds a step stays at speed 1
const DRAWN = 520; // in which a draw is shown: a needle falls, tokens travel
const FRAME = 260; // milliseconds of a moment of the film
const HIGH = 600; // pixels of height that a replay takes where it is wide
const BARS = 130; // pixels of a window that are not the notebook's
const WIDE = 860, NARROW = 640; // pixels of its width: from here on, and below this
const LEAST = 0.76, LEAST_CELL = 0.88, MOST = 1.1; // scales of a network and a cell; letters keep 11 pixels (enas_viz.css)
const LEAST_STRIP = 0.92; // of the strip: a longer one shows a window
const TENSES = /\s*\b(past|now|future|rejected|out|about)\b/g;

// ---------------------------------------------------------------- pure

export const clamp = (n, low, high) => Math.min(high, Math.max(low, n));

/** Which action a key means; null: not ours, let it through. */
export const keyAction = (key) =>
  ({ ArrowRight: "next", ArrowLeft: "back", PageDown: "leap", PageUp: "leapBack", Home: "first", End: "last",
     " ": "toggle", k: "toggle" })[key] ?? null;

/** The step that an action leads to, among n. */
export function moved(action, step, n) {
  const to = { next: step + 1, back: step - 1, leap: step + 5, leapBack: step - 5, first: 0, last: n - 1 }[action];
  return to === undefined ? step : clamp(to, 0, n - 1);
}

/** For each step the one that it is shown with: itself; of a silent step that is left out, unless `all`
 *  are wanted, the decision before it, or the first one. */
export function homes({ plan }, all = true) {
  const decides = plan.map(({ kind }) => all || kind !== "silent");
  let home = decides.indexOf(true);
  return decides.map((itself, step) => (home = itself ? step : home));
}

/** Whether something decided at step `born` is past, now or future at step `now`. */
export const tense = (born, now) => (born < now ? "past" : born > now ? "future" : "now");

/** As `tense`, for what a step may leave out: "rejected" while it is being decided, "out" after. */
export const tenseOfChoice = (born, now, on) =>
  on || born > now ? tense(born, now) : born === now ? "rejected" : "out";

/** One row per draw, one probability per option; of bits, a row is [no, yes] of logits (-z, z). */
export function probabilities(kind, logits, temperature = 1) {
  return logits.map((row) => {
    const all = (kind === "bits" ? [-row[0], row[0]] : row).map((z) => z / temperature);
    const top = Math.max(...all);
    const weights = all.map((z) => Math.exp(z - top || 0)); // infinite ones have no difference
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((w) => w / sum);
  });
}

/** What each step picks once the reader took option `i` of a step: of bits the other answer. */
export function chosen(scene, picks, step, i) {
  const made = picks.map((row) => [...row]);
  if (scene.plan[step].kind === "bits") made[step][i] = 1 - made[step][i];
  else made[step][0] = i;
  return made;
}

/** Numbers of the steps, from 0, in which two lists of picks differ. */
export const changedSteps = (was, now) => was.flatMap((row, step) => (String(row) === String(now[step]) ? [] : [step]));

export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
/** As Python tells it: an exact half is rounded up. */
const twoDigits = (p) => (p + 1e-9).toFixed(2);
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** What each step picked, as a film packs it: in order, as digits to base 36. */
export function unpackPicks(scene, film, picks) {
  let p = 0;
  const pick = () => parseInt(picks.slice(p, (p += film.pickDigits)), 36);
  const several = ({ kind, n }) => ({ silent: 0, pick: 1, bits: n })[kind];
  return { steps: scene.plan.map((turn) => [Array.from({ length: several(turn) }, pick), []]), facts: "", note: "" };
}

/** An episode as a film packs it: picks and logits in order. */
export function unpack(scene, film, moment) {
  const { picks, logits, facts, changed } = film.moments[moment];
  const w = film.digits, middle = Math.floor(36 ** w / 2);
  let z = 0;
  const one = () => (parseInt(logits.slice(z, (z += w)), 36) - middle) * film.unit;
  const take = (n) => Array.from({ length: n }, one);
  const shaped = ({ kind, n }) => ({ silent: () => [], pick: () => [take(n)], bits: () => take(n).map((value) => [value]) })[kind]();
  const steps = unpackPicks(scene, film, picks).steps.map(([chosen], step) => [chosen, shaped(scene.plan[step])]);
  return { steps, facts, note: film.note, changed };
}

/** The moment nearest to `x` in a drawing. */
export function nearest(moments, x) {
  const away = moments.map((moment) => Math.abs(moment.x - x));
  return away.indexOf(Math.min(...away));
}

/** Of the slider's position: 0 is 1, ten steps double. */
export const temperatureAt = (position) => 2 ** (position / 10);

const optionsOf = (scene, { options, n }) => scene.options[options].slice(0, n);

/** The lines of the probability panel: {label, p, picked, answer, op}. */
export function bars(scene, episode, step, temperature = 1) {
  const turn = scene.plan[step], { words } = scene;
  if (turn.kind === "silent") return [];
  const [picks, logits] = episode.steps[step];
  const rows = probabilities(turn.kind, logits, temperature);
  return optionsOf(scene, turn).map(({ label, op }, i) => {
    const bits = turn.kind === "bits", picked = bits ? !!picks[i] : picks[0] === i;
    const answer = bits ? (picked ? words.yes : words.no) : picked ? words.sampled : "";
    return { label, p: bits ? rows[i][1] : rows[0][i], picked, answer, op };
  });
}

/** Where options stand on a line from 0 to 1, one after the other: [[start, end]]. */
export function segments(shares) {
  const sum = shares.reduce((a, b) => a + b, 0);
  let end = 0;
  return shares.map((share) => [end, (end += share / sum)]);
}

/** Where the needle of a draw falls: inside the segment of what was picked. Records keep the pick and not
 *  the number that was drawn, so any place there is as good; this one is always the same. */
export const needleAt = ([start, end], key) => start + (end - start) * (0.2 + 0.6 * ((key * 0.618) % 1));

/** The loose ends of a cell: numbers of the tensors that none of its index steps picked. */
export function looseEnds(scene, episode, cell) {
  const used = new Set(scene.plan.flatMap(({ options, at }, step) =>
    options && options !== "ops" && at.startsWith(`${cell}.`) ? episode.steps[step][0] : []));
  const { first, names } = scene.loose;
  return names.flatMap((_, tensor) => (tensor < first || used.has(tensor) ? [] : [tensor]));
}

/** What is said at a step: {count, question, answer, whole}; `whole` is the full sentence. home: as
 *  `homes` finds it; only steps that are shown are counted. */
export function caption(scene, episode, step, home = homes(scene)) {
  const { words, plan } = scene, turn = plan[step], shown = [...new Set(home)], last = home.lastIndexOf(step);
  const count = fill(words.count, { step: shown.indexOf(step) + 1, steps: shown.length }) + (turn.cite ? ` · ${turn.cite}` : "");
  const source = turn.of === undefined ? "" : scene.options[plan[turn.of].options][episode.steps[turn.of][0][0]].label;
  const question = fill(turn.ask, { source });
  let answer = turn.why;
  if (turn.kind === "pick") {
    const [picked] = episode.steps[step][0];
    const p = twoDigits(bars(scene, episode, step)[picked].p);
    answer = fill(words.picked, { option: capital(optionsOf(scene, turn)[picked].name), p });
  } else if (turn.kind === "bits") answer = yesAndNo(scene, bars(scene, episode, step));
  const cell = plan.slice(step, last + 1).find((told) => told.loose >= 0);
  if (cell) {
    const ends = looseEnds(scene, episode, cell.loose);
    answer += ` ${fill(ends.length === 1 ? words.only : words.loose, { list: ends.map((t) => scene.loose.names[t]).join(", ") })}`;
  }
  if (last === plan.length - 1) answer += ` ${words.whole}`;
  return { count, question, answer, whole: `${count}: ${question} ${answer}` };
}

function yesAndNo({ words, few }, found) {
  const told = (bar) => ({ row: bar.label, p: twoDigits(bar.p), answer: bar.answer });
  if (found.length <= few)
    return found.map((bar) => fill(words.row, { ...told(bar), row: capital(bar.label) })).join(" ");
  const chosen = found.filter((bar) => bar.picked);
  if (!chosen.length) return fill(words.none, { rows: found.length });
  const list = chosen.map((bar) => fill(words.item, told(bar))).join(", ");
  return fill(words.some, { n: chosen.length, rows: found.length, list });
}

/** What a step emitted, in one or two short lines. */
export function token(scene, episode, step) {
  const turn = scene.plan[step];
  const [picks] = episode.steps[step];
  if (turn.kind === "silent") return ["–"];
  const options = optionsOf(scene, turn);
  if (turn.kind === "pick") return options[picks[0]].token;
  const listed = picks.flatMap((bit, i) => (bit ? options[i].token[0] : [])).join(",");
  return listed.length > 5 ? [`${picks.filter(Boolean).length} of`, String(picks.length)] : [listed || "none"];
}

/** How far to scroll a window of `width` so that `x` stands in its middle. */
export const centred = (x, width, total) => clamp(x - width / 2, 0, Math.max(0, total - width));

/** How large to show a drawing of `w` by `h` in so much room; one that is still too wide scrolls. */
export function scaleOf(w, h, room, high, least) {
  const most = Math.min(MOST, high / h);
  return room / w < least ? clamp(most, least, 1) : Math.max(least, Math.min(most, room / w));
}

/** The captions of an episode that has the most to say at every step: they need the most room. */
export function longestCaptions(scene, home = homes(scene)) {
  const longest = (options) => options.reduce((best, { name }, i) => (name.length > options[best].name.length ? i : best), 0);
  const steps = scene.plan.map((turn) => ({
    silent: () => [[], []],
    pick: () => [[longest(optionsOf(scene, turn))], [Array(turn.n).fill(0)]],
    bits: () => [Array(turn.n).fill(1), Array(turn.n).fill([0])],
  })[turn.kind]());
  return [...new Set(home)].map((step) => caption(scene, { steps }, step, home));
}

// ---------------------------------------------------------------- elements

export const make = create;

/** The colour of an operation: those that a trace brings have their own variables. */
export const colourOf = (op) => `var(--enas-op-${op}, var(--enas-${op}))`;

/** Markup to an element, ids made this view's own. */
export function picture(markup, uid) {
  const holder = document.createElement("div");
  holder.innerHTML = markup.replaceAll(`id="${PREFIX}`, `id="${uid}`).replaceAll(`href="#${PREFIX}`, `href="#${uid}`);
  return holder.firstElementChild;
}

// Paths, since many fonts lack the signs of players.
const ICONS = {
  first: "M3.5 3h2v10h-2zM13 3v10L6 8z", back: "M11 3v10L4.5 8z", play: "M4.5 2.5 13 8l-8.5 5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z", next: "M5 3v10l6.5-5z", last: "M10.5 3h2v10h-2zM3 3v10l7-5z",
  stop: "M3.5 3.5h9v9h-9z" };

export const glyph = (name) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${ICONS[name]}" fill="currentColor"/></svg>`;

const mini = (inside, uid) => picture(
  `<svg xmlns="${SVG}" class="enas-svg mini" viewBox="-10 -10 20 20" width="18" height="18" aria-hidden="true">${inside}</svg>`, uid);

export const opIcon = (uid, op, coloured) =>
  mini(`<g class="${coloured ? `op-${op}` : "pixel"}"><use href="#${PREFIX}i-${op}"/></g>`, uid);

/** A button with an icon; `hear` adds the listener. */
export function button(action, label, icon, then, hear) {
  const made = make("button", { type: "button", "aria-label": label, title: label, "data-act": action });
  made.innerHTML = glyph(icon);
  hear(made, "click", then);
  return made;
}

// ---------------------------------------------------------------- the drawings in motion

/** The shapes of a drawing by the step that decides them, each with how to set it. home: of each step
 *  the one that it is shown with. */
export function shapes(network, strip, home = []) {
  const found = [];
  for (const element of [...network.querySelectorAll("[data-born]"), ...(strip?.querySelectorAll("[data-step]") ?? [])]) {
    const { born, step, row, none, at, merge, loose } = element.dataset;
    const kind = ["step", "row", "merge", "wire", "loose", "fixed"].find((name) => name in element.dataset) ?? "layer";
    const base = element.getAttribute("class").replace(TENSES, "");
    found.push({ element, kind, base, born: step ? Number(step) : home[born] ?? Number(born), row: Number(row), none, merge, at, loose });
  }
  return found;
}

/** The tense of a shape at step `now`; picks: of its step; bits: whether that decides yes or no
 *  for each option; none: whether a choice is there, too, where all are no; merge: how many must be yes
 *  for this point of merging; on: of a loose end, whether it is one. */
export function look({ kind, born, row, none, merge, on }, now, picks, bits) {
  const yes = picks.filter(Boolean).length;
  if (kind === "row") return tenseOfChoice(born, now, bits ? picks[row] || (none && !yes) : picks[0] === row);
  if (kind === "merge" || kind === "loose") return on || yes >= merge || born > now ? tense(born, now) : "out";
  if (kind === "wire") return born > now ? "future" : "past";
  return kind === "fixed" ? "past" : tense(born, now);
}

/** Sets the looks of shapes at a step; of those only that are decided from step `low` to `high`, unless
 *  they belong to what the step is about. came: is called with each choice that the step takes. whole:
 *  later decisions show, too. clock: `step`, or before it where the network does not show yet what it decides. */
export function paint(parts, scene, episode, step, low, high, came, whole = false, clock = step) {
  const about = scene.plan[step]?.at ?? null; // beyond the last step the network is whole
  for (const part of parts) {
    if (!part.at && (part.born < low || part.born > high)) continue; // its look stays
    const now = whole && part.born > step ? Infinity : part.kind === "step" ? step : clock;
    const tense = look(part, now, episode.steps[part.born][0], scene.plan[part.born].kind === "bits");
    const name = `${part.base} ${tense}${part.at === about ? " about" : ""}`;
    if (name !== part.name) part.element.setAttribute("class", (part.name = name));
    if (part.row >= 0 && tense === "now") came(part.element);
  }
}

/** Writes into the drawings what an episode picked; hidden until its step comes. strip: may be missing. */
export function dress(scene, episode, network, strip, parts, uid) {
  const ends = {};
  scene.plan.forEach((turn, step) => {
    if (turn.loose >= 0) {
      const found = looseEnds(scene, episode, turn.loose);
      for (const tensor of found) ends[`${turn.loose}.${tensor}`] = true;
      ends[`${turn.loose}.join`] = found.length > 1;
    }
    const cell = strip?.querySelector(`[data-step="${step}"]`);
    const lines = cell ? token(scene, episode, step) : [];
    cell?.querySelectorAll(".token").forEach((text, i) => {
      const line = lines[i] ?? "";
      if (text.textContent === line) return;
      text.dataset.y ??= text.getAttribute("y");
      text.setAttribute("y", Number(text.dataset.y) + (lines.length === 1 ? 6.5 : 0));
      text.textContent = line;
    });
    const from = network.querySelector(`.from[data-born="${step}"]`);
    if (from) [from.textContent] = token(scene, episode, step);
    if (turn.options !== "ops") return;
    const { op } = scene.options.ops[episode.steps[step][0][0]];
    const layer = network.querySelector(`.layer[data-born="${step}"]`);
    layer.querySelector("use").setAttribute("href", `#${uid}${op}`);
    layer.querySelector(".label").setAttribute("class", `label op-${op}`);
    if (scene.colour !== "op") return;
    layer.querySelector(".face").setAttribute("class", `face op-${op}`);
    cell?.querySelector(".tinted").setAttribute("class", `tinted op-${op}`);
  });
  for (const part of parts) if (part.loose) part.on = !!ends[part.loose];
}

/** recorded: what the marks show. choose: called with the option that the reader takes. open: whether it
 *  does not show yet what was picked. Lines stay while the options do, so that bars grow and shrink. */
function drawBars(list, scene, episode, step, uid, temperature, recorded, choose, open) {
  const found = bars(scene, episode, step, temperature), { options, kind } = scene.plan[step];
  const was = temperature === 1 && episode === recorded ? found : bars(scene, recorded, step);
  const columns = Math.max(1, Math.ceil(found.length / scene.rows));
  list.style.setProperty("--columns", columns);
  list.style.setProperty("--lines", Math.ceil(found.length / columns)); // columns of one length
  list.classList.toggle("ops", options === "ops");
  list.classList.toggle("sampled", kind === "pick");
  list.classList.toggle("whatif", was !== found);
  const holds = [options, kind, found.length, !choose, was === found].join();
  if (list.holds !== holds) {
    const held = [...list.children].indexOf(document.activeElement?.parentNode); // its button has the focus
    list.holds = holds;
    list.replaceChildren(...found.map(({ label, op }, i) => {
      const share = make("i");
      if (op && scene.colour === "op") share.style.background = colourOf(op);
      const name = make("span", { class: "name" }, ...(op ? [opIcon(uid, op, scene.colour === "op")] : []), make("span", {}, label));
      const line = make("li", {}, name, make("span", { class: "track" }, share, ...(was === found ? [] : [make("s")])), make("span", { class: "p" }),
        make("span", { class: "mark" }, make("b"), ""));
      if (choose) {
        const take = make("button", { type: "button", class: "choose", "aria-label": label });
        take.onclick = () => choose(i);
        line.append(take);
      }
      return line;
    }));
    if (held >= 0) (list.querySelectorAll("button")[held] ?? list.closest("[role]")).focus();
  }
  found.forEach(({ p, picked, answer }, i) => {
    const line = list.children[i], [, track, percent, mark, take] = line.children, [share, before] = track.children;
    line.className = picked && !open ? "picked" : "";
    share.style.width = `${100 * p}%`;
    if (before) before.style.left = `${100 * was[i].p}%`;
    percent.textContent = twoDigits(p);
    mark.lastChild.data = open ? "" : answer;
    take?.setAttribute("aria-pressed", picked);
  });
  return found;
}

// ---------------------------------------------------------------- parts of the widget

const line = (name, more = {}, ...text) => make("p", { class: name, ...more }, ...text);

/** A button of one word. */
function word(text, then) {
  const made = make("button", { type: "button", class: "word" }, text);
  made.onclick = then;
  return made;
}

/** A button that shows or hides `what`. */
function fold(text, about, what, then = () => {}) {
  const made = word(text, () => { what.hidden = !what.hidden; tell(); then(); });
  made.setAttribute("aria-label", `${text}: ${about}`);
  const tell = () => made.setAttribute("aria-expanded", String(!what.hidden));
  what.hidden = true;
  tell();
  return made;
}

/** The whole episode as a row of dots, one for each step in `order`; go: called with the step that is pointed at. */
function dotsOf(scene, order, go, hear) {
  const dots = order.map(() => make("i"));
  const gap = (i) => (i && scene.plan[order[i - 1]].at !== scene.plan[order[i]].at ? "gap " : ""); // before another layer or node
  const row = make("div", { class: "dots", "aria-hidden": "true" }, ...dots);
  const at = (event) => {
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    const away = dots.map((dot) => { const { left, width } = dot.getBoundingClientRect(); return Math.abs(left + width / 2 - event.clientX); });
    go(order[away.indexOf(Math.min(...away))]);
  };
  for (const event of ["pointerdown", "pointermove"]) hear(row, event, at);
  /** seen: which steps the strip shows. */
  row.show = (now, seen) => dots.forEach((dot, i) => {
    dot.className = `${gap(i)}${tense(order[i], now)}${seen(order[i]) ? " seen" : ""}`;
  });
  return row;
}

// ---------------------------------------------------------------- the widget

let views = 0;

/** theatre: of `theatre.js`, for hosts that bring it along. extras: called with parts of the replay, each
 *  returns what it adds: waits(step), a prompt where the step is not told yet; took(i), whether a click on
 *  an option was its own; panel(step, found, waits), once the bars are drawn; end(). */
function render({ model, el, theatre, extras = [] }) {
  const uid = `enas${Date.now().toString(36)}-${views++}-`;
  const life = new AbortController();
  const hear = (target, event, then, options) => target.addEventListener(event, then, { signal: life.signal, ...options });
  const still = () => globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  let scene, recorded, episode, film, n, home, order, network, strip, parts, shown = -1, timers = {}, queued = false, lastMove = -1e9;
  let tossed; // the draw that is being shown
  let rows, dots, opened = 0, fitted = 0; // of the strip; the cell that is open; the width that everything was fitted to

  const mover = (action, label) => button(action, label, action, () => act(action), hear);
  const play = button("toggle", "Play (Space)", "play", () => toggle(), hear);
  const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Step of the controller" });
  const speed = make("select", { "aria-label": "Speed" },
    ...[0.5, 1, 2, 4].map((v) => make("option", { value: v }, `${v}×`)));
  const warmth = make("input", { type: "range", min: -20, max: 20, step: 1, "aria-label": "What if: temperature" });
  const degrees = make("output"), whatIf = make("span", { class: "hint" });
  const legend = make("ul", { class: "legend", id: `${uid}legend`, "aria-label": "What the icons mean" });
  const key = fold("Legend", "what the icons mean", legend);
  const count = line("count");
  const controls = make("div", { class: "controls steps" }, make("div", { class: "buttons" }, mover("first", "First step (Home)"),
      mover("back", "Previous step (Left)"), play, mover("next", "Next step (Right)"), mover("last", "Last step (End)")),
    slider, count, make("label", { class: "warmth" }, make("span", { class: "what" }, make("span", {}, "What if: temperature"), whatIf), warmth, degrees),
    speed, key);

  const roll = button("roll", "Play the search", "play", () => toggleRoll(), hear);
  const scrubber = make("input", { type: "range", min: 0, step: 1, "aria-label": "Network of the search" });
  const place = make("span", { class: "place" });
  const [curvesBox, layersBox] = [0, 1].map(() => make("div", { class: "time", "aria-hidden": "true" }));
  const spark = make("div", { class: "spark", "aria-hidden": "true" }), reach = make("div", { class: "reach", "aria-hidden": "true" });
  const times = make("div", { class: "times" }, curvesBox, layersBox);
  const search = make("div", { class: "film" }, make("div", { class: "controls search" }, roll, reach, make("div", { class: "course" }, spark, scrubber), place,
    fold("Curves", "of the search, and which operations it used", times, () => centreCurves())), times);

  const facts = line("facts"), note = line("note"), answer = line("answer");
  const builds = line("over builds"), differs = line("hint"), tabs = make("div", { class: "tabs" });
  const ask = (what) => model.send?.({ ask: what, step: now() });
  const silence = word("", () => { model.set("silent", !model.get("silent")); push(); });
  const goesOn = word("Let the controller go on from here", () => ask("continue"));
  const back = word("Back to what was sampled", () => { model.set("mine", []); push(); });
  const seat = make("div", { class: "seat" }, goesOn, back, differs);
  const question = line("question", { id: `${uid}question` }), said = line("unseen", { id: `${uid}said` });
  const list = make("ul", { class: "bars", tabindex: "-1", "aria-labelledby": `${uid}question` });
  const overview = make("div", { class: "overview" });
  const stripBox = make("div", { class: "strip", "aria-hidden": "true" });
  const networkBox = make("div", { class: "network", tabindex: "-1", role: "img", "aria-labelledby": `${uid}said` });
  const live = make("div", { class: "unseen", "aria-live": "polite" });
  const root = make("div", { class: "enas-viz enas-replay enas-player", role: "group", tabindex: "0",
    "aria-label": "Replay of the controller's decisions" },
    note, search, line("over decides", {}, "The controller decides"), overview, stripBox, make("div", { class: "heading" }, builds, tabs, silence, facts), networkBox,
    make("div", { class: "told" }, make("div", { class: "words" }, question, answer), list), seat, controls, legend, said, live);
  el.append(root);
  const hall = theatre?.({ model, root, uid, hear, push, acts: { toggle: () => toggle(), roll: () => toggleRoll(), act: (action) => act(action),
    open: (moment) => open(moment), go: (step) => go(step) }, view: () => ({ scene, episode, step: now(), moment: film ? at() : 0 }) });
  if (hall) speed.after(hall.button);
  const added = extras.map((extra) => extra({ model, root, list, seat, controls, goesOn, back, live, make, word, hear, push, ask, now: () => now(), turn: (step) => scene.plan[step],
    draw: () => draw(true), panel: () => { land(); drawPanel(shown); }, fit: () => fit() }));
  const waiting = (step) => added.map((extra) => extra.waits?.(step)).find(Boolean);
  const take = (i) => added.some((extra) => extra.took?.(i)) || choose(i);

  const now = () => home[clamp(model.get("step"), 0, home.length - 1)];
  /** Where the present step stands among those that are shown; and to the one that stands there. */
  const spot = () => order.indexOf(now());
  const goTo = (i) => go(order[clamp(i, 0, order.length - 1)]);
  const act = (action) => goTo(moved(action, spot(), order.length));

  function build() {
    scene = model.get("scene");
    list.holds = null; // lines of another scene
    network = picture(scene.network, uid);
    strip = picture(scene.strip, uid);
    networkBox.replaceChildren(network);
    stripBox.replaceChildren(strip);
    rows = new Set([...strip.querySelectorAll(".hit")].map((hit) => hit.getAttribute("y"))).size;
    builds.textContent = scene.builds;
    home = homes(scene, !scene.folds || model.get("silent"));
    order = [...new Set(home)];
    silence.hidden = !scene.folds || scene.article;
    silence.textContent = `${order.length < home.length ? "Show" : "Hide"} silent steps`;
    strip.classList.toggle("folded", order.length < home.length);
    for (const cell of strip.querySelectorAll("[data-step]"))
      cell.querySelector(".number").textContent = order.indexOf(Number(cell.dataset.step)) + 1 || "";
    parts = shapes(network, strip, home);
    dots = dotsOf(scene, order, (step) => { if (step !== now()) go(step); }, hear);
    overview.replaceChildren(dots);
    root.style.setProperty("--rows", scene.rows);
    legend.replaceChildren(
      ...scene.options.ops.map(({ op, name }) => make("li", {}, opIcon(uid, op, scene.colour === "op"), name)),
      ...scene.signs.map(([sign, words]) => make("li", {}, mini(sign, uid), words)));
    tabs.replaceChildren(...(scene.cells ?? []).map(({ name, about }, cell) => {
      const tab = word(name, () => openCell(cell));
      tab.title = `${name}: ${about}`;
      tab.setAttribute("aria-label", tab.title);
      return tab;
    }));
    tabs.hidden = !scene.cells;
    builds.classList.toggle("unseen", !!scene.cells);
    openCell(0);
    setUpFilm();
    load();
    fit();
  }

  // ---- what fits: widths are the reader's; heights follow, and stay as they are from step to step

  /** Of a drawing, what is shown of it. */
  const sizeOf = (drawing) => { const { width, height } = drawing.viewBox.baseVal; return [width, height]; };

  function size(box, drawing, scale) {
    const [width, height] = sizeOf(drawing);
    box.style.setProperty("--scale", scale.toFixed(4));
    Object.assign(drawing.style, { width: `${width * scale}px`, height: `${height * scale}px` });
  }

  /** Room for the longest of what is said. */
  function reserve() {
    const told = longestCaptions(scene, home), of = (name) => [...told].sort((a, b) => b[name].length - a[name].length).slice(0, 5);
    const kept = [question.textContent, answer.textContent];
    root.style.setProperty("--ask", "0px");
    root.style.setProperty("--say", "0px");
    let most = 0, asks = 0;
    for (const text of [...of("question"), ...of("answer")]) {
      [question.textContent, answer.textContent] = [capital(text.question), text.answer];
      asks = Math.max(asks, question.offsetHeight);
      most = Math.max(most, question.offsetHeight + answer.offsetHeight);
    }
    [question.textContent, answer.textContent] = kept;
    for (const [label, text] of [[count, fill(scene.words.count, { step: order.length, steps: order.length })], [place, film && placed(film.moments.length - 1)]]) {
      const kept = label.textContent;
      label.style.minWidth = 0;
      label.textContent = text || "";
      label.style.minWidth = `${Math.ceil(label.getBoundingClientRect().width)}px`;
      label.textContent = kept;
    }
    root.style.setProperty("--ask", `${asks}px`);
    root.style.setProperty("--say", `${most + 4}px`);
  }

  function fit() {
    land();
    fitted = root.clientWidth;
    root.classList.toggle("enas-narrow", fitted < NARROW);
    root.classList.toggle("enas-wide", fitted >= WIDE);
    const room = stripBox.clientWidth;
    if (!room) return; // not in the page yet, or in a hidden tab
    reserve();
    const [width, height] = sizeOf(strip), scale = room / width < LEAST_STRIP ? 1 : Math.min(1, room / width);
    const sizeStrip = (scale) => {
      size(stripBox, strip, scale);
      stripBox.style.height = `${(height / rows) * scale}px`; // one row
    };
    sizeStrip(scale);
    overview.hidden = rows === 1 && width * scale <= room + 1;
    const most = fitted >= WIDE ? HIGH - 1 : fitted >= NARROW ? Math.max(HIGH - 1, innerHeight - BARS) : Infinity;
    const others = root.offsetHeight - networkBox.offsetHeight - times.offsetHeight;
    const [w, h] = sizeOf(network), drawn = scaleOf(w, h, room, most - others, scene.loose ? LEAST_CELL : LEAST);
    // Steps of cells stand over the nodes that they are about, so both have one scale.
    const both = w === width && Math.min(drawn, scale) >= LEAST_STRIP ? Math.min(drawn, scale) : null;
    size(networkBox, network, both ?? drawn);
    sizeStrip(both ?? scale);
    if (shown >= 0) follow(true);
  }

  function openCell(cell) {
    opened = cell;
    const found = scene.cells?.[cell];
    if (!found) return;
    network.setAttribute("viewBox", `0 ${found.top} ${network.getAttribute("width")} ${found.height}`);
    [...tabs.children].forEach((tab, i) => tab.setAttribute("aria-pressed", String(i === cell)));
  }

  /** The open moment. */
  const at = () => clamp(model.get("moment"), 0, film.moments.length - 1);

  const placed = (moment) => `network ${moment + 1} of ${film.of}`;

  function setUpFilm() {
    film = model.get("film");
    const there = !!film?.moments;
    search.hidden = !there;
    if (!there) return (film = null);
    for (const [box, drawing] of [[curvesBox, film.curves], [layersBox, film.layers], [spark, film.spark]]) box.replaceChildren(picture(drawing, uid));
    reach.replaceChildren(...film.reach.map((text) => make("span", {}, text)));
    scrubber.max = film.moments.length - 1;
  }

  /** What is shown: the recorded episode, or what the reader made of it. */
  function present() {
    const mine = model.get("mine"), told = model.get("answer");
    if (!mine?.length) return recorded;
    const logits = told?.steps?.length ? told : recorded;
    return { ...recorded, steps: mine.map((picks, step) => [picks, logits.steps[step][1]]) };
  }
  function choose(i) {
    const step = now(), picks = chosen(scene, episode.steps.map(([picks]) => picks), step, i);
    const same = !changedSteps(recorded.steps.map(([picks]) => picks), picks).length;
    model.set("mine", same && !model.get("whole") ? [] : picks);
    push();
  }
  function seated() {
    const free = model.get("free");
    seat.hidden = model.get("whole") || !(free || episode !== recorded);
    goesOn.hidden = !free || !model.get("asks");
    back.hidden = !free;
    back.disabled = episode === recorded;
    const steps = episode === recorded ? [] : changedSteps(recorded.steps.map(([p]) => p), episode.steps.map(([p]) => p));
    differs.textContent = steps.length ? `yours: step ${steps.map((s) => order.indexOf(s) + 1).join(", ")}; marks: as sampled`
      : "What if? Click an option that was not sampled.";
  }

  function centreCurves() {
    const { x } = film.moments[at()];
    for (const box of [curvesBox, layersBox]) box.scrollLeft = centred((x / film.width) * box.scrollWidth, box.clientWidth, box.scrollWidth);
  }

  function load(fresh) {
    recorded = film ? unpack(scene, film, at()) : model.get("episode");
    episode = present();
    n = episode.steps.length;
    if (film) {
      const { x, facts: told } = film.moments[at()];
      for (const cursor of root.querySelectorAll(".cursor")) cursor.setAttribute("transform", `translate(${x} 0)`);
      centreCurves();
      scrubber.value = at();
      place.textContent = placed(at());
      scrubber.setAttribute("aria-valuetext", `${place.textContent}: ${told}`);
    }
    slider.max = order.length - 1;
    facts.textContent = episode.facts;
    note.textContent = episode.note;
    note.hidden = !episode.note;
    dress(scene, episode, network, strip, parts, uid);
    for (const cell of strip.querySelectorAll("[data-step]")) cell.dataset.new = episode.changed?.includes(+cell.dataset.step);
    shown = -1;
    const had = seat.hidden;
    seated();
    draw(fresh === true && now() === order[0]);
    if (fitted && had !== seat.hidden) fit();
  }

  /** What is said at a step, which may wait for the reader. */
  function told(step) {
    const text = caption(scene, episode, step, home), prompt = waiting(step);
    return prompt ? { ...text, answer: prompt, whole: `${text.count}: ${text.question} ${prompt}` } : text;
  }

  /** again: also where the step is shown already, or is the first one of a new sample. */
  function draw(again = false) {
    const step = now();
    if (step === shown && !again) return;
    lift();
    const quick = root.classList.contains("enas-fast") || still(), waits = !!waiting(step);
    const onward = !quick && !waits && (again || step === order[order.indexOf(shown) + 1]);
    const drawn = onward && (again || shown >= 0) && isDraw(step);
    const [low, high] = shown < 0 ? [-1, n] : [Math.min(step, shown), Math.max(step, shown)];
    show(step, low, high, onward && !drawn, drawn || waits ? step - 0.5 : step);
    const found = drawPanel(step, drawn);
    const text = told(step);
    count.textContent = text.count;
    question.textContent = capital(text.question);
    answer.textContent = text.answer;
    said.textContent = `The network so far. ${text.whole}`;
    if (!model.get("playing")) live.textContent = text.whole;
    slider.value = spot();
    slider.setAttribute("aria-valuetext", text.whole);
    const cell = cellOf(step);
    if (cell !== cellOf(shown) || shown < 0) openCell(cell); // a cell that the reader opened stays until then
    [...tabs.children].forEach((tab, i) => tab.classList.toggle("now", i === cell));
    shown = step;
    follow(quick);
    if (drawn) toss(step, found);
  }

  function show(step, low, high, grows, clock) {
    paint(parts, scene, episode, step, low, high, (element) => {
      element.parentNode.append(element); // on top
      if (grows) grow(element);
    }, model.get("whole") || model.get("rolling"), clock);
  }

  // ---- a step that is gone on to is shown as a draw

  /** Whether something was sampled there, not chosen by the reader, and somebody sees it. */
  const isDraw = (step) => episode.steps[step][1][0] && String(recorded.steps[step][0]) === String(episode.steps[step][0])
    && !(model.get("whole") || model.get("theatre") || document.hidden);

  /** A needle falls on the line of options (of bits, one on each track: yes, then no), and what it hit
   *  travels into the strip. found: the bars. */
  function toss(step, found) {
    const rect = (element) => element.getBoundingClientRect();
    const turn = scene.plan[step], bits = turn.kind === "bits", ends = segments(found.map(({ p }) => p)), told = token(scene, episode, step);
    const frame = rect(root), { x, y, width } = rect(list), box = (tossed = make("div", { class: "toss", "aria-hidden": "true" })), coins = [];
    box.style.translate = `${-frame.x - 1}px ${-frame.y - 1}px`; // places in it are those of the window; 1: the border
    const put = (tag, x, y, width, height, more = "", text = "") =>
      box.append(make(tag, { style: `left:${x}px;top:${y}px;width:${width}px;height:${height}px;${more}` }, text));
    const run = (tag, from, share, then) => {
      const how = { duration: (DRAWN * share) / (model.get("speed") || 1), easing: "ease-in-out" };
      box.querySelectorAll(tag).forEach((element, i) => { element.animate([from(i), {}], how).onfinish = i ? null : then; });
    };
    found.forEach(({ p, picked }, i) => {
      const track = list.children[i].children[1], [start, end] = !bits ? ends[i] : picked ? [0, p] : [p, 1];
      const line = bits ? rect(track) : { x, y: y - 7, width, height: 5 }, at = line.x + line.width * needleAt([start, end], step + i);
      if (!bits) put("u", x + width * start, line.y, width * (end - start), 5, `background:${track.firstChild.style.background}`);
      if (bits || picked) put("em", at, line.y - 4, 2, line.height + 6);
      if (picked) coins.push([at, line.y, bits ? optionsOf(scene, turn)[i].token : told]);
    });
    if (!coins.length) coins.push([x, y, told]);
    root.append(box);
    run("em", () => ({ translate: "0 -20px", opacity: 0 }), 0.45, () => {
      drawPanel(step);
      follow(true); // where the slot stays
      const slot = rect(strip.querySelector(`[data-step="${step}"] .chip`)), wide = slot.width / coins.length;
      coins.forEach(([, , text], i) => put("b", slot.x + i * wide, slot.y, wide, slot.height, "", text.join("\n")));
      run("b", (i) => ({ translate: `${coins[i][0] - slot.x - (i + 0.5) * wide}px ${coins[i][1] - slot.y - slot.height / 2}px`, scale: 0.5 }), 0.55, land);
    });
  }
  const lift = () => { tossed = tossed?.remove(); };
  function land() {
    if (!tossed) return;
    lift();
    drawPanel(shown);
    show(shown, shown, shown, true);
  }

  /** The cell that a step is about. */
  const cellOf = (step) => (scene.cells && step >= 0 ? Number(scene.plan[step].at.split(".")[0]) : 0);

  function drawPanel(step, open) {
    const temperature = model.get("temperature") || 1, silent = scene.plan[step].kind === "silent", waits = !!waiting(step);
    const found = drawBars(list, scene, episode, step, uid, temperature, model.get("whole") ? episode : recorded,
      (model.get("free") || added.some((extra) => extra.took)) && take, open || waits);
    warmth.value = Math.round(10 * Math.log2(temperature));
    degrees.textContent = temperature.toFixed(2);
    warmth.disabled = silent;
    list.parentNode.classList.toggle("silent", silent);
    warmth.parentNode.classList.toggle("whatif", temperature !== 1);
    whatIf.textContent = temperature === 1 ? "" : "what if (marks: as sampled)";
    for (const extra of added) extra.panel?.(step, found, waits);
    return found;
  }

  /** An arc grows from the layer it leaves to the layer it feeds. */
  function grow(arc) {
    const length = arc.getTotalLength?.();
    if (length) arc.animate?.([{ strokeDasharray: `0 ${length}` }, { strokeDasharray: `${length} 0` }], { duration: 500, easing: "ease-out" });
  }

  /** Keeps the present step in view; what scrolls can be focused. */
  function follow(quick) {
    const behavior = quick ? "auto" : "smooth";
    for (const box of [networkBox, list]) box.tabIndex = box.scrollWidth > box.clientWidth + 1 ? 0 : -1;
    const scaled = (drawing) => drawing.clientWidth / Number(drawing.getAttribute("width"));
    const middle = (mark) => Number(mark.getAttribute("x")) + Number(mark.getAttribute("width")) / 2;
    const slot = network.querySelector(`[data-at="${scene.plan[shown].at}"] :is(.slot, .fixed)`);
    if (slot && networkBox.scrollWidth > networkBox.clientWidth + 1)
      networkBox.scrollTo({ left: centred(middle(slot) * scaled(network), networkBox.clientWidth, networkBox.scrollWidth), behavior });
    if (overview.hidden) return void (stripBox.scrollLeft = 0);
    const hits = [...strip.querySelectorAll(".hit")], scale = scaled(strip), { clientWidth: width, scrollWidth: total } = stripBox;
    const row = (hit) => Number(hit.getAttribute("y")) * scale;
    const left = centred(middle(hits[shown]) * scale, width, total), top = row(hits[shown]);
    stripBox.scrollTo({ left, top, behavior });
    dots.show(shown, (step) => row(hits[step]) === top && Math.abs(middle(hits[step]) * scale - left - width / 2) < width / 2);
    stripBox.classList.toggle("before", left > 1);
    stripBox.classList.toggle("after", left < total - width - 1);
  }

  // Draw at once (`set` fires change:step), tell the kernel once a frame. Steps that come fast
  // switch transitions off, which double the time to paint.
  function go(step) {
    const at = performance.now();
    root.classList.toggle("enas-fast", at - lastMove < 250);
    lastMove = at;
    model.set("step", clamp(step, 0, n - 1));
    push();
  }
  function push() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  }
  function toggle() {
    const start = !model.get("playing");
    if (start && spot() >= order.length - 1) model.set("step", 0);
    model.set("rolling", false); // one clock at a time
    model.set("playing", start);
    push();
  }
  function wear(button, on, rest) {
    button.innerHTML = glyph(on ? "pause" : "play");
    button.title = (on ? "Pause" : "Play") + rest;
    button.setAttribute("aria-label", button.title);
  }

  /** Opens a moment of the film. */
  function open(moment) {
    root.classList.add("enas-fast");
    lastMove = performance.now();
    if (model.get("mine")?.length) model.set("mine", []);
    model.set("moment", clamp(moment, 0, film.moments.length - 1));
    push();
  }
  function toggleRoll() {
    const start = !model.get("rolling");
    if (start) {
      model.set("playing", false);
      if (at() >= film.moments.length - 1) model.set("moment", 0);
    }
    model.set("rolling", start);
    push();
  }
  /** Runs a clock while the trait `name` says so, beat by beat, until it is at its last position. */
  function run(name, beat, at, last, move) {
    clearTimeout(timers[name]);
    if (!model.get(name)) return;
    timers[name] = setTimeout(() => {
      if (at() < last) move(at() + 1);
      if (at() >= last) { model.set(name, false); push(); } else run(name, beat, at, last, move);
    }, beat / (model.get("speed") || 1));
  }
  function turn() {
    wear(roll, model.get("rolling"), " the search");
    if (film) run("rolling", FRAME, at, film.moments.length - 1, open);
  }
  function tick() {
    const playing = model.get("playing");
    wear(play, playing, " (Space)");
    speed.value = model.get("speed");
    if (!playing && shown >= 0) live.textContent = told(shown).whole;
    run("playing", BEAT, spot, order.length - 1, goTo);
  }

  hear(slider, "input", () => goTo(Number(slider.value)));
  hear(scrubber, "input", () => open(Number(scrubber.value)));
  hear(warmth, "input", () => { model.set("temperature", temperatureAt(Number(warmth.value))); push(); });
  for (const box of [curvesBox, layersBox, spark]) {
    const point = (event) => {
      if (!(event.buttons & 1)) return;
      const { left, width } = box.firstElementChild.getBoundingClientRect(), seen = box.firstElementChild.viewBox.baseVal;
      const moment = nearest(film.moments, seen.x + ((event.clientX - left) / width) * seen.width);
      if (moment !== at()) open(moment);
    };
    for (const event of ["pointerdown", "pointermove"]) hear(box, event, point);
  }
  hear(speed, "change", () => { model.set("speed", Number(speed.value)); push(); });
  hear(document, "visibilitychange", () => {
    if (!document.hidden) return;
    land();
    for (const name of ["playing", "rolling"]) model.set(name, false);
    push();
  });
  hear(globalThis, "beforeprint", () => land());
  hear(root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (hall && event.key.toLowerCase() === "f" && event.target !== speed) return void (event.preventDefault(), hall.toggle());
    if (event.key === "Escape" && !legend.hidden) key.click();
    const action = keyAction(event.key);
    const own = [speed, scrubber, warmth].includes(event.target) && event.key !== " " && event.key !== "k";
    if (!action || own || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    event.stopPropagation();
    if (action === "toggle") toggle(); else act(action);
  });

  // On the strip a tap goes to a step; a drag scrubs: over a strip that fits, to the step under the
  // finger; over a longer one, the strip follows the finger.
  let drag = null;
  const under = (event) => {
    const frame = stripBox.getBoundingClientRect();
    const away = [...strip.querySelectorAll(".cell")].map((cell) => {
      const { left, width, top } = cell.getBoundingClientRect();
      return top > frame.top && top < frame.bottom ? Math.abs(left + width / 2 - event.clientX) : Infinity; // of another row
    });
    return away.indexOf(Math.min(...away));
  };
  hear(stripBox, "pointerdown", (event) => { if (event.button) return; drag = { x: event.clientX, step: spot(), far: false }; stripBox.setPointerCapture?.(event.pointerId); });
  hear(stripBox, "pointermove", (event) => {
    if (!drag) return;
    const by = event.clientX - drag.x;
    drag.far ||= Math.abs(by) > 6;
    if (!drag.far) return;
    const fits = stripBox.scrollWidth <= stripBox.clientWidth + 1;
    const to = fits ? order.indexOf(home[under(event)]) : drag.step - Math.round(by / 40);
    if (clamp(to, 0, order.length - 1) !== spot()) goTo(to);
  });
  hear(stripBox, "pointerup", (event) => { if (drag && !drag.far) go(under(event)); drag = null; });
  hear(stripBox, "pointercancel", () => { drag = null; });

  const resized = globalThis.ResizeObserver && new ResizeObserver(() => { if (root.clientWidth !== fitted) fit(); });
  resized?.observe(root);
  root.addEventListener("refit", fit); // of what adds to a replay (editor.js)
  const heard = { "change:step": () => draw(), "change:episode": () => load(true), "change:scene": build, "change:playing": tick, "change:speed": () => { tick(); turn(); },
    "change:film": build, "change:moment": load, "change:rolling": () => { turn(); load(); }, "change:temperature": () => drawPanel(shown),
    "change:mine": load, "change:answer": load, "change:silent": build };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  build();
  tick();
  turn();
  return () => {
    life.abort();
    lift();
    hall?.end();
    for (const extra of added) extra.end?.();
    resized?.disconnect();
    Object.values(timers).forEach(clearTimeout);
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
