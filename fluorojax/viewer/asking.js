"use strict";
// Asks the server. What it refuses, and that it is gone, comes back as an error with its words.

class Refused extends Error {
  constructor(words, status) { super(words); this.status = status; }
}

async function ask(path, method = "GET", body = undefined) {
  let reply;
  try {
    reply = await fetch(path, {
      method, cache: "no-store", body: body && JSON.stringify(body),
      headers: {"X-Fluorojax-Token": document.body.dataset.token},
    });
  } catch {
    throw new Refused("the server does not answer: was the command stopped?", 0);
  }
  if (reply.ok) return reply;
  const {error} = await reply.json().catch(() => ({error: `status ${reply.status}`}));
  throw new Refused(error, reply.status);
}

const asJson = async (...asked) => (await ask(...asked)).json();

async function pixelsOf(n) {
  const reply = await ask(`/frames/${n}/pixels`), bytes = await reply.arrayBuffer();
  const [height, width] = ["X-Rows", "X-Columns"].map(name => Number(reply.headers.get(name)));
  const values = bytes.byteLength > width * height ? new Uint16Array(bytes) : new Uint8Array(bytes);
  return {width, height, values};
}

async function planesOf(n) {
  const reply = await ask(`/frames/${n}/planes`);
  return {values: new Uint8Array(await reply.arrayBuffer()),
    graded: reply.headers.get("X-Graded") === "yes"};
}

// Frames that were asked for, the last ones kept: going back, and playing, waits for nothing.
const KEPT = 48, kept = new Map();
function framePixels(n) {
  const found = kept.get(n) ?? pixelsOf(n);
  kept.delete(n);
  kept.set(n, found);
  found.catch(() => kept.delete(n));
  for (const old of [...kept.keys()].slice(0, -KEPT)) kept.delete(old);
  return found;
}
