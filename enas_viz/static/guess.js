/** Guess first: the probabilities of a step stay hidden until the reader says which will be the largest.
 *
 *  `guesses` holds what was guessed at which step of the episode that is open, SHOWN where the reader only
 *  looked; `points` [right, guessed] counts on from one episode to the next. */

export const SHOWN = -1;
const TIE = 0.005; // probabilities that differ by less are told alike

/** Whether a step asks: where there is one option, or none, nothing can be guessed. */
export const asks = ({ kind, n }) => kind !== "silent" && n > 1;

/** Whether no option is more likely than the guess. */
export const isRight = (shares, guess) => shares[guess] > Math.max(...shares) - TIE;

export const scored = ([right, guessed], hit) => [right + Number(hit), guessed + 1];

/** What is asked at a step. */
export const question = ({ kind }) =>
  `Which ${kind === "bits" ? "skip connection" : "option"} will the controller find most likely? Click it.`;

/** What is said once the probabilities are there. found: the lines of the panel, {label, p}. */
export function verdict(found, guess) {
  if (guess === undefined || guess === SHOWN) return "";
  const shares = found.map(({ p }) => p), told = (i) => `${found[i].label} (${(shares[i] + 1e-9).toFixed(2)})`;
  const best = shares.flatMap((_, i) => (isRight(shares, i) ? [i] : []));
  if (best.includes(guess)) return `Right: ${told(guess)} is ${best.length > 1 ? "among " : ""}the most likely.`;
  return `Wrong: ${told(best[0])} is ${best.length > 1 ? "among " : ""}the most likely, not ${told(guess)}.`;
}

const SIGNS = { right: "M3 8.5l3.5 3.5L13 4.5", wrong: "M4 4l8 8m0-8l-8 8" };
const sign = (name) => `<svg viewBox="0 0 16 16" width="12" height="12"><path d="${SIGNS[name]}" fill="none" stroke="currentColor" stroke-width="2.4"/></svg>`;

function guess({ model, root, list, controls, live, make, word, push, now, turn, draw }) {
  const off = word("", () => { model.set("guess", !model.get("guess")); push(); });
  const shows = word("Show me", () => settle(SHOWN));
  const said = make("span", { class: "verdict" }), score = make("span", { class: "score" });
  const row = make("div", { class: "quiz" }, off, said, shows, score);
  controls.before(row);
  root.classList.add("enas-guess");
  let held = false, found = []; // whether play goes on after the guess; the lines of the panel

  const open = (step) => model.get("guess") && !model.get("rolling") && asks(turn(step)) && !(step in model.get("guesses"));

  function settle(option) {
    const step = now(), goesOn = held;
    held = false;
    if (!open(step)) return;
    if (option !== SHOWN) model.set("points", scored(model.get("points"), isRight(found.map(({ p }) => p), option)));
    const inside = row.contains(document.activeElement) || list.contains(document.activeElement);
    model.set("guesses", { ...model.get("guesses"), [step]: option });
    if (inside) root.focus({ preventScroll: true }); // what was clicked is gone
    live.textContent = `${verdict(found, option)} ${live.textContent}`;
    if (goesOn) model.set("playing", true);
    push();
  }

  function mark(line, i, waits, guessed) {
    const old = line.querySelector(".guessed"), take = line.querySelector(".choose"), [name, track, percent] = line.children;
    const holds = waits || guessed !== i ? "" : isRight(found.map(({ p }) => p), i) ? "right" : "wrong";
    if (old?.dataset.holds !== holds) {
      old?.remove();
      if (holds) {
        const made = make("span", { class: `guessed ${holds}`, "data-holds": holds, role: "img", "aria-label": `your guess, ${holds}` });
        made.innerHTML = sign(holds);
        name.prepend(made);
      }
    }
    take.disabled = !waits && !model.get("free");
    take.setAttribute("aria-label", waits ? `Guess ${found[i].label}` : found[i].label);
    if (!waits) return;
    track.firstChild.style.width = 0;
    percent.textContent = "";
    take.removeAttribute("aria-pressed");
  }

  const redraw = () => draw();
  const anew = () => { if (Object.keys(model.get("guesses")).length) model.set("guesses", {}); }; // of another episode
  const plays = () => { if (model.get("playing") && open(now())) { held = true; settle(SHOWN); } };
  const heard = { "change:guesses": redraw, "change:guess": redraw, "change:moment": anew, "change:playing": plays };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);

  return {
    waits: (step) => (open(step) ? question(turn(step)) : ""),
    took(i) {
      if (open(now())) settle(i);
      else if (model.get("free")) return false;
      return true;
    },
    panel(step, lines, waits) {
      const on = model.get("guess"), guessed = on ? model.get("guesses")[step] : undefined, [right, of] = model.get("points");
      found = lines;
      root.classList.toggle("enas-waits", waits);
      off.textContent = on ? "Stop guessing" : "Guess first";
      shows.style.visibility = waits ? "visible" : "hidden";
      score.textContent = of ? `${right} of ${of} right` : "";
      said.textContent = !on ? "" : waits ? "" : asks(turn(step)) ? verdict(found, guessed) : "Nothing to guess at this step.";
      [...list.children].forEach((line, i) => mark(line, i, waits, guessed));
      if (!waits || !model.get("playing")) return;
      held = true; // play waits for the guess
      model.set("playing", false);
      push();
    },
    end() {
      for (const [event, then] of Object.entries(heard)) model.off(event, then);
    },
  };
}

export default guess;
