// The update: what the optimizer does with each gradient g of a weight w. The decay comes first and never
// enters g.
//
//   decay      w ← w · (1 − η·λ)
//   SGD        w ← w − η·g
//   momentum   u ← μ·u − η·g,  w ← w + u                     Nesterov: w ← w + μ·u − η·g
//   Adam       m ← m + (1 − β₁)·(g − m),  m̂ = m / (1 − β₁ᵗ)      t = 1, 2, … counts the steps
//              v ← v + (1 − β₂)·(g² − v), v̂ = v / (1 − β₂ᵗ)
//              w ← w − η · m̂ / (√v̂ + ε̂),  ε̂ = ε / √(1 − β₂ᵗ)
//
// Keras, and the library, keep ε out of the correction: m̂/(√v̂ + ε̂) is their √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v +
// ε).
import { derivedFactor, makeStep, makeTerm, plainFactor, readFactor, readStep } from "../base/terms.js";

// Return {weights: {id: {name: {value, slots}}}}: every weight and its optimizer's state after the step.
// Weights that are not trained stay; batch norm's moving statistics move towards those of this image.
export function update(net, grads, run) {
  const weights = {};
  for (const id of net.order) {
    const node = net.nodes[id];
    weights[id] = {};
    for (const [name, weight] of Object.entries(node.weights)) {
      const gradient = grads.weights[id][name];
      weights[id][name] =
        weight.trainable && gradient
          ? steppedWeight(net.optimizer, weight, gradient)
          : { value: movedStatistic(node, name, run.extra[id]) ?? weight.value, slots: weight.slots };
    }
  }
  return { weights };
}

function steppedWeight(optimizer, weight, gradient) {
  const value = new Float64Array(weight.value.length);
  const slots = {};
  for (const name of slotNames(optimizer)) slots[name] = new Float64Array(value.length);
  for (let n = 0; n < value.length; n++) {
    const step = stepOf(optimizer, weight, n, gradient[n]);
    value[n] = step.after;
    for (const name in slots) slots[name][n] = step.slots[name];
  }
  return { value, slots };
}

// The names of the numbers that the optimizer keeps for each weight.
function slotNames(optimizer) {
  if (optimizer.type === "SGD") return optimizer.momentum ? ["momentum"] : [];
  return ["m", "v"];
}

// A slot before the step; 0 where no step has been taken yet.
function slotBefore(weight, name, n) {
  return weight.slots[name]?.[n] ?? 0;
}

// Return the numbers of one weight's step: {decay, …, slots, change, after}; decay is η·λ, slots are those
// after it.
function stepOf(optimizer, weight, n, g) {
  const w = weight.value[n];
  const { learning_rate: rate } = optimizer;
  const decay = weight.decays === false ? 0 : rate * (optimizer.weight_decay || 0);
  const step =
    optimizer.type === "SGD" ? sgdStep(optimizer, weight, n, g) : adamStep(optimizer, weight, n, g);
  return { decay, ...step, after: w - decay * w + step.change };
}

function sgdStep({ learning_rate: rate, momentum, nesterov }, weight, n, g) {
  if (!momentum) return { change: -rate * g, slots: {} };
  const u = momentum * slotBefore(weight, "momentum", n) - rate * g;
  return { change: nesterov ? momentum * u - rate * g : u, slots: { momentum: u } };
}

function adamStep(optimizer, weight, n, g) {
  const { learning_rate: rate, beta_1: beta1, beta_2: beta2, epsilon, iterations } = optimizer;
  const t = iterations + 1;
  let m = slotBefore(weight, "m", n);
  let v = slotBefore(weight, "v", n);
  m += (1 - beta1) * (g - m);
  v += (1 - beta2) * (g * g - v);
  const mHat = m / (1 - beta1 ** t);
  const vHat = v / (1 - beta2 ** t);
  const epsilonHat = epsilon / Math.sqrt(1 - beta2 ** t);
  const change = (-rate * mHat) / (Math.sqrt(vHat) + epsilonHat);
  return { t, mHat, vHat, epsilonHat, change, slots: { m, v } };
}

// Return batch norm's moving statistic after it has moved towards this image's, or undefined if it is not
// one.
function movedStatistic(node, name, extra) {
  const measured = { moving_mean: extra?.mean, moving_variance: extra?.variance }[name];
  if (!measured || !node.config.training) return undefined;
  const { momentum } = node.config;
  return node.weights[name].value.map((moving, c) => momentum * moving + (1 - momentum) * measured[c]);
}

// ---- explanations

// Return the step of one weight, and the quantities of its numbers.
function stepAt(trace, { node: id, weight: name, index }) {
  const weight = trace.net.nodes[id].weights[name];
  const own = { node: id, weight: name, index };
  const gradient = { kind: "weightGradient", ...own };
  const before = { kind: "weight", ...own };
  const array = trace.grads.weights[id][name];
  const step = array && weight.trainable ? stepOf(trace.net.optimizer, weight, index, array[index]) : null;
  const slot = (which, when) =>
    when ? { kind: "slot", ...own, slot: which, when } : { kind: "slot", ...own, slot: which };
  return { step, gradient, before, slot, optimizer: trace.net.optimizer };
}

// w after = w − η·λ·w + change
export function updateTerms(trace, quantity) {
  const parts = stepAt(trace, quantity);
  const { step, before } = parts;
  if (!step) return unmoved(trace, quantity);
  const { weight_decay: lambda, learning_rate: rate } = parts.optimizer;
  const w = readFactor(trace, "w", before);
  const shrunk = step.decay ? [makeTerm(plainFactor("−η", -rate), plainFactor("λ", lambda), w)] : [];
  const shrinking = step.decay ? [makeStep("w · (1 − η·λ), the decay", w.value - step.decay * w.value)] : [];
  const rule = parts.optimizer.type === "SGD" ? momentumRule(trace, parts) : adamRule(trace, parts);
  return {
    form: "steps",
    equation: (step.decay ? "w ← w · (1 − η·λ),  then  " : "") + rule.equation,
    sentence: rule.sentence,
    terms: [makeTerm(w), ...shrunk, ...rule.terms],
    steps: [
      readStep(trace, "g", parts.gradient),
      readStep(trace, "w before", before),
      ...shrinking,
      ...rule.steps,
      makeStep("the change", step.after - w.value),
      makeStep("w after", step.after),
    ],
  };
}

function momentumRule(trace, { step, gradient, slot, optimizer }) {
  const { learning_rate: rate, momentum, nesterov } = optimizer;
  const pull = makeTerm(plainFactor("−η", -rate), readFactor(trace, "g", gradient));
  const lines = [makeStep("η, the learning rate", rate)];
  if (!momentum) {
    return {
      equation: "w ← w − η · g",
      sentence: "A step against the gradient: η times the gradient.",
      terms: [pull],
      steps: [...lines, makeStep("−η · g", pull.value)],
    };
  }
  const after = slot("momentum", "after");
  const velocity = readFactor(trace, "u after", after);
  lines.push(
    readStep(trace, "u before, the velocity", slot("momentum")),
    makeStep("u after = μ · u − η · g", step.slots.momentum, after),
  );
  if (nesterov) lines.push(makeStep("μ · u − η · g, one step ahead", step.change));
  return {
    equation: nesterov ? "u ← μ·u − η·g,  w ← w + μ·u − η·g" : "u ← μ·u − η·g,  w ← w + u",
    sentence: "The old velocity times μ, minus η times the gradient.",
    terms: nesterov ? [makeTerm(plainFactor("μ", momentum), velocity), pull] : [makeTerm(velocity)],
    steps: lines,
  };
}

function adamRule(trace, { step, slot, optimizer }) {
  const { learning_rate: rate, beta_1: beta1, beta_2: beta2, epsilon } = optimizer;
  const { t } = step;
  const root = Math.sqrt(step.vHat) + step.epsilonHat;
  return {
    equation: "w ← w − η · m̂ / (√v̂ + ε̂)",
    sentence:
      "The mean of the gradients over the root of the mean of their squares: about η where they agree, " +
      `also where they are small. η = ${rate}.`,
    terms: [
      makeTerm(
        plainFactor("−η", -rate),
        derivedFactor("m̂", step.mHat, slot("m", "after")),
        derivedFactor("1/(√v̂ + ε̂)", 1 / root, slot("v", "after")),
      ),
    ],
    steps: [
      readStep(trace, "m before", slot("m")),
      makeStep(`m after = m + (1 − ${beta1}) · (g − m)`, step.slots.m, slot("m", "after")),
      readStep(trace, "v before", slot("v")),
      makeStep(`v after = v + (1 − ${beta2}) · (g² − v)`, step.slots.v, slot("v", "after")),
      makeStep("t, the number of this step", t),
      makeStep(`m̂ = m / (1 − ${beta1}^${t}): m began at 0 and is too small by this factor`, step.mHat),
      makeStep(`v̂ = v / (1 − ${beta2}^${t})`, step.vHat),
      makeStep(`ε̂ = ε / √(1 − ${beta2}^${t}), ε = ${epsilon}`, step.epsilonHat),
      makeStep("√v̂ + ε̂", root),
      makeStep("m̂ / (√v̂ + ε̂), the step as a multiple of η", step.mHat / root),
      makeStep("η, the learning rate", rate),
      makeStep("−η · m̂ / (√v̂ + ε̂), the step", step.change),
    ],
  };
}

// A weight that no optimizer moves: it stays, or it is a moving statistic of batch norm.
function unmoved(trace, quantity) {
  const { node: id, weight: name, index } = quantity;
  const node = trace.net.nodes[id];
  const w = readFactor(trace, "w", { kind: "weight", node: id, weight: name, index });
  const part = { moving_mean: "mean", moving_variance: "variance" }[name];
  if (!part || !node.config.training) {
    return {
      equation: "w ← w",
      sentence: "It is not trained: the step leaves it as it is.",
      terms: [makeTerm(w)],
    };
  }
  const { momentum } = node.config;
  const measured = readFactor(trace, "measured", { kind: "part", node: id, part, index });
  return {
    equation: "moving ← momentum · moving + (1 − momentum) · measured",
    sentence: "No gradient moves it: it is a running mean of what each batch measures, used at prediction.",
    terms: [
      makeTerm(plainFactor(`${momentum}`, momentum), w),
      makeTerm(plainFactor(`(1 − ${momentum})`, 1 - momentum), measured),
    ],
  };
}

// What the optimizer keeps for a weight: u, m or v, before the step (recorded) or after it.
export function slotTerms(trace, quantity) {
  const { slot: which, when } = quantity;
  const parts = stepAt(trace, quantity);
  const { optimizer } = parts;
  const before = readFactor(trace, `${which} before`, parts.slot(which));
  if (when !== "after" || !parts.step) {
    return {
      equation: which,
      sentence: "The value before this step.",
      terms: [makeTerm(plainFactor(which, before.value))],
    };
  }
  const g = readFactor(trace, "g", parts.gradient);
  if (which === "momentum") {
    return {
      equation: "u ← μ·u − η·g",
      sentence: "The velocity: the old one times μ, minus η times the gradient.",
      terms: [
        makeTerm(plainFactor("μ", optimizer.momentum), before),
        makeTerm(plainFactor("−η", -optimizer.learning_rate), g),
      ],
    };
  }
  const beta = which === "m" ? optimizer.beta_1 : optimizer.beta_2;
  const fresh = plainFactor(`(1 − ${beta})`, 1 - beta);
  return {
    equation: which === "m" ? "m ← β₁·m + (1 − β₁)·g" : "v ← β₂·v + (1 − β₂)·g²",
    sentence: which === "m" ? "A running mean of the gradients." : "A running mean of the squared gradients.",
    terms: [
      makeTerm(plainFactor(`${beta}`, beta), before),
      which === "m" ? makeTerm(fresh, g) : makeTerm(fresh, g, g),
    ],
  };
}
