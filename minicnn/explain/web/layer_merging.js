// Layers that join several inputs a, b, … entry by entry. An input that has 1 where another has more is repeated
// along that axis; each of its entries is then used several times, and gets the sum of the gradients of its uses.
//
//   Add        y = a + b + …           da = dy                      each term gets a copy
//   Subtract   y = a − b               da = dy,  db = −dy
//   Average    y = (a + b + …)/n       da = dy/n
//   Multiply   y = a · b · …           da = dy · all the others
//   Maximum    y = the largest         da = dy where a is the largest (of equals the first), else 0
import { repeatedIndices, sizeOf } from "./arrays.js";

// Return, for each input, where the output's entries stand in it.
export function mergeRepeats({ shape, inputShapes }) {
  return { repeats: inputShapes.map((small) => repeatedIndices(shape, small)) };
}

// Return the slope of output entry n in input number k: what dy is multiplied with on its way there.
export function mergeSlope(node, inputs, k, n) {
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
export function mergeWinner(node, inputs, n) {
  const sign = node.type === "Minimum" ? -1 : 1;
  let winner = 0;
  for (let k = 1; k < inputs.length; k++) {
    const ahead = inputs[k][node.repeats[k][n]] - inputs[winner][node.repeats[winner][n]];
    if (sign * ahead > 0) winner = k;
  }
  return winner;
}

// Return y: Σ slope · input, but for Multiply, which is input 0 · its slope.
export function mergeForward(node, inputs) {
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
export function mergeBackward(node, dy, inputs) {
  const gradients = node.inputShapes.map((shape) => new Float64Array(sizeOf(shape)));
  for (let k = 0; k < inputs.length; k++) {
    const repeats = node.repeats[k];
    for (let n = 0; n < dy.length; n++) gradients[k][repeats[n]] += dy[n] * mergeSlope(node, inputs, k, n);
  }
  return { inputs: gradients };
}
