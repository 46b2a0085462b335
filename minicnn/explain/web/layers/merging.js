// Layers that join several inputs a, b, … entry by entry. An input that has 1 where another has more is
// repeated along that axis; each of its entries is then used several times, and gets the sum of the gradients
// of its uses.
//
//   Add        y = a + b + …           da = dy                      each term gets a copy
//   Subtract   y = a − b               da = dy,  db = −dy
//   Average    y = (a + b + …)/n       da = dy/n
//   Multiply   y = a · b · …           da = dy · all the others
//   Maximum    y = the largest         da = dy where a is the largest (of equals the first), else 0
import { repeatedIndices, sizeOf } from "../base/arrays.js";
import { inputFactor, makeTerm, outputGradient, plainFactor } from "../base/terms.js";

const MERGE = {
  prepare: mergeRepeats,
  forward: mergeForward,
  backward: mergeBackward,
  explain: { value: mergeValue, gradient: mergeGradient },
};
export const MERGING_LAYERS = {
  Add: MERGE,
  Subtract: MERGE,
  Average: MERGE,
  Multiply: MERGE,
  Maximum: MERGE,
  Minimum: MERGE,
};

// Return, for each input, where the output's entries stand in it.
function mergeRepeats({ shape, inputShapes }) {
  return { repeats: inputShapes.map((small) => repeatedIndices(shape, small)) };
}

// Return the slope of output entry n in input number k: what dy is multiplied with on its way there.
function mergeSlope(node, inputs, k, n) {
  const read = (input) => inputs[input][node.repeats[input][n]];
  switch (node.type) {
    case "Add":
      return 1;
    case "Subtract":
      return k === 0 ? 1 : -1;
    case "Average":
      return 1 / inputs.length;
    case "Multiply":
      return inputs.reduce((product, _, other) => (other === k ? product : product * read(other)), 1);
    default:
      return mergeWinner(node, inputs, n) === k ? 1 : 0;
  }
}

// Return the number of the input that is the largest at entry n (Minimum: the smallest), of equals the first.
function mergeWinner(node, inputs, n) {
  const sign = node.type === "Minimum" ? -1 : 1;
  let winner = 0;
  for (let k = 1; k < inputs.length; k++) {
    const ahead = inputs[k][node.repeats[k][n]] - inputs[winner][node.repeats[winner][n]];
    if (sign * ahead > 0) winner = k;
  }
  return winner;
}

// Return y: Σ slope · input, but for Multiply, which is input 0 · its slope.
function mergeForward(node, inputs) {
  const value = new Float64Array(node.size);
  const used = node.type === "Multiply" ? 1 : inputs.length;
  for (let k = 0; k < used; k++) {
    for (let n = 0; n < value.length; n++) {
      value[n] += mergeSlope(node, inputs, k, n) * inputs[k][node.repeats[k][n]];
    }
  }
  return { value };
}

// Return each input's gradient: Σ dy · slope over the entries that it was used for.
function mergeBackward(node, dy, inputs) {
  const gradients = node.inputShapes.map((shape) => new Float64Array(sizeOf(shape)));
  for (let k = 0; k < inputs.length; k++) {
    const repeats = node.repeats[k];
    for (let n = 0; n < dy.length; n++) gradients[k][repeats[n]] += dy[n] * mergeSlope(node, inputs, k, n);
  }
  return { inputs: gradients };
}

const MERGES = {
  Add: [
    "y = a + b + …",
    "Entry by entry, the inputs are added.",
    "The slope of a sum is 1: each term gets the whole gradient.",
  ],
  Subtract: [
    "y = a − b",
    "Entry by entry, b is subtracted from a.",
    "a gets the whole gradient, b the same with the other sign.",
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
    "Entry by entry, the largest is the output.",
    "The largest gets the gradient, the others nothing.",
  ],
  Minimum: [
    "y = min(a, b, …)",
    "Entry by entry, the smallest is the output.",
    "The smallest gets the gradient, the others nothing.",
  ],
};

// y of Add, Subtract, Average: Σ slope · input; of Multiply: the product; of Maximum and Minimum: the winner
function mergeValue(trace, node, index) {
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
function mergeGradient(trace, node, k, index) {
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
