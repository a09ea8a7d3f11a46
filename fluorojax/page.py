"""The shell of a self-contained page: its style and script stand in it, and nothing is fetched."""

from html import escape

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --card: #fff; --ink: #1c1e21; --soft: #626870; --rule: #e2e2dd;
  --accent: #0072b2; --warm: #d55e00; --warn-paper: #fdf0e2; --warn-ink: #7a3a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --card: #1d2024; --ink: #e6e7e9; --soft: #9aa1aa; --rule: #32363c;
    --accent: #56b4e9; --warm: #e69f00; --warn-paper: #3a2a14; --warn-ink: #ffd9a8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main, .notice > p, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
.notice { border-bottom: 1px solid var(--rule); font-size: .9rem; color: var(--soft); }
.notice > p { padding-top: .6rem; padding-bottom: .6rem; }
.notice.warning { background: var(--warn-paper); color: var(--warn-ink); font-weight: 600; }
header { margin: 2.5rem 0 2rem; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; letter-spacing: -.01em; margin: 3rem 0 1rem; }
h3 { font-size: 1rem; margin: 2rem 0 .6rem; }
p.lead, .soft { color: var(--soft); }
p { max-width: 46rem; margin: .4rem 0; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.card {
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 1.1rem 1.3rem 1rem;
}
.card .name { font-weight: 600; display: flex; align-items: center; gap: .5rem; }
.card .value { font-size: 2.4rem; font-weight: 650; line-height: 1.25; letter-spacing: -.02em; }
.card .value small { font-size: 1rem; font-weight: 400; color: var(--soft); letter-spacing: 0;
  white-space: nowrap; }
.card .name span { color: var(--soft); font-weight: 400; margin-left: auto; }
.card p { font-size: .85rem; color: var(--soft); margin: .15rem 0; }
.swatch { width: .8rem; height: .8rem; border-radius: 3px; display: inline-block; flex: none; }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 10px;
  background: var(--card); }
.scroll.tall { max-height: 34rem; overflow-y: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { padding: .45rem .8rem; text-align: right; white-space: nowrap; }
th.text, td.text { text-align: left; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--card); color: var(--soft);
  font-weight: 600; box-shadow: inset 0 -1px var(--rule); }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--card); }
td.bar { background: linear-gradient(var(--bar), var(--bar)) no-repeat 0 100% /
  calc(var(--share) * 100%) 3px; --bar: var(--accent); }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th button { font-weight: inherit; }
thead button::after { content: "\\2195"; opacity: .35; margin-left: .3em; font-size: .85em; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
button.case { color: var(--accent); text-decoration: underline; text-underline-offset: .2em;
  text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.badge { font-size: .8rem; color: var(--soft); }
.badge.missed, .badge.false_alarm { border: 1px solid; border-radius: 99px; color: var(--warm);
  padding: .05rem .55rem; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
.charts figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  margin: 0; padding: .8rem .8rem .5rem; }
.charts figcaption { display: flex; justify-content: space-between; gap: 1rem; font-size: .875rem;
  padding: 0 .3rem; }
.charts figcaption span { color: var(--soft); }
.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 10.5px; }
.chart .x { text-anchor: middle; } .chart .y { text-anchor: end; }
.chart .grid { stroke: var(--rule); }
.line path { fill: none; stroke-width: 1.7; stroke-linejoin: round; stroke-linecap: round; }
.line.train path { stroke: var(--accent); } .line.train circle { fill: var(--accent); }
.line.validation path { stroke: var(--warm); } .line.validation circle { fill: var(--warm); }
.key { display: inline-block; width: 1.2rem; height: 3px; border-radius: 2px;
  vertical-align: middle; margin-right: .35rem; }
.key.train { background: var(--accent); } .key.validation { background: var(--warm); }
.gallery { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.gallery figure { margin: 0; }
.gallery button { display: block; width: 100%; }
.gallery img { width: 100%; display: block; border-radius: 8px; aspect-ratio: 1;
  object-fit: contain; background: #000; }
.gallery figcaption { font-size: .8rem; color: var(--soft); padding: .35rem .1rem;
  overflow-wrap: anywhere; }
.gallery figcaption b { color: var(--ink); font-weight: 600; }
dialog { border: 0; padding: 0; margin: auto; max-width: 96vw; max-height: 96vh;
  background: #101214; color: #e6e7e9; border-radius: 10px; overflow: hidden; }
dialog::backdrop { background: rgb(0 0 0 / .75); }
dialog img { display: block; max-width: 94vw; max-height: 86vh; min-height: 60vh;
  object-fit: contain; margin: 0 auto; }
dialog .bar { display: flex; gap: 1.2rem; align-items: center; padding: .5rem 1rem; }
dialog .bar p { flex: 1; margin: 0; font-size: .875rem; max-width: none; }
dialog .bar button { padding: .2rem .7rem; border: 1px solid #4a5058; border-radius: 6px; }
dl.definitions { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem;
  font-size: .9rem; }
dl.definitions dt { font-weight: 600; } dl.definitions dd { margin: 0; max-width: 46rem; }
details { border-top: 1px solid var(--rule); } details:last-of-type {
  border-bottom: 1px solid var(--rule); }
summary { cursor: pointer; padding: .7rem 0; font-weight: 600; }
details td { white-space: normal; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: .8rem; padding-top: 2.5rem; padding-bottom: 3rem; }
@media (max-width: 40rem) { dl.definitions { grid-template-columns: 1fr; } }
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #bbb;
    --accent: #0072b2; --warm: #d55e00; --warn-paper: #fff; --warn-ink: #000; }
  body { font-size: 10pt; }
  main, .notice > p, footer { max-width: none; padding: 0; }
  .scroll, .scroll.tall { max-height: none; overflow: visible; border: 0; }
  thead th, tbody th { position: static; box-shadow: none; }
  th, td { padding: .2rem .35rem; white-space: normal; } thead button::after { content: none; }
  .scroll.tall table { font-size: 6.5pt; } .scroll.tall :is(th, td) { padding: .15rem .2rem; }
  .scroll.tall thead th { overflow-wrap: anywhere; hyphens: auto; } .badge { font-size: inherit; }
  .badge.missed, .badge.false_alarm { border: 0; padding: 0; }
  figure, .card, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .gallery, .charts { grid-template-columns: repeat(3, minmax(0, 1fr)); } .hint { display: none; }
}
"""

SCRIPT = """
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
"""

DIALOG = (
    '<dialog aria-label="Picture of a case"><img alt=""><div class="bar"><p></p>'
    '<button class="before" aria-label="previous">&larr;</button>'
    '<button class="after" aria-label="next">&rarr;</button>'
    '<button class="close">Close</button></div></dialog>'
)


def page(title: str, body: str) -> str:
    """Return a whole HTML document; `title` is plain text, `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def element(tag: str, content: str, **attributes: object) -> str:
    """Return `<tag ...>content</tag>`; `content` is HTML, attributes are plain values.

    An underscore ends a name that Python keeps for itself (`class_`), and stands for a hyphen
    inside one (`data_sort`); an attribute that is None is left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{content}</{tag}>"


def text(tag: str, content: object, **attributes: object) -> str:
    """Return an element of plain text, escaped."""
    return element(tag, escape(str(content)), **attributes)
