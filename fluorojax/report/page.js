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

// Pictures: the planes of a case, and what is painted of them.

const OUTLINE_SIDE = 384;  // small frames are enlarged by a whole factor, or an outline were thick
const DIALOG_SIDE = 768;

function greys(image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
  return Uint8Array.from({length: rgba.length / 4}, (_, i) => rgba[4 * i]);
}

async function planesOf(figure, classes) {
  const [frame, stack] = figure.querySelectorAll("img");
  await Promise.all([frame.decode(), stack.decode()]);
  const [width, height] = [frame.naturalWidth, frame.naturalHeight], size = width * height;
  const all = greys(stack), plane = n => all.subarray(n * size, (n + 1) * size);
  return {
    width, height, frame: greys(frame), ignore: plane(0), outlines: {},
    classes: Array.from({length: classes}, (_, k) => ({
      probability: plane(1 + 2 * k), reference: plane(2 + 2 * k),
    })),
  };
}

// The pixels just outside a mask, on a grid enlarged by a factor: 1 there, 0 elsewhere.
function outline(mask, width, height, factor) {
  const [w, h] = [width * factor, height * factor], found = new Uint8Array(w * h);
  const inside = (x, y) => x >= 0 && y >= 0 && x < w && y < h &&
    mask[Math.floor(y / factor) * width + Math.floor(x / factor)] > 127;
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    if (inside(x, y)) continue;
    for (let n = 0; n < 9; n++)
      if (inside(x + n % 3 - 1, y + Math.floor(n / 3) - 1)) { found[y * w + x] = 1; break; }
  }
  return found;
}

function paint(canvas, {planes, layers, state, own}, side) {
  const {width, height} = planes, factor = Math.ceil(side / Math.max(width, height));
  const [w, h] = [width * factor, height * factor];
  planes.outlines[factor] ??= planes.classes.map(c => outline(c.reference, width, height, factor));
  [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d"), picture = context.createImageData(w, h);
  const data = picture.data;
  const tinted = {both: "probability", prediction: "probability", reference: "reference"};
  const of = tinted[state.show], thresholds = state.moved ? state.thresholds : own;
  for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i++) {
    const from = Math.floor(y / factor) * width + Math.floor(x / factor);
    const dark = planes.ignore[from] > 127 && (x + y) % 8 < 2;
    let [r, g, b] = Array(3).fill(planes.frame[from] >> (dark ? 1 : 0));
    if (of) layers.forEach((layer, k) => {
      const value = planes.classes[k][of][from];
      if (value < (of === "reference" ? 128 : 255 * thresholds[k])) return;
      const o = layer.opacity, [cr, cg, cb] = layer.colour;
      [r, g, b] = [r + o * (cr - r), g + o * (cg - g), b + o * (cb - b)];
    });
    if (state.show === "both") layers.forEach((layer, k) => {
      if (planes.outlines[factor][k][i]) [r, g, b] = layer.colour;
    });
    data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

const pictures = [];  // of all viewers, in the order of the page
function watch(viewer) {
  const layers = JSON.parse(viewer.dataset.layers), controls = viewer.querySelector(".controls");
  if (!controls) return;
  const sliders = [...controls.querySelectorAll("input[type=range]")];
  const outputs = [...controls.querySelectorAll("output")];
  const scored = layers.map(layer => layer.threshold);
  const state = {show: "both", thresholds: [...scored], moved: false};
  const mine = [...viewer.querySelectorAll("figure")].map(figure => ({
    figure, layers, state, controls, viewer, stale: true,
    own: JSON.parse(figure.dataset.thresholds ?? "null") ?? scored,
    button: figure.querySelector("button"), canvas: figure.querySelector("canvas"),
  }));
  pictures.push(...mine);
  function changed() {
    state.show = controls.querySelector("input[type=radio]:checked").value;
    sliders.forEach((slider, k) => {
      state.thresholds[k] = Number(slider.value);
      outputs[k].textContent = state.thresholds[k].toFixed(2);
    });
    for (const picture of mine) picture.stale = true;
    refresh();
  }
  controls.addEventListener("input", event => {
    state.moved ||= sliders.includes(event.target);
    changed();
  });
  controls.querySelector(".reset")?.addEventListener("click", () => {
    sliders.forEach((slider, k) => { slider.value = scored[k]; });
    state.moved = false;
    changed();
  });
}

// Repaints what is out of date, what can be seen first, a few milliseconds at a time.
let refreshing = false;
async function refresh() {
  if (dialog?.open) enlarge(shown);
  if (refreshing) return;
  refreshing = true;
  const seen = picture => {
    const {top, bottom} = picture.figure.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  for (let began = performance.now();;) {
    const stale = pictures.filter(picture => picture.stale);
    const next = stale.find(seen) ?? stale[0];
    if (!next) break;
    next.stale = false;
    next.planes ??= await planesOf(next.figure, next.layers.length);
    paint(next.canvas, next, OUTLINE_SIDE);
    next.figure.classList.add("painted");
    if (performance.now() - began > 12) {
      await new Promise(done => setTimeout(done));
      began = performance.now();
    }
  }
  refreshing = false;
  document.documentElement.dataset.painted = "yes";
}

const dialog = document.querySelector("dialog");
let shown = 0;
async function enlarge(index) {
  shown = (index + pictures.length) % pictures.length;
  const picture = pictures[shown], canvas = dialog.querySelector("canvas");
  picture.planes ??= await planesOf(picture.figure, picture.layers.length);
  if (picture !== pictures[shown]) return;  // the reader has gone on meanwhile
  paint(canvas, picture, DIALOG_SIDE);
  canvas.setAttribute("aria-label", picture.canvas.getAttribute("aria-label"));
  dialog.querySelector("p").textContent = picture.figure.innerText;
  if (!dialog.contains(picture.controls)) {
    giveBack();
    dialog.querySelector(".place").append(picture.controls);
  }
  if (!dialog.open) dialog.showModal();
}
// The controls are with the enlarged picture as long as it is open.
function giveBack() {
  const controls = dialog.querySelector(".controls");
  const owner = controls && pictures.find(picture => picture.controls === controls).viewer;
  owner?.insertBefore(controls, owner.querySelector(".gallery"));
}
for (const viewer of document.querySelectorAll(".viewer")) watch(viewer);
pictures.forEach((picture, index) =>
  picture.button.addEventListener("click", () => enlarge(index)));
for (const button of document.querySelectorAll("button.case"))
  button.addEventListener("click", () =>
    enlarge(pictures.findIndex(picture => picture.button.id === button.dataset.picture)));
if (dialog) {
  dialog.querySelector(".before").addEventListener("click", () => enlarge(shown - 1));
  dialog.querySelector(".after").addEventListener("click", () => enlarge(shown + 1));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", giveBack);
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", event => {
    if (event.target.matches("input")) return;  // arrow keys move a slider
    if (event.key === "ArrowLeft") enlarge(shown - 1);
    if (event.key === "ArrowRight") enlarge(shown + 1);
  });
}
refresh();

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
document.documentElement.dataset.ready = "yes";
