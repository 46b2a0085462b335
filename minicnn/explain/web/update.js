// The update: what the optimizer does with each gradient g of a weight w. The decay comes first and never enters g.
//
//   decay      w ← w · (1 − η·λ)
//   SGD        w ← w − η·g
//   momentum   u ← μ·u − η·g,  w ← w + u                     Nesterov: w ← w + μ·u − η·g
//   Adam       m ← m + (1 − β₁)·(g − m),  m̂ = m / (1 − β₁ᵗ)      t = 1, 2, … counts the steps
//              v ← v + (1 − β₂)·(g² − v), v̂ = v / (1 − β₂ᵗ)
//              w ← w − η · m̂ / (√v̂ + ε̂),  ε̂ = ε / √(1 − β₂ᵗ)
//
// Keras, and the library, keep ε out of the correction: m̂/(√v̂ + ε̂) is their √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε).

// Return {weights: {id: {name: {value, slots}}}}: every weight and its optimizer's state after the step. Weights that
// are not trained stay; batch norm's moving statistics move towards those of this image.
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

// Return the numbers of one weight's step: {decay, …, slots, change, after}; decay is η·λ, slots are those after it.
export function stepOf(optimizer, weight, n, g) {
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

// Return batch norm's moving statistic after it has moved towards this image's, or undefined if it is not one.
function movedStatistic(node, name, extra) {
  const measured = { moving_mean: extra?.mean, moving_variance: extra?.variance }[name];
  if (!measured || !node.config.training) return undefined;
  const { momentum } = node.config;
  return node.weights[name].value.map((moving, c) => momentum * moving + (1 - momentum) * measured[c]);
}
