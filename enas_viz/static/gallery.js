/** The gallery: every place for a replay or a dashboard gets its widget, and one clock runs at a time.
 *
 *  Stands behind dashboard.js in one script, and uses what that has: `render`, `replay`, `hostModel`. */

const places = [...document.querySelectorAll("[data-widget=replay], [data-widget=dashboard]")];
const models = places.map((place) => {
  const model = hostModel(JSON.parse(place.firstElementChild.textContent));
  place.replaceChildren();
  (place.dataset.widget === "dashboard" ? { render } : replay).render({ model, el: place });
  return model;
});

window.enasGallery = { hostModel, models }; // for the others, whose modules stand in scripts of their own
for (const model of models) for (const clock of ["playing", "rolling"])
  model.on(`change:${clock}`, () => {
    if (!model.get(clock)) return;
    for (const other of models) if (other !== model) for (const name of ["playing", "rolling"]) if (other.get(name)) other.set(name, false);
  });

const start = document.querySelector(".ways button");
start.hidden = false;
start.addEventListener("click", () => {
  places[0].scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  places[0].querySelector("[data-act=toggle]").focus({ preventScroll: true });
  models[0].set("step", 0);
  models[0].set("playing", true);
});
