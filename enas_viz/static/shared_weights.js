/** The shared weights: a supernet with every path, as strong as it was trained up to a moment, and one
 *  network lit in it.
 *
 *  `picture` holds the drawing, whose shapes name their path (`data-path`), and the words; `told` the
 *  moments, each by what it adds to the one before; `at` is the number of the moment; `child` the lit
 *  network, in digits, or nothing: then it is the best sample so far. Named exports are pure, none may be
 *  called `render`. */

import { button, clamp, colourOf, fill, glyph, make, opIcon, picture } from "./replay.js";

const SVG = "http://www.w3.org/2000/svg";
const THREAD = 16, SKIP = 2.6, SPOT = 8; // as in view/macro_sharing.py and view/micro_sharing.py
const LAPSE = 10000; // milliseconds that a whole search takes when it is played

// ---------------------------------------------------------------- pure

/** How strong a path is drawn, in [0, 1]: its share of the minibatches, times how far training has come. */
export const grown = (n, now, end) => (now && end ? (n / now) * Math.sqrt(now / end) : 0);

/** A count in at most four letters. */
export const shortCount = (n) =>
  n < 999.5 ? String(Math.floor(n + 0.5)) : n < 9950 ? `${Math.floor(n / 100 + 0.5) / 10}k` : `${Math.floor(n / 1000 + 0.5)}k`;

export const whole = (n) => Math.floor(n + 0.5 + 1e-9).toLocaleString("en");

/** The numbers of an architecture, from its digits. */
export const numbers = (facts, digits) =>
  Array.from({ length: digits.length / facts.digits }, (_, i) => parseInt(digits.slice(i * facts.digits, (i + 1) * facts.digits), 36));

/** What every path is, by its number: {op, layer} or {op, cell, node, side, source}; skips have none. */
export function placesOf(facts) {
  const ops = facts.ops.length;
  if (facts.kind === "macro") return Array.from({ length: facts.layers * ops }, (_, p) => ({ op: p % ops, layer: Math.floor(p / ops) }));
  const found = [];
  facts.cells.forEach((_, cell) => {
    for (let node = 0; node < facts.nodes; node++)
      for (let side = 0; side < 2; side++)
        for (let source = 0; source < node + 2; source++)
          for (let op = 0; op < ops; op++) found.push({ op, cell, node, side, source });
  });
  return found;
}

/** Whether the classifier of a macro network depends on each of its layers: on all of them, unless what
 *  a layer chose is its input, or where it chose nothing the tensor before (0: the stem's). */
export function reachedOf(facts, content) {
  const found = Array(facts.layers).fill(facts.merge !== "input"), shift = facts.wiring === "layer" ? 1 : 0;
  for (const waiting = [facts.layers]; waiting.length; ) {
    const k = waiting.pop() - 1, start = (k * (k + 1)) / 2 + 1;
    if (k < 0 || found[k]) continue;
    found[k] = true;
    const chosen = content.slice(start, start + k).flatMap((bit, j) => (bit ? [j + shift] : []));
    waiting.push(...(chosen.length ? chosen : [k]));
  }
  return found;
}

/** The paths of a network: those of its operations in order, then its skips. */
export function pathsOf(facts, digits) {
  const content = numbers(facts, digits), ops = facts.ops.length;
  if (facts.kind === "macro") {
    const taken = [], skips = [], reached = reachedOf(facts, content);
    for (let k = 0, at = 0, bit = facts.layers * ops; k < facts.layers; k++) {
      if (reached[k]) taken.push(k * ops + content[at]);
      at++;
      for (let j = 0; j < k; j++, bit++) if (content[at++] && reached[k]) skips.push(bit);
    }
    return { ops: taken, skips };
  }
  const taken = [];
  let start = 0;
  for (let c = 0; c < facts.cells.length; c++)
    for (let n = 0; n < facts.nodes; n++) {
      const [i, j, a, b] = content.slice(4 * (c * facts.nodes + n)), sources = n + 2;
      taken.push(start + i * ops + a, start + (sources + j) * ops + b);
      start += 2 * sources * ops;
    }
  return { ops: taken, skips: [] };
}

/** The digits of a network that makes the choice of a path, and all others as `digits` does. */
export function choosing(facts, digits, place) {
  const content = numbers(facts, digits);
  if (facts.kind === "macro") {
    content[(place.layer * (place.layer + 1)) / 2] = place.op;
    if (!reachedOf(facts, content)[place.layer]) { // so the last layer reads it
      const last = facts.layers - 1, start = (last * (last + 1)) / 2 + 1, bit = place.layer + (facts.wiring === "layer" ? 0 : 1);
      if (bit < last) content[start + bit] = 1;
      else content.fill(0, start); // the layer before, which has no bit
    }
  } else {
    const node = 4 * (place.cell * facts.nodes + place.node);
    content[node + place.side] = place.source;
    content[node + 2 + place.side] = place.op;
  }
  return content.map((n) => n.toString(36).padStart(facts.digits, "0")).join("");
}

/** How often every path was trained, at every moment. */
export function totals(told) {
  let before = null; // counts have one decimal at most
  return told.map(({ added }) => (before = before ? before.map((n, i) => Math.round(10 * (n + added[i])) / 10) : added.slice()));
}

/** What a path is called. */
export function called(facts, place) {
  const op = facts.ops[place.op].label, { words } = facts;
  return facts.kind === "macro" ? fill(words.layer, { op, layer: place.layer + 1 })
    : fill(words.node, { op, source: place.source + 1, cell: facts.cells[place.cell], node: place.node + 3 });
}

export function headline(facts, moment) {
  const { words } = facts;
  if (!moment.now) return words.fresh;
  const told = fill(words.headline, { epoch: moment.epoch, epochs: facts.epochs, minibatches: whole(moment.now), about: "" });
  return told + (moment.different === null ? fill(words.of, facts) : fill(words.different, { size: facts.size, different: whole(moment.different) }));
}

/** Which network is lit at a moment: {digits, who}; null where there is none. */
export function lit(facts, told, at, child) {
  const said = (template, [digits, accuracy, epoch]) => ({ digits, who: fill(template, { epoch, accuracy: `${(100 * accuracy).toFixed(1)}%` }) });
  if (!child) {
    const first = told.find((moment) => moment.best); // before there is any, the first that comes
    return told[at].best ? said(facts.words.best, told[at].best) : first ? said(facts.words.sample, first.best) : null;
  }
  for (const moment of told) for (const sample of moment.drawn) if (sample[0] === child) return said(facts.words.sample, sample);
  return { digits: child, who: facts.words.own };
}

/** What the lit network inherits, and what that would cost without sharing. */
export function sentences(facts, places, moment, counts, { digits, who }) {
  const { words } = facts, bare = new Set(facts.bare);
  const trained = pathsOf(facts, digits).ops.filter((p) => !bare.has(p));
  if (!trained.length) return [fill(words.nothing, { who })];
  const mean = trained.reduce((sum, p) => sum + counts[p], 0) / trained.length;
  if (!mean) return [fill(words.untrained, { who })];
  const least = trained.reduce((a, b) => (counts[b] < counts[a] ? b : a));
  const about = facts.exact ? "" : "about ";
  const told = fill(words.inherits, { who, n: trained.length, things: facts.kind === "macro" ? "operations" : "operations with weights",
    about, mean: whole(mean), least: whole(counts[least]), place: called(facts, places[least]) });
  if (!moment.samples) return [told];
  return [told, fill(words.price, { samples: whole(moment.samples), alone: about + whole(moment.samples * mean), minibatches: whole(moment.now) })];
}

/** What is said of one path. */
export function read(facts, places, moment, counts, path) {
  const { words } = facts, n = counts[path], what = called(facts, places[path]);
  const values = { what: what.slice(0, 1).toUpperCase() + what.slice(1), about: facts.exact ? "" : "about ", n: whole(n),
    minibatches: whole(moment.now), share: moment.now ? Math.floor((100 * n) / moment.now + 0.5) : 0 };
  return fill(facts.bare.includes(path) ? words.empty : n ? words.read : words.never, values);
}

/** Of places {x, y}: the nearest one in a direction from where one is; itself where there is none. */
export function neighbour(places, from, [dx, dy]) {
  const here = places[from];
  let best = from, least = Infinity;
  places.forEach(({ x, y }, i) => {
    const along = dx * (x - here.x) + dy * (y - here.y), across = Math.abs(dy * (x - here.x)) + Math.abs(dx * (y - here.y));
    if (along > 0.5 && along + 4 * across < least) [best, least] = [i, along + 4 * across];
  });
  return best;
}

// ---------------------------------------------------------------- the widget

let views = 0;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  const uid = `enass${Date.now().toString(36)}-${views++}-`;
  const life = new AbortController();
  const hear = (target, event, then, options) => target.addEventListener(event, then, { signal: life.signal, ...options });
  let facts, told, counts, places, drawing, shapes, spots, rows, here = -1, queued = false, timer = 0;

  const line = (name, ...text) => make("p", { class: name }, ...text);
  const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Epochs trained so far" });
  const place = make("span", { class: "place" });
  const roll = button("roll", "Play the training", "play", () => toggle(), hear);
  const head = line("headline"), note = line("note"), readout = make("p", { class: "readout", "aria-live": "polite" });
  const box = make("div", { class: "network", tabindex: "0", role: "group" });
  const legend = make("ul", { class: "legend", "aria-label": "What the icons mean" });
  const best = make("button", { type: "button", "data-act": "best" }, "best so far");
  const another = make("button", { type: "button", "data-act": "another" }, "another sample");
  const says = make("div", { class: "says" }), lists = make("div", { class: "lists" });
  const root = make("div", { class: "enas-viz enas-replay enas-shared", role: "group", tabindex: "-1" },
    make("div", { class: "controls" }, roll, slider, place), head, note, box, readout, legend,
    make("div", { class: "choice" }, line("over", "Light up"), best, another), says, lists);
  el.append(root);

  const at = () => clamp(model.get("at"), 0, told.length - 1);
  const shown = () => lit(facts, told, at(), model.get("child"));

  function build() {
    [facts, told] = [model.get("picture"), model.get("told")];
    counts = totals(told);
    places = placesOf(facts);
    drawing = picture(facts.svg, uid);
    litBefore = "";
    shapes = [...drawing.querySelectorAll("[data-path]")].map((element) => ({ element, path: Number(element.dataset.path),
      kind: element.tagName === "circle" ? "spot" : element.classList.contains("skip") ? "skip" : "way",
      base: element.getAttribute("class").replace(/ (never|lit|here)\b/g, "") }));
    spots = shapes.filter((s) => s.kind !== "skip").map((s) => {
      const mark = s.kind === "spot" ? s.element : s.element.querySelector(".knot");
      const number = (name) => Number(mark.getAttribute(name));
      s.thread = s.element.querySelector(".thread");
      s.text = s.element.querySelector(".n");
      return { ...s, x: s.kind === "spot" ? number("cx") : number("x") + number("width") / 2, y: s.kind === "spot" ? number("cy") : number("y") + number("height") / 2 };
    });
    const width = Number(drawing.getAttribute("width"));
    box.style.setProperty("--natural", `${width}px`);
    box.style.setProperty("--least", width > 1320 ? 1 : 0.7);
    box.replaceChildren(drawing);
    root.setAttribute("aria-label", `Shared weights of ${facts.name || "a search"}`);
    box.setAttribute("aria-label", `The supernet, every ${facts.kind === "macro" ? "operation of every layer" : "operation on every node"}. Arrow keys go from one to the next, Enter lights it.`);
    root.classList.toggle("cells", facts.kind !== "macro");
    note.textContent = facts.note;
    note.hidden = !facts.note;
    legend.replaceChildren(...facts.ops.map(({ op, name }) => make("li", {}, opIcon(uid, op, true), name)), ...facts.signs.map(sign));
    slider.max = told.length - 1;
    readout.textContent = facts.words.how;
    here = -1;
    draw();
  }

  const MARKS = {
    thread: `<g class="op-conv3x3"><path class="thread" d="M-9 0H9" stroke-width="7"/></g>`, skip: `<path class="skip" d="M-9 5A9 9 0 0 1 9 5" stroke-width="1.6"/>`,
    spot: `<circle class="spot op-sep3x3" r="6"/>`, bare: `<circle class="spot bare op-identity" r="6"/>`, lit: `<path class="drop" d="M-9 0H9"/>` };
  function sign(text, i) {
    const mark = (facts.kind === "macro" ? ["thread", "skip", "lit"] : ["spot", "bare", "lit"])[i];
    return make("li", {}, picture(`<svg xmlns="${SVG}" class="enas-svg mini" viewBox="-10 -10 20 20" width="18" height="18" aria-hidden="true">${MARKS[mark]}</svg>`, uid), text);
  }

  let litBefore = "";

  function draw() {
    const moment = told[at()], now = counts[at()], { end } = facts, strength = (n) => grown(n, moment.now, end);
    const child = shown(), taken = child ? pathsOf(facts, child.digits) : { ops: [], skips: [] };
    const on = new Set([...taken.ops, ...taken.skips]);
    shapes.forEach((shape) => {
      const { element, kind, path } = shape, n = now[path];
      const name = shape.base + (n || kind === "spot" ? "" : " never") + (on.has(path) ? " lit" : "") + (path === here && kind !== "skip" ? " here" : "");
      if (name !== shape.name) {
        element.setAttribute("class", (shape.name = name));
        if (on.has(path)) element.parentNode.append(element); // on top
      }
      const size = (kind === "spot" ? SPOT * Math.sqrt(Math.min(1, strength(n) / (facts.most / end)))
        : kind === "skip" ? Math.max(0.5, SKIP * strength(n)) : Math.max(1, THREAD * strength(n))).toFixed(1);
      if (size !== shape.size) (shape.thread ?? element).setAttribute(kind === "spot" ? "r" : "stroke-width", (shape.size = size));
      if (kind === "way") {
        if (shape.text.textContent !== shortCount(n)) shape.text.textContent = shortCount(n);
      }
    });
    const way = `${uid}${[...on]}`; // where the way of the lit network has not changed, its lines stay
    if (way !== litBefore) {
      litBefore = way;
      drawing.querySelectorAll(".drops").forEach((g) => g.replaceChildren());
      for (const { element, kind, path } of shapes) if (kind === "spot" && on.has(path)) lead(element);
    }
    head.textContent = headline(facts, moment);
    slider.value = at();
    place.textContent = moment.epoch ? `epoch ${moment.epoch} of ${facts.epochs}` : "new";
    slider.setAttribute("aria-valuetext", head.textContent);
    best.setAttribute("aria-pressed", String(!model.get("child")));
    another.disabled = !told.some((m) => m.drawn.length);
    root.querySelector(".choice").hidden = !child;
    const texts = child ? sentences(facts, places, moment, now, child) : [];
    while (says.children.length > texts.length) says.lastChild.remove();
    while (says.children.length < texts.length) says.append(line("answer"));
    texts.forEach((text, i) => { if (says.children[i].textContent !== text) says.children[i].textContent = text; });
    list(taken.ops, now, moment);
    if (here >= 0) readout.textContent = read(facts, places, moment, now, here);
  }

  /** The way of a lit spot down its column to the node that adds it. */
  function lead(spot) {
    const cell = spot.parentNode.parentNode, { icons, sums } = cell.dataset, x = Number(spot.getAttribute("cx")), middle = Number(spot.parentNode.dataset.middle);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", "drop");
    path.setAttribute("d", `M${x} ${spot.getAttribute("cy")}V${icons - 10}M${x} ${Number(icons) + 10}L${middle + (x < middle ? -6 : 6)} ${sums - 5}`);
    cell.previousElementSibling.append(path);
  }

  /** What each operation of the lit network inherits. Rows stay and only change what they say. */
  function list(taken, now, moment) {
    const macro = facts.kind === "macro";
    if (rows?.facts !== facts || rows.length !== taken.length) {
      rows = taken.map(() => ({ icon: make("span", { class: "icon" }), name: make("span", { class: "name" }), share: make("i"), n: make("span", { class: "p" }) }));
      rows.facts = facts;
      const items = rows.map((r) => make("li", {}, r.icon, r.name, make("span", { class: "track", "aria-hidden": "true" }, r.share), r.n));
      const each = macro ? items.length : 2 * facts.nodes;
      const headings = macro ? ["What each layer of it inherits: minibatches that trained its operation"] : facts.cells.map((cell) => `What the ${cell} cell inherits`);
      lists.replaceChildren(...(taken.length ? headings.map((text, k) => make("div", {}, line("over", text), make("ul", { class: "inherits" }, ...items.slice(k * each, (k + 1) * each)))) : []));
    }
    taken.forEach((path, i) => {
      const r = rows[i], p = places[path], bare = facts.bare.includes(path), { op, label } = facts.ops[p.op];
      if (r.path !== path) {
        r.path = path;
        r.icon.replaceChildren(opIcon(uid, op, true));
        r.name.textContent = macro ? `${p.layer + 1}  ${label}` : `node ${p.node + 3}: ${label} of ${p.source + 1}`;
        r.share.style.background = colourOf(op);
      }
      r.share.style.transform = `scaleX(${bare || !moment.now ? 0 : (now[path] / moment.now).toFixed(4)})`; // moves without a layout
      const count = bare ? "no weights" : whole(now[path]);
      if (r.count !== count) r.n.textContent = r.count = count;
    });
  }

  // ---- moving

  const save = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  };
  function go(moment) { model.set("at", clamp(moment, 0, told.length - 1)); save(); }
  function light(digits) { model.set("child", digits); save(); }
  function wear(on) {
    roll.innerHTML = glyph(on ? "pause" : "play");
    roll.title = on ? "Pause" : "Play the training";
    roll.setAttribute("aria-label", roll.title);
  }
  function rest() { clearTimeout(timer); timer = 0; root.classList.remove("calm"); wear(false); }
  function toggle() {
    if (timer) return rest();
    if (at() >= told.length - 1) go(0);
    wear(true);
    const beat = clamp(LAPSE / told.length, 60, 500);
    root.classList.toggle("calm", beat >= 250); // motion between moments, where it ends before the next one
    const next = () => {
      go(at() + 1);
      if (at() >= told.length - 1) return rest();
      timer = setTimeout(next, beat);
    };
    timer = setTimeout(next, beat);
  }

  /** Points at a path: it is read out. -1: at none. */
  function point(path) {
    if (path === here) return;
    here = path;
    draw();
    if (path < 0) readout.textContent = facts.words.how;
  }
  function choose(path) {
    const child = shown();
    if (path >= 0 && child) light(choosing(facts, child.digits, places[path]));
  }
  /** The path under a pointer, -1 for none. */
  function under(event) {
    const way = event.target.closest?.("[data-path]");
    if (facts.kind === "macro") return way && !way.classList.contains("skip") ? Number(way.dataset.path) : -1;
    const area = drawing.getBoundingClientRect(), scale = Number(drawing.getAttribute("width")) / area.width;
    const x = (event.clientX - area.left) * scale, y = (event.clientY - area.top) * scale;
    const near = spots.find((s) => Math.abs(s.x - x) < 8.5 && Math.abs(s.y - y) < 9.5);
    return near ? near.path : -1;
  }

  hear(slider, "input", () => { rest(); go(Number(slider.value)); });
  hear(best, "click", () => light(""));
  hear(another, "click", () => {
    let from = at();
    while (from > 0 && !told[from].drawn.length) from--;
    const { drawn } = told[from].drawn.length ? told[from] : told.find((m) => m.drawn.length);
    light(drawn[(drawn.findIndex(([digits]) => digits === model.get("child")) + 1) % drawn.length][0]);
  });
  hear(box, "pointermove", (event) => { if (event.pointerType !== "touch") point(under(event)); });
  hear(box, "pointerleave", () => { if (document.activeElement !== box) point(-1); });
  hear(box, "click", (event) => { const path = under(event); point(path); choose(path); });
  hear(box, "blur", () => point(-1));
  hear(box, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && here >= 0) { event.preventDefault(); return choose(here); }
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    event.stopPropagation();
    const from = spots.findIndex((s) => s.path === here), child = shown();
    const start = child ? spots.findIndex((s) => s.path === pathsOf(facts, child.digits).ops[0]) : 0;
    const to = spots[from < 0 ? Math.max(0, start) : neighbour(spots, from, arrow)];
    point(to.path);
    const scale = drawing.clientWidth / Number(drawing.getAttribute("width"));
    if (box.scrollWidth > box.clientWidth + 1) box.scrollLeft = clamp(to.x * scale - box.clientWidth / 2, 0, box.scrollWidth);
  });
  hear(root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "BUTTON") return;
    if (event.key !== " " && event.key !== "k") return;
    event.preventDefault();
    event.stopPropagation();
    toggle();
  });
  hear(document, "visibilitychange", () => { if (document.hidden) rest(); });

  const resized = globalThis.ResizeObserver && new ResizeObserver(() => {
    root.classList.toggle("enas-narrow", root.clientWidth < 640);
    root.classList.toggle("enas-wide", root.clientWidth >= 1160);
  });
  resized?.observe(root);
  const heard = { "change:picture": build, "change:told": build, "change:at": draw, "change:child": draw };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  build();
  return () => {
    life.abort();
    clearTimeout(timer);
    resized?.disconnect();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
