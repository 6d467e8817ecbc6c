/** The loops of the gallery: each gets its place, and no other clock of the page runs beside them.
 *
 *  Stands behind loop.js in one script, after gallery.js has run. */

const { hostModel, models } = window.enasGallery;
for (const place of document.querySelectorAll("[data-widget=loop]")) {
  const model = hostModel(JSON.parse(place.firstElementChild.textContent));
  place.replaceChildren();
  render({ model, el: place });
  models.push(model);
  model.on("change:playing", () => {
    if (!model.get("playing")) return;
    for (const other of models) if (other !== model) for (const name of ["playing", "rolling"]) if (other.get(name)) other.set(name, false);
  });
}
