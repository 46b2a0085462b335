// The bias of a convolution or a dense layer: it is added at every position, so its gradient is a sum over
// all of them.
//
//   y[…, u] = … + bias[u]        dbias[u] = Σ dy[…, u]
import { numbersTo } from "../base/arrays.js";
import { counted, makeTerm, outputGradient } from "../base/terms.js";

// Return an array that holds the bias at every position, or zeros where there is none.
export function withBias(size, bias) {
  const y = new Float64Array(size);
  if (bias) for (let n = 0; n < size; n++) y[n] = bias[n % bias.length];
  return y;
}

// Return the gradients with dbias = Σ dy over all positions beside them, where there is a bias.
export function withBiasGradient(gradients, bias, dy) {
  if (!bias) return gradients;
  const dbias = new Float64Array(bias.length);
  for (let n = 0; n < dy.length; n++) dbias[n % dbias.length] += dy[n];
  return { ...gradients, bias: dbias };
}

// dbias = Σ dy
export function biasTerms(trace, node, index) {
  const units = node.shape.at(-1);
  const rows = node.size / units;
  return {
    equation: "dbias = Σ dy",
    sentence: `The bias was added to ${counted(rows, "output")}, so their gradients add up.`,
    terms: numbersTo(rows).map((row) => makeTerm(outputGradient(trace, node, row * units + index))),
  };
}
