/** Widgets of the gallery that have a module of their own: each gets its place, and no other clock of the page runs
 *  beside theirs.
 *
 *  Stands behind that module in one script, after gallery.js has run; WIDGET is its name. */

const { hostModel, models } = window.enasGallery;
for (const place of document.querySelectorAll(`[data-widget=${WIDGET}]`)) {
  const model = hostModel(JSON.parse(place.firstElementChild.textContent));
  place.replaceChildren();
  render({ model, el: place });
  const quiet = () => {
    for (const other of models) if (other !== model) for (const name of ["playing", "rolling"]) if (other.get(name)) other.set(name, false);
  };
  const sliding = () => place.querySelector(".enas-child .play")?.textContent === "Pause"; // a clock that is no trait
  for (const other of models) for (const name of ["playing", "rolling"])
    other.on(`change:${name}`, () => { if (other.get(name) && sliding()) place.querySelector(".play").click(); });
  model.on("change:playing", () => { if (model.get("playing")) quiet(); });
  model.on("change:at", () => { if (sliding()) quiet(); });
  models.push(model);
}
