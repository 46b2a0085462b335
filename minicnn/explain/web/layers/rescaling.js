// Rescaling, and Normalization with fixed statistics: fixed numbers, one, or one for each channel or entry.
//
//   y = x · scale + offset        dx = dy · scale
import { decodeArray } from "../base/arrays.js";
import { inputFactor, makeTerm, outputGradient, plainFactor } from "../base/terms.js";

const RESCALING = {
  prepare: rescaleNumbers,
  forward: rescaleForward,
  backward: rescaleBackward,
  explain: { value: rescaleValue, gradient: rescaleGradient },
};
export const RESCALING_LAYERS = { Rescaling: RESCALING, Normalization: RESCALING };

// Return scale and offset as arrays.
function rescaleNumbers({ config: { scale, offset } }) {
  const numbers = (value) => (typeof value === "number" ? Float64Array.of(value) : decodeArray(value));
  return { scale: numbers(scale), offset: numbers(offset) };
}

// Return y.
function rescaleForward({ scale, offset }, [x]) {
  return { value: x.map((number, n) => number * scale[n % scale.length] + offset[n % offset.length]) };
}

// Return dx.
function rescaleBackward({ scale }, dy) {
  return { inputs: [dy.map((gradient, n) => gradient * scale[n % scale.length])] };
}

// y = x · scale + offset
function rescaleValue(trace, node, index) {
  const { scale, offset } = node;
  const moved = offset[index % offset.length];
  const terms = [
    makeTerm(inputFactor(trace, node, 0, index), plainFactor("scale", scale[index % scale.length])),
  ];
  if (moved) terms.push(makeTerm(plainFactor("offset", moved)));
  return {
    equation: "y = x · scale + offset",
    sentence: "Into a range that suits the weights: fixed numbers.",
    terms,
  };
}

// dx = dy · scale
function rescaleGradient(trace, node, _input, index) {
  const { scale } = node;
  const factor = plainFactor("scale", scale[index % scale.length]);
  return {
    equation: "dx = dy · scale",
    sentence: "The slope is the scale; the offset is a constant, whose slope is 0.",
    terms: [makeTerm(outputGradient(trace, node, index), factor)],
  };
}
