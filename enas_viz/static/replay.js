/** Replay of one episode: the controller's steps, what each could have picked, and the network that
 *  grows from it. Python drew both pictures and wrote the words; here a clock moves, nothing else.
 *
 *  State lives in traits only (scene, episode, step, playing, speed), so that a page without a kernel
 *  plays the same. Pure functions are exported for tests; never export a name `render`, since
 *  anywidget would then ignore the default export. */

export const clamp = (n, low, high) => Math.min(high, Math.max(low, n));

/** What a key asks for; null for keys that are not ours. */
export function keyAction(key) {
  return { ArrowRight: "next", ArrowLeft: "previous", Home: "first", End: "last",
    PageDown: "forward", PageUp: "back", " ": "toggle", k: "toggle" }[key] ?? null;
}

/** The step that an action leads to, of `count` steps. */
export function stepAfter(action, step, count) {
  const to = { next: step + 1, previous: step - 1, forward: step + 5, back: step - 5,
    first: 0, last: count - 1 }[action];
  return to === undefined ? step : clamp(to, 0, count - 1);
}

/** Probabilities of one row of logits; a skip's single logit z stands for the pair (-z, z). */
export function softmax(row) {
  const top = Math.max(...row), weights = row.map((z) => Math.exp(z - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

export const probabilities = (kind, logits) =>
  logits.map((row) => softmax(kind === "skip" ? [-row[0], row[0]] : row));

/** The tense of a shape: future, now, past, rejected (at this very step) or out (rejected before). */
export function tense(plan, picks, now, born, row = null) {
  if (born > now) return "future";
  const merges = row === null && plan[born][0] === "skip";
  const on = merges ? picks[born].some(Boolean) : row === null || Boolean(picks[born][row]);
  if (born === now) return on ? "now" : merges ? "out" : "rejected";
  return on ? "past" : "out";
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Lines of the probability panel: label, probability (for skips that of yes), picked, answer, op. */
export function bars(scene, episode, step) {
  const [kind] = scene.plan[step], [picks, logits] = episode.steps[step];
  if (kind === "silent") return [];
  const rows = probabilities(kind, logits);
  if (kind === "op")
    return scene.ops.map(([name, first, second], i) => ({
      label: `${first} ${second}`, p: rows[0][i], picked: i === picks[0], answer: "", op: name }));
  return rows.map((row, i) => ({
    label: scene.tensors[i + scene.shift], p: row[1], picked: Boolean(picks[i]),
    answer: scene.words[picks[i] ? "yes" : "no"], op: "" }));
}

/** The step in words: how far, what is asked, what was decided; the whole is one caption. */
export function words(scene, episode, step) {
  const { plan, ops, few, words: say } = scene, [kind, at] = plan[step], layer = at + 1;
  const lines = bars(scene, episode, step);
  let answer;
  if (kind === "silent") answer = fill(say.why, { layer });
  else if (kind === "op") {
    const i = episode.steps[step][0][0];
    answer = fill(say.picked, { option: capital(ops[i][3]), p: lines[i].p.toFixed(2) });
  } else if (lines.length <= few)
    answer = lines.map((b) => fill(say.row, { row: capital(b.label), p: b.p.toFixed(2), answer: b.answer })).join(" ");
  else {
    const yes = lines.filter((b) => b.picked).map((b) => fill(say.item, { row: b.label, p: b.p.toFixed(2) }));
    answer = yes.length ? fill(say.some, { n: yes.length, rows: lines.length, list: yes.join(", ") })
      : fill(say.none, { rows: lines.length });
  }
  if (step === plan.length - 1) answer += ` ${say.whole}`;
  const count = fill(say.count, { step: step + 1, steps: plan.length });
  const question = fill(say[kind], { layer });
  return { count, question, answer, caption: `${count}: ${question} ${answer}` };
}

/** What a step emitted, in one or two short lines. */
export function token(scene, episode, step) {
  const [kind] = scene.plan[step], [picks] = episode.steps[step];
  if (kind === "silent") return ["–"];
  if (kind === "op") return scene.ops[picks[0]].slice(1, 3);
  const chosen = picks.flatMap((bit, i) => (bit ? [i + scene.shift ? String(i + scene.shift) : "stem"] : []));
  const listed = chosen.join(",");
  if (listed.length > 5) return [`${chosen.length} of`, String(picks.length)];
  return [listed || "none"];
}

// ---------------------------------------------------------------- the page's parts

const SVG = "http://www.w3.org/2000/svg";
// Drawn, since transport glyphs are missing from many fonts.
const ICONS = { first: "M3 3h2v10H3zM13 3v10L6 8z", previous: "M11 3v10L4 8z", play: "M4 2.5l9.5 5.5L4 13.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z", next: "M5 3v10l7-5z", last: "M11 3h2v10h-2zM3 3v10l7-5z" };
const SPEEDS = [0.5, 1, 2, 4];
const PACE = 1100; // milliseconds a step stays, at speed 1
const FAST = 250; // steps that follow each other faster are shown without transitions

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [k, v] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" })) svg.setAttribute(k, v);
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  return svg;
}

/** A drawing in a frame of its own that scrolls sideways where the page is too narrow for it. */
function drawing(name, markup, prefix, label) {
  const frame = make("div", { class: `frame ${name}`, role: "img", "aria-label": label });
  frame.innerHTML = markup.replaceAll('id="enas-', `id="${prefix}`);
  const svg = frame.firstElementChild;
  svg.setAttribute("aria-hidden", "true");
  const width = Number(svg.getAttribute("width"));
  svg.style.minWidth = `${(width > 1500 ? 0.9 : 0.74) * width}px`; // below that letters get too small
  svg.style.maxWidth = `${1.2 * width}px`;
  return { frame, svg };
}

function bar(line, colour) {
  const share = make("i", { class: line.op && colour === "op" ? `share op-${line.op}` : "share" });
  share.style.width = `${(100 * line.p).toFixed(1)}%`;
  return make("li", { class: line.picked ? "picked" : "other" },
    make("span", { class: "name" }, line.label), make("span", { class: "track", "aria-hidden": "true" }, share),
    make("span", { class: "p" }, line.p.toFixed(2)), make("span", { class: "pill", "aria-hidden": "true" }),
    make("span", { class: "word" }, line.answer || (line.picked ? "sampled" : "")));
}

let views = 0;

function render({ model, el }) {
  const prefix = `e${Date.now().toString(36)}${views++}-`;
  const ended = new AbortController();
  const on = (target, event, f) => target.addEventListener(event, f, { signal: ended.signal });
  let scene, episode, picks, shapes, shown = null, timer = 0, waiting = false, moved = -1e9;

  // JupyterLab listens for keys while they travel down, so that stopping them here would be too late.
  const root = make("div", { class: "enas-viz enas-replay", role: "group", tabindex: "0",
    "aria-label": "Replay of the controller's decisions", "data-lm-suppress-shortcuts": "true" });
  const button = (action, label, name) => {
    const b = make("button", { type: "button", "aria-label": label, title: label, "data-action": action }, icon(name));
    on(b, "click", () => act(action));
    return b;
  };
  const play = button("toggle", "Play (space bar)", "play");
  const scrubber = make("input", { type: "range", min: 0, step: 1, "aria-label": "Step of the controller" });
  const speed = make("select", { "aria-label": "Speed", title: "Speed" },
    ...SPEEDS.map((v) => make("option", { value: v }, `${v}×`)));
  const controls = make("div", { class: "controls" }, button("first", "First step (Home)", "first"),
    button("previous", "Previous step (left arrow)", "previous"), play, button("next", "Next step (right arrow)", "next"),
    button("last", "Last step (End)", "last"), scrubber, speed);
  const count = make("p", { class: "kicker" }), question = make("p", { class: "question" });
  const answer = make("p", { class: "answer" }), panel = make("ul", { class: "panel", "aria-label": "Probability of every option at this step" });
  const spoken = make("div", { class: "spoken", "aria-live": "polite" });
  const stage = make("div", { class: "stage" }), legend = make("ul", { class: "legend", "aria-label": "Operations" });
  const facts = make("p", { class: "facts" }), note = make("p", { class: "note" });
  root.append(stage, controls, legend, facts, note, spoken);
  el.append(root);

  /** Puts the scene's drawings in place; once, unless another scene comes. */
  function buildScene() {
    scene = model.get("scene");
    const strip = drawing("strip", scene.strip, prefix, "The controller: one LSTM cell for each step");
    const network = drawing("network", scene.network, prefix, "The child network");
    const told = make("div", { class: "told" }, make("div", { class: "say" }, count, question, answer), panel);
    panel.style.setProperty("--rows", scene.rows);
    stage.replaceChildren(make("p", { class: "over" }, "Controller"), strip.frame, told,
      make("p", { class: "over" }, "Child network"), network.frame);
    const all = (selector, from) => [...from.querySelectorAll(selector)];
    shapes = {
      strip, network,
      steps: all("[data-step]", strip.svg),
      arcs: all(".arc", network.svg).map((node) => ({ node, born: +node.dataset.born, row: +node.dataset.row, base: node.getAttribute("class").replace(/ ?future/, "") })),
      layers: all("[data-at]", network.svg),
      merges: all("[data-merge]", network.svg),
      wire: network.svg.querySelector("[data-wire]"),
    };
    shapes.steps.forEach((node, i) => on(node, "click", () => go(i)));
    shapes.layers.forEach((node) => on(node, "click", () => go(+node.dataset.born)));
    legend.replaceChildren(...scene.legend.map(([name, , , full]) => make("li", {}, sample(name), full)), make("li", {}, sample("skip"), scene.merge === "add" ? "skip, added" : "skip, concatenated"));
    scrubber.max = scene.plan.length - 1;
    buildEpisode();
  }

  function sample(name) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [k, v] of Object.entries({ viewBox: "-11 -11 22 22", width: 22, height: 22, class: "enas-svg", "aria-hidden": "true" })) svg.setAttribute(k, v);
    svg.innerHTML = name === "skip"
      ? `<circle class="ring" r="7.5"/><path class="sign" d="${scene.merge === "add" ? "M-3.6 0h7.2M0 -3.6v7.2" : "M-3.6 -2.4h7.2M-3.6 2.4h7.2"}"/>`
      : `<g class="${scene.colour === "op" ? `op-${name}` : "pixel"}"><use href="#${prefix}i-${name}"/></g>`;
    return svg;
  }

  /** Gives the shapes what this episode picked; they still wait for their step to show it. */
  function buildEpisode() {
    episode = model.get("episode");
    picks = episode.steps.map(([p]) => p);
    const opAt = (step) => scene.ops[picks[step][0]][0];
    shapes.layers.forEach((node) => {
      const op = opAt(+node.dataset.born);
      node.querySelector(".label").setAttribute("class", `label op-${op}`);
      node.querySelector("use").setAttribute("href", `#${prefix}${op}`);
      if (scene.colour === "op") node.querySelector(".face:not(.paper)").setAttribute("class", `face op-${op}`);
    });
    shapes.steps.forEach((node, step) => {
      const lines = token(scene, episode, step), texts = node.querySelectorAll(".token");
      texts[0].dataset.y ??= texts[0].getAttribute("y");
      const [y1, y2] = [+texts[0].dataset.y, +texts[1].getAttribute("y")];
      texts[0].setAttribute("y", lines.length === 1 ? (y1 + y2) / 2 : y1);
      texts.forEach((text, i) => { text.textContent = lines[i] ?? ""; });
      if (scene.plan[step][0] === "op" && scene.colour === "op") node.querySelector(".tinted").setAttribute("class", `tinted op-${opAt(step)}`);
    });
    facts.textContent = episode.facts;
    note.textContent = episode.note;
    shown = null;
    draw();
  }

  /** Everything on screen is a function of the step. */
  function draw() {
    const now = clamp(model.get("step"), 0, scene.plan.length - 1);
    if (now === shown) return;
    const look = (born, row) => tense(scene.plan, picks, now, born, row), about = scene.plan[now][1];
    const dress = (node, name) => { if (node.getAttribute("class") !== name) node.setAttribute("class", name); };
    shapes.steps.forEach((node, i) => dress(node, `step ${i < now ? "past" : i > now ? "future" : "now"}`));
    for (const { node, born, row, base } of shapes.arcs) {
      const as = look(born, row);
      dress(node, `${base} ${as}`);
      if (as === "now") node.parentNode.append(node); // on top of the others
    }
    for (const node of shapes.layers) dress(node, `layer ${look(+node.dataset.born, null)}${+node.dataset.at === about ? " about" : ""}`);
    for (const node of shapes.merges) dress(node, `merge ${look(+node.dataset.born, null)}`);
    const end = look(+shapes.wire.dataset.born, null);
    dress(shapes.wire, `end-wire ${scene.plan.at(-1)[0] === "op" || end === "future" ? end : "past"}`);
    panel.replaceChildren(...bars(scene, episode, now).map((line) => bar(line, scene.colour)));
    const said = words(scene, episode, now);
    count.textContent = said.count;
    question.textContent = capital(said.question);
    answer.textContent = said.answer;
    scrubber.value = now;
    scrubber.setAttribute("aria-valuetext", said.caption);
    if (!model.get("playing")) spoken.textContent = said.caption;
    centre(shapes.strip.frame, shapes.steps[now]);
    centre(shapes.network.frame, shapes.layers[about]);
    shown = now;
  }

  /** Scrolls a frame sideways, and never the page, until a shape is in its middle. */
  function centre(frame, node) {
    if (frame.scrollWidth <= frame.clientWidth + 1) return;
    const inside = node.getBoundingClientRect(), outside = frame.getBoundingClientRect();
    frame.scrollLeft += inside.left + inside.width / 2 - outside.left - outside.width / 2;
  }

  function go(step) {
    const time = performance.now();
    root.classList.toggle("fast", time - moved < FAST);
    moved = time;
    model.set("step", clamp(step, 0, scene.plan.length - 1));
    tell();
  }

  /** Tells the kernel at most once a frame; the screen does not wait for it. */
  function tell() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; if (!ended.signal.aborted) model.save_changes(); });
  }

  function act(action) {
    if (action !== "toggle") return go(stepAfter(action, model.get("step"), scene.plan.length));
    if (!model.get("playing") && model.get("step") >= scene.plan.length - 1) model.set("step", 0);
    model.set("playing", !model.get("playing"));
    tell();
  }

  function tick() {
    clearTimeout(timer);
    const playing = model.get("playing"), label = playing ? "Pause (space bar)" : "Play (space bar)";
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", label);
    play.title = label;
    speed.value = model.get("speed");
    if (!playing) { if (shown !== null) spoken.textContent = scrubber.getAttribute("aria-valuetext"); return; }
    timer = setTimeout(() => {
      if (model.get("step") >= scene.plan.length - 1) { model.set("playing", false); tell(); return; }
      go(model.get("step") + 1);
      tick();
    }, PACE / model.get("speed"));
  }

  on(scrubber, "input", () => go(Number(scrubber.value)));
  on(speed, "change", () => { model.set("speed", Number(speed.value)); tell(); });
  on(document, "visibilitychange", () => { if (document.hidden && model.get("playing")) { model.set("playing", false); tell(); } });
  on(root, "keydown", (event) => {
    const action = keyAction(event.key);
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target === speed) return;
    if (event.key === " " && event.target.tagName === "BUTTON") return; // the button's own key
    event.preventDefault();
    event.stopPropagation();
    act(action);
  });
  const heard = { "change:step": draw, "change:episode": buildEpisode, "change:scene": buildScene, "change:playing": tick, "change:speed": tick };
  for (const [event, f] of Object.entries(heard)) model.on(event, f);
  buildScene();
  tick();
  requestAnimationFrame(() => { shown = null; if (!ended.signal.aborted) draw(); }); // once sizes are known
  return () => {
    ended.abort();
    clearTimeout(timer);
    for (const [event, f] of Object.entries(heard)) model.off(event, f);
  };
}

export default { render };
