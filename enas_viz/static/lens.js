/** Lens: one step of the controller at a time, opened; and what other shaping would have done to it.
 *
 *  `sides` holds episodes, each with the drawings of its steps and the raw logits behind them. A what-if
 *  (`temperature`, `constant`; 0: as recorded) shapes the same raw logits otherwise and makes the same
 *  draws; the bars of the drawing are moved, `places` says where they stand. Named exports are pure,
 *  none may be called `render`. */

import { button, clamp, keyAction, make, moved, picture, probabilities } from "./replay.js";

// ---------------------------------------------------------------- pure

/** Of a slider's position: 0 is 1, ten steps double. */
export const numberAt = (position) => Number((2 ** (position / 10)).toPrecision(2));
export const positionOf = (number) => Math.round(10 * Math.log2(number));

/** A step's options if their raw logits were shaped by these: [{raw, z, p, low, picked}]; low is where
 *  the share of the draw begins. Where no draw was recorded, what was picked stays. */
export function reshaped(step, temperature, constant) {
  const z = step.rows.map(({ raw, shift }) => constant * Math.tanh(raw / temperature) + shift);
  const skips = step.kind === "skip";
  const p = skips ? probabilities("bits", z.map((one) => [one])).map((row) => row[1]) : z.length ? probabilities("pick", [z])[0] : [];
  let low = 0;
  const found = step.rows.map(({ raw, draw }, k) => {
    const row = { raw, z: z[k], p: p[k], low: skips ? 0 : low, picked: step.rows[k].picked };
    if (skips && draw !== null) row.picked = draw < p[k];
    low += p[k];
    return row;
  });
  const draw = skips ? null : step.rows[0]?.draw ?? null;
  if (draw !== null) {
    const hit = found.findIndex((row) => draw < row.low + row.p);
    found.forEach((row, k) => { row.picked = k === (hit < 0 ? found.length - 1 : hit); });
  }
  return found;
}

/** What a what-if comes to, in a sentence. */
export function told(step, found, temperature, constant) {
  const options = found.flatMap((row, k) => (row.picked ? [`${step.rows[k].label} (${row.p.toFixed(3)})`] : []));
  const same = found.every((row, k) => row.picked === step.rows[k].picked);
  const what = options.length ? options.join(", ") : "nothing";
  return `What if: temperature ${temperature}, constant ${constant}. The same draw picks ${same ? "the same" : "something else"}: ${what}.`;
}

const signed = (value) => (Math.abs(value) < 100 ? value.toFixed(3) : value.toFixed(0)).replace("-", "\u2212");

// ---------------------------------------------------------------- moving the drawing

function place(svg, places, step, temperature, constant) {
  const found = reshaped(step, temperature, constant), skips = step.kind === "skip";
  const scale = svg.querySelector(".scale").dataset, curve = svg.querySelector(".squash");
  const reach = Math.max(Number(scale.reach), constant + Math.max(...step.rows.map((row) => Math.abs(row.shift))));
  const span = Math.max(2 * temperature, 1.1 * Math.max(...found.map((row) => Math.abs(row.raw))));
  const [cx, wide] = places.curve, my = Number(curve.dataset.y), half = Number(curve.dataset.half);
  const at = (x) => [cx + (wide / 2) * (1 + x / span), my - half * Math.tanh(x / temperature)];
  curve.setAttribute("d", `M${Array.from({ length: 81 }, (_, k) => at((k / 40 - 1) * span).map((v) => v.toFixed(1)).join(" ")).join("L")}`);
  svg.querySelector(".most").textContent = constant;
  svg.querySelector(".wide").textContent = Number(span.toPrecision(2));
  const under = svg.querySelectorAll(".under");
  under[2].textContent = `÷ ${temperature}, tanh, × ${constant}`;
  under[3].textContent = `±${constant} at most${step.rows.some((row) => row.shift) ? ", + prior" : ""}`;
  const bar = (rect, name, value) => {
    const [x, full] = places[name], long = (Math.abs(value) / reach) * (full / 2);
    rect.setAttribute("x", x + full / 2 - (value < 0 ? long : 0));
    rect.setAttribute("width", Math.max(long, 0.6));
  };
  found.forEach((row, k) => {
    const option = svg.querySelector(`.option[data-row="${k}"]`), of = (tag, name) => option.querySelector(`${tag}[data-of="${name}"]`);
    bar(of("rect", "raw"), "raw", row.raw);
    bar(of("rect", "shaped"), "shaped", row.z);
    of("text", "shaped").textContent = signed(row.z);
    of("text", "p").textContent = row.p.toFixed(3);
    of("rect", "p").setAttribute("width", places.p[1] * row.p);
    of("rect", "draw").setAttribute("x", places.draw[0] + places.draw[1] * row.low);
    of("rect", "draw").setAttribute("width", places.draw[1] * row.p);
    of("text", "answer").textContent = skips ? (row.picked ? "yes" : "no") : row.picked ? "sampled" : "";
    const [x, y] = at(row.raw), spot = of("circle", "spot");
    spot.setAttribute("cx", x);
    spot.setAttribute("cy", y);
    option.classList.toggle("picked", row.picked);
    svg.querySelector(`.wash[data-row="${k}"]`).classList.toggle("on", row.picked);
    const line = svg.querySelector(`.look[data-row="${k}"]`);
    line?.setAttribute("stroke-width", 0.6 + 6 * row.p);
    line?.classList.toggle("now", row.picked);
  });
  return found;
}

// ---------------------------------------------------------------- the widget

let views = 0;

function render({ model, el }) {
  const uid = `lens${Date.now().toString(36)}-${views++}-`, life = new AbortController();
  const hear = (target, event, then) => target.addEventListener(event, then, { signal: life.signal });
  const range = (low, high, label) => make("input", { type: "range", min: low, max: high, step: 1, "aria-label": label });
  let queued = false;

  const side = () => model.get("sides")[clamp(model.get("side"), 0, model.get("sides").length - 1)];
  const count = () => side().steps.length;
  const now = () => clamp(model.get("step"), 0, count() - 1);
  const mover = (action, label) => button(action, label, action, () => go(moved(action, now(), count())), hear);
  const slider = range(0, 0, "Step of the controller");
  const choice = make("div", { class: "sides", role: "group", "aria-label": "Which episode" });
  const stage = make("div", { class: "stage", role: "img", tabindex: "-1" });
  const warmth = range(-30, 40, "What if: temperature"), bound = range(-20, 30, "What if: tanh constant");
  const degrees = make("output"), most = make("output");
  const hint = make("p", { class: "hint", "aria-live": "polite" }), live = make("div", { class: "unseen", "aria-live": "polite" });
  const back = make("button", { type: "button", class: "recorded" }, "as recorded");
  const root = make("div", { class: "enas-viz enas-replay enas-lens", role: "group", tabindex: "0",
    "aria-label": "One step of the controller, opened" },
    choice,
    make("div", { class: "controls" }, make("div", { class: "buttons" }, mover("first", "First step (Home)"),
      mover("back", "Previous step (Left)"), mover("next", "Next step (Right)"), mover("last", "Last step (End)")), slider),
    stage,
    make("div", { class: "whatif-row" }, make("label", {}, "What if: temperature", warmth, degrees), make("label", {}, "tanh constant", bound, most), back),
    hint, live);
  el.append(root);

  function build() {
    const sides = model.get("sides");
    choice.hidden = sides.length < 2;
    choice.replaceChildren(...sides.map(({ name }, k) => {
      const one = make("button", { type: "button" }, name);
      hear(one, "click", () => set("side", k));
      return one;
    }));
    slider.max = count() - 1;
    draw();
  }

  function draw() {
    const step = side().steps[now()];
    const drawing = picture(step.svg, uid);
    drawing.setAttribute("aria-hidden", "true");
    stage.replaceChildren(drawing);
    stage.setAttribute("aria-label", step.said);
    [...choice.children].forEach((one, k) => one.setAttribute("aria-pressed", k === model.get("side")));
    slider.value = now();
    slider.setAttribute("aria-valuetext", step.said);
    live.textContent = step.said;
    stage.tabIndex = stage.scrollWidth > stage.clientWidth + 1 ? 0 : -1;
    shape();
  }

  /** Moves the bars to what the what-if makes of them. */
  function shape() {
    const step = side().steps[now()], drawing = stage.firstElementChild;
    const temperature = model.get("temperature") || step.temperature, constant = model.get("constant") || step.constant;
    const asked = temperature !== step.temperature || constant !== step.constant;
    warmth.value = positionOf(temperature);
    bound.value = positionOf(constant);
    degrees.textContent = temperature;
    most.textContent = constant;
    const silent = !step.rows.length;
    root.classList.toggle("silent", silent);
    back.disabled = !(model.get("temperature") || model.get("constant"));
    hint.textContent = "";
    if (silent) return;
    const found = place(drawing, model.get("places"), step, temperature, constant);
    if (asked) hint.textContent = told(step, found, temperature, constant);
    drawing.querySelector(".onward").style.visibility = asked ? "hidden" : "";
  }

  function set(name, value) {
    model.set(name, value);
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; if (!life.signal.aborted) model.save_changes(); });
  }
  const go = (step) => set("step", clamp(step, 0, count() - 1));

  hear(slider, "input", () => go(Number(slider.value)));
  hear(warmth, "input", () => set("temperature", numberAt(Number(warmth.value))));
  hear(bound, "input", () => set("constant", numberAt(Number(bound.value))));
  hear(back, "click", () => { set("temperature", 0); set("constant", 0); });
  hear(root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keyAction(event.key);
    if (!action || action === "toggle" || [warmth, bound].includes(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    go(moved(action, now(), count()));
  });

  const heard = { "change:sides": build, "change:side": draw, "change:step": draw, "change:temperature": shape, "change:constant": shape };
  for (const [event, then] of Object.entries(heard)) model.on(event, then);
  build();
  return () => {
    life.abort();
    for (const [event, then] of Object.entries(heard)) model.off(event, then);
  };
}

export default { render };
