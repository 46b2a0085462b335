// Dense: every output sees every input. Axes before the last are rows that are treated alike, each by itself.
//
//   y[u]          = bias[u] + Σ x[d] · kernel[d, u]        over all inputs d
//   dkernel[d, u] = x[d] · dy[u]                           (with several rows: their sum)
//   dbias[u]      = dy[u]
//   dx[d]         = Σ dy[u] · kernel[d, u]                 over all outputs u
import { withBias, withBiasGradient } from "./layer_convolution.js";

// Return y: each row's products with the kernel's columns, summed.
export function denseForward(node, [x], { kernel, bias }) {
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
export function denseBackward(node, dy, [x], { kernel, bias }) {
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
