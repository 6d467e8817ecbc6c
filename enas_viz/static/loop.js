/** The loop of ENAS as one picture: four buttons, and what each of them sets in motion.
 *
 *  `markup` is the picture, its moving shapes with a `data-key`; `turns` holds for every turn the state
 *  at rest before it and the acts of its stages, whose cues say which shape changes what from when to
 *  when (`view/motion.py` has the other `stateAt`). `turn` and `done` say where the reader is: where
 *  `done` grows by one, that act is played; everything else is shown at once. Of a live loop the kernel
 *  makes the acts when a button asks for them. Named exports are pure, none may be called `render`. */
import { create } from "./element.js";

const SETTLE = 380; // milliseconds in which the picture changes from one turn to another
const REST = 700; // and those between two acts that play by themselves
const WORDS = ["text", "href", "class", "d"];
const NAMES = ["Sample", "Train a minibatch", "Reward", "Update"];
const ASKS = ["sample", "train", "reward", "update"];
const SPEEDS = [0.5, 1, 2, 4];

const ICONS = { play: "M4.5 2.5 13 8l-8.5 5.5z", pause: "M4 3h3v10H4zM9 3h3v10H9z", back: "M10.5 3v10L4 8z", next: "M5.5 3v10l6.5-5z" };

// ---------------------------------------------------------------- pure

const inside = (n, low, high) => Math.min(high, Math.max(low, n));

const between = (values, share) => {
  const place = share * (values.length - 1), k = Math.min(Math.floor(place), values.length - 2);
  return k < 0 ? values[0] : values[k] + (values[k + 1] - values[k]) * (place - k);
};

/** The value of a cue [key, what, start, end, values] at a time that is not before its start. */
export function valueAt([, what, start, end, values], time) {
  if (WORDS.includes(what)) return values[0];
  const share = time >= end ? 1 : (time - start) / (end - start), eased = share * share * (3 - 2 * share);
  return what === "at" ? [0, 1, 2].map((k) => between(values.filter((_, n) => n % 3 === k), eased)) : between(values, eased);
}

/** What shapes are like at a time of an act, given what they were like before: {"key what": value}. */
export function stateAt(cues, time, before) {
  const state = { ...before };
  for (const cue of cues) {
    if (cue[2] > time) break;
    state[`${cue[0]} ${cue[1]}`] = valueAt(cue, time);
  }
  return state;
}

/** A state from lists of [key, what, value], of which the later ones count. */
export const atRest = (...lists) => Object.fromEntries(lists.flat().map(([key, what, value]) => [`${key} ${what}`, value]));

/** A turn with the values that its cues share back in them. */
export function unpacked(turn) {
  const full = (acts = []) => acts.map((act) => ({ ...act,
    cues: act.cues.map((cue) => (typeof cue[4] === "number" ? [...cue.slice(0, 4), turn.table[cue[4]]] : cue)) }));
  const acts = full(turn.acts), plain = full(turn.plain);
  return { ...turn, acts, plain: plain.length ? [acts[0], ...plain] : [] }; // both begin with a sample
}

/** The state after so many of the acts, from a state before them. */
export const stateAfter = (acts, done, before) =>
  acts.slice(0, done).reduce((state, act) => stateAt(act.cues, Infinity, state), before);

/** Between two states: numbers and places move, words are those of the second. */
export function mixed(from, to, share) {
  const eased = share * share * (3 - 2 * share), mix = (a, b) => a + (b - a) * eased;
  return Object.fromEntries(Object.entries(to).map(([name, value]) => {
    const was = from[name];
    if (share >= 1 || was === undefined || typeof value === "string") return [name, value];
    return [name, Array.isArray(value) ? value.map((v, k) => mix(was[k], v)) : mix(was, value)];
  }));
}

/** What a key asks for; null: not ours. */
export const keyAction = (key) =>
  ({ ArrowRight: "next", ArrowLeft: "back", PageDown: "later", PageUp: "earlier", Home: "first", End: "last",
     " ": "play", k: "play", f: "whole", F: "whole", Escape: "small", 1: 0, 2: 1, 3: 2, 4: 3 })[key] ?? null;

/** Where a stage's button leads from `done` stages: it plays the next one, or one again; null: nowhere.
 *  Sample after the last stage begins the turn after, `by` of them on. */
export function pressed(stage, done) {
  if (stage === 0 && done === 4) return { by: 1, from: 0 };
  return stage > done ? null : { by: 0, from: stage };
}

// ---------------------------------------------------------------- the widget

const icon = (name) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}" fill="currentColor"/></svg>`;

const set = (shape, what, value) => {
  if (what === "text") shape.textContent = value;
  else if (what === "at") shape.setAttribute("transform", `translate(${value[0].toFixed(2)} ${value[1].toFixed(2)}) scale(${value[2].toFixed(3)})`);
  else shape.setAttribute(what, value);
};

function render({ model, el }) {
  const life = new AbortController(), still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const hear = (target, event, then) => target.addEventListener(event, then, { signal: life.signal });
  let known = [], packed = null;
  const turns = () => {
    if (model.get("turns") !== packed) known = (packed = model.get("turns")).map(unpacked);
    return known;
  };
  const turn = () => turns()[inside(model.get("turn"), 0, turns().length - 1)];
  const acts = () => (model.get("plain") && turn().plain?.length ? turn().plain : turn().acts);
  const done = () => inside(model.get("done"), 0, acts().length);
  let shown = {}, shapes = {}, frame = 0, timer = 0, was = [-1, -1, false], settling = false, then = null;

  const stage = create("div", { class: "picture", role: "img", tabindex: "-1" });
  const note = create("p", { class: "origin" }, model.get("note") ?? "");
  const live = create("div", { class: "unseen", "aria-live": "polite" });
  const status = create("div", { class: "status", role: "status" });
  const button = (name, label, then) => {
    const one = create("button", { type: "button", "aria-label": label, title: label, "data-act": name });
    one.innerHTML = icon(name);
    hear(one, "click", then);
    return one;
  };
  const buttons = NAMES.map((name, k) => {
    const one = create("button", { type: "button", class: "stage-button", "data-stage": k }, name);
    hear(one, "click", () => press(k));
    return one;
  });
  const play = button("play", "Play all (space)", () => set1("playing", !model.get("playing")));
  const earlier = button("back", "Earlier turn (Page Up)", () => go(-1));
  const later = button("next", "Later turn (Page Down)", () => go(1));
  const place = create("span", { class: "where" });
  const speed = create("select", { "aria-label": "Speed", title: "Speed" }, ...SPEEDS.map((s) => create("option", { value: s }, `${s}×`)));
  const plain = create("button", { type: "button", class: "plain", "aria-pressed": "false", title: "What the same turn costs in plain NAS" }, "plain NAS");
  const whole = create("button", { type: "button", class: "whole", title: "Fill the window (F)", "aria-label": "Fill the window (F)", "aria-pressed": "false" }, "⤢");
  const bar = create("div", { class: "bar-row" }, play, ...buttons, earlier, place, later, speed, plain, whole);
  const root = create("div", { class: "enas-viz enas-replay enas-loop", role: "group", tabindex: "0", "data-lm-suppress-shortcuts": "true",
    "aria-label": "The loop of ENAS: sample, train a minibatch, reward, update" }, create("div", { class: "sheet" }, stage, bar, status), note, live);
  el.append(root);

  function build() {
    stage.innerHTML = model.get("markup");
    stage.firstElementChild.setAttribute("aria-hidden", "true");
    shapes = Object.fromEntries([...stage.querySelectorAll("[data-key]")].map((e) => [e.dataset.key, e]));
    shown = {};
  }

  /** Puts on the picture what differs from what is shown. */
  function show(state) {
    for (const [name, value] of Object.entries(state)) {
      if (shown[name] === value) continue;
      const at = name.lastIndexOf(" "), shape = shapes[name.slice(0, at)];
      if (shape) set(shape, name.slice(at + 1), value);
    }
    shown = state;
  }

  function halt() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    settling = false;
    root.classList.remove("moving");
  }

  /** Runs `step(milliseconds)` on every frame until it says that it is over. */
  function run(step, over) {
    let clock = 0, last = null;
    root.classList.add("moving");
    const tick = (now) => {
      clock += last === null ? 0 : Math.min(now - last, 100) * model.get("speed");
      last = now;
      if (step(clock)) { halt(); over?.(); } else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }

  function perform(act, before, over) {
    const after = stateAt(act.cues, Infinity, before);
    if (still.matches) { show(after); timer = setTimeout(over, 1500); return; }
    let next = 0, active = [], state = { ...before };
    show(before);
    run((clock) => {
      while (next < act.cues.length && act.cues[next][2] <= clock) active.push(act.cues[next++]);
      state = { ...state };
      for (const cue of active) state[`${cue[0]} ${cue[1]}`] = valueAt(cue, clock);
      active = active.filter((cue) => cue[3] > clock);
      show(state);
      return clock >= act.ms;
    }, () => { show(after); over(); });
  }

  /** Lets the picture pass over into a state. */
  function settle(to) {
    const start = shown;
    settling = true;
    run((clock) => { show(mixed(start, to, Math.min(1, clock / SETTLE))); return clock >= SETTLE; }, () => {
      const next = then ?? goOn;
      then = null;
      next();
    });
  }

  /** Follows `turn` and `done`: one stage more is played, everything else is gone to at once. */
  function follow() {
    const now = [turn().number, done(), model.get("plain")];
    if (String(now) === String(was)) return; // several traits came with one message
    const played = now[0] === was[0] && now[1] === was[1] + 1 && now[2] === was[2];
    const before = was, wasSettling = settling;
    was = now;
    then = null;
    halt();
    const list = acts(), from = stateAfter(list, played ? now[1] - 1 : now[1], atRest(model.get("common"), turn().rest));
    if (played) {
      const next = () => {
        live.textContent = list[now[1] - 1].said;
        perform(list[now[1] - 1], from, goOn);
        tell();
      };
      if (wasSettling) { then = next; settle(from); } else next();
    } else if (before[0] < 0 || still.matches) {
      show(from);
      if (model.get("playing")) goOn();
    } else settle(from);
    tell();
  }

  /** What comes by itself while everything is played. */
  function goOn() {
    tell();
    if (!model.get("playing")) return;
    timer = setTimeout(() => {
      if (done() < 4) press(done());
      else if (model.get("live") || model.get("turn") < turns().length - 1) press(0);
      else set1("playing", false);
    }, done() === 4 ? 2 * REST / model.get("speed") : REST / model.get("speed"));
  }

  function press(stageNumber) {
    const to = pressed(stageNumber, done());
    if (!to || model.get("busy")) return;
    if (model.get("live") && (to.by || to.from >= acts().length)) {
      model.send({ ask: ASKS[stageNumber] });
      return;
    }
    if (to.by) {
      model.set("done", 0);
      model.set("turn", (model.get("turn") + 1) % turns().length);
    } else if (to.from !== done()) model.set("done", to.from);
    model.set("done", to.from + 1);
    model.save_changes();
  }

  function go(by) {
    const to = inside(model.get("turn") + by, 0, turns().length - 1);
    model.set("playing", false);
    model.set("done", 0);
    model.set("turn", to);
    model.save_changes();
  }

  function set1(name, value) { model.set(name, value); model.save_changes(); }

  function tell() {
    const n = done(), busy = model.get("busy");
    buttons[1].textContent = model.get("plain") && turn().plain.length ? "Train to the end" : NAMES[1];
    buttons.forEach((one, k) => {
      one.classList.toggle("now", root.classList.contains("moving") ? k === n - 1 : k === n % 4 && !model.get("playing"));
      one.disabled = !!busy || !pressed(k, n);
      one.setAttribute("aria-current", root.classList.contains("moving") && k === n - 1 ? "step" : "false");
    });
    place.textContent = model.get("live") ? `turn ${turn().number}` : `${model.get("turn") + 1} / ${turns().length}`;
    place.title = model.get("live") ? "" : "of the turns that were recorded";
    earlier.disabled = model.get("turn") <= 0;
    later.disabled = model.get("turn") >= turns().length - 1;
    const playing = model.get("playing");
    play.setAttribute("aria-label", playing ? "Pause (space)" : "Play all (space)");
    play.title = play.getAttribute("aria-label");
    if (play.dataset.on !== String(playing)) play.innerHTML = icon(playing ? "pause" : "play");
    play.dataset.on = playing;
    stage.setAttribute("aria-label", `Turn ${turn().number}. ${n ? acts()[n - 1].said : turn().said}`);
    status.textContent = busy || model.get("problem") || "";
    status.classList.toggle("problem", !busy && !!model.get("problem"));
    plain.setAttribute("aria-pressed", model.get("plain"));
    plain.hidden = !turns().some((one) => one.plain?.length);
    whole.setAttribute("aria-pressed", model.get("whole"));
    speed.value = SPEEDS.reduce((a, b) => (Math.abs(b - model.get("speed")) < Math.abs(a - model.get("speed")) ? b : a));
  }

  function fill() {
    const on = model.get("whole"), above = root.matches("[popover]");
    root.classList.toggle("enas-whole", on);
    if (on && !above && root.isConnected && root.showPopover) { // over whatever the notebook puts around an output
      root.setAttribute("popover", "manual");
      root.showPopover();
    } else if (!on && above) root.removeAttribute("popover");
    if (on) root.focus();
    tell();
  }

  function started() {
    if (model.get("playing") && !root.classList.contains("moving")) goOn();
    if (!model.get("playing")) clearTimeout(timer);
    tell();
  }

  const actions = {
    next: () => press(done() % 4), back: () => { halt(); set1("done", Math.max(0, done() - 1)); },
    later: () => go(1), earlier: () => go(-1), first: () => go(-Infinity), last: () => go(Infinity),
    play: () => set1("playing", !model.get("playing")), whole: () => set1("whole", !model.get("whole")), small: () => set1("whole", false),
  };
  hear(root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === speed) return;
    const action = keyAction(event.key);
    if (action === null || (action === "small" && !model.get("whole"))) return;
    if (event.target.tagName === "BUTTON" && event.key === " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (typeof action === "number") press(action);
    else actions[action]();
  });
  hear(speed, "change", () => set1("speed", Number(speed.value)));
  hear(plain, "click", () => { model.set("done", 0); set1("plain", !model.get("plain")); });
  hear(whole, "click", actions.whole);
  hear(document, "visibilitychange", () => { if (document.hidden) set1("playing", false); });

  const heard = {
    "change:markup": () => { build(); was = [-1, -1, false]; follow(); }, "change:turns": follow, "change:turn": follow,
    "change:done": follow, "change:plain": follow, "change:playing": started, "change:whole": fill,
    "change:speed": tell, "change:busy": tell, "change:problem": tell,
  };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  build();
  follow();
  fill();
  return () => {
    life.abort();
    halt();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
