// The loss: one number that says how wrong the output is. The backward pass begins with its gradient.
//
//   cross-entropy   L = −Σ t·log p                        dL/dp = −t/p
//     of logits     p = softmax(z)                        dL/dz = p·Σt − t, which is p − t: t sums to 1
//   squared error   L = 1/K · Σ (p − t)²                  dL/dp = 2·(p − t) / K
//   penalties       + l1 · Σ|w| + l2 · Σ w²  of weights   added to their gradients: l1 · sign(w) + 2·l2·w
//
// A softmax before a cross-entropy is taken together with it: p − t arrives below the softmax, exact also
// where a probability underflows. Cross-entropy of outputs that are neither logits nor a softmax's: they are
// divided by their sum. A p of 0 (below the smallest normal number) counts as 1e-7, one outside [0, 1] as 1e-7 or
// 1, with slope 0.
import { derivedFactor, makeStep, makeTerm, plainFactor, readFactor, readStep } from "../base/terms.js";
import { softmaxRow, softmaxSteps } from "../layers/softmax.js";

const ZERO_COUNTS_AS = 1e-7;
const SMALLEST_NORMAL = 2 ** -1022;

// Return the id of the softmax that the cross-entropy is taken together with, or null.
export function fusedSoftmax({ loss, nodes, consumers }) {
  if (!loss || loss.type === "MeanSquaredError" || loss.from_logits) return null;
  const last = nodes[loss.node];
  return last.type === "Softmax" && consumers[last.id].length === 0 ? last.id : null;
}

// Return the loss without penalties, and what its gradient and explanation need: p and log p. With
// softmaxMoved the softmax's own output has been changed by hand, so the loss is that of the p that stand
// there.
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
  const p = output.map((y) => y / total);
  const kept = p.map((share) => (share < SMALLEST_NORMAL ? ZERO_COUNTS_AS : Math.min(share, 1)));
  const slopes = p.map((share, k) => (share >= 0 && share <= 1 ? 1 / kept[k] : 0)); // of log p
  const logP = kept.map(Math.log);
  return { value: crossEntropy(target, logP), form: "probabilities", p, logP, total, slopes };
}

function crossEntropy(target, logP) {
  return target.reduce((sum, t, k) => (t === 0 ? sum : sum - t * logP[k]), 0);
}

// Return the gradient at the node that the loss looks at; of softmax and cross-entropy together, at softmax's
// input.
export function lossBackward(net, { form, p, total, slopes }) {
  const { target } = net;
  const targets = target.reduce((sum, t) => sum + t, 0);
  if (form === "squares") return p.map((value, k) => (2 * (value - target[k])) / p.length);
  if (form === "logits") return p.map((value, k) => value * targets - target[k]);
  const dp = slopes.map((slope, k) => -target[k] * slope);
  const mean = dp.reduce((sum, gradient, k) => sum + gradient * p[k], 0);
  return dp.map((gradient) => (gradient - mean) / total);
}

// Return dL/dp of the softmax's own output, −t/p: shown, but not sent back, see above.
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

// ---- explanations

// Return the quantity of the probability that the loss sees for class k.
function probability({ net }, k) {
  if (net.fused !== null) return { kind: "value", node: net.fused, index: k };
  return { kind: "part", node: net.loss.node, part: "probability", index: k };
}

function className({ net }, k) {
  return net.classes ? ` (${net.classes[k]})` : "";
}

// dz = p · Σt − t, of softmax and cross-entropy together
export function scoreGradient(trace, k) {
  const { target } = trace.net;
  const all = target.reduce((sum, t) => sum + t, 0);
  const p = readFactor(trace, "p", probability(trace, k));
  const said = Math.abs(all - 1) < 1e-12 ? makeTerm(p) : makeTerm(p, plainFactor("Σt", all));
  const smoothing = trace.net.loss.label_smoothing;
  return {
    equation: "dz = p − t",
    sentence: `Softmax and cross-entropy in one: the probability${className(trace, k)} minus the target.`,
    terms: [said, makeTerm(plainFactor(`−t[${k}]`, -target[k]))],
    steps: [
      readStep(trace, "p", p.quantity),
      makeStep(`t[${k}]${className(trace, k)}${smoothing ? `, smoothed by ${smoothing}` : ""}`, target[k]),
      makeStep(
        "the longer computation, −t/p through the softmax's slopes: Σ (−t/p[k]) · p[k] · (δ − p)",
        throughSoftmax(trace, k),
      ),
    ],
  };
}

function throughSoftmax({ net, run }, j) {
  const { p } = run.lossParts;
  return net.target.reduce((sum, t, k) => sum - t * ((k === j ? 1 : 0) - p[j]), 0);
}

// L = −Σ t · log p, or 1/K · Σ (p − t)²; and the penalties on weights
export function lossTerms(trace) {
  const { net, run } = trace;
  const { form, p, logP } = run.lossParts;
  const output = { kind: "value", node: net.loss.node };
  const squares = form === "squares";
  const share = plainFactor(`1/${p.length}`, 1 / p.length);
  const terms = Array.from(p, (_, k) => {
    if (!squares) {
      const log = derivedFactor(`log p[${k}]${className(trace, k)}`, logP[k], probability(trace, k));
      return makeTerm(plainFactor(`−t[${k}]`, -net.target[k]), log);
    }
    const error = derivedFactor(`(y[${k}] − t[${k}])`, p[k] - net.target[k], { ...output, index: k });
    return makeTerm(error, error, share);
  });
  return {
    equation: squares ? "L = 1/K · Σ (y − t)²" : "L = −Σ t · log p",
    sentence: squares
      ? "The mean squared difference between the output and the target."
      : "How far p is from t: for one true class, minus the logarithm of its probability.",
    terms: [...terms, ...penaltyTerms(net)],
  };
}

function penaltyTerms(net) {
  const terms = [];
  for (const id of net.order) {
    for (const [name, weight] of Object.entries(net.nodes[id].weights)) {
      const { l1, l2 } = (weight.trainable && weight.regularizer) || {};
      const sum = (text, regularizer) => {
        const value = penaltyOf({ trainable: true, regularizer }, weight.value);
        return plainFactor(`${text} of ${net.nodes[id].name} ${name}`, value);
      };
      if (l1) terms.push(makeTerm(plainFactor("penalty l1", l1), sum("Σ|w|", { l1: 1 })));
      if (l2) terms.push(makeTerm(plainFactor("penalty l2", l2), sum("Σ w²", { l2: 1 })));
    }
  }
  return terms;
}

// The gradient of the loss in output k of the node that it looks at.
export function lossGradient(trace, k) {
  const { net, run } = trace;
  const { form, p, total } = run.lossParts;
  const output = { kind: "value", node: net.loss.node, index: k };
  if (form === "squares") {
    const error = derivedFactor(`(y[${k}] − t[${k}])`, p[k] - net.target[k], output);
    return {
      equation: "dL/dy = 2 · (y − t) / K",
      sentence: "The slope of a square is twice the difference; 1/K from the mean.",
      terms: [makeTerm(plainFactor("2", 2), error, plainFactor(`1/${p.length}`, 1 / p.length))],
    };
  }
  if (net.fused !== null) return probabilityGradient(trace, k);
  if (form === "logits") return scoreGradient(trace, k);
  return shareGradient(trace, k, p, total);
}

// dL/dp = −t / p
function probabilityGradient(trace, k) {
  const { target } = trace.net;
  const p = probability(trace, k);
  const value = trace.run.values[p.node][k];
  const inverse = derivedFactor(`1/p[${k}]`, target[k] === 0 ? 0 : 1 / value, p);
  return {
    equation: "dL/dp = −t / p",
    sentence:
      "The slope of −t · log p. It is not sent on as it is: softmax and cross-entropy are taken together, and what " +
      "arrives before the softmax is p − t.",
    terms: target[k] === 0 ? [] : [makeTerm(plainFactor(`−t[${k}]`, -target[k]), inverse)],
  };
}

// dL/dy[j] = (dp[j] − Σ dp[k] · p[k]) / Σy,  dp = −t/p,  p = y / Σy
function shareGradient(trace, j, p, total) {
  const { net, run } = trace;
  const share = plainFactor("1/Σy", 1 / total);
  const slope = (k) => {
    const value = -net.target[k] * run.lossParts.slopes[k];
    return derivedFactor(`−t[${k}]/p[${k}]`, value, probability(trace, k));
  };
  const terms = [makeTerm(slope(j), share)];
  for (let k = 0; k < p.length; k++) {
    if (net.target[k] === 0) continue;
    terms.push(
      makeTerm(plainFactor("−1", -1), slope(k), readFactor(trace, "p", probability(trace, k)), share),
    );
  }
  return {
    equation: "dL/dy[j] = (dp[j] − Σ dp · p) / Σy,  dp = −t/p",
    sentence:
      "The outputs are first divided by their sum; the slope of −t · log p comes back through that division.",
    terms,
  };
}

// The probability that the loss itself made of output k, where the net does not end in a softmax.
export function probabilityPart(trace, k) {
  const { net, run } = trace;
  const { form, p, total } = run.lossParts;
  const z = { kind: "value", node: net.loss.node, index: k };
  if (form === "logits") return softmaxSteps(trace, z, p.length);
  const y = readFactor(trace, "y", z);
  return {
    form: "steps",
    equation: "p = y / Σy",
    sentence: "The output's share of the sum of all.",
    terms: [],
    steps: [makeStep(y.text, y.value, z), makeStep("Σy", total), makeStep("p", p[k])],
    regions: [{ kind: "value", node: z.node, indices: Array.from(p, (_, n) => n) }],
  };
}
