/** A network of cells: a click on one, or Enter, opens the drawing of its kind. */
const cells = [...document.querySelectorAll(".slab[data-cell]")];
const sections = [...document.querySelectorAll("[data-open]")];

function open(cell) {
  for (const slab of cells) slab.classList.toggle("now", slab === cell);
  for (const section of sections) section.hidden = section.dataset.open !== cell.dataset.cell;
}

open(cells[0]);

for (const cell of cells) {
  cell.addEventListener("click", () => open(cell));
  cell.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open(cell);
  });
}
