// Painting the lens: the cells of one slice, large, with their numbers where they fit; vectors as bars.

import { brief, shown } from "./dom.js";
import { barColour, cellColours } from "./palette.js";
import { classesOf, extentOf, familyOf, isImage, numbersIn } from "./views.js";
import { state } from "./state.js";

const MOST_UPRIGHT_BARS = 160;
const NUMBER_WIDTH = 31;
const NUMBER_HEIGHT = 15;

// Return how a slice fills a box: {mode, rows, cols, top, left, wrap, width, height}. Of a picture of more
// than `most` rows or columns one sees a window, from row `top` and column `left` on; a long vector is
// wrapped after `wrap` numbers.
export function lensPlan(view, picture, index, width, height, most) {
  const { form, size, rows: all, cols: wrap } = picture;
  if (form === "bars")
    return {
      mode: "bars",
      rows: all,
      cols: 1,
      top: 0,
      left: 0,
      wrap: 1,
      width,
      height: Math.min(height, all * 30),
    };
  if (form === "strip" && size <= MOST_UPRIGHT_BARS)
    return { mode: "upright", rows: 1, cols: size, top: 0, left: 0, wrap: size, width, height };
  const across = form === "strip" ? Math.ceil(Math.sqrt(size)) : wrap;
  const down = form === "strip" ? Math.ceil(size / across) : all;
  const rows = Math.min(down, most);
  const cols = Math.min(across, most);
  const cell = Math.floor(index / picture.slices);
  const top = windowStart(Math.floor(cell / across), rows, down);
  const left = windowStart(cell % across, cols, across);
  const side = Math.min(width / cols, height / rows, 64);
  const square = form !== "matrix";
  return {
    mode: "cells",
    rows,
    cols,
    top,
    left,
    wrap: across,
    width: (square ? side : Math.min(width / cols, side * 1.6)) * cols,
    height: (square ? side : Math.min(height / rows, 40)) * rows,
  };
}

function windowStart(selected, seen, all) {
  return Math.min(Math.max(selected - Math.floor(seen / 2), 0), all - seen);
}

// Return the flat index of a cell of the lens, or -1.
export function indexInLens({ rows, cols, top, left, wrap }, { slices, size }, slice, row, col) {
  if (row < 0 || col < 0 || row >= rows || col >= cols) return -1;
  const index = ((top + row) * wrap + left + col) * slices + slice;
  return index < size ? index : -1;
}

// Return the cell of the lens, {row, col}, that a flat index is in; it may lie outside the window.
export function cellInLens({ top, left, wrap }, { slices }, index) {
  const cell = Math.floor(index / slices);
  return { row: Math.floor(cell / wrap) - top, col: (cell % wrap) - left };
}

// Paint the canvas at the screen's own resolution.
export function paintLens(canvas, view, picture, slice, plan) {
  const scale = window.devicePixelRatio || 1;
  const context = canvas.getContext("2d");
  canvas.width = Math.round(plan.width * scale);
  canvas.height = Math.round(plan.height * scale);
  canvas.style.width = `${plan.width}px`;
  canvas.style.height = `${plan.height}px`;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const ink = { text: style.color, font: style.fontFamily, line: style.getPropertyValue("--line") };
  const numbers = numbersIn(view);
  const { most, low, high } = extentOf(view);
  if (plan.mode === "cells") paintCells(context, view, picture, slice, plan, numbers, most, ink);
  else if (plan.mode === "bars")
    paintRows(context, view, plan, numbers, Math.min(low, 0), Math.max(high, 0), ink);
  else paintUpright(context, view, plan, numbers, Math.min(low, 0), Math.max(high, 0), ink);
}

function paintCells(context, view, picture, slice, plan, numbers, most, ink) {
  const wide = plan.width / plan.cols;
  const tall = plan.height / plan.rows;
  const gap = Math.min(wide, tall) >= 9 ? 1 : 0;
  const written = wide >= NUMBER_WIDTH && tall >= NUMBER_HEIGHT;
  const image = isImage(view);
  const [black, white] = state.recording.image_range ?? [0, 255];
  context.font = `${Math.min(12, wide / 3.1)}px ${ink.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < plan.rows; row++) {
    for (let col = 0; col < plan.cols; col++) {
      const index = indexInLens(plan, picture, slice, row, col);
      if (index < 0) continue;
      const gray = (255 * (numbers[index] - black)) / (white - black);
      const colours = image
        ? { background: `rgb(${gray} ${gray} ${gray})`, text: gray > 140 ? "#15171c" : "#fff" }
        : cellColours(familyOf(view), numbers[index], most);
      context.fillStyle = colours.background;
      context.fillRect(col * wide, row * tall, wide - gap, tall - gap);
      if (!written) continue;
      context.fillStyle = colours.text;
      context.fillText(brief(numbers[index]), (col + 0.5) * wide, (row + 0.5) * tall, wide - 3);
    }
  }
}

// A row for each number: its class or index, its bar, itself.
function paintRows(context, view, plan, numbers, low, high, ink) {
  const tall = plan.height / plan.rows;
  const names = classesOf(view);
  const from = names ? 62 : 26;
  const to = plan.width - 62;
  const at = (x) => from + ((x - low) / (high - low || 1)) * (to - from);
  context.font = `12px ${ink.font}`;
  context.textBaseline = "middle";
  for (let row = 0; row < plan.rows; row++) {
    const middle = (row + 0.5) * tall;
    const number = numbers[row];
    const size = Math.min(tall - 4, 18);
    context.fillStyle = barColour(familyOf(view), number);
    context.fillRect(
      Math.min(at(0), at(number)),
      middle - size / 2,
      Math.max(Math.abs(at(number) - at(0)), 1),
      size,
    );
    context.fillStyle = ink.text;
    context.textAlign = "left";
    context.fillText(names ? names[row] : String(row), 4, middle, from - 8);
    context.textAlign = "right";
    context.fillText(shown(number), plan.width - 2, middle, 58);
  }
  context.fillStyle = ink.line;
  context.fillRect(at(0) - 0.5, 0, 1, plan.height);
}

// A bar for each number of a longer vector, upright on the line of zero.
function paintUpright(context, view, plan, numbers, low, high, ink) {
  const wide = plan.width / plan.cols;
  const at = (y) => 6 + ((high - y) / (high - low || 1)) * (plan.height - 12);
  for (let n = 0; n < numbers.length; n++) {
    context.fillStyle = barColour(familyOf(view), numbers[n]);
    context.fillRect(
      n * wide,
      Math.min(at(0), at(numbers[n])),
      wide - (wide > 3 ? 1 : 0),
      Math.max(Math.abs(at(numbers[n]) - at(0)), 1),
    );
  }
  context.fillStyle = ink.line;
  context.fillRect(0, at(0) - 0.5, plan.width, 1);
}
