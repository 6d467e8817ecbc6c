/** The inside of a network: feature maps of ten images in every layer, or inside one cell; what each change
 *  makes of them and of the verdict; and how one operation's window slides over its input.
 *
 *  `picture` holds the drawing, whose shapes name what they show (`data-map`), open (`data-place`) and cut
 *  (`data-cut`), the recording in bytes, and the words. `image`, `changes`, `place` and `at` say what is
 *  looked at. A recording holds every single change; of a running search `answer` holds what the kernel
 *  computed for the present ones. Named exports are pure, none may be called `render`. */
import { create } from "./element.js";

const WAVE = 55; // milliseconds from one tensor to the next
const LAID = 520; // that maps take to be laid over each other

// ---------------------------------------------------------------- pure

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 to bytes; where there are at most 64 levels, each digit is a value by itself. */
export const bytes = (text, levels = 255) =>
  levels < 64 ? Uint8Array.from(text, (c) => DIGITS.indexOf(c)) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const sortOf = (change) => change.split(":").slice(0, 2).join(":"); // what it changes

/** The changes after a click on one. A recording holds one at a time; a supernet any number. */
export function toggled(changes, change, several) {
  if (changes.includes(change)) return changes.filter((c) => c !== change);
  return several ? [...changes.filter((c) => sortOf(c) !== sortOf(change)), change] : [change];
}

/** What a network shows after some changes, over what it shows without; null while it is not known. */
export function seenWith(recording, changes, answer) {
  const { base, variants } = recording;
  if (!changes.length) return base;
  const told = answer?.changes?.join() === changes.join() ? answer.seen : changes.length === 1 ? variants[changes[0]] : null;
  if (!told) return null;
  return { probabilities: told.probabilities, maps: { ...base.maps, ...told.maps }, windows: { ...base.windows, ...told.windows } };
}

/** Which class has the highest probability. */
export const most = (row) => row.reduce((best, p, i) => (p > row[best] ? i : best), 0);

export const percent = (p) => `${Math.round(100 * p)} %`;

/** What is looked at, the verdict, and what else is to say of it, as `view/child.py` says it. */
export function sentences({ classes, labels, base }, seen, image, words) {
  const tell = (row) => `${classes[most(row)]} (${percent(Math.max(...row))})`;
  const row = seen.probabilities[image], right = most(row) === labels[image];
  const truth = right ? "Right." : `Wrong: it is ${classes[labels[image]]}.`;
  const count = seen.probabilities.filter((p, k) => most(p) === labels[k]).length;
  const total = `Of the ${labels.length} images it gets ${count} right.`, says = `It predicts ${tell(row)}. ${truth}`;
  return words ? [words, says, `Unchanged: ${tell(base.probabilities[image])}. ${total}`] : ["The network as it is", says, total];
}

/** How many pixels come out, along one side. */
export const outSide = (w) => Math.ceil(w.side / w.stride);

/** One place of a window on one image: where it lies, the values that it reads (null beyond the edge), and
 *  what it makes of them. */
export function windowAt(w, pixels, image, step, levels = 255) {
  const out = outSide(w), size = w.side ** 2, top = Math.floor(step / out) * w.stride - w.pad, left = (step % out) * w.stride - w.pad;
  const values = [];
  for (let i = 0; i < w.size; i++)
    for (let j = 0; j < w.size; j++) {
      const y = top + i, x = left + j, inside = y >= 0 && x >= 0 && y < w.side && x < w.side;
      values.push(inside ? w.low + (pixels[image * size + y * w.side + x] / levels) * (w.high - w.low) : null);
    }
  const real = values.filter((v) => v !== null);
  const made = w.kind === "max" ? Math.max(...real) : w.kind === "avg" ? real.reduce((a, b) => a + b, 0) / real.length
    : values.reduce((sum, v, k) => sum + (v ?? 0) * w.weights[k], 0);
  return { top, left, values, made };
}

/** Everything that a window makes of an image, row by row. */
export function slide(w, pixels, image, levels = 255) {
  return Float64Array.from({ length: outSide(w) ** 2 }, (_, step) => windowAt(w, pixels, image, step, levels).made);
}

/** A number in at most four characters; digits: after the point, of one below 1. */
export const short = (v, digits = 2) => {
  const text = Math.abs(v) < 9.95 ? v.toFixed(Math.abs(v) < 0.995 ? digits : 1) : v.toFixed(0);
  return Number(text) ? text.replace(/^-/, "−").replace(/^(−?)0\./, "$1.") : "0";
};

/** Between two colours, each [r, g, b]. */
export const blend = (from, to, share) => from.map((c, i) => Math.round(c + (to[i] - c) * share));

/** Fills {names} of a template. */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// ---------------------------------------------------------------- the widget

const SVG = "http://www.w3.org/2000/svg";
let views = 0;


function render({ model, el }) {
  const uid = `enasc${Date.now().toString(36)}-${views++}-`, life = new AbortController();
  const hear = (target, event, then) => target.addEventListener(event, then, { signal: life.signal });
  const own = (markup) => markup.replaceAll('id="enas-', `id="${uid}`).replaceAll('href="#enas-', `href="#${uid}`);
  const get = (name) => model.get(name);
  const pen = document.createElement("canvas"), brush = pen.getContext("2d", { willReadFrequently: true });
  let picture, recording, cache, fresh = true, wave = 0, timer = 0, queued = false;

  const images = create("div", { class: "images", role: "group", "aria-label": "Pick an image" });
  const said = create("div", { class: "said", "aria-live": "polite" }, create("p"), create("p"), create("p"));
  const net = create("div", { class: "net" }), verdict = create("ul", { class: "verdict", "aria-label": "How likely each class is" });
  const title = create("h2"), ops = create("div", { class: "ops", role: "group" });
  const undo = create("button", { class: "word undo" }, "Undo");
  const slid = create("div", { class: "slide" }), stage = create("div", { class: "stage", role: "img" }), tell = create("p", { class: "tell" });
  const play = create("button", { class: "word play" }), bar = create("input", { type: "range", min: 0, step: 1, "aria-label": "Place of the window" });
  const back = create("button", { class: "word", "aria-label": "One place back" }, "‹"), next = create("button", { class: "word", "aria-label": "One place on" }, "›");
  slid.append(stage, create("div", {}, tell, create("div", { class: "row" }, play, back, next, bar)));
  const main = create("div", { class: "main" }, net, verdict), facts = create("p"), theme = create("i", { class: "theme" });
  const about = create("details", { class: "facts" }, create("summary", {}, "About these numbers"), facts);
  const root = create("div", { class: "enas-viz enas-replay enas-child", role: "group", tabindex: "-1", "aria-label": "Inside a network" },
    theme, create("div", { class: "top" }, images, said, undo), main,
    create("div", { class: "panel" }, create("div", {}, title, ops), slid), about);
  el.append(root);

  const set = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  };
  const known = (change) => picture.live || change in recording.variants;
  const first = (what) => net.querySelector(what), every = (what) => net.querySelectorAll(what);
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const now = () => seenWith(recording, get("changes"), get("answer"));
  const data = (text, levels = 255) => cache.get(text) ?? (cache.set(text, bytes(text, levels)), cache.get(text));

  // ---- pixels

  /** An address of `side` by `side` pixels; colour(k) is that of pixel k, [r, g, b]. */
  function drawn(side, colour) {
    pen.width = pen.height = side;
    const made = brush.createImageData(side, side);
    for (let k = 0; k < side * side; k++) made.data.set([...colour(k), 255], 4 * k);
    brush.putImageData(made, 0, 0);
    return pen.toDataURL();
  }
  const rgb = (name) => {
    pen.width = pen.height = 1;
    brush.fillStyle = name;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  let shades = [], toned = "";
  /** The shades of the theme; whether they changed, as they do once a notebook has put the widget into its page. */
  function tones() {
    const names = [getComputedStyle(root).backgroundColor, getComputedStyle(theme).color], [paper, ink] = names.map(rgb);
    if (toned === names + recording.levels) return false;
    toned = names + recording.levels;
    shades = Array.from({ length: recording.levels + 1 }, (_, b) => blend(paper, ink, b / recording.levels));
    return true;
  }
  const photo = (k) => {
    const { side, channels } = recording, all = data(recording.pixels), size = side * side, start = k * channels * size;
    return drawn(side, (i) => [0, 1, 2].map((c) => all[start + (channels === 1 ? 0 : c) * size + i]));
  };
  function mapAddress(seen, key, n) {
    const t = recording.tensors[key], size = t.side ** 2, all = data(seen.maps[key], recording.levels), start = (get("image") * t.channels.length + n) * size;
    return drawn(t.side, (i) => shades[all[start + i]]);
  }

  // ---- what is shown

  function load() {
    picture = get("picture");
    recording = picture.recording;
    cache = new Map();
    fresh = true;
    const holder = create("div");
    holder.innerHTML = own(picture.svg);
    net.replaceChildren(holder.firstElementChild);
    root.style.cssText = picture.sizes;
    facts.textContent = picture.facts;
    images.replaceChildren(...recording.labels.map((_, k) => {
      const made = create("button", {}, create("img", { alt: "", src: photo(k) }), create("i", { "aria-hidden": "true" }));
      hear(made, "click", () => set({ image: k }));
      return made;
    }));
    verdict.replaceChildren(...picture.bars.map(() => create("li", {}, create("span"), create("div", { class: "track" }, create("i"), create("s")), create("b"))));
    for (const wire of every(".wire")) if (!known(wire.dataset.cut)) wire.setAttribute("aria-disabled", true);
    tones();
    paint();
  }

  function press(event) {
    const shape = event.target.closest(".spot, .wire");
    if (!shape || (event.key && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (shape.dataset.cut) change(shape.dataset.cut);
    else open(shape.dataset.place);
  }
  function change(one) {
    if (known(one)) set({ changes: toggled(get("changes"), one, picture.live) });
  }
  function open(place) {
    stop();
    set({ place, at: 0 });
    if (!still()) start();
  }

  function paint() {
    if (life.signal.aborted) return;
    const seen = now(), changes = get("changes"), image = get("image");
    main.classList.toggle("waits", !seen);
    const words = changes.length > 1 ? `${changes.length} changes` : changes.length ? picture.changes[changes[0]] : "";
    const told = seen ? sentences(recording, seen, image, words) : [words, "Asking the supernet, which answers while the kernel runs …", ""];
    told.forEach((line, k) => { if (said.children[k].textContent !== line) said.children[k].textContent = line; });
    if (!seen) return;
    for (const [k, made] of [...images.children].entries()) {
      const right = most(seen.probabilities[k]) === recording.labels[k];
      made.setAttribute("aria-pressed", k === image);
      made.setAttribute("aria-label", `Image of ${recording.classes[recording.labels[k]]}, ${right ? "right" : "wrong"}`);
      made.classList.toggle("no", !right);
      made.lastElementChild.textContent = right ? "✓" : "✗";
    }
    paintVerdict(seen, image, changes.length > 0);
    paintWiring(changes);
    paintMaps(seen, changes);
    paintPanel(seen, changes);
  }

  function paintVerdict(seen, image, changed) {
    const row = seen.probabilities[image], was = recording.base.probabilities[image], top = most(row), label = recording.labels[image];
    [...verdict.children].forEach((li, k) => {
      const c = picture.bars[k], [name, track, share] = li.children;
      li.className = `${c === label ? "true " : ""}${c === top ? "most" : ""}`;
      name.textContent = `${c === label ? "✓ " : ""}${recording.classes[c]}`;
      track.firstChild.style.width = `${100 * row[c]}%`;
      track.lastChild.style.cssText = changed ? `left: calc(${100 * was[c]}% - 1px)` : "display: none";
      share.textContent = percent(row[c]);
    });
  }

  function paintWiring(changes) {
    const cut = new Set(changes), swapped = {};
    for (const [, place, op] of changes.map((one) => one.split(":"))) swapped[place] = op;
    for (const wire of every(".wire")) wire.setAttribute("aria-pressed", cut.has(wire.dataset.cut));
    for (const shape of every("[data-slab], [data-after]")) shape.classList.toggle("gone", cut.has(shape.dataset.slab ?? shape.dataset.after));
    for (const sum of every("[data-sum]")) {
      const { sum: place, count, of, adds } = sum.dataset, left = count - changes.filter((c) => c.startsWith(`cut:${place}-`)).length;
      sum.textContent = fill(picture.words[!adds ? "stacked" : left > 1 ? "added" : "alone"], { left, of, total: left * of });
      const thin = first(`[data-thin="${place}"]`);
      if (thin) thin.textContent = `${left * of} → ${of}`;
    }
    for (const [place, { op }] of Object.entries(picture.places)) {
      const here = swapped[place] ?? op, label = first(`[data-named="${place}"]`), frame = first(`[data-framed="${place}"]`);
      label.setAttribute("class", `op-name op-${here}${swapped[place] ? " swapped" : ""}`);
      label.querySelector("use").setAttribute("href", `#${uid}i-${here}`);
      const text = label.querySelector("text"), left = text.getAttribute("x") - 16 - 3.2 * picture.ops[here].name.length;
      text.textContent = picture.ops[here].name;
      label.querySelector("g").setAttribute("transform", `translate(${left} ${text.getAttribute("y") - 4}) scale(0.7)`);
      frame.setAttribute("class", `maps op-${here}`);
      const spot = first(`[data-place="${place}"]`);
      spot.setAttribute("aria-pressed", place === get("place"));
      spot.setAttribute("aria-label", `${picture.places[place].name}, ${picture.ops[here].title}`);
    }
    undo.style.visibility = changes.length ? "visible" : "hidden";
  }

  /** New pixels, from left to right, as the image flows through. */
  function paintMaps(seen, changes) {
    const round = ++wave, quiet = still() || fresh;
    let turn = 0;
    first("[data-photo]").setAttribute("href", photo(get("image")));
    const joins = Object.fromEntries(picture.sums.map((s) => [s.out, s.parts]));
    for (const group of every(".maps[data-maps]")) {
      const key = group.dataset.maps, maps = [...group.querySelectorAll(".map")], made = maps.map((_, n) => mapAddress(seen, key, n));
      const show = () => maps.forEach((map, n) => { map.setAttribute("href", made[n]); map.classList.remove("dim"); });
      if (quiet || maps.every((map, n) => map.getAttribute("href") === made[n])) { show(); continue; }
      maps.forEach((map) => map.classList.add("dim"));
      setTimeout(() => {
        if (round !== wave || life.signal.aborted) return;
        show();
        for (const part of joins[key] ?? []) lay(part, group, changes);
      }, WAVE * ++turn);
    }
    fresh = false;
  }

  /** A copy of what is added slides onto the sum. */
  function lay(part, onto, changes) {
    const source = first(`.maps[data-maps="${part.key}"]`);
    if (!source?.animate || changes.includes(part.cut)) return;
    const ghost = source.cloneNode(true), [a, b] = [source, onto].map((g) => g.querySelector(".bed"));
    const by = (name) => b.getAttribute(name) - a.getAttribute(name);
    ghost.removeAttribute("data-maps");
    onto.parentNode.append(ghost);
    const moved = ghost.animate([{ opacity: 0.9 }, { transform: `translate(${by("x")}px, ${by("y")}px)`, opacity: 0.5 }], { duration: LAID, easing: "ease-in-out" });
    moved.onfinish = () => ghost.remove();
  }

  function paintPanel(seen, changes) {
    const place = get("place"), here = picture.places[place];
    const swapped = changes.find((c) => c.startsWith(`op:${place}:`))?.split(":")[2], op = swapped ?? here.op;
    title.replaceChildren(here.name, create("br"), picture.ops[op].title);
    ops.setAttribute("aria-label", here.name);
    if (ops.dataset.place !== place) {
      ops.replaceChildren(...Object.keys(picture.ops).map((name) => {
        const made = create("button", { class: "word", "data-op": name });
        made.innerHTML = own(`<svg xmlns="${SVG}" class="enas-svg" viewBox="-10 -10 20 20" width="16" height="16" aria-hidden="true"><g class="op-${name}"><use href="#enas-i-${name}"/></g></svg>`);
        made.append(picture.ops[name].name);
        hear(made, "click", () => choose(name));
        return made;
      }));
      ops.dataset.place = place;
    }
    for (const made of ops.children) {
      const name = made.dataset.op;
      made.setAttribute("aria-pressed", name === op);
      made.disabled = name !== here.op && name !== op && !known(`op:${place}:${name}`);
    }
    const { still } = picture.ops[op], w = still ? null : seen.windows[here.window];
    stage.style.visibility = w ? "visible" : "hidden";
    for (const made of [play, back, next, bar]) made.disabled = !w;
    if (w) paintWindow(w);
    else { stop(); tell.textContent = still; }
  }
  function choose(name) {
    const place = get("place"), was = get("changes").find((c) => c.startsWith(`op:${place}:`));
    if (name === picture.places[place].op) { if (was) change(was); } else if (was !== `op:${place}:${name}`) change(`op:${place}:${name}`);
  }

  // ---- the window that slides

  let slides = { key: "" };
  function paintWindow(w) {
    const image = get("image"), levels = recording.levels, pixels = data(w.pixels, levels), out = outSide(w), steps = out * out, at = Math.min(get("at"), steps - 1), S = root.classList.contains("enas-tiny") ? 94 : 126, y0 = 19;
    const key = [get("place"), image, get("changes")].join("|");
    if (slides.key !== key || slides.w !== w) {
      const values = slide(w, pixels, image, levels);
      slides = { key, w, values, low: Math.min(...values), high: Math.max(...values), input: drawn(w.side, (i) => shades[pixels[image * w.side ** 2 + i]]) };
    }
    const { values, low, high, input } = slides, here = windowAt(w, pixels, image, at, levels), cell = S / w.size;
    const made = drawn(out, (i) => (i <= at ? shades[Math.round((levels * (values[i] - low)) / (high - low || 1))] : shades[0]));
    const numbers = w.weights.length ? w.weights : here.values, peak = Math.max(...w.weights.map(Math.abs), 1e-9), best = w.kind === "max" ? here.values.indexOf(here.made) : -1;
    const cells = numbers.map((v, k) => {
      const x = 2 + (k % w.size) * cell, y = y0 + Math.floor(k / w.size) * cell;
      const strength = w.weights.length ? (0.4 * Math.abs(v)) / peak : v === null ? 0 : k === best ? 0.4 : 0.1;
      return `<rect class="weight" x="${x}" y="${y}" width="${cell}" height="${cell}" fill-opacity="${strength.toFixed(2)}"/><text class="number" x="${x + cell / 2}" y="${y + cell / 2 + 4}">${v === null ? "–" : short(v, w.size > 3 ? 1 : 2)}</text>`;
    });
    const drawing = (words, inside) => `<svg xmlns="${SVG}" class="enas-svg" viewBox="0 0 ${S + 4} ${S + 22}" width="${S + 4}" height="${S + 22}"><text class="small" x="${S / 2 + 2}" y="12">${words}</text>${inside}</svg>`;
    const pixelled = (address) => `<rect class="bed" x="1" y="${y0 - 1}" width="${S + 2}" height="${S + 2}" rx="3"/><image class="map" href="${address}" x="2" y="${y0}" width="${S}" height="${S}" preserveAspectRatio="none"/>`;
    const framed = (side, x, y, size) => `<svg x="2" y="${y0}" width="${S}" height="${S}" viewBox="0 0 ${side} ${side}"><rect class="cursor" vector-effect="non-scaling-stroke" x="${x}" y="${y}" width="${size}" height="${size}"/></svg>`;
    const facts = { ...w, map: w.channel + 1, pixels: w.size ** 2, at: at + 1, steps, made: short(here.made) };
    const words = Object.fromEntries(Object.entries(picture.words[w.kind]).map(([name, words]) => [name, fill(words, facts)]));
    stage.innerHTML = drawing(words.input, pixelled(input) + framed(w.side, here.left, here.top, w.size)) + `<span>${words.sign}</span>`
      + drawing(words.middle, cells.join("")) + "<span>=</span>" + drawing(words.output, pixelled(made) + framed(out, at % out, Math.floor(at / out), 1));
    stage.setAttribute("aria-label", words.told);
    tell.replaceChildren(create("b", {}, words.told), ` ${words.how}`);
    bar.max = steps - 1;
    bar.value = at;
    bar.setAttribute("aria-valuetext", words.told);
    play.textContent = timer ? "Pause" : "Slide";
  }
  function steps() {
    const w = now()?.windows[picture.places[get("place")].window];
    return w ? outSide(w) ** 2 : 0;
  }
  function start() {
    const n = steps();
    if (!n) return;
    if (get("at") >= n - 1) set({ at: 0 });
    timer = setInterval(() => {
      if (!root.isConnected || document.hidden) return stop();
      if (get("at") >= steps() - 1) stop();
      else set({ at: get("at") + 1 });
    }, Math.min(320, Math.max(45, 5000 / n)));
    paint();
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Slide";
  }
  hear(play, "click", () => (timer ? stop() : start()));
  for (const [made, by] of [[back, -1], [next, 1]]) hear(made, "click", () => { stop(); set({ at: Math.max(0, Math.min(steps() - 1, get("at") + by)) }); });
  hear(bar, "input", () => { stop(); set({ at: Number(bar.value) }); });
  hear(net, "click", press);
  hear(net, "keydown", press);
  hear(undo, "click", () => set({ changes: [] }));
  const repaint = () => { if (tones()) { slides = { key: "" }; fresh = true; paint(); } };
  hear(theme, "transitionend", repaint);

  const slower = () => { const seen = now(); if (seen) paintPanel(seen, get("changes")); };
  const bound = { picture: load, image: paint, changes: paint, answer: paint, place: paint, at: slower };
  for (const [name, then] of Object.entries(bound)) model.on(`change:${name}`, then);
  const sized = new ResizeObserver(([{ contentRect }]) => {
    for (const [name, width] of [["narrow", 860], ["tiny", 620]]) root.classList.toggle(`enas-${name}`, contentRect.width < width);
    slower();
    repaint();
  });
  sized.observe(el);
  load();
  return () => {
    stop();
    life.abort();
    sized.disconnect();
    for (const [name, then] of Object.entries(bound)) model.off(`change:${name}`, then);
  };
}

export default { render };
