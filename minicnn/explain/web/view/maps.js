// Maps: a slice of an array on a canvas, a pixel for each number; the style sheet makes it large. A map is
// painted when its slice, its numbers or the theme change, never because of the mouse: marks are drawn over
// it (links.js, lens.js).

import { nameOf, shapeOf, valueOf } from "../base/quantities.js";
import { element, part, shown } from "./dom.js";
import { select, selected, state } from "./state.js";
import { barColour, colourPlace, colourTable } from "./palette.js";
import { classesOf, extentOf, familyOf, indexAt, isImage, numbersIn, pictureOf, sliceName } from "./views.js";
import { viewKey, viewOf } from "./views.js";

// Every canvas that shows numbers -> {view, slice, picture}.
export const tiles = new Map();

// Return a canvas for a slice of a view, not yet painted.
export function makeTile(view, slice, attributes = {}) {
  const canvas = element("canvas", { role: "img", tabindex: -1, ...attributes });
  tiles.set(canvas, { view, slice: -1, picture: pictureOf(view) });
  showSlice(canvas, slice);
  return canvas;
}

// Let a canvas show this slice from now on.
export function showSlice(canvas, slice) {
  const tile = tiles.get(canvas);
  if (tile.slice === slice) return;
  tile.slice = slice;
  const { kind, node, weight } = tile.view;
  Object.assign(canvas.dataset, { node, kind, channel: slice });
  if (weight !== undefined) canvas.dataset.weight = weight;
  canvas.setAttribute("aria-label", described(tile));
  paintTile(canvas);
}

// Return a map in words, for screen readers.
export function described({ view, slice, picture }) {
  const { low, high } = extentOf(view);
  const { name } = state.trace.net.nodes[view.node];
  const what = {
    value: "values",
    gradient: "gradients",
    weight: view.weight,
    weightGradient: `gradients of ${view.weight}`,
    update: `${view.weight} after the step`,
    slot: view.slot,
  };
  const which = sliceName(view, slice);
  const cells = picture.size / picture.slices === 1 ? "1 number" : `${picture.rows} × ${picture.cols} numbers`;
  const range = `the whole array from ${shown(low)} to ${shown(high)}`;
  return `${name}, ${what[view.kind]}${which && `, ${which}`}: ${cells}, ${range}. Arrow keys move, Enter selects.`;
}

// Paint a tile's numbers, a pixel each.
function paintTile(canvas) {
  const { view, slice, picture } = tiles.get(canvas);
  const numbers = numbersIn(view);
  if (picture.form === "bars") return paintBars(canvas, view, numbers);
  canvas.width = picture.cols;
  canvas.height = picture.rows;
  if (numbers === null) return;
  const context = canvas.getContext("2d");
  const image = context.createImageData(picture.cols, picture.rows);
  if (isImage(view)) fillImage(image.data, numbers, picture);
  else fillColours(image.data, numbers, slice, picture, view);
  context.putImageData(image, 0, 0);
}

// A bar for each number, from the line of zero.
function paintBars(canvas, view, numbers) {
  const row = 8;
  const context = canvas.getContext("2d");
  canvas.width = 160;
  canvas.height = row * (numbers?.length ?? 1);
  const { low, high } = extentOf(view);
  const left = Math.min(low, 0);
  const span = Math.max(high, 0) - left || 1;
  const zero = (-left / span) * 158;
  numbers?.forEach((number, n) => {
    const end = ((number - left) / span) * 158;
    context.fillStyle = barColour(familyOf(view), number);
    context.fillRect(Math.min(zero, end), n * row + 1, Math.max(Math.abs(end - zero), 1.5), row - 2);
  });
}

function fillColours(pixels, numbers, slice, picture, view) {
  const table = colourTable(familyOf(view));
  const { most } = extentOf(view);
  for (let cell = 0, index = slice; index < picture.size; cell++, index += picture.slices) {
    const place = colourPlace(numbers[index], most);
    pixels[4 * cell] = table[place];
    pixels[4 * cell + 1] = table[place + 1];
    pixels[4 * cell + 2] = table[place + 2];
    pixels[4 * cell + 3] = 255;
  }
}

function fillImage(pixels, numbers, { slices, size }) {
  const [black, white] = state.recording.image_range ?? [0, 255];
  for (let cell = 0; cell < size / slices; cell++) {
    for (let c = 0; c < 3; c++)
      pixels[4 * cell + c] = (255 * (numbers[cell * slices + (c % slices)] - black)) / (white - black);
    pixels[4 * cell + 3] = 255;
  }
}

// Paint everything again, after a change of theme.
export function repaintTiles() {
  for (const canvas of tiles.keys()) paintTile(canvas);
}

// Return the quantity that a mouse event on a tile points at, or null.
export function quantityUnder(canvas, event) {
  const { picture } = tiles.get(canvas);
  const box = canvas.getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * picture.rows);
  const col = Math.floor(((event.clientX - box.left) / box.width) * picture.cols);
  return quantityInTile(canvas, row, col);
}

// Return the quantity at a cell of a tile, or null.
export function quantityInTile(canvas, row, col) {
  const { view, slice, picture } = tiles.get(canvas);
  const index = indexAt(picture, slice, row, col);
  return index < 0 || numbersIn(view) === null ? null : { ...trimmed(view), index };
}

function trimmed(view) {
  return Object.fromEntries(Object.entries(view).filter(([, piece]) => piece !== undefined));
}

// Select a number that was clicked in a map. Numbers of one array take one place in the trail.
export function selectInMap(quantity) {
  const last = selected();
  const same = last && last.kind !== "loss" && viewKey(viewOf(last)) === viewKey(viewOf(quantity));
  select(quantity, { replace: Boolean(same) });
}

// Return a number with its name: "conv2d[3, 4, 7] = 0.213"; with the class, where there is one for each
// number.
export function labelOf(quantity) {
  const view = viewOf(quantity);
  const classes = quantity.kind === "loss" ? null : classesOf(view);
  const which = classes ? ` (${classes[quantity.index]})` : "";
  return `${nameOf(state.trace, quantity)}${which} = ${shown(valueOf(state.trace, quantity))}`;
}

// Show the number under the mouse beside it, or nothing.
export function showTip(quantity, x, y) {
  const tip = part("tip");
  tip.hidden = quantity === null;
  if (quantity === null) return;
  tip.textContent = labelOf(quantity);
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.transform = `translate(${Math.max(4, Math.min(x + 14, room))}px, ${y > 60 ? y - 34 : y + 18}px)`;
}

// Return the sizes of a view's array as text: "24 × 24 × 8".
export function shapeText(view) {
  return shapeOf(state.trace, view).join(" × ");
}
