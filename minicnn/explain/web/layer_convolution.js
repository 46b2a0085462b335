// Convolution: y is a sum of products over the links of each window (geometry.js), so the gradient of each factor is
// the other factor, summed over every y that it went into.
//
//   y[i, j, k]          = bias[k] + Σ x[row, column, c] · kernel[a, b, c, k]     over the window's a, b, and all c
//   dbias[k]            = Σ dy[i, j, k]                                          over all positions i, j
//   dkernel[a, b, c, k] = Σ x[row, column, c] · dy[i, j, k]                      over all positions i, j
//   dx[row, column, c]  = Σ dy[i, j, k] · kernel[a, b, c, k]                     over the windows that see it, and k
//
// Depthwise: each channel c has kernels of its own, y[i, j, c·M + m], and there is no sum over c.
import { windowLinks } from "./geometry.js";

// Return the links of a convolution's windows.
export function convolutionLinks({ inputShapes, weights, config }) {
  const { strides, dilation, padding } = config;
  return { links: windowLinks(inputShapes[0], weights.kernel.shape, strides, dilation, padding) };
}

// Return y: at each position and for each kernel the bias and the sum of products.
export function conv2dForward(node, [x], { kernel, bias }) {
  const { links } = node;
  const filters = node.shape[2];
  const channels = node.inputShapes[0][2];
  const y = withBias(node.size, bias);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * filters;
    const from = links.input[n] * channels;
    const entry = links.entry[n] * channels;
    for (let c = 0; c < channels; c++) {
      const pixel = x[from + c];
      const weights = (entry + c) * filters;
      for (let k = 0; k < filters; k++) y[to + k] += pixel * kernel[weights + k];
    }
  }
  return { value: y };
}

// Return dx, dkernel and dbias: each link sends dy · kernel back to its pixel, and x · dy to its kernel entry.
export function conv2dBackward(node, dy, [x], { kernel, bias }) {
  const { links } = node;
  const filters = node.shape[2];
  const channels = node.inputShapes[0][2];
  const dx = new Float64Array(x.length);
  const dkernel = new Float64Array(kernel.length);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * filters;
    const from = links.input[n] * channels;
    const entry = links.entry[n] * channels;
    for (let c = 0; c < channels; c++) {
      const pixel = x[from + c];
      const weights = (entry + c) * filters;
      let sum = 0;
      for (let k = 0; k < filters; k++) {
        sum += dy[to + k] * kernel[weights + k];
        dkernel[weights + k] += pixel * dy[to + k];
      }
      dx[from + c] += sum;
    }
  }
  return { inputs: [dx], weights: withBiasGradient({ kernel: dkernel }, bias, dy) };
}

// Return y: at each position, for each channel c, the sums of products with its own M kernels.
export function depthwiseForward(node, [x], { kernel, bias }) {
  const { links } = node;
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  const multiplier = maps / channels;
  const y = withBias(node.size, bias);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * maps;
    const from = links.input[n] * channels;
    const weights = links.entry[n] * maps;
    for (let map = 0; map < maps; map++) {
      y[to + map] += x[from + Math.floor(map / multiplier)] * kernel[weights + map];
    }
  }
  return { value: y };
}

// Return dx, dkernel and dbias; map c·M + m sends its gradient back to channel c alone.
export function depthwiseBackward(node, dy, [x], { kernel, bias }) {
  const { links } = node;
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  const multiplier = maps / channels;
  const dx = new Float64Array(x.length);
  const dkernel = new Float64Array(kernel.length);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * maps;
    const from = links.input[n] * channels;
    const weights = links.entry[n] * maps;
    for (let map = 0; map < maps; map++) {
      const pixel = from + Math.floor(map / multiplier);
      dx[pixel] += dy[to + map] * kernel[weights + map];
      dkernel[weights + map] += x[pixel] * dy[to + map];
    }
  }
  return { inputs: [dx], weights: withBiasGradient({ kernel: dkernel }, bias, dy) };
}

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
