"use strict";
/* What `validator.py` calls. It is evaluated before the validator's own script, which is never changed.

That script expects the scheduler, the promises and the `exports` of Node. The ones it gets here do everything within
one call: V8 can interrupt a call that takes too long, but neither a microtask nor a timer that comes after it. */

var exports = {};
var tasks = [];
var setImmediate = (task) => void tasks.push(task);

globalThis.Promise = class {
  constructor(start) {
    start((value) => (this.settled = { value }), (error) => (this.settled = { error }));
  }
};

var limits; // {issues, perCode, text, items}: set by validator.py
var room; // the asset's bytes, from the start of an ArrayBuffer that is at least as long
var files; // the files that the asset may refer to, by their place beside it; null: none can be loaded

function makeRoom(size) {
  return (room = new ArrayBuffer(size));
}

function addFile(place, size) {
  const buffer = new ArrayBuffer(size);
  files.set(place, new Uint8Array(buffer));
  return buffer;
}

/* The file of a URI, which the validator has normalised but for the percent-encoding, to a thenable. */
function load(uri) {
  let place = uri;
  try {
    place = decodeURIComponent(uri);
  } catch {} // bytes that are not UTF-8
  const file = files.get(place);
  return { then: (resolve, reject) => (file ? resolve(file) : reject("The file was not found.")) };
}

/* Validate the first `size` bytes of the room, without issues of the codes in `ignored`: a JSON text, bounded. */
function validate(size, ignored) {
  tasks = [];
  const promise = exports.validateBytes(new Uint8Array(room, 0, size), {
    format: "glb", // or it throws at whatever does not look like one
    maxIssues: limits.issues,
    ignoredIssues: ignored,
    writeTimestamp: false,
    ...(files && { externalResourceFunction: load }),
  });
  for (let next = 0; next < tasks.length; next++) {
    const task = tasks[next];
    tasks[next] = null;
    task();
  }
  if (!promise.settled) throw new Error("it came to no end");
  if ("error" in promise.settled) throw promise.settled.error;
  const { validatorVersion, issues, info } = promise.settled.value;
  const codes = {};
  for (const { code, severity, message, pointer, offset } of issues.messages) {
    const of = (codes[code] ??= { severity, found: 0, messages: [] });
    if (++of.found <= limits.perCode) of.messages.push([bounded(message), bounded(pointer), offset]);
  }
  return JSON.stringify({ version: validatorVersion, info: bounded(info ?? {}), codes, stopped: issues.truncated });
}

/* A copy of a JSON value whose texts and lists are not long, and whose texts UTF-8 can hold. */
function bounded(value) {
  if (typeof value === "string") {
    return (value.length > limits.text ? value.slice(0, limits.text) + " ..." : value).toWellFormed();
  }
  if (Array.isArray(value)) return value.slice(0, limits.items).map(bounded);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bounded(member)]));
}
