// Activations: one function of one number, applied to every entry, so dx = dy · f'(x), entry by entry.
//
// A new activation is one entry of the table:
//
//   value(x, config)        f(x); config holds the function's options by name: {alpha}
//   slope(x, y, config)     f'(x), where y = f(x)
//   equation, slopeEquation the same two in symbols
//   steps(x, config)        [[text, number], …] from x to y; without it, one step: the equation's right side
import { derivedFactor, inputFactor, makeStep, makeTerm, outputGradient, readStep } from "../base/terms.js";

export const ACTIVATIONS = {
  linear: {
    value: (x) => x,
    slope: () => 1,
    equation: "y = x",
    slopeEquation: "f' = 1",
  },
  sigmoid: {
    value: sigmoid,
    slope: (x, y) => y * (1 - y),
    equation: "y = 1 / (1 + e^−x)",
    slopeEquation: "f' = y · (1 − y)",
    steps: (x) => [
      ["e^−x", Math.exp(-x)],
      ["1 / (1 + e^−x)", sigmoid(x)],
    ],
  },
  tanh: {
    value: Math.tanh,
    slope: (x, y) => 1 - y * y,
    equation: "y = tanh x",
    slopeEquation: "f' = 1 − y²",
  },
  relu6: {
    value: (x, options) => (x <= options.threshold ? options.negative_slope * (x - options.threshold) : Math.min(x, limit(options))),
    slope: (x, y, options) => (x <= options.threshold ? options.negative_slope : x < limit(options) ? 1 : 0),
    equation: "y = min(x, limit) above the threshold, slope · (x − threshold) elsewhere",
    slopeEquation: "f' = 1 between the threshold and the limit, 0 above, the slope below",
  },
  elu: {
    value: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x, y, { alpha }) => (x > 0 ? 1 : y + alpha),
    equation: "y = x above 0, α · (eˣ − 1) below",
    slopeEquation: "f' = 1 above 0, y + α below",
    steps: (x, { alpha }) => {
      if (x > 0) return [["x", x]];
      return [
        ["eˣ − 1", Math.expm1(x)],
        [`α · (eˣ − 1), α = ${alpha}`, alpha * Math.expm1(x)],
      ];
    },
  },
  gelu: {
    value: (x, config) => x * normalProbability(x, config),
    slope: geluSlope,
    equation: "y = x · Φ(x)",
    slopeEquation: "f' = Φ(x) + x · Φ'(x)",
    steps: (x, config) => [
      ["Φ(x), the probability that a normally distributed number is below x", normalProbability(x, config)],
      ["x · Φ(x)", x * normalProbability(x, config)],
    ],
  },
  hard_sigmoid: {
    value: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
    slope: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
    equation: "y = min(max(x + 3, 0), 6) / 6",
    slopeEquation: "f' = 1/6 between −3 and 3, else 0",
  },
  mish: {
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => {
      const t = Math.tanh(softplus(x));
      return t + x * (1 - t * t) * sigmoid(x);
    },
    equation: "y = x · tanh(log(1 + eˣ))",
    slopeEquation: "f' = t + x · (1 − t²) · σ(x), t = tanh(log(1 + eˣ))",
    steps: (x) => [
      ["log(1 + eˣ)", softplus(x)],
      ["t = tanh(log(1 + eˣ))", Math.tanh(softplus(x))],
      ["x · t", x * Math.tanh(softplus(x))],
    ],
  },
};

// ReLU is a layer of its own, because its slope is a gate: 1 where x > 0, elsewhere its negative slope. At x
// = 0 the gate is closed.
export const ACTIVATION_LAYERS = {
  Activation: {
    prepare: checkActivation,
    forward: activationForward,
    backward: activationBackward,
    explain: { value: activationValue, gradient: activationGradient },
  },
  ReLU: {
    forward: reluForward,
    backward: reluBackward,
    explain: { value: reluValue, gradient: reluGradient },
  },
};

// ---- any function of the table

// Return the largest value of relu6.
function limit({ max_value: largest }) {
  return largest ?? Infinity;
}

// Check that the node's function is in the table.
function checkActivation({ name, config }) {
  if (!(config.function in ACTIVATIONS)) {
    throw new Error(`${name}: no arithmetic for ${config.function}; record it as Opaque`);
  }
}

// Return y = f(x).
function activationForward({ config }, [x]) {
  const { value } = ACTIVATIONS[config.function];
  return { value: x.map((number) => value(number, config)) };
}

// Return dx = dy · f'(x).
function activationBackward({ config }, dy, [x], _weights, _extra, y) {
  const { slope } = ACTIVATIONS[config.function];
  return { inputs: [dy.map((gradient, n) => gradient * slope(x[n], y[n], config))] };
}

// y = f(x), by its steps
function activationValue(trace, node, index) {
  const x = inputFactor(trace, node, 0, index);
  const { equation, value, steps } = ACTIVATIONS[node.config.function];
  const lines = steps?.(x.value, node.config) ?? [[equation.split(" = ")[1], value(x.value, node.config)]];
  return {
    form: "steps",
    equation,
    sentence: `${node.config.function} of one number.`,
    terms: [],
    steps: [readStep(trace, "x", x.quantity), ...lines.map(([text, number]) => makeStep(text, number))],
  };
}

// dx = dy · f'(x)
function activationGradient(trace, node, _input, index) {
  const x = inputFactor(trace, node, 0, index);
  const { slope, slopeEquation } = ACTIVATIONS[node.config.function];
  const number = slope(x.value, trace.run.values[node.id][index], node.config);
  return {
    equation: `dx = dy · f'(x),  ${slopeEquation}`,
    sentence: "The gradient times the slope of the function at x.",
    terms: [makeTerm(outputGradient(trace, node, index), derivedFactor(`f'(${x.text})`, number, x.quantity))],
    steps: [
      readStep(trace, "x", x.quantity),
      readStep(trace, "y", { kind: "value", node: node.id, index }),
      makeStep(slopeEquation, number),
    ],
  };
}

// ---- ReLU

function reluGate(node, x) {
  return x > 0 ? 1 : node.config.negative_slope || 0;
}

// Return y = x · gate.
function reluForward(node, [x]) {
  return { value: x.map((number) => number * reluGate(node, number)) };
}

// Return dx = dy · gate.
function reluBackward(node, dy, [x]) {
  return { inputs: [dy.map((gradient, n) => gradient * reluGate(node, x[n]))] };
}

// y = x · gate
function reluValue(trace, node, index) {
  const x = inputFactor(trace, node, 0, index);
  return {
    form: "gate",
    equation: "y = max(x, 0) = x · gate",
    sentence: `x is ${x.value > 0 ? "positive: the gate is open and x passes" : "not positive: the gate is closed"}.`,
    terms: [makeTerm(x, gateFactor(node, x))],
  };
}

// dx = dy · gate, the same gate as in the forward pass
function reluGradient(trace, node, _input, index) {
  const x = inputFactor(trace, node, 0, index);
  return {
    form: "gate",
    equation: "dx = dy · gate",
    sentence:
      x.value > 0
        ? "x was positive, so the gradient passes."
        : "x was not positive: the gate is closed for its gradient too.",
    terms: [makeTerm(outputGradient(trace, node, index), gateFactor(node, x))],
  };
}

function gateFactor(node, x) {
  const gate = reluGate(node, x.value);
  return derivedFactor(`gate ${gate} (${x.text} ${x.value > 0 ? "> 0" : "≤ 0"})`, gate, x.quantity);
}

// ---- functions that the table uses

function sigmoid(x) {
  // in (0, 1]: it cannot overflow
  const small = Math.exp(-Math.abs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

// log(1 + eˣ) without overflow
function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

// √(2/π)·(x + 0.044715·x³), of GELU's approximate form Φ ≈ (1 + tanh u) / 2
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

// Return Φ(x), the probability that a normally distributed number is below x.
function normalProbability(x, { approximate = false }) {
  if (approximate) return (1 + Math.tanh(GELU_SCALE * (x + GELU_CUBIC * x ** 3))) / 2;
  return erfc(-x / Math.SQRT2) / 2;
}

// Return Φ(x) + x · Φ'(x).
function geluSlope(x, _y, config) {
  const probability = normalProbability(x, config);
  if (!config.approximate) return probability + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  const du = GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x);
  return probability + x * 2 * probability * (1 - probability) * du;
}

// Return erfc(x) = 1 − erf(x), which JavaScript has not: the Taylor series of erf near 0, a continued
// fraction beyond.
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    // erf(x) = 2/√π · Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1))
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  // erfc(x) = e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + 2/(x + …)))))
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
