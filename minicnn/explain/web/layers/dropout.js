// Dropout: random entries become 0, the others are made larger, so that the mean stays. The mask was drawn
// once, in the recording; the backward pass uses the same one.
//
//   y = x · mask / (1 − rate)        dx = dy · mask / (1 − rate)
import { inputFactor, makeTerm, outputGradient, plainFactor } from "../base/terms.js";

export const DROPOUT_LAYERS = {
  Dropout: {
    forward: dropoutForward,
    backward: dropoutBackward,
    explain: { value: dropoutValue, gradient: dropoutGradient },
  },
};

// Return what entry n is multiplied with: mask / (1 − rate).
function dropoutFactor(node, n) {
  return node.mask ? node.mask[n % node.mask.length] / (1 - node.config.rate) : 1;
}

// Return y.
function dropoutForward(node, [x]) {
  return { value: x.map((number, n) => number * dropoutFactor(node, n)) };
}

// Return dx.
function dropoutBackward(node, dy) {
  return { inputs: [dy.map((gradient, n) => gradient * dropoutFactor(node, n))] };
}

// y = x · mask / (1 − rate)
function dropoutValue(trace, node, index) {
  const mask = maskFactor(node, index);
  return {
    form: "gate",
    equation: "y = x · mask / (1 − rate)",
    sentence: mask.value
      ? "Kept, and made larger to make up for those that were dropped."
      : "Dropped in this step: the output is 0.",
    terms: [makeTerm(inputFactor(trace, node, 0, index), mask)],
  };
}

// dx = dy · mask / (1 − rate)
function dropoutGradient(trace, node, _input, index) {
  const mask = maskFactor(node, index);
  return {
    form: "gate",
    equation: "dx = dy · mask / (1 − rate)",
    sentence: mask.value
      ? "The same mask as in the forward pass: kept."
      : "Dropped in the forward pass, so no gradient comes back.",
    terms: [makeTerm(outputGradient(trace, node, index), mask)],
  };
}

function maskFactor(node, index) {
  const value = dropoutFactor(node, index);
  return plainFactor(value ? `1/(1 − ${node.mask ? node.config.rate : 0})` : "0 (dropped)", value);
}
