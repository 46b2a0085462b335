// Where one number comes from: the arithmetic behind it.
//
//   explain(trace, quantity) -> {
//     quantity, name, value
//     equation, sentence     what happens here, in symbols and in words
//     form                   "sum": the terms add up to the value       "gate": one term, x or dy times a gate
//                            "choice": one of the terms was chosen      "steps": the last of the steps is the value
//     terms, steps           see terms.js; terms add up to the value, but for a choice; also where there are steps
//     total                  the number as computed from these: equal to value, to rounding
//     sources                all numbers that took part: [{kind, node, weight?, slot?, part?, indices, role}]
//     related                [{text, quantity}]: where else to go from here
//   }
import { consumersOf, nameOf, valueOf } from "../base/quantities.js";
import { makeTerm, plainFactor, sourcesOf, sumOfTerms, weightFactor } from "../base/terms.js";
import { LAYERS } from "../layers/index.js";
import { lossGradient, lossTerms, probabilityPart, scoreGradient } from "./loss.js";
import { slotTerms, updateTerms } from "./update.js";

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
      return isComputed(trace, node)
        ? LAYERS[node.type].explain.value(trace, node, index)
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
      if (part === "probability") return probabilityPart(trace, index);
      return LAYERS[node.type].explain.part(trace, node, part, index);
    default:
      return trace.net.loss ? lossTerms(trace) : { equation: "L", sentence: trace.net.message, terms: [] };
  }
}

function isComputed({ net }, node) {
  return LAYERS[node.type] !== undefined && !(node.id in net.entry);
}

// A number that nothing here computes: the image, a weight, the output of a layer without arithmetic.
function recordedParts(trace, quantity) {
  const factor = plainFactor(nameOf(trace, quantity), valueOf(trace, quantity));
  return { equation: "recorded", sentence: whereRecorded(trace, quantity), terms: [makeTerm(factor)] };
}

function whereRecorded({ net }, { kind, node: id }) {
  if (kind === "weight") return "The weight before this step, as training has left it.";
  if (net.nodes[id].type === "Opaque") return net.nodes[id].config.message;
  return id in net.entry ? "Recorded where the section that is shown begins." : "A pixel of the image.";
}

// dL/dx = Σ over all that use x of what each sends back: layers that take it in, the loss, what is not shown.
function gradientParts(trace, node, index) {
  const { net } = trace;
  const parts = [];
  for (const { node: id, input } of consumersOf(trace, node.id)) {
    const consumer = net.nodes[id];
    parts.push({ through: consumer.name, ...sentBackBy(trace, consumer, input, index) });
  }
  if (net.loss?.node === node.id) parts.push({ through: "the loss", ...lossGradient(trace, index) });
  if (net.exit[node.id]) {
    parts.push({ through: "what is not shown", ...arrivingGradient(trace, node, index) });
  }
  if (parts.length === 1) return parts[0];
  if (!parts.length) {
    const sentence = net.section
      ? "Nothing in the section that is shown sends a gradient to it."
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

// What a consumer sends back to number `index` of one of its inputs.
function sentBackBy(trace, consumer, input, index) {
  const layer = LAYERS[consumer.type];
  // softmax and cross-entropy are one: p − t arrives below the softmax
  if (consumer.id === trace.net.fused) return scoreGradient(trace, index);
  if (layer) return layer.explain.gradient(trace, consumer, input, index);
  const node = trace.net.nodes[consumer.inputs[input]];
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
    sentence: "Recorded where the section that is shown ends.",
    terms: [makeTerm(factor)],
  };
}

// The layer's sum, and the slope of the penalty on the weight: l1 · sign(w) + 2 · l2 · w.
function weightGradientParts(trace, node, name, index) {
  const own = LAYERS[node.type]?.explain.weight;
  const weight = node.weights[name];
  if (!own || !trace.grads.weights[node.id][name]) {
    return {
      equation: "no gradient",
      sentence: "The backward pass does not reach it: no gradient.",
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
