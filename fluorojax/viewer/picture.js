"use strict";
// Grey values and tints as canvases, which Konva shows below the shapes.

const TINT = 0.4;

// The frame: black at and below `low`, white at and above `high`.
function paintFrame(canvas, {width, height, values}, [low, high]) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  const greys = new Uint32Array(image.data.buffer), scale = 255 / Math.max(high - low, 1e-6);
  const look = new Uint32Array(values.BYTES_PER_ELEMENT > 1 ? 65536 : 256);
  for (let v = 0; v < look.length; v++) {
    const grey = Math.max(0, Math.min(255, Math.round((v - low) * scale)));
    look[v] = (0xff000000 | grey << 16 | grey << 8 | grey) >>> 0;
  }
  for (let i = 0; i < values.length; i++) greys[i] = look[values[i]];
  context.putImageData(image, 0, 0);
}

// What is predicted: `classes` are those that are shown, each with plane, colour and threshold.
function paintTint(canvas, {width, height}, planes, classes) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!planes) return;
  const size = width * height, image = context.createImageData(width, height), data = image.data;
  for (const {plane, colour, threshold} of classes) {
    const least = planes.graded ? Math.max(1, 255 * threshold) : 128;
    const of = planes.values.subarray(plane * size, (plane + 1) * size);
    for (let i = 0; i < size; i++) if (of[i] >= least) {
      const share = data[4 * i + 3] ? 0.5 : 1;
      for (let c = 0; c < 3; c++) data[4 * i + c] += share * (colour[c] - data[4 * i + c]);
      data[4 * i + 3] = 255 * TINT;
    }
  }
  context.putImageData(image, 0, 0);
}
