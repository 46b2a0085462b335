// Arrays as pictures: which array a number belongs to, and where in its picture the number stands.
//
// A view names an array as a Quantity names a number: {kind, node, weight?, slot?}. Its picture has `slices`
// (channels, or the pairs of channels of a kernel), each of rows × cols cells, and a number's place follows
// from its flat index:
//
//   flat = (row · cols + col) · slices + slice

import { sizeOf, unravel } from "../base/arrays.js";
import { shapeOf } from "../base/quantities.js";
import { state } from "./state.js";
import { lossInput } from "./words.js";

const MOST_BARS = 12;

// Return the view that a quantity is a number of.
export function viewOf({ kind, node, weight, slot, when, part }) {
  return { kind, node, weight, slot, when, part };
}

// Return a text that is the same for views of the same array.
export function viewKey({ kind, node, weight, slot, when, part }) {
  return [kind, node, weight, slot, when, part].filter((piece) => piece !== undefined).join("/");
}

// Return "value" or "gradient": the family of colours that a view's numbers have.
export function familyOf({ kind }) {
  return kind === "gradient" || kind === "weightGradient" ? "gradient" : "value";
}

// Return the numbers of a view, or null where the step has none.
export function numbersIn({ kind, node, weight, slot, when, part }) {
  const { run, grads, net, step } = state.trace;
  const place = net.nodes[node];
  switch (kind) {
    case "value":
      return run.values[node] ?? null;
    case "gradient":
      return grads.values[node] ?? null;
    case "weight":
      return place.weights[weight].value;
    case "weightGradient":
      return grads.weights[node]?.[weight] ?? null;
    case "update":
      return step.weights[node]?.[weight]?.value ?? null;
    case "slot":
      return (when ? step.weights[node] : place.weights)[weight].slots[slot] ?? null;
    default:
      return (part === "probability" ? run.lossParts?.p : run.extra[node]?.[part]) ?? null;
  }
}

// Return how a view is drawn: {form, rows, cols, slices, size}. form: "map", "matrix", "strip" (a long
// vector, in rows) or "bars".
export function pictureOf(view) {
  const shape = shapeOf(state.trace, view);
  const size = sizeOf(shape);
  const long = shape.filter((length) => length > 1);
  if (shape.length > 2 && shape[0] * shape[1] > 1) {
    return { form: "map", rows: shape[0], cols: shape[1], slices: size / (shape[0] * shape[1]), size };
  }
  if (long.length === 2) return { form: "matrix", rows: long[0], cols: long[1], slices: 1, size };
  if (size <= MOST_BARS && view.weight === undefined)
    return { form: "bars", rows: size, cols: 1, slices: 1, size };
  const cols = view.weight !== undefined && size <= 128 ? size : stripWidth(size);
  return { form: "strip", rows: Math.ceil(size / cols), cols, slices: 1, size };
}

function stripWidth(size) {
  if (size <= 16) return 2;
  return size <= 80 ? 4 : size <= 600 ? 8 : 2 ** Math.round(Math.log2(Math.sqrt(size)));
}

// Return where in its picture a number stands.
export function placeOf(picture, index) {
  const cell = Math.floor(index / picture.slices);
  return { slice: index % picture.slices, row: Math.floor(cell / picture.cols), col: cell % picture.cols };
}

// Return the flat index of a cell, or -1 where there is no number.
export function indexAt(picture, slice, row, col) {
  if (row < 0 || col < 0 || row >= picture.rows || col >= picture.cols) return -1;
  const index = (row * picture.cols + col) * picture.slices + slice;
  return index < picture.size ? index : -1;
}

const extents = new Map();

// Return {most, low, high, strengths} of a view: the largest |number|, the range, and Σ|number| of each
// slice.
export function extentOf(view) {
  const key = viewKey(view);
  if (!extents.has(key)) extents.set(key, measured(numbersIn(view), pictureOf(view).slices));
  return extents.get(key);
}

function measured(numbers, slices) {
  let low = Infinity;
  let high = -Infinity;
  const strengths = new Float64Array(slices);
  if (numbers === null) return { most: 0, low: 0, high: 0, strengths };
  for (let n = 0; n < numbers.length; n++) {
    const number = numbers[n];
    if (number < low) low = number;
    if (number > high) high = number;
    strengths[n % slices] += Math.abs(number);
  }
  return { most: Math.max(Math.abs(low), Math.abs(high)), low, high, strengths };
}

// Return what a slice is called: "channel 3 of 16", "in 2 of 8 · out 5 of 16"; "" for the only one. People
// count from 0 here, as the indices do.
export function sliceName(view, slice) {
  const axes = sliceAxes(view);
  if (pictureOf(view).slices === 1) return "";
  return axes
    .map(
      ({ name, length }, n) =>
        `${name} ${
          unravel(
            axes.map((axis) => axis.length),
            slice,
          )[n]
        } of ${length}`,
    )
    .join(" · ");
}

// Return [{name, length}] of the axes that a view's slices run over.
export function sliceAxes(view) {
  const picture = pictureOf(view);
  const shape = shapeOf(state.trace, view);
  if (picture.slices === 1) return [];
  if (view.weight === undefined) return [{ name: "channel", length: picture.slices }];
  return [
    { name: "in", length: shape[2] },
    { name: "out", length: shape[3] },
  ];
}

// Return whether this is the image itself, which is drawn in its own grays or colours.
export function isImage({ kind, node }) {
  const { nodes, window: part } = state.trace.net;
  const place = nodes[node];
  return (
    kind === "value" &&
    !part &&
    place.type === "Input" &&
    place.shape.length === 3 &&
    [1, 3].includes(place.shape[2])
  );
}

// Return the classes' names where a view has a number for each class, which the loss reads: scores,
// probabilities; else null.
export function classesOf({ node, weight }) {
  const { net } = state.trace;
  const classes = state.recording.classes;
  return classes && weight === undefined && net.loss && [net.loss.node, lossInput()].includes(node)
    ? classes
    : null;
}
