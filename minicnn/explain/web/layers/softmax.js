// Softmax over the last axis: positive numbers that sum to 1.
//
//   p[k] = e^z[k] / Σ e^z[j]              log p[k] = z[k] − log Σ e^z[j]
//   dz[j] = Σ dp[k] · p[k] · (δ − p[j])   over all k, δ = 1 where k is j: raising one lowers the others
//
// The largest z is taken from all of them first: that changes no p, and no exponential overflows.
import { derivedFactor, makeStep, makeTerm, plainFactor, readFactor, readStep } from "../base/terms.js";

export const SOFTMAX_LAYERS = {
  Softmax: {
    forward: softmaxForward,
    backward: softmaxBackward,
    explain: { value: softmaxValue, gradient: softmaxGradient },
  },
};

// Return p and log p of one row of K numbers, with the largest z and the sum of the shifted exponentials.
export function softmaxRow(z) {
  const largest = z.reduce((most, number) => Math.max(most, number), -Infinity);
  const exponentials = z.map((number) => Math.exp(number - largest));
  const sum = exponentials.reduce((total, number) => total + number, 0);
  const p = exponentials.map((number) => number / sum);
  const logP = z.map((number) => number - largest - Math.log(sum));
  return { p, logP, largest, sum };
}

// Return p, row by row.
function softmaxForward(node, [z]) {
  const classes = node.shape.at(-1);
  const value = new Float64Array(z.length);
  for (let start = 0; start < z.length; start += classes) {
    value.set(softmaxRow(z.subarray(start, start + classes)).p, start);
  }
  return { value };
}

// Return dz = p · (dp − Σ dp·p): the sum above, taken at once.
function softmaxBackward(node, dp, _inputs, _weights, _extra, p) {
  const classes = node.shape.at(-1);
  const dz = new Float64Array(p.length);
  for (let start = 0; start < p.length; start += classes) {
    let mean = 0;
    for (let k = start; k < start + classes; k++) mean += dp[k] * p[k];
    for (let k = start; k < start + classes; k++) dz[k] = p[k] * (dp[k] - mean);
  }
  return { inputs: [dz] };
}

// p[k] = e^z[k] / Σ e^z
function softmaxValue(trace, node, index) {
  return softmaxSteps(trace, { kind: "value", node: node.inputs[0], index }, node.shape.at(-1));
}

// Return the steps of the softmax of the row of numbers that the quantity z stands in.
export function softmaxSteps(trace, z, classes) {
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
function softmaxGradient(trace, node, _input, index) {
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
