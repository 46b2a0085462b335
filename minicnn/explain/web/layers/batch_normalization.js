// Batch normalization: give every channel mean 0 and variance 1, then a learned scale and offset. Of one
// image, the batch of a channel is its m positions.
//
//   μ = 1/m · Σ x      v = 1/m · Σ (x − μ)²      r = 1/√(v + ε)      x̂ = (x − μ)·r      y = γ·x̂ + β
//   dβ = Σ dy          dγ = Σ dy·x̂
//   dx = γ·r·dy  −  γ·r·dβ/m  −  γ·r·x̂·dγ/m         directly, through the mean, through the variance
//
// With moving statistics (training: false) μ and v are constants, and the direct path is all there is.
import { valueOf } from "../base/quantities.js";
import { channelIndices, counted, derivedFactor, inputFactor, makeStep, makeTerm } from "../base/terms.js";
import { outputGradient, plainFactor, readFactor, readStep, weightFactor } from "../base/terms.js";

export const BATCH_NORMALIZATION_LAYERS = {
  BatchNormalization: {
    forward: batchNormForward,
    backward: batchNormBackward,
    explain: {
      value: batchNormValue,
      gradient: batchNormGradient,
      weight: scaleAndOffsetGradient,
      part: batchNormPart,
    },
  },
};

// Return y, and as extra μ, v, r (one a channel) and x̂.
function batchNormForward(node, [x], weights) {
  const channels = node.shape.at(-1);
  const m = x.length / channels;
  let mean = weights.moving_mean;
  let variance = weights.moving_variance;
  if (node.config.training) {
    mean = new Float64Array(channels);
    variance = new Float64Array(channels);
    for (let n = 0; n < x.length; n++) mean[n % channels] += x[n] / m;
    for (let n = 0; n < x.length; n++) variance[n % channels] += (x[n] - mean[n % channels]) ** 2 / m;
  }
  const inverse = variance.map((v) => 1 / Math.sqrt(v + node.config.epsilon));
  const normalized = x.map((number, n) => (number - mean[n % channels]) * inverse[n % channels]);
  // γ is 1 and β is 0 where the layer has none
  const { gamma, beta } = weights;
  const scaled = gamma ? normalized.map((number, n) => gamma[n % channels] * number) : normalized;
  const value = beta ? scaled.map((number, n) => number + beta[n % channels]) : scaled;
  return { value, extra: { mean, variance, inverse, normalized } };
}

// Return dx, dγ and dβ; as extra the two sums, which dx needs also where there is no γ or β to train.
function batchNormBackward(node, dy, [x], weights, { inverse, normalized }) {
  const channels = node.shape.at(-1);
  const m = x.length / channels;
  const dbeta = new Float64Array(channels);
  const dgamma = new Float64Array(channels);
  const dx = new Float64Array(x.length);
  for (let n = 0; n < x.length; n++) {
    dbeta[n % channels] += dy[n];
    dgamma[n % channels] += dy[n] * normalized[n];
  }
  for (let n = 0; n < x.length; n++) {
    const c = n % channels;
    const others = node.config.training ? (dbeta[c] + normalized[n] * dgamma[c]) / m : 0;
    dx[n] = (weights.gamma ? weights.gamma[c] : 1) * inverse[c] * (dy[n] - others);
  }
  const gradients = {};
  if (weights.gamma) gradients.gamma = dgamma.slice();
  if (weights.beta) gradients.beta = dbeta.slice();
  return { inputs: [dx], weights: gradients, extra: { dgamma, dbeta } };
}

// Return what all passes need of the channel c that entry `index` is in, of m entries.
function channelOf(trace, node, index) {
  const { id, config, size } = node;
  const channels = node.shape.at(-1);
  const c = index % channels;
  const statistic = (part) => {
    if (config.training) return { kind: "part", node: id, part, index: c };
    return { kind: "weight", node: id, weight: `moving_${part}`, index: c };
  };
  const variance = statistic("variance");
  const entries = channelIndices(size, channels, c);
  return {
    c,
    entries,
    m: entries.length,
    mean: statistic("mean"),
    variance,
    r: 1 / Math.sqrt(valueOf(trace, variance) + config.epsilon),
    normalized: { kind: "part", node: id, part: "normalized", index },
    // x has an effect on the others of its channel, and they on it
    regions: config.training ? [{ kind: "value", node: node.inputs[0], indices: entries }] : [],
  };
}

export function scaleFactor(trace, node, c) {
  return node.weights.gamma ? weightFactor(trace, node, "γ", "gamma", c) : plainFactor("1 (no γ)", 1);
}

// y = γ · x̂ + β
function batchNormValue(trace, node, index) {
  const { c, m, r, mean, variance, normalized, regions } = channelOf(trace, node, index);
  const x = inputFactor(trace, node, 0, index);
  const xHat = (x.value - valueOf(trace, mean)) * r;
  const gamma = scaleFactor(trace, node, c);
  const terms = [makeTerm(gamma, readFactor(trace, "x̂", normalized))];
  if (node.weights.beta) terms.push(makeTerm(weightFactor(trace, node, "β", "beta", c)));
  const beta = node.weights.beta ? terms[1].value : 0;
  const whose = node.config.training ? `of the channel's ${counted(m, "number")}` : "measured in training";
  return {
    form: "steps",
    equation: "y = γ · x̂ + β,  x̂ = (x − μ) / √(v + ε)",
    sentence: `Normalized with the mean and variance ${whose}; then a learned scale and offset.`,
    terms,
    steps: [
      readStep(trace, "x", x.quantity),
      readStep(trace, "μ", mean),
      readStep(trace, "v", variance),
      makeStep(`r = 1/√(v + ε), ε = ${node.config.epsilon}`, r),
      makeStep("x̂ = (x − μ) · r", xHat, normalized),
      makeStep("γ · x̂", gamma.value * xHat),
      makeStep("y = γ · x̂ + β", gamma.value * xHat + beta),
    ],
    regions,
  };
}

// dx = γ·r·dy − γ·r·dβ/m − γ·r·x̂·dγ/m
function batchNormGradient(trace, node, _input, index) {
  const { c, m, r, entries, mean, variance, normalized, regions } = channelOf(trace, node, index);
  const gamma = scaleFactor(trace, node, c);
  const inverse = derivedFactor("r", r, variance);
  const xHat = readFactor(trace, "x̂", normalized);
  const direct = makeTerm(gamma, inverse, outputGradient(trace, node, index));
  const equation = "dx = γ·r·dy − γ·r·dβ/m − γ·r·x̂·dγ/m";
  const lines = [readStep(trace, "v", variance), makeStep(`r = 1/√(v + ε), ε = ${node.config.epsilon}`, r)];
  if (!node.config.training) {
    const sentence = "Mean and variance are fixed numbers here, so x has one path to y: the direct one.";
    return { equation: "dx = γ · r · dy", sentence, terms: [named("directly", direct)], steps: lines };
  }
  const { dbeta, dgamma } = trace.grads.extra[node.id];
  const share = plainFactor(`−1/${m}`, -1 / m);
  const sumDy = sumFactor(trace, node, "beta", "dβ", dbeta[c], c);
  const sumDyXHat = sumFactor(trace, node, "gamma", "dγ", dgamma[c], c);
  const throughMean = makeTerm(gamma, inverse, sumDy, share);
  const throughVariance = makeTerm(gamma, inverse, xHat, sumDyXHat, share);
  return {
    equation,
    sentence:
      "x reaches y by three paths: directly, through the mean of its channel and through the variance. The layer " +
      "undoes a shift or a scaling of the whole channel, so the gradient has no such part.",
    terms: [
      named("directly, through x̂", direct),
      named("through the mean", throughMean),
      named("through the variance", throughVariance),
    ],
    steps: [
      readStep(trace, "μ", mean),
      ...lines,
      makeStep("x̂ = (x − μ) · r", xHat.value, normalized),
      makeStep(`dβ = Σ dy over the channel's ${m}`, dbeta[c], sumDy.derived ? undefined : sumDy.quantity),
      makeStep(
        `dγ = Σ dy·x̂ over the channel's ${m}`,
        dgamma[c],
        sumDyXHat.derived ? undefined : sumDyXHat.quantity,
      ),
      makeStep("γ·r·dy, directly", direct.value),
      makeStep("−γ·r·dβ/m, through the mean", throughMean.value),
      makeStep("−γ·r·x̂·dγ/m, through the variance", throughVariance.value),
      makeStep("their sum", direct.value + throughMean.value + throughVariance.value),
    ],
    regions: [...regions, { kind: "gradient", node: node.id, indices: entries }],
  };
}

export function named(path, term) {
  return { ...term, label: `${path}: ${term.label}` };
}

// dβ or dγ, the sum over the channel. It is the weight's gradient, where there is that weight and no penalty
// on it.
function sumFactor(trace, node, weight, text, value, index) {
  if (!node.weights[weight]) return plainFactor(text, value);
  const quantity = { kind: "weightGradient", node: node.id, weight, index };
  const isAll = valueOf(trace, quantity) === value;
  return isAll ? readFactor(trace, text, quantity) : derivedFactor(text, value, quantity);
}

// dγ = Σ dy · x̂, dβ = Σ dy, over the channel
export function scaleAndOffsetGradient(trace, node, weight, index) {
  const entries = channelIndices(node.size, node.shape.at(-1), index);
  const terms = entries.map((n) => {
    const gradient = outputGradient(trace, node, n);
    if (weight === "beta") return makeTerm(gradient);
    const normalized = { kind: "part", node: node.id, part: "normalized", index: n };
    return makeTerm(gradient, readFactor(trace, "x̂", normalized));
  });
  return {
    equation: weight === "beta" ? "dβ = Σ dy" : "dγ = Σ dy · x̂",
    sentence:
      weight === "beta"
        ? `β was added to all ${entries.length} numbers of the channel: their gradients add up.`
        : `γ was multiplied with all ${entries.length} x̂ of the channel: each gradient times its x̂, added up.`,
    terms,
  };
}

// μ = Σ x / m, v = Σ (x − μ)² / m, x̂ = (x − μ) · r
function batchNormPart(trace, node, part, index) {
  const { c, m, r, entries, mean } = channelOf(trace, node, index);
  const mu = readFactor(trace, "μ", mean);
  const share = plainFactor(`1/${m}`, 1 / m);
  const off = (n) => offsetFactor(trace, node, n, mu.value);
  if (part === "normalized") {
    return {
      equation: "x̂ = (x − μ) · r",
      sentence: "How many standard deviations x is above the mean of its channel.",
      terms: [makeTerm(off(index), plainFactor("r", r))],
      steps: [readStep(trace, "μ", mean), makeStep("x − μ", off(index).value), makeStep("r = 1/√(v + ε)", r)],
    };
  }
  if (!node.config.training) {
    const moving = weightFactor(trace, node, `moving ${part}`, `moving_${part}`, c);
    return {
      equation: `${part} = moving ${part}`,
      sentence: "Not measured here: the moving statistic of training.",
      terms: [makeTerm(moving)],
    };
  }
  if (part === "mean") {
    const terms = entries.map((n) => makeTerm(inputFactor(trace, node, 0, n), share));
    return { equation: "μ = Σ x / m", sentence: `The mean of the channel's ${counted(m, "number")}.`, terms };
  }
  return {
    equation: "v = Σ (x − μ)² / m",
    sentence: `The mean squared distance from the mean, over the channel's ${counted(m, "number")}.`,
    terms: entries.map((n) => makeTerm(off(n), off(n), share)),
    steps: [readStep(trace, "μ", mean)],
  };
}

export function offsetFactor(trace, node, index, mean) {
  const x = inputFactor(trace, node, 0, index);
  return derivedFactor(`(${x.text} − μ)`, x.value - mean, x.quantity);
}
