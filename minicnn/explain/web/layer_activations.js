// Activations: one function of one number, applied to every entry, so dx = dy · f'(x), entry by entry.
//
//   relu      x where x > 0, else slope · x      f' = 1 or slope; at x = 0 the left branch is taken
//   sigmoid   1 / (1 + e⁻ˣ)                      f' = f · (1 − f)
//   tanh      (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)            f' = 1 − f²
//   elu       x where x > 0, else α · (eˣ − 1)   f' = 1 or f + α
//   gelu      x · Φ(x)                           f' = Φ(x) + x · φ(x),  φ(x) = e^(−x²/2) / √(2π)
//
// Beside them the other layers that work entry by entry:
//
//   dropout   x · mask / (1 − rate)              mask / (1 − rate)
//   rescaling x · scale + offset                 scale
import { decodeArray } from "./arrays.js";

// Each function by its name: [f(x, config), f'(x, y, config)].
const ACTIVATIONS = {
  linear: [(x) => x, () => 1],
  sigmoid: [sigmoid, (x, y) => y * (1 - y)],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  elu: [(x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)), (x, y, { alpha }) => (x > 0 ? 1 : y + alpha)],
  gelu: [gelu, geluSlope],
};

// Return f'(x) of the node's function, of an input x whose output is y.
export function activationSlope(node, x, y) {
  return ACTIVATIONS[node.config.function][1](x, y, node.config);
}

// Check that the node's function is known.
export function checkActivation({ name, config }) {
  if (!(config.function in ACTIVATIONS)) {
    throw new Error(`${name}: no arithmetic for ${config.function}; record it as Opaque`);
  }
}

// Return y = f(x).
export function activationForward(node, [x]) {
  const [f] = ACTIVATIONS[node.config.function];
  return { value: x.map((number) => f(number, node.config)) };
}

// Return dx = dy · f'(x).
export function activationBackward(node, dy, [x], _weights, _extra, y) {
  return { inputs: [dy.map((gradient, n) => gradient * activationSlope(node, x[n], y[n]))] };
}

// Return what ReLU multiplies x, and dy, with: 1 where x > 0, elsewhere its slope (0 for the plain ReLU).
export function reluGate(node, x) {
  return x > 0 ? 1 : node.config.negative_slope || 0;
}

// Return y = x · gate.
export function reluForward(node, [x]) {
  return { value: x.map((number) => number * reluGate(node, number)) };
}

// Return dx = dy · gate.
export function reluBackward(node, dy, [x]) {
  return { inputs: [dy.map((gradient, n) => gradient * reluGate(node, x[n]))] };
}

// Return what dropout multiplies entry n with: mask / (1 − rate).
export function dropoutFactor(node, n) {
  return node.mask ? node.mask[n % node.mask.length] / (1 - node.config.rate) : 1;
}

// Return y = x · mask / (1 − rate).
export function dropoutForward(node, [x]) {
  return { value: x.map((number, n) => number * dropoutFactor(node, n)) };
}

// Return dx = dy · mask / (1 − rate): the same mask.
export function dropoutBackward(node, dy) {
  return { inputs: [dy.map((gradient, n) => gradient * dropoutFactor(node, n))] };
}

// Return scale and offset as arrays: of one number, or one for each channel or entry.
export function rescaleNumbers({ config: { scale, offset } }) {
  const numbers = (value) => (typeof value === "number" ? Float64Array.of(value) : decodeArray(value));
  return { scale: numbers(scale), offset: numbers(offset) };
}

// Return y = x · scale + offset.
export function rescaleForward(node, [x]) {
  const { scale, offset } = node;
  return { value: x.map((number, n) => number * scale[n % scale.length] + offset[n % offset.length]) };
}

// Return dx = dy · scale.
export function rescaleBackward(node, dy) {
  const { scale } = node;
  return { inputs: [dy.map((gradient, n) => gradient * scale[n % scale.length])] };
}

function sigmoid(x) {
  // in (0, 1]: it cannot overflow
  const small = Math.exp(-Math.abs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

// √(2/π)·(x + 0.044715·x³), of GELU's approximate form Φ ≈ (1 + tanh u) / 2
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

// Return Φ(x), the probability that a normally distributed number is below x.
export function normalProbability(x, { approximate = false }) {
  if (approximate) return (1 + Math.tanh(GELU_SCALE * (x + GELU_CUBIC * x ** 3))) / 2;
  return erfc(-x / Math.SQRT2) / 2;
}

function gelu(x, config) {
  return x * normalProbability(x, config);
}

function geluSlope(x, _y, config) {
  const probability = normalProbability(x, config);
  if (!config.approximate) return probability + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  const du = GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x);
  return probability + x * 2 * probability * (1 - probability) * du;
}

// Return erfc(x) = 1 − erf(x), JavaScript having none: the Taylor series of erf near 0, a continued fraction beyond.
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
