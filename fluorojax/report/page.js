"use strict";
const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;

function sortBy(header) {
  const table = header.closest("table"), body = table.tBodies[0];
  const column = header.cellIndex, number = !header.classList.contains("text");
  const down = header.getAttribute("aria-sort") === "ascending";
  const sign = down ? -1 : 1;
  const order = (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (x === "" || y === "") return (x === "") - (y === "");  // what has no value stays below
    return sign * (number ? x - y : x.localeCompare(y, undefined, {numeric: true}));
  };
  body.append(...[...body.rows].sort(order));
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
}
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => sortBy(button.closest("th")));

const dialog = document.querySelector("dialog");
const pictures = [...document.querySelectorAll(".gallery img")];
let shown = 0;
function show(index) {
  if (!pictures.length) return;
  shown = (index + pictures.length) % pictures.length;
  const picture = pictures[shown];
  dialog.querySelector("img").src = picture.src;
  dialog.querySelector("img").alt = picture.alt;
  dialog.querySelector("p").textContent = picture.closest("figure").innerText;
  if (!dialog.open) dialog.showModal();
}
pictures.forEach((picture, index) =>
  picture.closest("button").addEventListener("click", () => show(index)));
for (const button of document.querySelectorAll("button.case"))
  button.addEventListener("click", () =>
    show(pictures.findIndex(picture => picture.id === button.dataset.picture)));
if (dialog) {
  dialog.querySelector(".before").addEventListener("click", () => show(shown - 1));
  dialog.querySelector(".after").addEventListener("click", () => show(shown + 1));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", event => {
    if (event.key === "ArrowLeft") show(shown - 1);
    if (event.key === "ArrowRight") show(shown + 1);
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
document.documentElement.dataset.ready = "yes";
