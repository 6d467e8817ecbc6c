/** More networks of a replay's controller: one at a time, or a hundred, counted beside the probabilities.
 *
 *  Who samples is asked by messages: the kernel, or `answers.js` in a page. The answers come in traits:
 *  `episode`, and `counts`: {samples, series: [{name, steps}]}, where `steps` holds for each step and draw
 *  how often each option was picked. */

/** How often option i of a step was picked, or its skip taken, in each series. */
export const tally = ({ series }, kind, step, i) =>
  series.map(({ steps }) => (kind === "bits" ? steps[step][i][1] : steps[step][0][i]));

/** The largest standard error of a count of so many samples, that of an option picked half of the time. */
export const largestError = (samples) => Math.round(Math.sqrt(samples) / 2);

/** One option's counts in words. */
export const inWords = ({ samples, series }, counts, kind) =>
  counts.map((count, k) => `${series[k].name}: ${kind === "bits" ? "yes" : "picked"} in ${count} of ${samples} samples`).join("; ");

const there = (counts) => !!counts?.series;

function draws({ model, root, list, seat, goesOn, back, make, word, hear, push, ask, turn, panel, fit }) {
  const button = (text, about, then) => {
    const made = word(text, then);
    made.title = about;
    made.setAttribute("aria-label", `${text}: ${about}`);
    return made;
  };
  const again = button("Sample again", "another network of the controller, decided from the first step on", () => {
    asked = true;
    ask("sample");
  });
  const hundred = button("×100", "sample a hundred networks and count what they pick", () => {
    const on = there(model.get("counts"));
    if (!on) key.replaceChildren("Sampling …");
    ask(on ? "hide" : "count");
  });
  const key = make("div", { class: "tally-key", role: "status" });
  const buttons = make("span", { class: "again" }, again, hundred);
  seat.prepend(buttons);
  seat.append(key);
  root.classList.add("enas-draws");
  goesOn.setAttribute("aria-label", goesOn.textContent);
  goesOn.textContent = "Go on from here"; // there is less room
  let asked = false; // this view, for a sample: it plays it

  back.onclick = () => {
    if (!model.get("mine").length) return ask("recorded");
    model.set("mine", []);
    push();
  };

  function tell() {
    const counts = model.get("counts"), on = there(counts);
    buttons.hidden = !model.get("asks");
    root.classList.toggle("enas-counted", on);
    hundred.setAttribute("aria-pressed", String(on));
    if (!on) return key.replaceChildren(counts?.problem ?? "");
    const { samples, series } = counts;
    const short = (name, k) => (k < series.length - 1 ? name.replace(/ the search$/, "") : name);
    key.replaceChildren(make("span", { title: "± is one standard error of a count, at most" }, `${samples} samples (±${largestError(samples)}):`),
      ...series.map(({ name }, k) => make("span", { class: "name" }, make("i", { class: place(k, series) }), short(name, k))));
  }
  const place = (k, series) => (k === series.length - 1 ? "last" : "first");

  function counted() {
    tell();
    panel();
    fit();
  }
  function sampled() {
    if (asked && !globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches) {
      model.set("playing", true);
      push();
    }
    asked = false;
  }
  model.on("change:counts", counted);
  model.on("change:episode", sampled);
  tell();

  return {
    panel(step, found) {
      const mine = !!model.get("mine")?.length, counts = model.get("counts"), { kind } = turn(step);
      back.textContent = mine ? "Back to the sample" : "Back to recorded";
      back.disabled = !mine && !model.get("episode").fresh;
      seat.querySelector(".hint").hidden = there(counts) && !mine;
      [...list.children].forEach((line, i) => {
        let cell = line.querySelector(".tally");
        if (!there(counts)) return cell?.remove();
        if (!cell) line.append((cell = make("span", { class: "tally" }, make("span", { class: "both" }))));
        const numbers = tally(counts, kind, step, i), [both] = cell.children;
        if (both.children.length !== numbers.length) {
          both.replaceChildren(...numbers.map((_, k) => make("i", { class: place(k, numbers) })));
          cell.replaceChildren(both, ...numbers.map((_, k) => make("span", { class: `n ${place(k, numbers)}`, "aria-hidden": "true" })),
            make("span", { class: "unseen" }));
        }
        numbers.forEach((count, k) => {
          both.children[k].style.width = `${(100 * count) / counts.samples}%`;
          cell.children[k + 1].textContent = count;
        });
        cell.lastChild.textContent = inWords(counts, numbers, kind);
      });
    },
    end() {
      model.off("change:counts", counted);
      model.off("change:episode", sampled);
    },
  };
}

export default draws;
