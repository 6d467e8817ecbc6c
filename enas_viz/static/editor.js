/** Editor: the replay in which the reader decides, and a desk under it: what the network is like, what a
 *  controller and a supernet say to it. Named exports are pure, none may be called `render`. */

import replay, { make } from "./replay.js";

/** Per cent with one digit. */
export const share = (accuracy) => `${(100 * accuracy).toFixed(1)} %`;

const REACH = 8; // pixels beside a line that count as a click on it
const GRAIN = 3; // pixels between the places of a line that are looked at

/** The step that a click on a layer or node leads to: the one that decides it; from there on, its next one. */
export function turnOf(plan, born, step) {
  const its = plan.flatMap(({ at, kind }, i) => (at === plan[born].at && kind !== "silent" ? [i] : []));
  if (step !== born && its.includes(born)) return born;
  return its[(its.indexOf(step) + 1) % its.length] ?? born;
}

/** Of lines, the one that passes nearest to a place in the window; null if none is within reach. */
function nearest(lines, x, y) {
  let least = REACH, found = null;
  for (const line of lines) {
    const place = line.getScreenCTM(), length = line.getTotalLength();
    for (let at = 0; at <= length; at += GRAIN) {
      const point = line.getPointAtLength(at).matrixTransform(place), away = Math.hypot(point.x - x, point.y - y);
      if (away < least) [least, found] = [away, line];
    }
  }
  return found;
}

function render({ model, el }) {
  const life = new AbortController();
  const hear = (target, event, then) => target.addEventListener(event, then, { signal: life.signal });
  const close = replay.render({ model, el });
  const root = el.querySelector(".enas-replay");
  root.classList.add("enas-editor");
  root.setAttribute("aria-label", "Editor of a network");
  root.classList.toggle("enas-mute", !model.get("asks")); // nobody told probabilities
  const network = root.querySelector(".network");

  const ask = (what) => model.send?.({ ask: what, step: model.get("step") });
  const word = (text, what) => {
    const made = make("button", { type: "button", class: "word" }, text);
    hear(made, "click", () => ask(what));
    return made;
  };
  const goesOn = word("Let the controller finish", "continue");
  goesOn.title = "It decides all steps after this one";
  const score = word("How good is it?", "score"), chance = word("Shuffle", "random");
  const facts = make("dl", { class: "facts-list" }), flat = make("code", { class: "flat", tabindex: "0" });
  const board = make("table", { class: "tried" }), told = make("p", { class: "verdict", role: "status" });
  const beside = make("div", { class: "beside" }, make("p", { class: "over" }, "Beat the controller"), told, board);
  root.append(make("div", { class: "desk" },
    make("div", { class: "about" }, make("p", { class: "over" }, "What it is like"), facts,
      make("p", { class: "over" }, "As a list"), flat), beside));
  root.querySelector(".seat").before(make("div", { class: "actions" }, goesOn, score, chance));

  function describe() {
    facts.replaceChildren(...model.get("facts").flatMap(([label, value, about]) =>
      [make("dt", {}, label), make("dd", {}, make("b", {}, value), ` ${about}`)]));
    flat.textContent = model.get("flat");
  }
  function rank() {
    const rows = model.get("board"), mine = rows.filter(([, whose]) => whose === "yours");
    beside.hidden = !rows.length && !model.get("scores");
    board.replaceChildren(make("caption", { class: "unseen" }, "What was tried, best first"), ...rows.slice(0, 12).map(([accuracy, whose, list, now], i) => {
      const row = make("tr", { class: `${whose === "yours" ? "mine" : ""}${now ? " present" : ""}` }, make("td", {}, String(i + 1)), make("td", {}, share(accuracy)),
        make("td", {}, whose), make("td", {}, now ? "this one" : ""));
      row.title = list;
      return row;
    }));
    const beaten = mine.length ? rows.filter(([a, whose]) => whose !== "yours" && a < mine[0][0]).length : 0;
    const its = rows.length - mine.length;
    told.textContent = !mine.length ? "Nothing of yours was scored yet, on the same validation images."
      : its ? `Your best, ${share(mine[0][0])}, beats ${beaten} of the controller's ${its}.` : `Your best: ${share(mine[0][0])}.`;
  }
  function buttons() {
    root.querySelector(".builds").textContent = model.get("free") ? `Your network: click a ${model.get("scene").loose ? "node" : "layer"}, then its dashed lines` : "Your network";
    goesOn.hidden = !model.get("asks");
    score.hidden = !model.get("scores");
    root.querySelector(".actions").hidden = !model.get("free");
  }

  // A click on a layer or node goes to what decides it; one near a dashed line of the present step takes
  // it, near a full one gives it up.
  hear(network, "click", (event) => {
    if (!model.get("free")) return;
    const { plan } = model.get("scene"), step = model.get("step");
    const hit = event.target.closest?.("[data-born]"), isBox = hit?.matches(".layer");
    const line = isBox ? null : nearest(network.querySelectorAll(`[data-row][data-born="${step}"]`), event.clientX, event.clientY);
    if (line) return root.querySelectorAll(".choose")[line.dataset.row]?.click();
    if (!hit) return;
    model.set("step", isBox ? turnOf(plan, Number(hit.dataset.born), step) : Number(hit.dataset.born));
    model.save_changes();
  });
  const heard = { "change:facts": describe, "change:flat": describe, "change:board": rank, "change:scores": buttons, "change:asks": buttons, "change:free": buttons };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  describe();
  rank();
  buttons();
  root.dispatchEvent(new Event("refit")); // captions wrap otherwise beside the desk
  return () => {
    life.abort();
    close?.();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
