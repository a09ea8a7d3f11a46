"use strict";
// Shapes on a Konva stage, and the geometry of changing them. Places are the frame's pixels.

const distance = ([a, b], [c, d]) => Math.hypot(c - a, d - b);
const copyOf = value => JSON.parse(JSON.stringify(value));
const isDrawn = shape => ["linestrip", "polygon"].includes(shape.shape_type);

// The nearest place on a shape: behind which point it lies, how far on, and how far away it is.
function nearestOn(shape, [x, y]) {
  const closed = shape.shape_type === "polygon", points = shape.points;
  let best = {index: 0, share: 0, away: Infinity};
  for (let i = 0; i < points.length - !closed; i++) {
    const [a, b] = points[i], [c, d] = points[(i + 1) % points.length];
    const length = (c - a) ** 2 + (d - b) ** 2;
    const along = length ? ((x - a) * (c - a) + (y - b) * (d - b)) / length : 0;
    const share = Math.max(0, Math.min(1, along));
    const away = Math.hypot(x - a - share * (c - a), y - b - share * (d - b));
    if (away < best.away) best = {index: i, share, away};
  }
  return best;
}

const lengthOf = points =>
  points.slice(1).reduce((sum, point, i) => sum + distance(points[i], point), 0);

// The points of a shape of which the part between the two ends of a path is that path.
function spliced(shape, path) {
  const points = shape.points, [from, to] = [path[0], path.at(-1)].map(p => nearestOn(shape, p));
  if (shape.shape_type === "polygon") {
    const n = points.length, step = (a, b) => {  // the points that are passed from place a to b
      let count = b.index - a.index;
      if (count < 0 || (count === 0 && b.share < a.share)) count += n;
      return Array.from({length: count}, (_, k) => points[(a.index + 1 + k) % n]);
    };
    const on = step(from, to), back = step(to, from);
    const long = arc => lengthOf(arc.length ? arc : [[0, 0]]);
    return long(on) < long(back) ? [...back, ...path] : [...on, ...[...path].reverse()];
  }
  const place = ({index, share}) => index + share;
  if (place(from) === 0 && place(to) === 0)  // it goes on before its first point
    return [...[...path].reverse(), ...points.slice(1)];
  if (place(from) > place(to)) return spliced(shape, [...path].reverse());
  return [...points.slice(0, Math.ceil(place(from))), ...path,
    ...points.slice(Math.floor(place(to)) + 1)];
}

class Drawing {
  // `heard` has the functions that are called: select, moved, clicked, doubled, zoomed.
  constructor(place, heard) {
    this.place = place;
    this.heard = heard;
    this.stage = new Konva.Stage({container: place, width: 1, height: 1, draggable: true});
    this.below = new Konva.Layer({listening: false});
    this.above = new Konva.Layer();
    this.stage.add(this.below, this.above);
    this.canvases = {frame: document.createElement("canvas"), tint: document.createElement("canvas")};
    this.images = Object.values(this.canvases).map(image => new Konva.Image({image}));
    this.below.add(...this.images);
    this.size = [1, 1];
    this.stage.on("wheel", ({evt}) => {
      evt.preventDefault();
      this.zoom(evt.deltaY < 0 ? 1.2 : 1 / 1.2, this.stage.getPointerPosition());
    });
    this.clicks = [];
    this.stage.on("click tap", event => {
      this.clicks = [this.clicks.at(-1), this.pointer()];
      heard.clicked(this.pointer(), event.target.attrs.of);
    });
    this.stage.on("dblclick dbltap", event => {
      // Konva takes two quick clicks at two places for a double one, too.
      const [first, second] = this.clicks;
      if (first && distance(first, second) * this.scale < 6)
        heard.doubled(second, event.target.attrs.of);
    });
    new ResizeObserver(() => this.fit()).observe(place);
  }

  pointer() {
    const at = this.stage.getRelativePointerPosition() ?? {x: 0, y: 0};
    return [at.x, at.y];
  }

  get scale() { return this.stage.scaleX(); }

  fit() {
    const {clientWidth, clientHeight} = this.place, [width, height] = this.size;
    if (!clientWidth || !clientHeight) return;
    this.stage.size({width: clientWidth, height: clientHeight});
    const scale = 0.98 * Math.min(clientWidth / width, clientHeight / height);
    this.stage.scale({x: scale, y: scale});
    this.stage.position({x: (clientWidth - scale * width) / 2, y: (clientHeight - scale * height) / 2});
    this.below.imageSmoothingEnabled(scale < 2);
    this.heard.zoomed();
  }

  zoom(factor, about = {x: this.stage.width() / 2, y: this.stage.height() / 2}) {
    const before = this.scale, scale = Math.max(0.05, Math.min(40, before * factor));
    const {x, y} = this.stage.position();
    this.stage.scale({x: scale, y: scale});
    this.stage.position({
      x: about.x - (about.x - x) * scale / before, y: about.y - (about.y - y) * scale / before,
    });
    this.below.imageSmoothingEnabled(scale < 2);
    this.heard.zoomed();
  }

  picture(size) {
    const other = String(size) !== String(this.size);
    this.size = size;
    for (const image of this.images) image.size({width: size[0], height: size[1]});
    if (other) this.fit();
    this.below.batchDraw();
  }

  // Draws all shapes anew: there are few, and so nothing can be out of date.
  shapes(shapes, {selected, point, begun, colours, isOff, shown}) {
    this.above.destroyChildren();
    const seen = shape => shown && shape && isDrawn(shape) && !isOff(shape);
    shapes.forEach((shape, k) => {
      if (seen(shape)) this.one(shape, k, colours(shape), k === selected);
    });
    if (seen(shapes[selected]) && !begun) this.points(shapes, selected, point);
    if (begun?.points.length) {
      const points = begun.points.flat();
      this.above.add(new Konva.Line({points, stroke: "#fff", strokeWidth: 1.5, dash: [4, 3],
        strokeScaleEnabled: false, listening: false}));
      for (const [x, y] of begun.points.filter((_, i) => begun.ends.includes(i + 1)))
        this.above.add(this.dot(x, y, {fill: "#fff", listening: false}));
    }
    this.above.batchDraw();
  }

  one(shape, k, colour, isSelected) {
    const closed = shape.shape_type === "polygon", points = shape.points.flat();
    const common = {points, closed, of: k, stroke: colour, lineJoin: "round"};
    if (!closed) this.above.add(new Konva.Line({...common, listening: false,
      strokeWidth: shape.width, opacity: isSelected ? 0.45 : 0.3}));
    this.above.add(new Konva.Line({...common, strokeWidth: isSelected ? 2 : 1.25,
      strokeScaleEnabled: false, hitStrokeWidth: 12, fill: closed ? colour : undefined,
      fillEnabled: false}));
  }

  dot(x, y, look) {
    return new Konva.Circle({x, y, radius: 4 / this.scale, strokeWidth: 1.5,
      strokeScaleEnabled: false, stroke: "#000", hitStrokeWidth: 8, ...look});
  }

  points(shapes, selected, chosen) {
    const shape = shapes[selected];
    shape.points.forEach(([x, y], i) => {
      const anchor = this.dot(x, y, {
        of: selected, draggable: true, name: "point", fill: i === chosen ? "#f0e442" : "#fff",
        radius: (i === chosen ? 5.5 : 4) / this.scale,
      });
      let before = null;
      anchor.on("click tap", event => {
        event.cancelBubble = true;
        this.heard.select(selected, i);
      });
      anchor.on("dragstart", () => { before = copyOf(shapes); });
      anchor.on("dragmove", () => {
        shape.points[i] = [anchor.x(), anchor.y()];
        for (const line of this.above.find("Line"))
          if (line.attrs.of === selected) line.points(shape.points.flat());
      });
      anchor.on("dragend", () => this.heard.moved(before, i));
      this.above.add(anchor);
    });
  }
}
