// The loss: one number that says how wrong the output is; its gradient is where the backward pass begins.
//
//   cross-entropy   L = −Σ t·log p                        dL/dp = −t/p
//     of logits     p = softmax(z)                        dL/dz = p·Σt − t, which is p − t: t sums to 1
//   squared error   L = 1/K · Σ (p − t)²                  dL/dp = 2·(p − t) / K
//   penalties       + l1 · Σ|w| + l2 · Σ w²  of weights   added to their gradients: l1 · sign(w) + 2·l2·w
//
// A softmax before a cross-entropy is taken together with it: p − t arrives below the softmax, exact also where a
// probability underflows. Cross-entropy of outputs that are neither logits nor a softmax's: they are divided by their
// sum and kept within [1e-7, 1 − 1e-7], as Keras does.
import { softmaxRow } from "./layer_softmax.js";

const SMALLEST_PROBABILITY = 1e-7;

// Return the id of the softmax that the cross-entropy is taken together with, or null.
export function fusedSoftmax({ loss, nodes, consumers }) {
  if (!loss || loss.type === "MeanSquaredError" || loss.from_logits) return null;
  const last = nodes[loss.node];
  return last.type === "Softmax" && consumers[last.id].length === 0 ? last.id : null;
}

// Return the loss without penalties, and what its gradient and explanation need: p and log p. With softmaxMoved the
// softmax's own output has been changed by hand, so the loss is that of the p that stand there.
export function lossForward(net, values, softmaxMoved = false) {
  const { loss, target } = net;
  const output = values[loss.node];
  if (loss.type === "MeanSquaredError") {
    const value = output.reduce((sum, p, k) => sum + (p - target[k]) ** 2 / output.length, 0);
    return { value, form: "squares", p: output };
  }
  if (softmaxMoved) return { value: crossEntropy(target, output.map(Math.log)), form: "logits", p: output };
  if (loss.from_logits || net.fused !== null) {
    const { p, logP } = softmaxRow(net.fused === null ? output : values[net.nodes[net.fused].inputs[0]]);
    return { value: crossEntropy(target, logP), form: "logits", p, logP };
  }
  const total = output.reduce((sum, p) => sum + p, 0);
  const shares = output.map((p) => p / total);
  const inside = Array.from(shares, (p) => p >= SMALLEST_PROBABILITY && p <= 1 - SMALLEST_PROBABILITY);
  const p = shares.map((share) => Math.min(Math.max(share, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY));
  const logP = p.map(Math.log);
  return { value: crossEntropy(target, logP), form: "probabilities", p, logP, total, inside };
}

function crossEntropy(target, logP) {
  return target.reduce((sum, t, k) => (t === 0 ? sum : sum - t * logP[k]), 0);
}

// Return the gradient at the node that the loss looks at; of softmax and cross-entropy together, at softmax's input.
export function lossBackward(net, { form, p, total, inside }) {
  const { target } = net;
  const targets = target.reduce((sum, t) => sum + t, 0);
  if (form === "squares") return p.map((value, k) => (2 * (value - target[k])) / p.length);
  if (form === "logits") return p.map((value, k) => value * targets - target[k]);
  const dp = p.map((value, k) => (inside[k] ? -target[k] / value : 0));
  const mean = dp.reduce((sum, gradient, k) => sum + gradient * p[k], 0);
  return dp.map((gradient) => (gradient - mean) / total);
}

// Return dL/dp of the softmax's own output, −t/p: shown, but not on the way of the gradient, see above.
export function crossEntropySlopes({ target }, p) {
  return p.map((value, k) => (target[k] === 0 ? 0 : -target[k] / value));
}

// Return the penalty that a weight array adds to the loss.
export function penaltyOf({ trainable, regularizer }, value) {
  if (!trainable || !regularizer) return 0;
  const { l1 = 0, l2 = 0 } = regularizer;
  return value.reduce((sum, w) => sum + l1 * Math.abs(w) + l2 * w * w, 0);
}

// Return the slope of the penalty in one weight w.
export function penaltySlope({ trainable, regularizer }, w) {
  if (!trainable || !regularizer) return 0;
  const { l1 = 0, l2 = 0 } = regularizer;
  return l1 * Math.sign(w) + 2 * l2 * w;
}
