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

function planesOf(figure, classes) {
  const [frame, stack] = figure.querySelectorAll("img");
  const [width, height] = [frame.naturalWidth, frame.naturalHeight], size = width * height;
  const all = greys(stack), plane = n => all.subarray(n * size, (n + 1) * size);
  return {
    width, height, frame: greys(frame), ignore: plane(0), outlines: {},
    classes: Array.from({length: classes}, (_, k) => ({
      probability: plane(1 + 2 * k), reference: plane(2 + 2 * k),
    })),
  };
}

// The places of the pixels just outside a mask, on a grid enlarged by a factor.
function outline(mask, width, height, factor) {
  const [w, h] = [width * factor, height * factor];
  const inside = new Uint8Array(w * h), across = new Uint8Array(w * h), places = [];
  for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i++)
    inside[i] = mask[Math.floor(y / factor) * width + Math.floor(x / factor)] >> 7;
  for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i++)
    across[i] = inside[i] | (x > 0 && inside[i - 1]) | (x < w - 1 && inside[i + 1]);
  for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i++) {
    const near = across[i] | (y > 0 && across[i - w]) | (y < h - 1 && across[i + w]);
    if (near && !inside[i]) places.push(i);
  }
  return places;
}

// The frame with its tints, pixel by pixel: grey values that lean to the colours of the classes.
function tinted({planes, layers, state, own}) {
  const {frame, classes} = planes, rgb = new Float32Array(3 * frame.length);
  frame.forEach((grey, i) => { rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = grey; });
  const thresholds = state.moved ? state.thresholds : own;
  if (state.show !== "frame") layers.forEach(({opacity, colour}, k) => {
    const truly = state.show === "reference";
    const values = truly ? classes[k].reference : classes[k].probability;
    const least = truly ? 128 : 255 * thresholds[k];
    for (let i = 0; i < values.length; i++) if (values[i] >= least)
      for (let c = 0; c < 3; c++) rgb[3 * i + c] += opacity * (colour[c] - rgb[3 * i + c]);
  });
  return rgb;
}

function paint(canvas, picture, side) {
  const {planes, layers, state} = picture, {width, height} = planes;
  const factor = Math.ceil(side / Math.max(width, height));
  const [w, h] = [width * factor, height * factor], rgb = tinted(picture);
  [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d"), image = context.createImageData(w, h);
  const data = image.data;
  for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i += 4) {
    const from = Math.floor(y / factor) * width + Math.floor(x / factor);
    const light = planes.ignore[from] > 127 && (x + y) % 8 < 2 ? 0.5 : 1;
    for (let c = 0; c < 3; c++) data[i + c] = light * rgb[3 * from + c];
    data[i + 3] = 255;
  }
  planes.outlines[factor] ??= planes.classes.map(c => outline(c.reference, width, height, factor));
  if (state.show === "both") layers.forEach(({colour}, k) => {
    for (const place of planes.outlines[factor][k])
      for (let c = 0; c < 3; c++) data[4 * place + c] = colour[c];
  });
  context.putImageData(image, 0, 0);
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
    if (dialog?.open) enlarge(shown);
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
let waiting = 0;
function refresh() {
  clearTimeout(waiting);
  const seen = picture => {
    const {top, bottom} = picture.figure.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const began = performance.now();
  while (performance.now() - began < 12) {
    const stale = pictures.filter(picture => picture.stale);
    const next = stale.find(seen) ?? stale[0];
    if (!next) {
      document.documentElement.dataset.painted = "yes";
      return;
    }
    next.stale = false;
    next.planes ??= planesOf(next.figure, next.layers.length);
    paint(next.canvas, next, OUTLINE_SIDE);
    next.figure.classList.add("painted");
  }
  waiting = setTimeout(refresh);
}

const dialog = document.querySelector("dialog");
let shown = 0;
function enlarge(index) {
  shown = (index + pictures.length) % pictures.length;
  const picture = pictures[shown], canvas = dialog.querySelector("canvas");
  picture.planes ??= planesOf(picture.figure, picture.layers.length);
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
addEventListener("load", refresh);  // only then the pictures in the page can be read

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
document.documentElement.dataset.ready = "yes";
