// The lens: the selected number's slice, enlarged. Its cells can be pointed at, clicked, and walked over with
// the arrow keys.

import { element, shown } from "./dom.js";
import { counted } from "../base/terms.js";
import { change, listen, pointAt, select, selected, state } from "./state.js";
import { described, labelOf } from "./maps.js";
import { cellInLens, indexInLens, lensPlan, paintLens } from "./lens_paint.js";
import { scaleGradient } from "./palette.js";
import { takenPart } from "./selection.js";
import {
  extentOf,
  familyOf,
  isImage,
  numbersIn,
  pictureOf,
  placeOf,
  sliceAxes,
  viewKey,
  viewOf,
} from "./views.js";
import { ravel, unravel } from "../base/arrays.js";

// How many rows and columns are seen at once.
const ZOOMS = [64, 16, 6];
let box, canvas, marks, readout, current;

// Build the lens; return its element.
export function buildLens() {
  canvas = element("canvas", {
    tabindex: 0,
    role: "img",
    "aria-label": "no numbers",
    class: "map",
    data: { lens: "" },
  });
  marks = element("div", { class: "marks", "aria-hidden": "true" });
  readout = element("p", { class: "readout" });
  box = element(
    "div",
    { class: "lens" },
    element("div", { class: "lens-head" }),
    element("div", { class: "lens-view" }, canvas, marks),
    readout,
    element("div", { class: "legend" }),
  );
  canvas.addEventListener("pointermove", (event) => read(under(event)));
  canvas.addEventListener("pointerleave", () => read(null));
  canvas.addEventListener("click", (event) => go(under(event)));
  canvas.addEventListener("keydown", walkWithKeys);
  new ResizeObserver(() => current && drawLens()).observe(box.querySelector(".lens-view"));
  listen(["trail", "theme", "zoom"], drawLens);
  listen(["pointed"], drawMarks);
  return box;
}

function drawLens() {
  const quantity = selected();
  current = null;
  box.hidden = !quantity || quantity.kind === "loss" || numbersIn(viewOf(quantity)) === null;
  if (box.hidden) return;
  const view = viewOf(quantity);
  const picture = pictureOf(view);
  const place = placeOf(picture, quantity.index);
  const room = box.querySelector(".lens-view");
  const plan = lensPlan(
    view,
    picture,
    quantity.index,
    Math.max(room.clientWidth, 120),
    Math.max(room.clientHeight, 110),
    state.zoom,
  );
  current = { view, picture, slice: place.slice, plan };
  const { kind, node, weight } = view;
  Object.assign(canvas.dataset, { node, kind, channel: place.slice, weight: weight ?? "" });
  canvas.setAttribute("aria-label", described({ view, slice: place.slice, picture }));
  paintLens(canvas, view, picture, place.slice, plan);
  box
    .querySelector(".lens-head")
    .replaceChildren(
      element("div", { class: "steppers" }, steppers(view, place.slice, quantity)),
      zoomButtons(picture) ?? "",
    );
  box.querySelector(".legend").replaceChildren(...legend(view));
  drawMarks();
  read(null);
}

// Which slice this is, with buttons to the next ones: one for each axis that the slices run over.
function steppers(view, slice, quantity) {
  const axes = sliceAxes(view);
  const lengths = axes.map((axis) => axis.length);
  if (!axes.length)
    return [element("span", { class: "quiet" }, counted(pictureOf(view).size, "number"))];
  return axes.map(({ name, length }, n) => {
    const number = unravel(lengths, slice)[n];
    const to = (by) => {
      const next = unravel(lengths, slice);
      next[n] = (number + by + length) % length;
      go({ ...quantity, index: quantity.index - slice + ravel(lengths, next) });
    };
    const button = (sign, by) =>
      element(
        "button",
        {
          class: "small",
          disabled: length === 1,
          "aria-label": `${name} ${by < 0 ? "before" : "after"} this one`,
          onclick: () => to(by),
        },
        sign,
      );
    return element(
      "span",
      { class: "stepper" },
      button("‹", -1),
      element("span", {}, `${name} ${number} `, element("span", { class: "quiet" }, `of ${length}`)),
      button("›", 1),
    );
  });
}

// Zoom in and out: a window of the slice around the selected number, its cells large enough for their
// numbers.
function zoomButtons(picture) {
  if (picture.form === "bars" || Math.max(picture.rows, picture.cols) <= ZOOMS.at(-1)) return null;
  const at = ZOOMS.indexOf(state.zoom);
  const button = (text, label, to) =>
    element(
      "button",
      {
        class: "small",
        disabled: ZOOMS[to] === undefined,
        "aria-label": label,
        title: label,
        data: { zoom: to },
        onclick: () => change({ zoom: ZOOMS[to] }),
      },
      text,
    );
  return element("span", { class: "stepper" }, button("−", "farther", at - 1), button("+", "nearer", at + 1));
}

function legend(view) {
  const { most, low, high } = extentOf(view);
  if (isImage(view))
    return [
      element("span", {}, shown(low)),
      element("i", { style: { background: "linear-gradient(to right, #000, #fff)" } }),
      element("span", {}, shown(high)),
    ];
  return [
    element("span", {}, shown(-most)),
    element("i", { style: { background: scaleGradient(familyOf(view)) } }),
    element("span", {}, `+${shown(most)}`),
  ];
}

// Mark the selected cell, those that took part in it if they are in this slice, and those pointed at.
function drawMarks() {
  if (!current) return;
  const mark = (role) => (quantity) => {
    const place = boxInLens(quantity);
    return place && element("i", { class: role, style: place });
  };
  const near = takenPart(state.explanation).filter(
    (group) =>
      group.kind !== "loss" &&
      viewKey(viewOf(group)) === viewKey(current.view) &&
      group.indices.length <= 200,
  );
  const sources = near.flatMap(({ indices, ...array }) => indices.map((index) => ({ ...array, index })));
  marks.style.width = canvas.style.width;
  marks.style.height = canvas.style.height;
  marks.replaceChildren(
    ...[
      ...sources.map(mark("source")),
      ...state.pointed.map(mark("pointed")),
      mark("selected")(selected()),
    ].filter(Boolean),
  );
}

function boxInLens(quantity) {
  const { view, picture, slice, plan } = current;
  if (!quantity || quantity.kind === "loss" || viewKey(viewOf(quantity)) !== viewKey(view)) return null;
  const { row, col } = cellInLens(plan, picture, quantity.index);
  if (quantity.index % picture.slices !== slice || row < 0 || col < 0 || row >= plan.rows || col >= plan.cols)
    return null;
  const wide = plan.width / plan.cols;
  const tall = plan.height / plan.rows;
  return { left: `${col * wide}px`, top: `${row * tall}px`, width: `${wide}px`, height: `${tall}px` };
}

function under(event) {
  if (!current) return null; // an event for a lens that shows nothing, such as that of the loss
  const bounds = canvas.getBoundingClientRect();
  const { plan } = current;
  return quantityAtCell(
    Math.floor(((event.clientY - bounds.top) / bounds.height) * plan.rows),
    Math.floor(((event.clientX - bounds.left) / bounds.width) * plan.cols),
  );
}

function quantityAtCell(row, col) {
  const { plan, picture, slice } = current;
  const index = indexInLens(plan, picture, slice, row, col);
  return index < 0 ? null : { ...selected(), index };
}

function read(quantity) {
  if (!current) return;
  const [name, value] = labelOf(quantity ?? selected()).split(" = ");
  readout.replaceChildren(element("b", { class: "digits" }, value), ` ${name}`);
  readout.title = name;
  pointAt(quantity ? [quantity] : []);
}

function go(quantity) {
  if (quantity) select(quantity, { replace: true });
}

function walkWithKeys(event) {
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!current || !move || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  const { picture, slice, plan } = current;
  const { index } = selected();
  const along = plan.mode === "upright" ? [0, move[0] + move[1]] : move;
  const cell = Math.floor(index / picture.slices);
  const next = cell + along[0] * plan.wrap + along[1];
  const sameRow = along[0] !== 0 || Math.floor(next / plan.wrap) === Math.floor(cell / plan.wrap);
  if (next >= 0 && sameRow && next * picture.slices + slice < picture.size)
    go({ ...selected(), index: next * picture.slices + slice });
}
