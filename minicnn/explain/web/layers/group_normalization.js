// Group normalization: give every group of neighbouring channels mean 0 and variance 1, then a learned scale
// and offset for each channel. A group has m entries: all its channels, all positions.
//
//   μ = 1/m · Σ x      v = 1/m · Σ (x − μ)²      r = 1/√(v + ε)      x̂ = (x − μ)·r      y = γ·x̂ + β
//   dβ = Σ dy          dγ = Σ dy·x̂               over the positions of a channel
//   dx = r·γ·dy  −  r·1/m·Σ γ·dy  −  r·x̂·1/m·Σ γ·dy·x̂      directly, through the mean, through the variance
import { counted, derivedFactor, inputFactor, makeStep, makeTerm } from "../base/terms.js";
import { outputGradient, plainFactor, readFactor, readStep, weightFactor } from "../base/terms.js";
import { named, offsetFactor, scaleAndOffsetGradient, scaleFactor } from "./batch_normalization.js";

export const GROUP_NORMALIZATION_LAYERS = {
  GroupNormalization: {
    forward: groupNormForward,
    backward: groupNormBackward,
    explain: {
      value: groupNormValue,
      gradient: groupNormGradient,
      weight: scaleAndOffsetGradient,
      part: groupNormPart,
    },
  },
};

// Return the function that tells the group of an entry.
function groupFunction(node) {
  const channels = node.shape.at(-1);
  const size = channels / node.config.groups;
  return (n) => Math.floor((n % channels) / size);
}

// Return the mean of the numbers of each group.
function groupMeans(node, numbers) {
  const groupOf = groupFunction(node);
  const means = new Float64Array(node.config.groups);
  const m = numbers.length / means.length;
  numbers.forEach((number, n) => (means[groupOf(n)] += number / m));
  return means;
}

function gammaAt({ gamma }, node, n) {
  return gamma ? gamma[n % node.shape.at(-1)] : 1;
}

// Return y, and as extra μ, v (one a group) and x̂.
function groupNormForward(node, [x], weights) {
  const groupOf = groupFunction(node);
  const mean = groupMeans(node, x);
  const variance = groupMeans(
    node,
    x.map((number, n) => (number - mean[groupOf(n)]) ** 2),
  );
  const inverse = variance.map((v) => 1 / Math.sqrt(v + node.config.epsilon));
  const normalized = x.map((number, n) => (number - mean[groupOf(n)]) * inverse[groupOf(n)]);
  const { beta } = weights;
  const value = normalized.map(
    (number, n) => gammaAt(weights, node, n) * number + (beta ? beta[n % node.shape.at(-1)] : 0),
  );
  return { value, extra: { mean, variance, inverse, normalized } };
}

// Return dx, dγ and dβ; as extra the two means that dx needs, one a group.
function groupNormBackward(node, dy, _inputs, weights, { inverse, normalized }) {
  const channels = node.shape.at(-1);
  const groupOf = groupFunction(node);
  const d = dy.map((gradient, n) => gammaAt(weights, node, n) * gradient);
  const direct = groupMeans(node, d);
  const along = groupMeans(
    node,
    d.map((number, n) => number * normalized[n]),
  );
  const dx = d.map((number, n) => {
    const g = groupOf(n);
    return inverse[g] * (number - direct[g] - normalized[n] * along[g]);
  });
  const gradients = {};
  for (const name of ["gamma", "beta"].filter((each) => weights[each])) {
    gradients[name] = new Float64Array(channels);
    dy.forEach((gradient, n) => {
      gradients[name][n % channels] += name === "gamma" ? gradient * normalized[n] : gradient;
    });
  }
  return { inputs: [dx], weights: gradients, extra: { direct, along } };
}

// Return what all explanations need of the group that entry `index` is in.
function groupAt(trace, node, index) {
  const groupOf = groupFunction(node);
  const group = groupOf(index);
  const entries = Array.from({ length: node.size }, (_, n) => n).filter((n) => groupOf(n) === group);
  return {
    group,
    c: index % node.shape.at(-1),
    entries,
    m: entries.length,
    mean: { kind: "part", node: node.id, part: "mean", index: group },
    variance: { kind: "part", node: node.id, part: "variance", index: group },
    r: trace.run.extra[node.id].inverse[group],
    normalized: { kind: "part", node: node.id, part: "normalized", index },
    regions: [{ kind: "value", node: node.inputs[0], indices: entries }],
  };
}

// y = γ · x̂ + β
function groupNormValue(trace, node, index) {
  const { c, m, r, mean, variance, normalized, regions } = groupAt(trace, node, index);
  const x = inputFactor(trace, node, 0, index);
  const gamma = scaleFactor(trace, node, c);
  const xHat = readFactor(trace, "x̂", normalized);
  const terms = [makeTerm(gamma, xHat)];
  if (node.weights.beta) terms.push(makeTerm(weightFactor(trace, node, "β", "beta", c)));
  const beta = node.weights.beta ? terms[1].value : 0;
  return {
    form: "steps",
    equation: "y = γ · x̂ + β,  x̂ = (x − μ) / √(v + ε)",
    sentence: `Normalized with the mean and variance of the group's ${counted(m, "number")}; then a learned scale and offset.`,
    terms,
    steps: [
      readStep(trace, "x", x.quantity),
      readStep(trace, "μ", mean),
      readStep(trace, "v", variance),
      makeStep(`r = 1/√(v + ε), ε = ${node.config.epsilon}`, r),
      makeStep("x̂ = (x − μ) · r", xHat.value, normalized),
      makeStep("y = γ · x̂ + β", gamma.value * xHat.value + beta),
    ],
    regions,
  };
}

// dx = r·γ·dy − r·mean(γ·dy) − r·x̂·mean(γ·dy·x̂)
function groupNormGradient(trace, node, _input, index) {
  const { group, c, m, r, entries, mean, variance, normalized, regions } = groupAt(trace, node, index);
  const { direct, along } = trace.grads.extra[node.id];
  const inverse = derivedFactor("r", r, variance);
  const xHat = readFactor(trace, "x̂", normalized);
  const minus = plainFactor("−1", -1);
  const terms = [
    named("directly, through x̂", makeTerm(inverse, scaleFactor(trace, node, c), outputGradient(trace, node, index))),
    named("through the mean", makeTerm(minus, inverse, plainFactor("mean of γ·dy", direct[group]))),
    named("through the variance", makeTerm(minus, inverse, xHat, plainFactor("mean of γ·dy·x̂", along[group]))),
  ];
  return {
    equation: "dx = r·(γ·dy − 1/m · Σ γ·dy − x̂ · 1/m · Σ γ·dy·x̂)",
    sentence:
      "x reaches y by three paths: directly, through the mean of its group and through the variance. γ differs " +
      "between the channels of a group, so it stays inside the sums.",
    terms,
    steps: [
      readStep(trace, "μ", mean),
      readStep(trace, "v", variance),
      makeStep(`mean of γ·dy over the group's ${m}`, direct[group]),
      makeStep(`mean of γ·dy·x̂ over the group's ${m}`, along[group]),
      ...terms.map((term) => makeStep(term.label.split(":")[0], term.value)),
      makeStep(
        "their sum",
        terms.reduce((sum, term) => sum + term.value, 0),
      ),
    ],
    regions: [...regions, { kind: "gradient", node: node.id, indices: entries }],
  };
}

// μ = Σ x / m, v = Σ (x − μ)² / m, x̂ = (x − μ) · r
function groupNormPart(trace, node, part, index) {
  const first = (index * node.shape.at(-1)) / node.config.groups;
  const { m, r, entries, mean } = groupAt(trace, node, part === "normalized" ? index : first);
  const mu = readFactor(trace, "μ", mean);
  const share = plainFactor(`1/${m}`, 1 / m);
  const offset = (n) => offsetFactor(trace, node, n, mu.value);
  if (part === "normalized") {
    return {
      equation: "x̂ = (x − μ) · r",
      sentence: "How many standard deviations x is above the mean of its group.",
      terms: [makeTerm(offset(index), plainFactor("r", r))],
      steps: [readStep(trace, "μ", mean), makeStep("x − μ", offset(index).value), makeStep("r = 1/√(v + ε)", r)],
    };
  }
  if (part === "mean") {
    const terms = entries.map((n) => makeTerm(inputFactor(trace, node, 0, n), share));
    return { equation: "μ = Σ x / m", sentence: `The mean of the group's ${counted(m, "number")}.`, terms };
  }
  return {
    equation: "v = Σ (x − μ)² / m",
    sentence: `The mean squared distance from the mean, over the group's ${counted(m, "number")}.`,
    terms: entries.map((n) => makeTerm(offset(n), offset(n), share)),
    steps: [readStep(trace, "μ", mean)],
  };
}
