// The arithmetic of the layers that work entry by entry: a gate, a curve's slope, a mask, a scale.
import { activationSlope, dropoutFactor, normalProbability, reluGate } from "./layer_activations.js";
import { derivedFactor, inputFactor, makeStep, makeTerm } from "./terms.js";
import { outputGradient, plainFactor, readStep } from "./terms.js";

// y = x · gate
export function reluValue(trace, node, index) {
  const x = inputFactor(trace, node, 0, index);
  return {
    form: "gate",
    equation: "y = max(x, 0) = x · gate",
    sentence: `x is ${x.value > 0 ? "positive: the gate is open and x passes" : "not positive: the gate is closed"}.`,
    terms: [makeTerm(x, gateFactor(node, x))],
  };
}

// dx = dy · gate, the same gate as in the forward pass
export function reluGradient(trace, node, _input, index) {
  const x = inputFactor(trace, node, 0, index);
  return {
    form: "gate",
    equation: "dx = dy · gate",
    sentence:
      x.value > 0
        ? "x was positive, so the gradient passes."
        : "x was not positive: the gate is closed for it too.",
    terms: [makeTerm(outputGradient(trace, node, index), gateFactor(node, x))],
  };
}

function gateFactor(node, x) {
  const gate = reluGate(node, x.value);
  const open = x.value > 0;
  return derivedFactor(`gate ${gate} (${x.text} ${open ? "> 0" : "≤ 0"})`, gate, x.quantity);
}

// Of each function its equation, its slope's, and the steps that lead from x to y.
const CURVES = {
  linear: { equation: "y = x", slope: "f' = 1", steps: (x) => [["x", x]] },
  sigmoid: {
    equation: "y = 1 / (1 + e^−x)",
    slope: "f' = y · (1 − y)",
    steps: (x) => [
      ["e^−x", Math.exp(-x)],
      ["1 / (1 + e^−x)", 1 / (1 + Math.exp(-x))],
    ],
  },
  tanh: { equation: "y = tanh x", slope: "f' = 1 − y²", steps: (x) => [["tanh x", Math.tanh(x)]] },
  elu: {
    equation: "y = x above 0, α · (eˣ − 1) below",
    slope: "f' = 1 above 0, y + α below",
    steps: (x, { alpha }) => {
      if (x > 0) return [["x", x]];
      return [
        ["eˣ − 1", Math.expm1(x)],
        [`α · (eˣ − 1), α = ${alpha}`, alpha * Math.expm1(x)],
      ];
    },
  },
  gelu: {
    equation: "y = x · Φ(x)",
    slope: "f' = Φ(x) + x · Φ'(x)",
    steps: (x, config) => [
      ["Φ(x), the share of a bell curve left of x", normalProbability(x, config)],
      ["x · Φ(x)", x * normalProbability(x, config)],
    ],
  },
};

// y = f(x), by its steps
export function activationValue(trace, node, index) {
  const x = inputFactor(trace, node, 0, index);
  const curve = CURVES[node.config.function];
  const lines = curve.steps(x.value, node.config).map(([text, value]) => makeStep(text, value));
  return {
    form: "steps",
    equation: curve.equation,
    sentence: `${node.config.function} of one number.`,
    terms: [],
    steps: [readStep(trace, "x", x.quantity), ...lines],
  };
}

// dx = dy · f'(x)
export function activationGradient(trace, node, _input, index) {
  const x = inputFactor(trace, node, 0, index);
  const y = trace.run.values[node.id][index];
  const slope = activationSlope(node, x.value, y);
  const curve = CURVES[node.config.function];
  return {
    equation: `dx = dy · f'(x),  ${curve.slope}`,
    sentence: "The gradient times the slope of the curve at x.",
    terms: [makeTerm(outputGradient(trace, node, index), derivedFactor(`f'(${x.text})`, slope, x.quantity))],
    steps: [
      readStep(trace, "x", x.quantity),
      readStep(trace, "y", { kind: "value", node: node.id, index }),
      makeStep(curve.slope, slope),
    ],
  };
}

// y = x · mask / (1 − rate)
export function dropoutValue(trace, node, index) {
  const mask = maskFactor(node, index);
  return {
    form: "gate",
    equation: "y = x · mask / (1 − rate)",
    sentence: mask.value
      ? "Kept, and made louder for those that were dropped."
      : "Dropped in this step: 0 goes on.",
    terms: [makeTerm(inputFactor(trace, node, 0, index), mask)],
  };
}

// dx = dy · mask / (1 − rate)
export function dropoutGradient(trace, node, _input, index) {
  const mask = maskFactor(node, index);
  return {
    form: "gate",
    equation: "dx = dy · mask / (1 − rate)",
    sentence: mask.value
      ? "The same mask as on the way forward: kept."
      : "Dropped on the way forward, so no gradient comes back.",
    terms: [makeTerm(outputGradient(trace, node, index), mask)],
  };
}

function maskFactor(node, index) {
  const value = dropoutFactor(node, index);
  return plainFactor(value ? `1/(1 − ${node.mask ? node.config.rate : 0})` : "0 (dropped)", value);
}

// y = x · scale + offset
export function rescaleValue(trace, node, index) {
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
export function rescaleGradient(trace, node, _input, index) {
  const { scale } = node;
  const factor = plainFactor("scale", scale[index % scale.length]);
  return {
    equation: "dx = dy · scale",
    sentence: "The gradient takes the same factor back; the offset has no part in a slope.",
    terms: [makeTerm(outputGradient(trace, node, index), factor)],
  };
}
