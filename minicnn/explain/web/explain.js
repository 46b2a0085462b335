// The heart of the page: where one number comes from.
//
//   explain(trace, quantity) -> {
//     quantity, name, value
//     equation, sentence     what happens here, in symbols and in words
//     form                   "sum": the terms add up to the value       "gate": one term, x or dy times a gate
//                            "choice": one of the terms was chosen      "steps": the last of the steps is the value
//     terms, steps           see terms.js; terms add up to the value, but for a choice; also where there are steps
//     total                  the number as it was just put together from these: equal to value, to rounding
//     sources                all numbers that took part: [{kind, node, weight?, slot?, part?, indices, role}]
//     related                [{text, quantity}]: where else to go from here
//   }
import { consumersOf, nameOf, valueOf } from "./quantities.js";
import { activationGradient, activationValue, dropoutGradient, dropoutValue } from "./terms_activations.js";
import { reluGradient, reluValue, rescaleGradient, rescaleValue } from "./terms_activations.js";
import { convolutionGradient, convolutionValue, convolutionWeightGradient } from "./terms_convolution.js";
import { denseGradient, denseValue, denseWeightGradient } from "./terms_convolution.js";
import { lossGradient, lossTerms, probabilityPart, softmaxGradient, softmaxValue } from "./terms_loss.js";
import { mergeGradient, mergeValue, moveGradient, moveValue } from "./terms_moves.js";
import { batchNormGradient, batchNormPart, batchNormValue } from "./terms_normalization.js";
import { batchNormWeightGradient } from "./terms_normalization.js";
import { averagePoolGradient, averagePoolValue, maxPoolGradient, maxPoolValue } from "./terms_pooling.js";
import { makeTerm, plainFactor, sourcesOf, sumOfTerms, weightFactor } from "./terms.js";
import { slotTerms, updateTerms } from "./terms_update.js";

// How each layer type explains its numbers. What is not among them is only recorded.
//   value(trace, node, index)              an output
//   gradient(trace, node, input, index)    what it sends back to a number of one of its inputs
//   weight(trace, node, name, index)       the gradient of one of its weights
const POOLS_MAX = { value: maxPoolValue, gradient: maxPoolGradient };
const POOLS_MEAN = { value: averagePoolValue, gradient: averagePoolGradient };
const RESCALES = { value: rescaleValue, gradient: rescaleGradient };
const MOVES = { value: moveValue, gradient: moveGradient };
const JOINS = { value: mergeValue, gradient: mergeGradient };
const CONVOLVES = {
  value: convolutionValue,
  gradient: convolutionGradient,
  weight: convolutionWeightGradient,
};
const EXPLAINERS = {
  Conv2D: CONVOLVES,
  DepthwiseConv2D: CONVOLVES,
  Dense: { value: denseValue, gradient: denseGradient, weight: denseWeightGradient },
  ReLU: { value: reluValue, gradient: reluGradient },
  Activation: { value: activationValue, gradient: activationGradient },
  Softmax: { value: softmaxValue, gradient: softmaxGradient },
  Dropout: { value: dropoutValue, gradient: dropoutGradient },
  BatchNormalization: { value: batchNormValue, gradient: batchNormGradient, weight: batchNormWeightGradient },
  MaxPooling2D: POOLS_MAX,
  AveragePooling2D: POOLS_MEAN,
  GlobalMaxPooling2D: POOLS_MAX,
  GlobalAveragePooling2D: POOLS_MEAN,
  Rescaling: RESCALES,
  Normalization: RESCALES,
  Flatten: MOVES,
  Reshape: MOVES,
  Permute: MOVES,
  ZeroPadding2D: MOVES,
  UpSampling2D: MOVES,
  Concatenate: MOVES,
  Add: JOINS,
  Subtract: JOINS,
  Average: JOINS,
  Multiply: JOINS,
  Maximum: JOINS,
  Minimum: JOINS,
};

// Return the explanation of a quantity; see above.
export function explain(trace, quantity) {
  const { form = "sum", equation, sentence, terms, steps = [], regions = [] } = partsOf(trace, quantity);
  return {
    quantity,
    name: nameOf(trace, quantity),
    value: valueOf(trace, quantity),
    equation,
    sentence,
    form,
    terms,
    steps,
    total: totalOf(form, terms, steps),
    sources: sourcesOf(terms, steps, regions),
    related: relatedTo(trace, quantity),
  };
}

function totalOf(form, terms, steps) {
  if (form === "choice") return terms.find(({ chosen }) => chosen).value;
  return form === "steps" ? (steps.at(-1)?.value ?? sumOfTerms(terms)) : sumOfTerms(terms);
}

function partsOf(trace, quantity) {
  const { kind, node: id, weight, part, index } = quantity;
  const node = trace.net.nodes[id];
  switch (kind) {
    case "value":
      return isOpened(trace, node)
        ? EXPLAINERS[node.type].value(trace, node, index)
        : recordedParts(trace, quantity);
    case "gradient":
      return gradientParts(trace, node, index);
    case "weight":
      return recordedParts(trace, quantity);
    case "weightGradient":
      return weightGradientParts(trace, node, weight, index);
    case "update":
      return updateTerms(trace, quantity);
    case "slot":
      return slotTerms(trace, quantity);
    case "part":
      return part === "probability" ? probabilityPart(trace, index) : batchNormPart(trace, node, part, index);
    default:
      return trace.net.loss ? lossTerms(trace) : { equation: "L", sentence: trace.net.message, terms: [] };
  }
}

function isOpened({ net }, node) {
  return EXPLAINERS[node.type] !== undefined && !(node.id in net.entry);
}

// A number that nothing here computes: the image, a weight, what a layer that is not opened up gave.
function recordedParts(trace, quantity) {
  const factor = plainFactor(nameOf(trace, quantity), valueOf(trace, quantity));
  return { equation: "recorded", sentence: whereRecorded(trace, quantity), terms: [makeTerm(factor)] };
}

function whereRecorded({ net }, { kind, node: id }) {
  if (kind === "weight") return "What the earlier steps of training have made of it.";
  if (net.nodes[id].type === "Opaque") return net.nodes[id].config.message;
  return id in net.entry ? "Recorded where the part that is shown begins." : "A pixel of the image.";
}

// dL/dx = Σ over all that use x of what each sends back: layers that take it in, the loss, what is not shown.
function gradientParts(trace, node, index) {
  const { net } = trace;
  const parts = [];
  for (const { node: id, input } of consumersOf(trace, node.id)) {
    const consumer = net.nodes[id];
    const explainers = EXPLAINERS[consumer.type];
    const sent = explainers
      ? explainers.gradient(trace, consumer, input, index)
      : sentByOpaque(trace, consumer, node, index);
    parts.push({ through: consumer.name, ...sent });
  }
  if (net.loss?.node === node.id) parts.push({ through: "the loss", ...lossGradient(trace, index) });
  if (net.exit[node.id]) {
    parts.push({ through: "what is not shown", ...arrivingGradient(trace, node, index) });
  }
  if (parts.length === 1) return parts[0];
  if (!parts.length) {
    const sentence = net.window
      ? "Nothing in the part that is shown sends a gradient to it."
      : "Nothing uses this number: it cannot change the loss.";
    return { equation: "dL/dx = 0", sentence, terms: [] };
  }
  return {
    equation: `dL/dx = ${parts.map(({ through }) => `(through ${through})`).join(" + ")}`,
    sentence: `It has ${parts.length} uses. Each sends a gradient back, and they add up.`,
    terms: parts.flatMap(({ through, terms }) => terms.map((term) => ({ ...term, through }))),
    steps: parts.flatMap(({ through, steps = [] }) => steps.map((step) => ({ ...step, through }))),
    regions: parts.flatMap(({ regions = [] }) => regions),
  };
}

function sentByOpaque(trace, consumer, node, index) {
  const value = consumer.recorded.gradients[node.id][index];
  const label = `dL/d ${node.name} as ${consumer.name} sent it`;
  return {
    equation: "recorded",
    sentence: consumer.config.message,
    terms: [makeTerm(plainFactor(label, value))],
  };
}

function arrivingGradient({ net }, node, index) {
  const factor = plainFactor(`dL/d ${node.name} as it arrived`, net.exit[node.id][index]);
  return {
    equation: "recorded",
    sentence: "Recorded where the part that is shown ends.",
    terms: [makeTerm(factor)],
  };
}

// The layer's sum, and the slope of the penalty on the weight: l1 · sign(w) + 2 · l2 · w.
function weightGradientParts(trace, node, name, index) {
  const { weight: own } = EXPLAINERS[node.type] ?? {};
  const weight = node.weights[name];
  if (!own || !trace.grads.weights[node.id][name]) {
    return {
      equation: "no gradient",
      sentence: "It is not reached by the backward pass: no gradient.",
      terms: [],
    };
  }
  const parts = own(trace, node, name, index);
  const { l1, l2 } = (weight.trainable && weight.regularizer) || {};
  if (!l1 && !l2) return parts;
  const w = weightFactor(trace, node, "w", name, index);
  const terms = [...parts.terms];
  if (l1) terms.push(makeTerm(plainFactor("penalty l1", l1), plainFactor("sign(w)", Math.sign(w.value))));
  if (l2) terms.push(makeTerm(plainFactor("penalty 2 · l2", 2 * l2), w));
  return { ...parts, equation: `${parts.equation} + the penalty's slope`, terms };
}

function relatedTo(trace, quantity) {
  const { kind, node, weight, index } = quantity;
  const found = [];
  const offer = (text, other) => found.push({ text, quantity: other });
  if (kind === "value") offer("its gradient", { kind: "gradient", node, index });
  if (kind === "gradient") offer("its value", { kind: "value", node, index });
  if (["weight", "weightGradient", "update", "slot"].includes(kind)) {
    if (kind !== "weight") offer("the weight", { kind: "weight", node, weight, index });
    if (kind !== "weightGradient" && trace.grads.weights[node][weight]) {
      offer("its gradient", { kind: "weightGradient", node, weight, index });
    }
    if (kind !== "update") offer("after the step", { kind: "update", node, weight, index });
  }
  return found;
}
