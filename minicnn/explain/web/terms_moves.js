// The arithmetic of layers that only move or join numbers.
import { mergeSlope, mergeWinner } from "./layer_merging.js";
import { inputFactor, makeTerm, outputGradient, plainFactor } from "./terms.js";

// y = x, from another place; or 0
export function moveValue(trace, node, index) {
  const { input, from } = node.origins;
  const terms = input[index] < 0 ? [] : [makeTerm(inputFactor(trace, node, input[index], from[index]))];
  return {
    equation: "y = x from its old place",
    sentence: terms.length
      ? "The same number, in another place."
      : "A zero of the border: it comes from nowhere.",
    terms,
  };
}

// dx = Σ dy over the places that the number went to
export function moveGradient(trace, node, k, index) {
  const { input, from } = node.origins;
  const places = [];
  for (let n = 0; n < node.size; n++) if (input[n] === k && from[n] === index) places.push(n);
  return {
    equation: "dx = Σ dy of where x went",
    sentence:
      places.length > 1
        ? `Copied to ${places.length} places: their gradients add up.`
        : "The gradient takes the same way back.",
    terms: places.map((place) => makeTerm(outputGradient(trace, node, place))),
  };
}

const MERGES = {
  Add: [
    "y = a + b + …",
    "Entry by entry, the inputs are added.",
    "A sum passes its gradient on to each of its terms, whole.",
  ],
  Subtract: [
    "y = a − b",
    "Entry by entry, b is taken from a.",
    "The gradient passes on whole; to b with its sign turned.",
  ],
  Average: [
    "y = (a + b + …) / n",
    "Entry by entry, the mean of the inputs.",
    "Each input gets its share of the gradient.",
  ],
  Multiply: [
    "y = a · b · …",
    "Entry by entry, the inputs are multiplied.",
    "The slope of a product in one factor is the product of the others.",
  ],
  Maximum: [
    "y = max(a, b, …)",
    "Entry by entry, the largest goes on.",
    "The largest gets the gradient, the others nothing.",
  ],
  Minimum: [
    "y = min(a, b, …)",
    "Entry by entry, the smallest goes on.",
    "The smallest gets the gradient, the others nothing.",
  ],
};

// y of Add, Subtract, Average: Σ slope · input; of Multiply: the product; of Maximum and Minimum: the winner
export function mergeValue(trace, node, index) {
  const inputs = inputsOf(trace, node);
  const [equation, sentence] = MERGES[node.type];
  const factors = inputs.map((_, k) => inputFactor(trace, node, k, node.repeats[k][index]));
  if (node.type === "Multiply") return { equation, sentence, terms: [makeTerm(...factors)] };
  if (node.type === "Maximum" || node.type === "Minimum") {
    const winner = mergeWinner(node, inputs, index);
    return {
      form: "choice",
      equation,
      sentence,
      terms: factors.map((f, k) => ({ ...makeTerm(f), chosen: k === winner })),
    };
  }
  const terms = factors.map((factor, k) => withSlope(factor, mergeSlope(node, inputs, k, index)));
  return { equation, sentence, terms };
}

// Return the gradient of input k: Σ dy · slope over the entries that it was used for.
export function mergeGradient(trace, node, k, index) {
  const inputs = inputsOf(trace, node);
  const [equation, , sentence] = MERGES[node.type];
  const others = node.inputs.map((_, other) => other).filter((other) => other !== k);
  const terms = [];
  for (let n = 0; n < node.size; n++) {
    if (node.repeats[k][n] !== index) continue;
    const gradient = outputGradient(trace, node, n);
    if (node.type === "Multiply") {
      const factors = others.map((other) => inputFactor(trace, node, other, node.repeats[other][n]));
      terms.push(makeTerm(gradient, ...factors));
    } else {
      terms.push(withSlope(gradient, mergeSlope(node, inputs, k, n)));
    }
  }
  return { equation: `dx = Σ dy · slope,  ${equation}`, sentence, terms };
}

function inputsOf(trace, node) {
  return node.inputs.map((id) => trace.run.values[id]);
}

function withSlope(factor, slope) {
  return slope === 1 ? makeTerm(factor) : makeTerm(factor, plainFactor(slopeText(slope), slope));
}

function slopeText(slope) {
  return Number.isInteger(slope) ? String(slope).replace("-", "−") : `1/${Math.round(1 / slope)}`;
}
