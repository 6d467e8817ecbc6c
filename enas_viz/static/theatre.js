/** Replay, and its theatre: the stage of `view/stage.py`, 1280 by 720, over the whole window or screen.
 *
 *  `stage` says where everything stands. What changes is markup that `words`, `barRows`, `strip`... make as
 *  Python does for stills and films; elements that stay are changed in place, so that CSS moves bars and
 *  fades wires. The clocks and all state are the replay's. */
import replay, { bars, button, caption, clamp, dress, glyph, homes, make, paint, picture, shapes, token } from "./replay.js";

const NS = "http://www.w3.org/2000/svg";
const SCREEN = "M1.5 3h13v9h-13zM5 14h6", LEAVE = "M3.5 3.5l9 9m0-9l-9 9";

// ---------------------------------------------------------------- pure: markup as `stage.py` makes it

const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
const escaped = (text) => text.replace(/[&<>"']/g, (sign) => SIGNS[sign]);
const tenth = (value) => Math.floor(10 * value + 0.5) / 10;
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Lines no wider than `width` at font size `size`. */
export function wrap(text, width, size) {
  const limit = Math.max(12, Math.floor(width / (0.56 * size))), lines = [""];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.length - 1;
    if (lines[last] && lines[last].length + 1 + word.length > limit) lines.push(word);
    else lines[last] = `${lines[last]} ${word}`.trim();
  }
  return lines;
}

/** told: what `caption` says. */
export function words({ grid }, { count, question, answer }) {
  const { text, large, wordsW, wordsY, bottom, edge } = grid;
  const lines = [["kicker", text, count], ...wrap(capital(question), 0.9 * wordsW, large).map((line) => ["ask", large, line]),
    ...wrap(answer, wordsW, text).filter(Boolean).map((line) => ["say", text, line])];
  let made = "", y = wordsY;
  for (const [i, [name, size, line]] of lines.entries()) {
    const after = lines[i + 1]?.[1] ?? 0, cut = after && y + after + 5 > bottom;
    made += `<text class="${name} start" x="${edge}" y="${y}" style="font-size:${size}px">${escaped(line)}${cut ? " …" : ""}</text>`;
    if (cut) break;
    y += after + 5;
  }
  return made;
}

const line = (x, y, text, name) => `<text class="${name}" x="${tenth(x)}" y="${y + 19}">${escaped(text)}</text>`;
const twoDigits = (p) => (p + 1e-9).toFixed(2);

/** found: what the replay's `bars` says. */
export function barRows({ grid }, scene, found) {
  const { barsX, barsY, bar: high, rows, most, edge } = grid;
  const out = found.length > most ? found.length - most + 1 : 0;
  const kept = found.slice(out), columns = Math.ceil((kept.length + (out > 0)) / rows) || 1;
  const width = (1280 - edge - barsX) / columns;
  const [name, after] = { 1: [118, 186], 2: [96, 112] }[columns] ?? [96, 62];
  const made = out ? [`<g class="other"><rect class="wash" x="${barsX - 6}" y="${barsY}" width="${tenth(width - 8)}" height="24"/>${
    line(barsX, barsY, `${out} earlier: not shown`, "start")}</g>`] : [];
  for (const [k, { label, p, picked, answer, op }] of kept.entries()) {
    const i = k + (out > 0), x = tenth(barsX + Math.floor(i / rows) * width), y = barsY + (i % rows) * high;
    const track = tenth(width - name - after - 14), end = tenth(x + name + track), from = tenth(x + name);
    const colour = op && scene.colour === "op" ? ` op-${op}` : "";
    made.push(`<g class="${picked ? "picked" : "other"}"><rect class="wash" x="${tenth(x - 6)}" y="${y}" width="${tenth(width - 8)}" height="24" rx="5"/>${
      line(x, y, label, "start")}<rect class="track" x="${from}" y="${y + 5}" width="${track}" height="14"/><rect class="share${colour}" x="${from}" y="${
      y + 5}" width="${tenth(track * p)}" height="14"/>${line(end + 8, y, twoDigits(p), "start")}${columns < 3 ? line(end + 64, y, answer, "word start") : ""}</g>`);
  }
  return made;
}

const NODES = [1, 3, 2, 4]; // the article's colours of its nodes

function tint(scene, t, episode) {
  const { options, at } = scene.plan[t];
  if (options !== "ops") return "none";
  if (scene.colour === "op") return `op-${scene.options.ops[episode.steps[t][0][0]].op}`;
  const k = Number(at.split(".").pop());
  return `at-${scene.colour === "node" && k < NODES.length ? NODES[k] : (k % 8) + 1}`;
}

/** order: the steps that are shown. */
export function strip({ grid }, scene, episode, order, step, whole) {
  const tenses = order.map((t) => (t === step ? "now" : t < step || whole ? "past" : "future"));
  return order.map((t, i) => {
    const x = grid.pitch * i + grid.pitch / 2, turn = scene.plan[t], lines = token(scene, episode, t);
    const said = lines.map((text, k) => `<text class="token" x="${x}" y="${lines.length === 1 ? 33 : [22, 44][k]}">${escaped(text)}</text>`).join("");
    const short = turn.options === "ops" ? "op" : { pick: "in", bits: "skips", silent: "–" }[turn.kind];
    const box = `x="${x - 38}" y="4" width="76" height="48" rx="6"`, after = tenses[i + 1];
    return `<g class="step ${tenses[i]}" data-step="${t}">${i ? `<path class="line" d="M${x - 42} 77h20"/>` : ""}<path class="line" d="M${x} 62v-8"/>`
      + `<rect class="cell" x="${x - 22}" y="62" width="44" height="30" rx="6"/><text class="number" x="${x}" y="84">${i + 1}</text>`
      + `<rect class="hole" ${box}/><rect class="chip" ${box}/><rect class="tinted ${tint(scene, t, episode)}" ${box}/>${said}`
      + `<text class="small kind" x="${x}" y="114">${short}</text></g>`
      + (after ? `<g class="step ${after}"><path class="line" d="M${x + 22} 77h20"/></g>` : "");
  });
}

/** How far the strip's window has moved; place: of `steps`, from 0. */
export function offset({ grid, width }, steps, place) {
  const spare = grid.pitch * steps - width;
  return spare <= 0 ? spare / 2 : clamp(grid.pitch * place + grid.pitch / 2 - width / 2, 0, spare);
}

export function dots({ grid, left, width }, steps, place) {
  if (grid.pitch * steps <= width) return "";
  const pitch = Math.min(12, width / steps);
  return Array.from({ length: steps }, (_, t) => `<circle class="mark${t === place ? " here" : ""}" cx="${
    tenth(left + width / 2 + pitch * (t + 0.5 - steps / 2))}" cy="${grid.stripY + 126}" r="${t === place ? 4.5 : Math.min(2.5, tenth(pitch / 3))}"/>`).join("");
}

export function chips(stage, moment) {
  const { grid, chapters, at, chips: top, chipWidth } = stage, epoch = at[moment][0];
  const here = chapters.findLast((chapter) => chapter.epoch <= epoch);
  return chapters.map((chapter, i) => {
    const y = top + grid.chip * i;
    return `<g class="chapter${chapter.epoch === here?.epoch ? " here" : ""}" data-moment="${chapter.moment}"><rect class="chip" x="${grid.edge}" y="${y}" width="${
      chipWidth}" height="30" rx="15"/><text class="start" x="${grid.edge + 14}" y="${y + 22}">${chapter.name}</text><text class="small end" x="${
      grid.edge + chipWidth - 14}" y="${y + 22}">${chapter.epoch + 1}</text></g>`;
  }).join("");
}

export function underTitle(stage, episode, moment) {
  const { edge, text } = stage.grid;
  let told = [episode.facts, episode.note].filter(Boolean).join(" · ");
  const broken = () => wrap(told, 1280 - 2 * edge, text);
  let lines = stage.epochs ? [stage.epochs[stage.at[moment][0]]] : told ? broken() : [];
  while (lines.length > 2 && told.includes(". ")) {
    told = told.slice(told.indexOf(". ") + 2); // the last sentence says what this is no sample of
    lines = broken();
  }
  if (lines.length > 2) lines = [lines[0], `${lines[1]} …`];
  return lines.map((one, i) => `<text class="start" x="${edge}" y="${68 + 23 * i}">${escaped(one)}</text>`).join("");
}

// ---------------------------------------------------------------- elements

/** Makes a box hold `markup`, and where it holds the like already, only changes that. */
function morph(box, markup) {
  if (box.markup === markup) return;
  box.markup = markup;
  const next = document.createElementNS(NS, "g");
  next.innerHTML = markup;
  const [was, now] = [box, next].map((element) => [...element.querySelectorAll("*")]);
  if (was.length !== now.length || was.some((element, i) => element.tagName !== now[i].tagName)) return box.replaceChildren(...next.childNodes);
  was.forEach((element, i) => {
    for (const { name, value } of now[i].attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    if (!element.children.length && element.textContent !== now[i].textContent) element.textContent = now[i].textContent;
  });
}

const drawn = (path) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>`;

/** The theatre of one view of a replay. view: () -> {scene, episode, step}, what it shows; acts: what its buttons do.
 *  Returns {button, toggle, show, end}: the button that opens it, its key, drawing anew, and its clean-up. */
export function theatre({ model, root, uid, hear, view, acts, push }) {
  const own = `${uid}t-`;
  let box = null, parts, network, built = null, whole = false, queued = 0;
  const opener = button("theatre", "Theatre: the whole window (F)", "play", () => toggle(), hear);
  opener.innerHTML = drawn(SCREEN);
  opener.hidden = !model.get("stage")?.grid;

  function toggle(on = !model.get("theatre")) {
    if (!model.get("stage")?.grid) return;
    if (on && !box) open(); // here, not in another view of the same replay
    model.set("theatre", on);
    push();
    if (on) box?.firstElementChild.requestFullscreen?.().catch(() => {}); // where it is not allowed: the window
  }

  function open() {
    const stage = model.get("stage"), act = (...what) => button(...what, hear);
    const plays = act("toggle", "Play the steps (Space)", "play", () => { whole = false; acts.toggle(); });
    const rolls = act("roll", "Play the search", "play", () => { whole = true; acts.roll(); });
    const leaves = act("theatre", "Leave the theatre (F or Escape)", "play", () => toggle(false));
    leaves.innerHTML = drawn(LEAVE);
    const mover = (action, label) => act(action, label, action, () => { whole = false; acts.act(action); });
    const panel = make("div", { class: "panel" }, mover("back", "Previous step (Left)"), plays, mover("next", "Next step (Right)"),
      ...(stage.at ? [make("span", {}, "search"), rolls] : []), leaves);
    const screen = make("div", { class: "screen" }), g = (name) => `<g data-part="${name}"></g>`;
    screen.innerHTML = `<svg xmlns="${NS}" class="enas-svg" viewBox="0 0 1280 720" role="img" aria-labelledby="${uid}said"><g class="stage">`
      + `<text class="headline start" x="${stage.grid.edge}" y="40">${stage.title}</text>${g("under")}${stage.curves ?? ""}`
      + (stage.span ? `<path class="cursor" d="M0 ${stage.span[0]}V${stage.span[1]}"/>` : "") + g("chips")
      + `<svg class="window" x="${stage.left}" y="${stage.grid.stripY}" width="${stage.width}" height="${stage.grid.windowH}" `
      + `viewBox="0 0 ${stage.width} ${stage.grid.windowH}">${g("strip")}${g("gone")}</svg>${g("dots")}${g("child")}${g("words")}${g("bars")}</g></svg>`;
    screen.append(panel);
    box = make("dialog", { class: "enas-viz enas-theatre", "aria-label": "Theatre", "data-lm-suppress-shortcuts": "" }, screen);
    hear(box, "cancel", (event) => { event.preventDefault(); toggle(false); });
    hear(box, "close", () => { if (model.get("theatre")) toggle(false); });
    hear(screen, "fullscreenchange", () => { if (!document.fullscreenElement) toggle(false); });
    const jump = (event) => {
      const chapter = event.target.closest(".chapter");
      if (!chapter || (event.key && event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      event.stopPropagation();
      whole = true;
      acts.open(Number(chapter.dataset.moment));
    };
    for (const event of ["click", "keydown"]) hear(part("chips"), event, jump);
    hear(part("strip"), "click", (event) => {
      const place = event.target.closest("[data-step]");
      if (place) { whole = false; acts.go(Number(place.dataset.step)); }
    });
    whole = !!stage.at;
    root.append(box);
    built = null;
    box.showModal?.();
    draw();
    box.focus();
  }

  const tokens = () => [...part("strip").querySelectorAll("[data-step]")].map((place) => [...place.querySelectorAll(".token")]);

  /** Lets tokens that are others than they were slide out, and the new ones in. */
  function slide(was) {
    const move = (y, z) => (text) => text.animate({ translate: [`0 ${y}px`, `0 ${z}px`], opacity: [+!y, 0, +!z] }, 360 / model.get("speed"));
    const said = (texts) => texts.map((text) => text.textContent).join();
    tokens().forEach((now, i) => {
      if (!was[i] || said(now) === said(was[i])) return;
      part("gone").append(...was[i]);
      now.map(move(-28, 0));
      for (const text of was[i]) move(0, 28)(text).onfinish = () => text.remove();
    });
  }

  const part = (name) => box.querySelector(`[data-part="${name}"]`);

  function close() {
    if (document.fullscreenElement && box.contains(document.fullscreenElement)) document.exitFullscreen();
    box.close?.();
    box.remove();
    box = null;
    root.focus({ preventScroll: true });
  }

  /** The network, its letters as large as its boxes allow. */
  function build(scene, stage, home) {
    let markup = scene.network;
    for (const [name, short] of Object.entries(stage.short)) markup = markup.replaceAll(name, short);
    network = picture(markup, own);
    for (const text of network.querySelectorAll("text")) {
      const { classList } = text, size = !classList.contains("small") ? stage.glyph : classList.contains("start") ? stage.head : stage.small;
      text.style.fontSize = `${size}px`;
    }
    for (const [name, value] of Object.entries({ class: "child", x: stage.left, y: stage.top, width: stage.width, height: stage.high }))
      network.setAttribute(name, value);
    part("child").replaceChildren(network);
    parts = shapes(network, null, home);
    built = scene;
  }

  function draw() {
    queued = 0;
    if (!box) return;
    const { scene, episode, step, moment = 0 } = view(), stage = model.get("stage");
    const home = homes(scene, !scene.folds || model.get("silent")), order = [...new Set(home)], place = order.indexOf(step);
    if (built !== scene || network.home !== String(home)) build(scene, stage, home);
    network.home = String(home);
    const all = !!stage.at && (whole || model.get("rolling"));
    dress(scene, episode, network, null, parts, own);
    paint(parts, scene, episode, step, -1, scene.plan.length, (element) => element.parentNode.append(element), all);
    network.setAttribute("viewBox", stage.views[step]);
    morph(part("under"), underTitle(stage, episode, moment));
    const was = tokens().map((texts) => texts.map((text) => text.cloneNode(true)));
    morph(part("strip"), strip(stage, scene, episode, order, step, all).join(""));
    for (const name of ["strip", "gone"]) part(name).style.transform = `translate(${-offset(stage, order.length, place)}px, 0)`;
    if (all && !matchMedia("(prefers-reduced-motion: reduce)").matches) slide(was);
    morph(part("dots"), dots(stage, order.length, place));
    morph(part("words"), words(stage, caption(scene, episode, step, home)));
    morph(part("bars"), barRows(stage, scene, bars(scene, episode, step)).join(""));
    if (stage.at) {
      box.querySelector(".cursor").style.transform = `translate(${stage.at[moment][1]}px, 0)`;
      morph(part("chips"), chips(stage, moment));
      part("chips").querySelectorAll(".chapter").forEach((chip, i) => {
        for (const [name, value] of Object.entries({ role: "button", tabindex: 0, "data-lm-suppress-shortcuts": "", "aria-label": `${stage.chapters[i].name}: ${stage.chapters[i].why}` }))
          chip.setAttribute(name, value);
      });
    }
    for (const [act, name] of [["toggle", "playing"], ["roll", "rolling"]]) {
      const found = box.querySelector(`.panel [data-act="${act}"]`);
      if (found) found.innerHTML = glyph(model.get(name) ? "pause" : "play");
    }
  }

  const show = () => { queued ||= requestAnimationFrame(draw); };
  const turned = () => {
    if (model.get("theatre") && !document.querySelector(".enas-theatre[open]") && model.get("stage")?.grid) open();
    else if (!model.get("theatre") && box) close();
  };
  const names = ["step", "moment", "episode", "mine", "answer", "silent", "scene", "film", "playing", "rolling"];
  for (const name of names) model.on(`change:${name}`, show);
  model.on("change:theatre", turned);
  if (model.get("theatre")) requestAnimationFrame(turned);
  return {
    button: opener,
    toggle,
    end() {
      for (const name of names) model.off(`change:${name}`, show);
      model.off("change:theatre", turned);
      cancelAnimationFrame(queued);
    },
  };
}

function render(host) {
  return replay.render({ ...host, theatre });
}

export default { render };
