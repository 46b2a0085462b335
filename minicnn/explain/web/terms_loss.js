// The arithmetic of softmax and of the loss, where the backward pass begins.
import { penaltyOf } from "./loss.js";
import { softmaxRow } from "./layer_softmax.js";
import { derivedFactor, makeStep, makeTerm, plainFactor, readFactor, readStep } from "./terms.js";

// p[k] = e^z[k] / Σ e^z
export function softmaxValue(trace, node, index) {
  return softmaxSteps(trace, { kind: "value", node: node.inputs[0], index }, node.shape.at(-1));
}

// Return the steps of the softmax of the row of numbers that the quantity z stands in.
function softmaxSteps(trace, z, classes) {
  const start = z.index - (z.index % classes);
  const k = z.index - start;
  const row = trace.run.values[z.node].subarray(start, start + classes);
  const { largest, sum } = softmaxRow(row);
  const raised = Math.exp(row[k] - largest);
  const total = plainFactor("1/Σ", 1 / sum);
  return {
    form: "steps",
    equation: "p = e^z / Σ e^z",
    sentence:
      "Each score is raised to a power of e and divided by the sum of all: positive numbers that add up to 1.",
    terms: [makeTerm(derivedFactor("e^(z − largest)", raised, z), total)],
    steps: [
      readStep(trace, "z", z),
      makeStep("the largest z, taken from all so that no power overflows", largest),
      makeStep("e^(z − largest)", raised),
      makeStep(`Σ e^(z − largest) over all ${classes}`, sum),
      makeStep("p = e^(z − largest) / Σ", raised / sum),
    ],
    regions: [{ kind: z.kind, node: z.node, indices: Array.from(row, (_, n) => start + n) }],
  };
}

// dz[j] = Σ dp[k] · p[k] · (δ − p[j])
export function softmaxGradient(trace, node, _input, index) {
  if (node.id === trace.net.fused) return scoreGradient(trace, index);
  const classes = node.shape.at(-1);
  const start = index - (index % classes);
  const own = readFactor(trace, "p", { kind: "value", node: node.id, index });
  const terms = [];
  for (let k = start; k < start + classes; k++) {
    const gradient = readFactor(trace, "dp", { kind: "gradient", node: node.id, index: k });
    const p = readFactor(trace, "p", { kind: "value", node: node.id, index: k });
    const delta = k === index ? 1 : 0;
    terms.push(
      makeTerm(gradient, p, derivedFactor(`(${delta} − ${own.text})`, delta - own.value, own.quantity)),
    );
  }
  return {
    equation: "dz[j] = Σ dp[k] · p[k] · (δ − p[j]),  δ = 1 where k is j",
    sentence:
      "Raising one score raises its own probability and lowers all the others: each sends a gradient back.",
    terms,
  };
}

// Return the quantity of the probability that the loss sees for class k.
function probability({ net }, k) {
  if (net.fused !== null) return { kind: "value", node: net.fused, index: k };
  return { kind: "part", node: net.loss.node, part: "probability", index: k };
}

function className({ net }, k) {
  return net.classes ? ` (${net.classes[k]})` : "";
}

// dz = p · Σt − t, of softmax and cross-entropy together
function scoreGradient(trace, k) {
  const { target } = trace.net;
  const all = target.reduce((sum, t) => sum + t, 0);
  const p = readFactor(trace, "p", probability(trace, k));
  const said = Math.abs(all - 1) < 1e-12 ? makeTerm(p) : makeTerm(p, plainFactor("Σt", all));
  const smoothing = trace.net.loss.label_smoothing;
  return {
    equation: "dz = p − t",
    sentence: `Softmax and cross-entropy in one: what the net says${className(trace, k)}, minus what it should say.`,
    terms: [said, makeTerm(plainFactor(`−t[${k}]`, -target[k]))],
    steps: [
      readStep(trace, "p", p.quantity),
      makeStep(`t[${k}]${className(trace, k)}${smoothing ? `, smoothed by ${smoothing}` : ""}`, target[k]),
      makeStep(
        "the long way, −t/p through the softmax's slopes: Σ (−t/p[k]) · p[k] · (δ − p)",
        longWay(trace, k),
      ),
    ],
  };
}

function longWay({ net, run }, j) {
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
      ? "The mean squared distance between what came out and what should have."
      : "How surprised the net is by the truth: 0 if it had been certain of it.",
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
      sentence: "The slope of a square: twice the distance; K numbers share the mean.",
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

// dL/dy[j] = (dp[j] − Σ dp[k] · p[k]) / Σy,  dp = −t/p,  p = y / Σy kept within [1e-7, 1 − 1e-7]
function shareGradient(trace, j, p, total) {
  const { net, run } = trace;
  const share = plainFactor("1/Σy", 1 / total);
  const slope = (k) => {
    const value = run.lossParts.inside[k] ? -net.target[k] / p[k] : 0;
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
    equation: "p = y / Σy, within [1e-7, 1 − 1e-7]",
    sentence: "The output's share of the sum of all.",
    terms: [],
    steps: [makeStep(y.text, y.value, z), makeStep("Σy", total), makeStep("p", p[k])],
    regions: [{ kind: "value", node: z.node, indices: Array.from(p, (_, n) => n) }],
  };
}
