// Rings and lines over the net: around the selected number, around every number that went into it, and from
// these to it.

import { drawn, part } from "./dom.js";
import { listen, selected, state } from "./state.js";
import { columns } from "./columns.js";
import { tiles } from "./maps.js";
import { takenPart } from "./selection.js";
import { drawWires } from "./wires.js";
import { pictureOf, placeOf, viewKey, viewOf } from "./views.js";

const MOST_RINGS = 80;
let sheet, fixed, moving;

// Put the drawing over the columns and keep it up to date.
export function buildLinks() {
  fixed = drawn("g");
  moving = drawn("g");
  sheet = drawn("svg", { class: "links", "aria-hidden": "true" }, fixed, moving);
  part("net").querySelector(".strip").append(sheet);
  listen(["laid"], drawLinks);
  listen(["pointed"], drawPointed);
}

// Draw the wires of the net, and what belongs to the selection.
function drawLinks() {
  const strip = part("net").querySelector(".strip").getBoundingClientRect();
  sheet.setAttribute("width", strip.width);
  sheet.setAttribute("height", strip.height);
  fixed.replaceChildren(drawWires(columns, strip));
  moving.replaceChildren();
  if (!selected()) return;
  const seen = seenTiles();
  const targets = boxesOf([alone(selected())], seen, strip);
  const target = chiefOf(targets);
  const groups = boxesOf(takenPart(state.explanation), seen, strip);
  for (const group of groups)
    if (target && group.large) fixed.append(cone(group.bounds, target.bounds, "cone"));
  for (const group of groups) fixed.append(...rings(group, "source"));
  for (const group of targets) fixed.append(...rings(group, "selected"));
}

// Draw only what is pointed at: this follows the mouse.
function drawPointed() {
  const strip = part("net").querySelector(".strip").getBoundingClientRect();
  const seen = state.pointed.length ? seenTiles() : null;
  const target = selected() && seen ? chiefOf(boxesOf([alone(selected())], seen, strip)) : null;
  moving.replaceChildren(
    ...(seen ? boxesOf(state.pointed.map(alone), seen, strip) : []).flatMap((group) =>
      [target ? cone(group.bounds, target.bounds, "cone pointed") : null, ...rings(group, "pointed")].filter(
        Boolean,
      ),
    ),
  );
}

function chiefOf(groups) {
  return groups.find((group) => group.large) ?? groups[0];
}

// The tiles that are seen, by the array and slice that they show.
function seenTiles() {
  const found = new Map();
  for (const [canvas, { view, slice, picture }] of tiles) {
    if (!canvas.offsetParent) continue;
    const key = `${viewKey(view)}#${slice}`;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push({ canvas, picture });
  }
  return found;
}

function alone({ index, ...array }) {
  return { ...array, indices: [index ?? 0] };
}

// Return, for each seen tile that holds some of these numbers, {large, cells: [box], bounds: the box around
// them}.
function boxesOf(numbers, seen, strip) {
  const groups = new Map();
  const result = [];
  for (const { indices, ...array } of numbers) {
    if (array.kind === "loss") {
      const button = part("net").querySelector("[data-loss]");
      if (button)
        result.push({ large: true, cells: [], bounds: relative(button.getBoundingClientRect(), strip) });
      continue;
    }
    const view = viewOf(array);
    const picture = pictureOf(view);
    for (const index of indices) {
      const { slice, row, col } = placeOf(picture, index);
      const key = `${viewKey(view)}#${slice}`;
      if (!groups.has(key)) groups.set(key, new Map());
      groups.get(key).set(row * 65536 + col, { row, col });
    }
  }
  for (const [key, places] of groups) {
    for (const { canvas, picture } of seen.get(key) ?? []) {
      const box = relative(canvas.getBoundingClientRect(), strip);
      const cells = [...places.values()].map(({ row, col }) => cellBox(box, picture, row, col));
      result.push({ large: !canvas.classList.contains("thumb"), cells, bounds: around(cells) });
    }
  }
  return result;
}

function relative(box, strip) {
  return {
    left: box.left - strip.left,
    top: box.top - strip.top,
    right: box.right - strip.left,
    bottom: box.bottom - strip.top,
  };
}

function cellBox({ left, top, right, bottom }, { rows, cols }, row, col) {
  const wide = (right - left) / cols;
  const tall = (bottom - top) / rows;
  return {
    left: left + col * wide,
    top: top + row * tall,
    right: left + (col + 1) * wide,
    bottom: top + (row + 1) * tall,
  };
}

function around(cells) {
  return cells.reduce((all, { left, top, right, bottom }) => ({
    left: Math.min(all.left, left),
    top: Math.min(all.top, top),
    right: Math.max(all.right, right),
    bottom: Math.max(all.bottom, bottom),
  }));
}

// Return the rings of a group: one around cells that fill their bounds, else one for each.
function rings({ cells, bounds }, role) {
  const area = ({ left, top, right, bottom }) => (right - left) * (bottom - top);
  const filled = cells.reduce((sum, cell) => sum + area(cell), 0) > 0.6 * area(bounds);
  const boxes = cells.length === 0 || filled || cells.length > MOST_RINGS ? [bounds] : cells;
  return ["under", "over"].flatMap((className) => boxes.map((box) => ring(box, `ring ${className} ${role}`)));
}

function ring({ left, top, right, bottom }, className) {
  const margin = Math.max(0.75, (3 - (right - left)) / 2);
  return drawn("rect", {
    class: className,
    x: left - margin,
    y: top - margin,
    width: right - left + 2 * margin,
    height: bottom - top + 2 * margin,
    rx: 1.5,
  });
}

// A cone from the side of a box that faces the target to the target's centre: lines join what went into a
// number to it.
function cone(from, to, className) {
  const x = (to.left + to.right) / 2;
  const y = (to.top + to.bottom) / 2;
  const across = Math.max(from.left - x, x - from.right);
  const along = Math.max(from.top - y, y - from.bottom);
  const [one, other] =
    across >= along
      ? [
          [x > from.right ? from.right : from.left, from.top],
          [x > from.right ? from.right : from.left, from.bottom],
        ]
      : [
          [from.left, y > from.bottom ? from.bottom : from.top],
          [from.right, y > from.bottom ? from.bottom : from.top],
        ];
  const bend = ([fromX, fromY]) =>
    across >= along
      ? `C ${(fromX + x) / 2} ${fromY}, ${(fromX + x) / 2} ${y}, ${x} ${y}`
      : `C ${fromX} ${(fromY + y) / 2}, ${x} ${(fromY + y) / 2}, ${x} ${y}`;
  const back =
    across >= along
      ? `C ${(other[0] + x) / 2} ${y}, ${(other[0] + x) / 2} ${other[1]}, ${other.join(" ")}`
      : `C ${x} ${(other[1] + y) / 2}, ${other[0]} ${(other[1] + y) / 2}, ${other.join(" ")}`;
  return drawn("path", { class: className, d: `M ${one.join(" ")} ${bend(one)} ${back} Z` });
}
