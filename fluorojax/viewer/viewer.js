"use strict";
// The page: which frame is open, what its shapes are, what was changed, and what keys do.

const $ = id => document.getElementById(id);
const view = {
  classes: [], frames: [], ranked: [], n: -1, opened: null, pixels: null, planes: null,
  shapes: [], selected: -1, point: -1, chosen: 0, begun: null, follow: true,
  off: new Set(), tinted: true, hidden: false, window: null, ownWindow: false, playing: 0, opening: 0,
};
const histories = new Map();  // frame -> what can be undone and redone, as long as the page is open

// Saying

function tell(words) {
  $("told").textContent = words;
  $("told").hidden = !words;
}

function status() {
  const {opened, frames, n} = view;
  if (!opened) return;
  const spacing = opened.spacing_mm ? `, ${opened.spacing_mm[0].toPrecision(3)} mm a pixel` : "";
  const begun = view.begun ? `; ${view.begun.kind === "new" ? "new shape" : "redrawing"}: click its `
    + "points, Enter ends it, Esc leaves it" : "";
  const state = saver.waiting ? "not saved yet" : frames[n].saved ? "saved" : `from: ${opened.origin}`;
  $("status").textContent =
    `${opened.case}, ${opened.width} x ${opened.height}${spacing}; ${state}${begun}`;
  document.documentElement.dataset.state = saver.waiting ? "saving" : "quiet";
}

// Saving: at each change, one after the other, until the server has it.

const saver = {
  waiting: null, running: null,
  save() {
    const {n, shapes, opened} = view;
    this.waiting = {n, shapes: copyOf(shapes), opened};
    this.running ??= this.run().finally(() => { this.running = null; });
    status();
  },
  async run() {
    while (this.waiting) {
      const {n, shapes, opened} = this.waiting, now = this.waiting;
      try {
        const {revision} = await asJson(`/frames/${n}/shapes`, "PUT",
          {shapes, revision: opened.revision});
        opened.revision = revision;
        opened.origin = "corrected";
        view.frames[n].saved = true;
        if (this.waiting === now) this.waiting = null;
        tell("");
      } catch (error) {
        if (this.waiting !== now) continue;
        tell(`Not saved: ${error.message}`);
        if (error.status === 409) {
          this.waiting = null;
          histories.delete(n);
          await open(n);
          tell(error.message);
        }
        if (error.status !== 0) break;  // the next change, or an undo, is tried
        await new Promise(done => setTimeout(done, 1500));
      }
    }
    list();
    status();
  },
};
addEventListener("beforeunload", event => { if (saver.waiting) event.preventDefault(); });

// Changing

function history() {
  if (!histories.has(view.n)) histories.set(view.n, {undo: [], redo: []});
  return histories.get(view.n);
}

function changed(before) {
  if (!view.opened) return;
  history().undo.push(before);
  history().redo = [];
  saver.save();
  draw();
}

function change(act) {
  if (!view.opened) return;
  const before = copyOf(view.shapes);
  act();
  if (JSON.stringify(before) !== JSON.stringify(view.shapes)) changed(before);
}

function back(from, to) {
  const shapes = view.opened && history()[from].pop();
  if (!shapes) return;
  history()[to].push(copyOf(view.shapes));
  view.shapes = shapes;
  select(Math.min(view.selected, shapes.length - 1));
  saver.save();
}

const current = () => view.shapes[view.selected];

function select(shape, point = -1) {
  view.selected = shape;
  view.point = point;
  if (current()) view.chosen = Math.max(0, classOf(current()));
  draw();
}

function turn(step) {  // to the next shape that can be drawn
  const drawn = view.shapes.map((shape, k) => isDrawn(shape) ? k : -1).filter(k => k >= 0);
  if (!drawn.length) return;
  const at = drawn.indexOf(view.selected);
  select(drawn[at < 0 ? (step > 0 ? 0 : drawn.length - 1) : (at + step + drawn.length) % drawn.length]);
}

function turnPoint(step) {
  const count = current()?.points.length;
  if (!count) return;
  const first = step > 0 ? 0 : count - 1;
  select(view.selected, view.point < 0 ? first : (view.point + step + count) % count);
}

function shift(x, y) {
  if (view.point < 0) return;
  change(() => {
    const [a, b] = current().points[view.point];
    current().points[view.point] = [a + x, b + y];
  });
}

function addPoint(at) {
  const shape = current();
  if (!shape) return;
  const count = shape.points.length, closed = shape.shape_type === "polygon";
  let index = at ? nearestOn(shape, at).index : view.point;
  if (index < 0) return;
  if (!at && !closed && index === count - 1) index--;
  const [[a, b], [c, d]] = [shape.points[index], shape.points[(index + 1) % count]];
  change(() => shape.points.splice(index + 1, 0, at ?? [(a + c) / 2, (b + d) / 2]));
  select(view.selected, index + 1);
}

function deletePoint() {
  const shape = current(), least = shape?.shape_type === "polygon" ? 3 : 2;
  if (!shape) return;
  if (view.point < 0 || shape.points.length <= least) return deleteShape();
  const point = Math.min(view.point, shape.points.length - 2);
  change(() => shape.points.splice(view.point, 1));
  select(view.selected, point);
}

function deleteShape() {
  if (!current()) return;
  change(() => view.shapes.splice(view.selected, 1));
  select(-1);
}

const classOf = shape => view.classes.findIndex(({name}) => name === shape.label);

function nextClass() {
  if (!view.classes.length) return;
  const before = current() ? classOf(current()) : view.chosen;
  choose((before + 1) % view.classes.length);
}

function choose(k) {
  view.chosen = k;
  const shape = current();
  if (shape) change(() => { shape.label = view.classes[k].name; });
  draw();
}

function widen(by) {
  const shape = current();
  if (shape?.shape_type !== "linestrip") return;
  change(() => { shape.width = Math.max(0.5, Math.min(200, shape.width + by)); });
  remember(shape);
}

function remember(shape) {  // new lines of the class are as wide
  const of = view.classes[classOf(shape)];
  if (of && shape.width) of.width = shape.width;
}

// Drawing: a path of clicks, and what was followed between them.

function begin(kind) {
  if (!view.opened) return;
  if (kind === "redraw" && !current()) return tell("Choose a shape first: Tab, or click it.");
  if (!view.classes.length) return tell("No class is known: start with --classes NAME:KIND,...");
  tell("");
  if (kind === "new") select(-1);
  view.begun = {kind, points: [], ends: [], busy: false, shape: kind === "redraw" ? current() : null};
  draw();
}

async function click(at) {
  const begun = view.begun;
  if (begun.busy) return;
  const last = begun.points.at(-1);
  if (last && distance(last, at) * drawing.scale < 3) return;
  let points = [at];
  if (last && view.follow) {
    const width = begun.shape?.width ?? view.classes[view.chosen].width;
    begun.busy = true;
    try {
      const path = await asJson(`/frames/${view.n}/trace`, "POST",
        {from: last, to: at, width, joined: begun.ends.length > 1});
      if (view.begun !== begun) return;
      points = path.points.slice(begun.ends.length > 1 ? 1 : 0);
      if (begun.ends.length === 1) begun.points.length = 0;  // its start has moved to the line
      if (begun.ends.length === 1) begun.ends[0] = 1;
    } catch (error) {
      tell(error.message);
    }
    begun.busy = false;
  }
  begun.points.push(...points);
  begun.ends.push(begun.points.length);
  draw();
}

function takeBack() {
  view.begun.ends.pop();
  view.begun.points.length = view.begun.ends.at(-1) ?? 0;
  draw();
}

function finish() {
  const {kind, points, shape} = view.begun;
  const {name, kind: of, width} = view.classes[view.chosen];
  const least = (shape?.shape_type ?? (of === "curve" ? "linestrip" : "polygon")) === "polygon" ? 3 : 2;
  view.begun = null;
  if (kind === "new" && points.length >= least) {
    change(() => view.shapes.push({
      label: name, points, group_id: null, description: "", flags: {},
      shape_type: of === "curve" ? "linestrip" : "polygon", width: of === "curve" ? width : null,
    }));
    select(view.shapes.length - 1);
  } else if (kind === "redraw" && points.length > 1) {
    change(() => { shape.points = spliced(shape, points); });
    select(view.selected);
  }
  draw();
}

function leave() {
  if (view.begun) view.begun = null;
  else if (view.point >= 0) view.point = -1;
  else view.selected = -1;
  draw();
}

async function takePredicted() {
  const n = view.n;
  try {
    const {shapes} = await asJson(`/frames/${n}/predicted`, "POST", {});
    if (n === view.n) change(() => { view.shapes = shapes; });
    select(-1);
  } catch (error) {
    tell(error.message);
  }
}

async function takeBefore() {
  const n = view.n;
  if (n < 1) return;
  try {
    const {shapes} = await asJson(`/frames/${n - 1}`);
    if (n === view.n) change(() => { view.shapes = shapes; });
    select(-1);
  } catch (error) {
    tell(error.message);
  }
}

// Opening

async function open(n) {
  if (n < 0 || n >= view.frames.length) return;
  const asked = ++view.opening;
  document.documentElement.dataset.state = "opening";
  if (saver.waiting) {
    await Promise.race([saver.running, new Promise(done => setTimeout(done, 3000))]);
    if (saver.waiting) return status();  // what cannot be saved is not left
  }
  // Until the frame is there, nothing is: what is done meanwhile is of no frame.
  Object.assign(view, {n, opened: null, shapes: [], selected: -1, point: -1, begun: null});
  draw();
  list();
  const slow = setTimeout(() => tell(`Opening ${view.frames[n].case}`), 700);
  try {
    const [opened, pixels] = await Promise.all([asJson(`/frames/${n}`), framePixels(n)]);
    if (asked !== view.opening) return;
    Object.assign(view, {opened, pixels, planes: null, shapes: opened.shapes, selected: -1, point: -1});
    for (const shape of view.shapes) remember(shape);
    if (!view.ownWindow) view.window = [...opened.window];
    tell("");
    drawing.picture([opened.width, opened.height]);
    repaint();
    draw();
    framePixels(Math.min(n + 1, view.frames.length - 1)).catch(() => {});
    if (opened.predicted && view.tinted) await fetchPlanes();
  } catch (error) {
    if (asked !== view.opening) return;
    tell(`${view.frames[n].case}: ${error.message}`);
  } finally {
    clearTimeout(slow);
  }
  status();
  document.documentElement.dataset.open = n;
}

async function fetchPlanes() {
  const n = view.n, opened = view.opened;
  const planes = await planesOf(n).catch(() => null);
  if (n !== view.n || opened !== view.opened) return;
  view.planes = planes;
  repaint();
}

function step(by) { stop(); open(view.n + by); }

function stepGroup(by) {
  const {frames, n} = view, group = frames[n].group;
  let at = n;
  while (frames[at + by] && frames[at].group === group) at += by;
  if (by < 0) while (frames[at - 1]?.group === frames[at].group) at--;
  if (frames[at].group !== group) { stop(); open(at); }
}

// The least sure of the frames that are not corrected yet; without a network, the next of them.
async function next() {
  if (view.ranked.length || view.model) await ranking();
  const open_ = n => n !== view.n && !view.frames[n].saved;
  const sure = view.ranked.map(({frame}) => frame).find(open_);
  const after = view.frames.map((_, n) => n).find(n => n > view.n && open_(n));
  const found = view.model ? sure ?? after : view.n + 1;
  if (found === undefined) return tell("No frame is left that was not looked at.");
  open(found);
}

async function accept() {
  if (!view.opened) return;
  saver.save();
  await saver.running;
  if (!saver.waiting) await next();
}

function play() {
  if (view.playing) return stop();
  const group = view.frames[view.n].group, run = ++view.opening;
  const mine = view.frames.map((_, n) => n).filter(n => view.frames[n].group === group);
  let at = mine.indexOf(view.n);
  Object.assign(view, {opened: null, shapes: [], selected: -1, point: -1, begun: null});
  draw();
  view.playing = run;
  (async () => {
    while (view.playing === run) {
      const began = performance.now();
      at = (at + 1) % mine.length;
      for (let k = 1; k < 5; k++) framePixels(mine[(at + k) % mine.length]).catch(() => {});
      const pixels = await framePixels(mine[at]).catch(() => null);
      if (view.playing !== run) break;
      view.n = mine[at];
      if (pixels) {
        Object.assign(view, {pixels, planes: null});
        drawing.picture([pixels.width, pixels.height]);
        repaint();
      }
      draw();
      $("status").textContent = `${view.frames[view.n].case}; Space stops`;
      await new Promise(done => setTimeout(done, Math.max(0, 1000 / 12 - performance.now() + began)));
    }
  })();
}

function stop() {
  if (!view.playing) return;
  view.playing = 0;
  open(view.n);
}

// Showing

function repaint() {
  if (!view.pixels) return;
  paintFrame(drawing.canvases.frame, view.pixels, view.window);
  const classes = view.classes.map((of, plane) => ({
    plane, threshold: of.threshold, colour: of.colour.match(/\d+/g).map(Number),
  })).filter(({plane}) => !view.off.has(plane));
  paintTint(drawing.canvases.tint, view.pixels, view.tinted ? view.planes : null, classes);
  drawing.below.batchDraw();
  const most = view.pixels.values.BYTES_PER_ELEMENT > 1 ? 65535 : 255;
  const [low, high] = view.opened?.window ?? [0, most], span = (high - low) / 2;
  [$("black"), $("white")].forEach((slider, k) => {
    slider.min = Math.max(0, low - span);
    slider.max = Math.min(most, high + span);
    slider.step = most > 255 ? 1 : 0.5;
    slider.value = view.window[k];
  });
}

function contrast(widthBy, shiftBy) {
  if (!view.window) return;
  const [low, high] = view.window, middle = (low + high) / 2 + shiftBy * (high - low);
  const half = (high - low) / 2 * widthBy;
  view.window = [middle - half, middle + half];
  view.ownWindow = true;
  repaint();
}

function draw() {
  drawing.shapes(view.shapes, {
    selected: view.selected, point: view.point, begun: view.begun,
    shown: !view.hidden && !view.playing,
    isOff: shape => view.off.has(classOf(shape)),
    colours: shape => view.classes[classOf(shape)]?.colour ?? "#fff",
  });
  const shape = current();
  $("shape").textContent = !shape ? `${view.shapes.length} here; Tab chooses one`
    : `${shape.label}, ${shape.points.length} points`
      + (view.point >= 0 ? `, point ${view.point + 1}` : "");
  $("widths").hidden = shape?.shape_type !== "linestrip";
  if (shape?.width && document.activeElement !== $("width")) $("width").value = shape.width;
  for (const [k, row] of [...$("classes").children].entries())
    row.classList.toggle("chosen", k === view.chosen);
  status();
}

function list() {
  for (const button of $("frames").querySelectorAll("button")) {
    const n = Number(button.dataset.frame);
    button.classList.toggle("saved", view.frames[n].saved);
    const here = n === view.n;
    if (here && button.getAttribute("aria-current") !== "true") button.scrollIntoView({block: "nearest"});
    button.setAttribute("aria-current", here);
  }
  const done = view.frames.filter(({saved}) => saved).length;
  $("progress").textContent = `${done} of ${view.frames.length} corrected`;
}

function build({title, classes, frames, model, out}) {
  Object.assign(view, {classes, frames, model});
  $("progress").title = out;
  let group = null;
  frames.forEach((frame, n) => {
    if (frame.group !== group && frame.group) {
      const heading = document.createElement("li");
      heading.className = "group";
      heading.textContent = group = frame.group;
      $("frames").append(heading);
    }
    const item = document.createElement("li"), button = document.createElement("button");
    Object.assign(button, {type: "button", textContent: frame.case, tabIndex: -1});
    button.dataset.frame = n;
    button.addEventListener("click", () => { stop(); open(n); });
    item.append(button);
    $("frames").append(item);
  });
  classes.forEach((of, k) => $("classes").append(rowOf(of, k)));
  $("ranking").hidden = $("next").hidden = !model;
}

// A class: a patch of its colour and its name, which chooses it; is it shown; and its threshold.
function rowOf(of, k) {
  const row = document.createElement("div"), label = document.createElement("label");
  const patch = document.createElement("i"), name = document.createElement("button");
  const tint = document.createElement("input"), slider = document.createElement("label");
  const range = document.createElement("input"), output = document.createElement("output");
  row.className = "class";
  patch.className = "swatch";
  patch.style.background = of.colour;
  name.type = "button";
  name.append(patch, of.name);
  name.addEventListener("click", () => choose(k));
  Object.assign(tint, {type: "checkbox", checked: true, title: `${k + 1}: show ${of.name}`});
  tint.setAttribute("aria-label", `show ${of.name}`);
  tint.addEventListener("change", () => toggle(k));
  Object.assign(range, {type: "range", min: 0.01, max: 0.99, step: 0.01, value: of.threshold});
  range.setAttribute("aria-label", `threshold of ${of.name}`);
  output.textContent = of.threshold.toFixed(2);
  range.addEventListener("input", () => {
    of.threshold = Number(range.value);
    output.textContent = of.threshold.toFixed(2);
    repaint();
  });
  label.append(name, tint);
  slider.append(range, output);
  slider.className = "threshold";
  slider.hidden = true;
  row.append(label, slider);
  return row;
}

function toggle(k) {
  view.off.has(k) ? view.off.delete(k) : view.off.add(k);
  $("classes").children[k].querySelector("input").checked = !view.off.has(k);
  repaint();
  draw();
}

function toggleTint() {
  view.tinted = !view.tinted;
  view.tinted && !view.planes && view.opened?.predicted ? fetchPlanes() : repaint();
}

// The order in which the network is unsure of the frames, as far as it has looked at them.
async function ranking() {
  const {done, total, order} = await asJson("/order").catch(() => ({order: []}));
  if (!total) return;
  view.ranked = order;
  $("ranked").textContent = done < total ? `${done} of ${total} looked at` : "";
  const rows = order.filter(({frame}) => !view.frames[frame].saved).slice(0, 12);
  $("order").replaceChildren(...rows.map(({frame, unsure}) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const score = document.createElement("span");
    score.textContent = unsure.toFixed(2);
    Object.assign(button, {type: "button", tabIndex: -1});
    button.append(view.frames[frame].case, score);
    button.addEventListener("click", () => { stop(); open(frame); });
    item.append(button);
    return item;
  }));
  return done === total;
}

async function watchRanking() {
  while (!await ranking()) await new Promise(done => setTimeout(done, 1500));
}

// Keys

const KEYS = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  ArrowUp: () => stepGroup(-1), ArrowDown: () => stepGroup(1),
  "Shift+ArrowLeft": () => shift(-1, 0), "Shift+ArrowRight": () => shift(1, 0),
  "Shift+ArrowUp": () => shift(0, -1), "Shift+ArrowDown": () => shift(0, 1),
  " ": play, n: next, Enter: () => view.begun ? finish() : accept(), Escape: leave,
  o: toggleTint, h: () => { view.hidden = !view.hidden; draw(); },
  "+": () => drawing.zoom(1.2), "=": () => drawing.zoom(1.2), "-": () => drawing.zoom(1 / 1.2),
  0: () => drawing.fit(), "[": () => contrast(1.1, 0), "]": () => contrast(1 / 1.1, 0),
  ",": () => contrast(1, 0.04), ".": () => contrast(1, -0.04),
  w: () => {
    view.ownWindow = false;
    if (view.opened) view.window = [...view.opened.window];
    repaint();
  },
  Tab: () => turn(1), "Shift+Tab": () => turn(-1), a: () => turnPoint(-1), s: () => turnPoint(1),
  i: () => addPoint(null), x: deletePoint, Delete: deletePoint, X: deleteShape,
  c: nextClass, q: () => widen(-0.5), e: () => widen(0.5),
  d: () => begin("new"), r: () => begin("redraw"), p: takePredicted, g: takeBefore,
  t: () => {
    view.follow = !view.follow;
    $("follow").setAttribute("aria-pressed", view.follow);
  },
  Backspace: () => view.begun ? takeBack() : deletePoint(),
  z: () => back("undo", "redo"), y: () => back("redo", "undo"), Z: () => back("redo", "undo"),
  "?": () => $("help").showModal(),
};
for (let k = 1; k < 10; k++) KEYS[k] = () => { if (k <= view.classes.length) toggle(k - 1); };
const WHEN_PLAYING = new Set([" ", "?", "ArrowLeft", "ArrowRight", "[", "]", ",", ".", "w", "+", "-", "0"]);

function pressed(key) {
  if (view.playing && !WHEN_PLAYING.has(key)) stop();
  KEYS[key]?.();
}

addEventListener("keydown", event => {
  if ($("help").open || event.altKey || event.target.matches("input[type=number]")) return;
  const inList = event.target.matches("input, button") && [" ", "Enter", "Tab"].includes(event.key);
  const slides = event.target.matches("input[type=range]") && event.key.startsWith("Arrow");
  if (inList || slides) return;
  let key = event.key;
  if (event.ctrlKey || event.metaKey) {
    key = {z: "z", Z: "y", y: "y"}[key];
  } else if (event.shiftKey && (key.startsWith("Arrow") || key === "Tab")) {
    key = `Shift+${key}`;
  }
  // With Tab the page can be left for the controls once no shape is there to be chosen.
  if (!(key in KEYS) || (key?.endsWith("Tab") && !view.shapes.length)) return;
  event.preventDefault();
  pressed(key);
});
for (const button of document.querySelectorAll("[data-key]"))
  button.addEventListener("click", () => { pressed(button.dataset.key); $("stage").focus(); });
["black", "white"].forEach((id, k) => $(id).addEventListener("input", event => {
  view.window[k] = Number(event.target.value);
  view.ownWindow = true;
  repaint();
}));
$("width").addEventListener("change", event => {
  const shape = current(), width = Number(event.target.value);
  if (shape && width >= 0.5 && width <= 200) change(() => { shape.width = width; });
  if (shape) remember(shape);
});

const drawing = new Drawing($("stage"), {
  select,
  moved: (before, point) => { view.point = point; changed(before); },
  clicked: (at, of) => view.begun ? click(at) : select(of ?? -1),
  doubled: (at, of) => {
    if (view.begun) finish();
    else if (of !== undefined) { view.selected = of; addPoint(at); }
  },
  zoomed: () => draw(),
});

(async () => {
  try {
    build(await asJson("/frames"));
    await open(0);
    for (const slider of document.querySelectorAll(".threshold")) slider.hidden = !view.opened?.predicted;
    $("predicted").hidden = !view.opened?.predicted;
    if (view.model) watchRanking();
  } catch (error) {
    tell(error.message);
  }
  $("stage").focus();
  document.documentElement.dataset.ready = "yes";
})();
