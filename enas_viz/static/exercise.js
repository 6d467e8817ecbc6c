/** Exercise: a question, answers to click, mark or type, and what is said of them; a guess is one in which
 *  nothing is right or wrong.
 *
 *  `verdicts` holds what is said of an answer, [mark, text]; what is not in it is asked of the kernel, which
 *  adds it. `tried` holds the different answers, the present one last. Named exports are pure, none may be
 *  called `render`. */
import { create } from "./element.js";

// ---------------------------------------------------------------- pure

/** An answer becomes the present one; each is listed once. */
export const after = (tried, key, most = 50) => [...tried.filter((one) => one !== key), key].slice(-most);

/** A typed list as its numbers with a space in between; other text as it is, without spaces around it. */
export function normal(text) {
  return /^[\s\d,;()[\]-]*$/.test(text) ? (text.match(/-?\d+/g) ?? []).join(" ") : text.trim().slice(0, 400);
}

/** What is said now: {mark, says, way, answer}, texts empty where they are not said; wrong: how many different
 *  wrong answers there were; solved: whether a right one was given. */
export function told({ verdicts, tried, way, answer, hinted, shown, kind }) {
  const verdict = (key) => verdicts[key] ?? ["✗", "That is not right. A running notebook says where."];
  const last = tried.at(-1), wrong = tried.filter((key) => verdict(key)[0] === "✗").length;
  const solved = tried.some((key) => verdict(key)[0] === "✓");
  const [mark, says] = last === undefined ? ["", ""] : verdict(last), right = mark === "✓";
  const given = shown && !right;
  return {
    mark: given ? "→" : mark, says: given ? "" : says, wrong, solved,
    way: way && !right && !given && (hinted || wrong > 1) ? `Hint: ${way}` : "",
    answer: given ? answer : "",
    idle: last === undefined && !hinted && !shown && kind !== "guess",
  };
}

/** The place that a key leads to among so many; null for other keys. */
export function moved(key, at, count) {
  if (key === "ArrowRight" || key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowLeft" || key === "ArrowUp") return (at + count - 1) % count;
  return key === "Home" ? 0 : key === "End" ? count - 1 : null;
}

// ---------------------------------------------------------------- the widget

const LETTERS = "abcdefghijklmnop";
const SIGNS = { "✓": "M3.5 8.5l3 3 6-7", "✗": "M4.5 4.5l7 7M11.5 4.5l-7 7", dot: "M8 8h.01" };

/** A small circle or square that takes a sign. */
function box() {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  return made;
}

function render({ model, el }) {
  const life = new AbortController();
  const hear = (target, event, then) => target.addEventListener(event, then, { signal: life.signal });
  const kind = model.get("kind"), one = kind === "choice" || kind === "guess", several = kind === "several";
  const button = (text, then) => {
    const made = create("button", { type: "button", class: "word" }, text);
    hear(made, "click", then);
    return made;
  };
  let marked = "", pending = "", focus = 0;

  const label = create("p", { class: "over" }, kind === "guess" ? "Guess" : "Exercise");
  const uid = `enas-question-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
  const question = create("p", { class: "question", id: uid }, model.get("question"));
  const offered = create("div", { class: "offered", role: one ? "radiogroup" : "group", "aria-labelledby": uid });
  const buttons = model.get("choices").map((text, k) => {
    const made = create("button", { type: "button", class: "option", role: one ? "radio" : "checkbox" }, box(), create("span", {}, several ? `${LETTERS[k]}: ${text}` : text), create("span", { class: "unseen" }));
    hear(made, "click", () => (one ? answer(String(k)) : mark(LETTERS[k])));
    return made;
  });
  offered.append(...buttons);
  const field = create("input", { type: "text", "aria-labelledby": uid, autocomplete: "off", spellcheck: "false", maxlength: "400", placeholder: "numbers, such as 0, 1, 2" });
  const check = button(kind === "network" ? "Check my network" : "Check", () => (several ? marked && answer(marked) : kind === "list" ? normal(field.value) && answer(normal(field.value)) : ask()));
  const row = create("div", { class: "row" }, ...(kind === "list" ? [field] : []), check);
  const said = create("div", { class: "said", role: "status", "aria-live": "polite" });
  const hint = button("Hint", () => set({ hinted: true })), give = button("Show the answer", () => set({ shown: true }));
  const more = create("div", { class: "more" }, give, hint);
  const root = create("div", { class: `enas-viz enas-exercise of-${kind}`, role: "group", "aria-label": kind === "guess" ? "Guess" : "Exercise" },
    label, question, ...(buttons.length ? [offered] : []), ...(one ? [] : [row]),
    create("div", { class: "below" }, create("div", { class: "place" }, ...sizers(), said), ...(kind === "guess" ? [] : [more])));
  el.append(root);

  /** Unseen copies of the longest that can be said, so that nothing below moves when it is. */
  function sizers() {
    const texts = Object.values(model.get("verdicts")).map(([, says]) => says), way = model.get("way");
    const longest = texts.reduce((a, b) => (b.length > a.length ? b : a), "");
    return [[longest, way && `Hint: ${way}`], [model.get("answer")]].map((lines) =>
      create("div", { class: "room", "aria-hidden": "true" }, ...lines.filter(Boolean).map((text) => create("p", {}, `✗ ${text}`))));
  }

  function set(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  }
  function answer(key) {
    pending = "";
    set({ tried: after(model.get("tried"), key), shown: false });
  }
  function mark(letter) {
    marked = [...(marked.includes(letter) ? marked.replace(letter, "") : marked + letter)].sort().join("");
    draw();
  }
  /** A network is known to the kernel alone. */
  function ask() {
    pending = model.send ? "Asked the kernel. If nothing comes, run the notebook's cells first." : "Only a running notebook can check a network: in JupyterLab or on Binder.";
    model.send?.({ ask: "check" });
    draw();
  }

  function draw() {
    const tried = model.get("tried"), verdicts = model.get("verdicts"), last = tried.at(-1);
    const now = told(Object.fromEntries(["verdicts", "tried", "way", "answer", "hinted", "shown", "kind"].map((name) => [name, model.get(name)])));
    buttons.forEach((made, k) => {
      const key = one ? String(k) : LETTERS[k], known = one && tried.includes(key) ? verdicts[key][0] : "";
      const chosen = one ? key === last : marked.includes(key), sign = known || (chosen ? (one ? "dot" : "✓") : "");
      made.setAttribute("aria-checked", chosen);
      made.tabIndex = !one || k === (last === undefined ? focus : Number(last)) ? 0 : -1;
      made.dataset.mark = known;
      made.querySelector("path").setAttribute("d", sign ? SIGNS[sign] : "");
      made.classList.toggle("given", one && model.get("shown") && verdicts[key][0] === "✓");
      made.lastChild.textContent = known === "✓" ? ", right" : known ? ", not right" : "";
    });
    const lines = [];
    if (pending) lines.push(["", pending]);
    else {
      if (now.says) lines.push([now.mark, now.says]);
      if (now.way) lines.push(["→", now.way]);
      if (now.answer) lines.push(["→", now.answer]);
      if (now.idle) lines.push(["○", "Not answered yet."]);
    }
    const fresh = lines.map(([sign, text]) => create("p", { class: sign === "○" ? "idle" : "" }, ...(sign ? [create("b", {}, sign), " "] : []), text));
    if (fresh.map((p) => p.textContent).join() !== [...said.children].map((p) => p.textContent).join()) said.replaceChildren(...fresh);
    hint.disabled = Boolean(now.way || now.answer);
    hint.classList.toggle("gone", now.solved);
    give.classList.toggle("gone", now.solved || !now.wrong);
    give.disabled = Boolean(now.answer);
    check.disabled = several && !marked;
  }

  hear(offered, "keydown", (event) => {
    const at = buttons.indexOf(event.target.closest("button"));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = moved(event.key, at, buttons.length);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (one) { // looked at, not chosen: a choice counts as a try
      buttons.forEach((made, k) => { made.tabIndex = k === to ? 0 : -1; });
      focus = to;
    }
    buttons[to].focus();
  });
  hear(field, "keydown", (event) => { if (event.key === "Enter") check.click(); });

  const last = model.get("tried").at(-1) ?? "";
  if (several) marked = last;
  if (kind === "list") field.value = last.replaceAll(" ", ", ");
  const checked = () => { pending = ""; draw(); };
  const events = ["tried", "verdicts", "hinted", "shown"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, draw);
  model.on("msg:custom", checked);
  draw();
  return () => {
    life.abort();
    for (const event of events) model.off(event, draw);
    model.off("msg:custom", checked);
  };
}

export default { render };
