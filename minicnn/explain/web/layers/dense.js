// Dense: every output sees every input. Axes before the last are rows that are treated alike, each by itself.
//
//   y[u]          = bias[u] + Σ x[d] · kernel[d, u]        over all inputs d
//   dkernel[d, u] = x[d] · dy[u]                           (with several rows: their sum)
//   dbias[u]      = dy[u]
//   dx[d]         = Σ dy[u] · kernel[d, u]                 over all outputs u
import { numbersTo } from "../base/arrays.js";
import { inputFactor, makeTerm, outputGradient, weightFactor } from "../base/terms.js";
import { biasTerms, withBias, withBiasGradient } from "./bias.js";

export const DENSE_LAYERS = {
  Dense: {
    forward: denseForward,
    backward: denseBackward,
    explain: { value: denseValue, gradient: denseGradient, weight: denseWeightGradient },
  },
};

// Return y: each row's products with the kernel's columns, summed.
function denseForward(node, [x], { kernel, bias }) {
  const units = node.shape.at(-1);
  const inputs = node.inputShapes[0].at(-1);
  const rows = x.length / inputs;
  const y = withBias(node.size, bias);
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < inputs; d++) {
      const pixel = x[row * inputs + d];
      for (let u = 0; u < units; u++) y[row * units + u] += pixel * kernel[d * units + u];
    }
  }
  return { value: y };
}

// Return dx, dkernel and dbias.
function denseBackward(node, dy, [x], { kernel, bias }) {
  const units = node.shape.at(-1);
  const inputs = node.inputShapes[0].at(-1);
  const rows = x.length / inputs;
  const dx = new Float64Array(x.length);
  const dkernel = new Float64Array(kernel.length);
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < inputs; d++) {
      const pixel = x[row * inputs + d];
      let sum = 0;
      for (let u = 0; u < units; u++) {
        sum += dy[row * units + u] * kernel[d * units + u];
        dkernel[d * units + u] += pixel * dy[row * units + u];
      }
      dx[row * inputs + d] = sum;
    }
  }
  return { inputs: [dx], weights: withBiasGradient({ kernel: dkernel }, bias, dy) };
}

// y[u] = Σ x[d] · kernel[d, u] + bias[u]
function denseValue(trace, node, index) {
  const units = node.shape.at(-1);
  const inputs = node.inputShapes[0].at(-1);
  const u = index % units;
  const row = Math.floor(index / units);
  const terms = numbersTo(inputs).map((d) => {
    const weight = weightFactor(trace, node, "kernel", "kernel", d * units + u);
    return makeTerm(inputFactor(trace, node, 0, row * inputs + d), weight);
  });
  if (node.weights.bias) terms.push(makeTerm(weightFactor(trace, node, "bias", "bias", u)));
  return {
    equation: "y = Σ x · kernel + bias",
    sentence: `${inputs === 1 ? "The input" : `Each of the ${inputs} inputs`} times its weight in column ${u} of the kernel; then the bias.`,
    terms,
  };
}

// dx[d] = Σ dy[u] · kernel[d, u]
function denseGradient(trace, node, _input, index) {
  const units = node.shape.at(-1);
  const inputs = node.inputShapes[0].at(-1);
  const d = index % inputs;
  const row = Math.floor(index / inputs);
  const terms = numbersTo(units).map((u) => {
    const weight = weightFactor(trace, node, "kernel", "kernel", d * units + u);
    return makeTerm(outputGradient(trace, node, row * units + u), weight);
  });
  return {
    equation: "dx = Σ dy · kernel",
    sentence:
      units === 1
        ? `The output of ${node.name} uses it, and sends its gradient back times the weight.`
        : `All ${units} outputs of ${node.name} use it; each sends its gradient back times its weight.`,
    terms,
  };
}

// dkernel[d, u] = x[d] · dy[u], over all rows; dbias = Σ dy
function denseWeightGradient(trace, node, weight, index) {
  if (weight === "bias") return biasTerms(trace, node, index);
  const units = node.shape.at(-1);
  const inputs = node.inputShapes[0].at(-1);
  const d = Math.floor(index / units);
  const u = index % units;
  const terms = numbersTo(node.size / units).map((row) => {
    const x = inputFactor(trace, node, 0, row * inputs + d);
    return makeTerm(x, outputGradient(trace, node, row * units + u));
  });
  return {
    equation: "dkernel = x · dy",
    sentence: `This weight connects input ${d} to output ${u}: the input's value times the output's gradient.`,
    terms,
  };
}
