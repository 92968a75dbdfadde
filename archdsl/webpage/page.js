"use strict";
// The page of a network. Its drawings are in <template> elements: one for the inside of each block, with the blocks
// within as boxes. This script shows one of them at a time (a "level"), says what is pointed at, and keeps the figure
// and the table together. All that it tells comes from the JSON in the page and is set as text, never as markup.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const places = new Map(Object.entries(data.places)); // what is known of each path; "" is the network
const figure = byId("figure");
const rows = [...document.querySelectorAll("#costs tbody tr")];

let level = ""; // the path whose inside is shown
let chosen = ""; // the path that was chosen last
let boxes = new Map(); // the boxes of this level, by path
let home = null; // the whole drawing, as x, y, width and height in its own points
let view = null; // the part of it that is shown

// --- levels --------------------------------------------------------------------------------

// Paths in a drawing are relative to its scope, so that blocks which look alike can share one drawing.
function full(relative) {
  if (relative === ".") return level;
  return level ? `${level}.${relative}` : relative;
}

const opens = (path) => places.get(path)?.drawing !== undefined;

// Shows the inside of a scope.
function show(path) {
  level = path;
  const drawing = byId(`drawing-${places.get(path).drawing}`).content.cloneNode(true);
  figure.replaceChildren(drawing);
  const svg = figure.firstElementChild;
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", path ? `Inside of ${path}` : data.name);
  const [x, y, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  home = { x, y, width, height };
  findBoxes(svg);
  fit();
  writeTrail();
  byId("close").disabled = path === "";
  if (pathInAddress() !== path) location.hash = encodeURIComponent(path);
  choose(path);
}

// Everything that stands for an op or a closed scope becomes a button, which the Tab key reaches.
function findBoxes(svg) {
  boxes = new Map();
  for (const group of svg.querySelectorAll("g[data-path]")) {
    const path = full(group.dataset.path);
    if (group.querySelector("g[data-path]") || !places.has(path)) continue; // an open frame
    boxes.set(path, group);
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.setAttribute("aria-label", spoken(path, copies(group)));
    if (opens(path)) group.setAttribute("aria-expanded", "false");
  }
}

// How many things one box is drawn for: `×3` stands on it.
function copies(group) {
  const repeated = group.closest("[data-alike]");
  return repeated ? repeated.dataset.alike.split("; ").length : 1;
}

function spoken(path, count) {
  const { what, shape } = places.get(path);
  const name = level && path.startsWith(`${level}.`) ? path.slice(level.length + 1) : path;
  return `${name}${what ? `, ${what}` : ""}${count > 1 ? `, ${count} alike` : ""}, output ${shape.join(" by ")}`;
}

// The way from the network to what is open, as buttons.
function writeTrail() {
  const way = [];
  for (let path = level; path !== ""; path = places.get(path).level) way.unshift(path);
  let before = "";
  const entries = ["", ...way].map((path) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = path ? path.slice(before ? before.length + 1 : 0) : data.name;
    before = path;
    button.addEventListener("click", () => show(path));
    if (path === level) button.setAttribute("aria-current", "location");
    const entry = document.createElement("li");
    entry.append(button);
    return entry;
  });
  byId("trail").replaceChildren(...entries);
}

// One level up; the box that was open gets the focus.
function close() {
  if (level === "") return;
  const left = level;
  show(places.get(left).level);
  go(left, true);
}

// The path that the address names, `page.html#conv3.1`, or that of the network.
function pathInAddress() {
  return [...places.keys()].find((path) => encodeURIComponent(path) === location.hash.slice(1));
}

// --- what is chosen ------------------------------------------------------------------------

// The box that stands for a path: its own, or that of the first of several alike.
const boxOf = (path) => boxes.get(places.get(path).box ?? path);

// Marks a path in the figure and in the table, and tells of it.
function choose(path) {
  chosen = path;
  figure.querySelectorAll(".chosen").forEach((group) => group.classList.remove("chosen"));
  boxOf(path)?.classList.add("chosen");
  rows.forEach((row) => row.removeAttribute("aria-current"));
  const row = rows[places.get(path).row];
  if (row) {
    row.setAttribute("aria-current", "true");
    const [inner, outer] = [row, byId("costs")].map((element) => element.getBoundingClientRect());
    if (inner.top < outer.top || inner.bottom > outer.bottom) byId("costs").scrollTop += inner.top - outer.top - 60;
  }
  tell(path);
}

// Goes to wherever a path is drawn, and opens what is closed on the way.
function go(path, focus) {
  const place = places.get(path);
  if (place.level !== undefined && place.level !== level) show(place.level);
  choose(path);
  const box = boxOf(path);
  if (box) reveal(box);
  if (box && focus) box.focus();
}

// A click, or the Enter key, on a box: opens it, or chooses it where there is nothing to open.
function activate(path) {
  if (!opens(path)) return choose(path);
  show(path);
  figure.focus();
}

// --- the panel -----------------------------------------------------------------------------

function tell(path) {
  const place = places.get(path);
  const [file, number, text] = data.lines[place.line];
  const box = boxOf(path);
  const count = box ? copies(box) : 1;
  const told = [
    [place.kind === "op" ? "op" : "block", place.what],
    ["drawn for", count > 1 ? `${count} alike; the numbers are those of each` : ""],
    ["output", place.shape.join("×")],
    ["parameters", amount(place.params)],
    ["MACs", amount(place.macs)],
    ["receptive field", field(place)],
    ["memory of outputs", amount(place.memory, "B")],
    [`${file}:${number}`, text],
  ];
  const parts = told.filter(([, value]) => value).flatMap(([name, value]) => [part("dt", name), part("dd", value)]);
  byId("panel").querySelector("h2").textContent = path || data.name;
  byId("panel").querySelector("dl").replaceChildren(...parts);
}

function part(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

// 25557032 -> "25.6 M (25,557,032)"
function amount(number, unit = "") {
  const exact = `${number.toLocaleString("en-US")} ${unit}`.trim();
  if (number < 1000) return exact;
  const thousands = Math.floor(Math.log10(number * 1.0005) / 3);
  const short = (number / 1000 ** thousands).toPrecision(3);
  return `${short} ${" KMGTP"[thousands].trim()}${unit} (${exact})`;
}

function field(place) {
  const words = { global: "all of the input", none: "none" };
  const pixels = (size) => words[size] ?? `${[size].flat().join("×")} pixels`;
  if (place.convs === undefined) return pixels(place.field);
  return `${pixels(place.field)}, through gates; ${pixels(place.convs)} by convolutions`;
}

// --- moving and zooming --------------------------------------------------------------------

function look(next) {
  const width = Math.min(Math.max(next.width, home.width / 40), home.width * 2);
  const height = (width * home.height) / home.width;
  const within = (value, start, long, size) => Math.min(Math.max(value, start - size / 2), start + long - size / 2);
  const [x, y] = [within(next.x, home.x, home.width, width), within(next.y, home.y, home.height, height)];
  view = { x, y, width, height };
  figure.firstElementChild.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
}

const fit = () => look(home);

// Points of the drawing for one pixel of the screen.
const pointsPerPixel = () => Math.max(view.width / figure.clientWidth, view.height / figure.clientHeight);

// Zooms so that one point of the drawing stays where it is; without one, the middle.
function zoom(factor, at = { x: view.x + view.width / 2, y: view.y + view.height / 2 }) {
  look({ x: at.x + (view.x - at.x) * factor, y: at.y + (view.y - at.y) * factor, width: view.width * factor });
}

const move = (across, down) => look({ ...view, x: view.x + across, y: view.y + down });

// Moves the figure so that a box is in sight.
function reveal(box) {
  const { x, y, width, height } = box.getBBox();
  const inside = x >= view.x && y >= view.y && x + width <= view.x + view.width && y + height <= view.y + view.height;
  if (!inside) look({ ...view, x: x + (width - view.width) / 2, y: y + (height - view.height) / 2 });
}

// The wheel zooms where nothing else wants it: the figure has the focus, or the page itself does not scroll.
figure.addEventListener(
  "wheel",
  (event) => {
    const page = document.documentElement;
    const free = page.scrollHeight <= page.clientHeight + 1 || figure.contains(document.activeElement);
    if (!free && !event.ctrlKey) return;
    event.preventDefault();
    const place = new DOMPoint(event.clientX, event.clientY);
    zoom(1.0015 ** event.deltaY, place.matrixTransform(figure.firstElementChild.getScreenCTM().inverse()));
  },
  { passive: false },
);

let held = null; // where the pointer went down and is, while it is held
let dragged = false; // it has moved since: what follows is no click

figure.addEventListener("pointerdown", (event) => {
  if (event.button === 0) held = { x: event.clientX, y: event.clientY };
  dragged = false;
});
figure.addEventListener("pointermove", (event) => {
  if (!held) return;
  const [across, down] = [event.clientX - held.x, event.clientY - held.y];
  if (!dragged && Math.hypot(across, down) < 4) return;
  dragged = true;
  figure.setPointerCapture(event.pointerId);
  held = { x: event.clientX, y: event.clientY };
  move(-across * pointsPerPixel(), -down * pointsPerPixel());
});
for (const name of ["pointerup", "pointercancel"]) figure.addEventListener(name, () => (held = null));

// --- pointing, clicking, the focus ---------------------------------------------------------

function pathAt(event) {
  const group = event.target.closest?.("g[role=button]");
  return group ? full(group.dataset.path) : null;
}

figure.addEventListener("click", (event) => {
  const path = pathAt(event);
  if (path !== null && !dragged) activate(path);
});
for (const name of ["pointerover", "focusin"]) {
  figure.addEventListener(name, (event) => {
    const path = pathAt(event);
    if (path === null || held) return;
    tell(path);
    if (name === "focusin") reveal(event.target);
  });
}
figure.addEventListener("pointerleave", () => tell(chosen));

// In the table, a name shows its box; chosen a second time, it opens it.
byId("costs").addEventListener("click", (event) => {
  const path = event.target.closest("button")?.dataset.go;
  if (path === undefined) return;
  if (path === chosen && path !== level && opens(path)) show(path);
  else go(path, false);
});

// --- finding -------------------------------------------------------------------------------

const MOST = 30; // entries of the list
let found = []; // paths, the best first
let next = 0; // which of them the Enter key goes to

function search() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = ([path, { what, shape }]) => `${path} ${what} ${shape.join("×")} ${shape.join("x")}`.toLowerCase();
  const matching = (entry) => entry[0] && words.every((word) => text(entry).includes(word));
  const paths = words.length ? [...places].filter(matching).map(([path]) => path) : [];
  const inPath = (path) => (words.every((word) => path.toLowerCase().includes(word)) ? 0 : 1);
  found = paths.sort((one, other) => inPath(one) - inPath(other)); // names before ops and shapes
  next = 0;
  byId("found-told").textContent = words.length ? `${found.length} found` : "";
  byId("found").replaceChildren(...found.slice(0, MOST).map(entry));
}

function entry(path) {
  const button = part("button", path);
  button.type = "button";
  button.append(part("span", places.get(path).what));
  button.addEventListener("click", () => finish(path));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function finish(path) {
  byId("found").replaceChildren();
  go(path, true);
}

byId("find").addEventListener("input", search);
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!found.length) return;
  finish(found[next]);
  next = (next + 1) % found.length;
});

// --- keys and buttons ----------------------------------------------------------------------

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.tagName === "INPUT";
  const inFigure = figure.contains(event.target) || event.target === document.body;
  const path = pathAt(event);
  const step = STEPS[event.key];
  if (typing && event.key === "Escape") {
    byId("find").value = "";
    search();
    figure.focus();
  } else if (typing) return;
  else if (event.key === "/") byId("find").focus();
  else if (event.key === "Escape") close();
  else if (event.key === "+" || event.key === "=") zoom(0.8);
  else if (event.key === "-") zoom(1.25);
  else if (event.key === "0") fit();
  else if (path !== null && (event.key === "Enter" || event.key === " ")) activate(path);
  else if (inFigure && step) move((step[0] * view.width) / 10, (step[1] * view.height) / 10);
  else return;
  event.preventDefault();
});

byId("close").addEventListener("click", close);
byId("in").addEventListener("click", () => zoom(0.8));
byId("out").addEventListener("click", () => zoom(1.25));
byId("fit").addEventListener("click", fit);
byId("side").addEventListener("click", () => {
  const aside = byId("aside");
  aside.hidden = !aside.hidden;
  byId("side").setAttribute("aria-expanded", String(!aside.hidden));
});

const darkAsked = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (darkAsked.matches ? "dark" : "light")) === "dark";
const nameTheme = () => (byId("theme").textContent = isDark() ? "Light" : "Dark");
byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
});
darkAsked.addEventListener("change", nameTheme);

// A link to a level leads there, and Back leads back.
window.addEventListener("hashchange", () => {
  const path = pathInAddress();
  if (path !== level && opens(path)) show(path);
});

document.documentElement.classList.add("live"); // the controls are of use
nameTheme();
show(opens(pathInAddress()) ? pathInAddress() : "");
