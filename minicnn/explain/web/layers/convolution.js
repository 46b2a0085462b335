// Convolution: y is a sum of products over the links of each window (base/windows.js), so the gradient of
// each factor is the other factor, summed over every y that it went into.
//
//   y[i, j, k]          = bias[k] + Σ x[row, column, c] · kernel[a, b, c, k]     over the window's a, b, and all c
//   dbias[k]            = Σ dy[i, j, k]                                          over all positions i, j
//   dkernel[a, b, c, k] = Σ x[row, column, c] · dy[i, j, k]                      over all positions i, j
//   dx[row, column, c]  = Σ dy[i, j, k] · kernel[a, b, c, k]                     over the windows that see it, and k
//
// Depthwise: each channel c has kernels of its own, y[i, j, c·M + m], and there is no sum over c.
//
// Transposed: the links go the other way, from the positions of a small map to the pixels of a large one. So x and
// y change places in them, and the kernel is [a, b, k, c]; the sums are the same.
import { numbersTo, unravel } from "../base/arrays.js";
import { counted, inputFactor, makeTerm, outputGradient, weightFactor } from "../base/terms.js";
import { linksAt, windowLinks } from "../base/windows.js";
import { biasTerms, withBias, withBiasGradient } from "./bias.js";

const EXPLAIN_CONVOLUTION = {
  value: convolutionValue,
  gradient: convolutionGradient,
  weight: convolutionWeightGradient,
};
export const CONVOLUTION_LAYERS = {
  Conv2DTranspose: {
    prepare: transposedLinks,
    forward: conv2dForward,
    backward: conv2dBackward,
    explain: EXPLAIN_CONVOLUTION,
  },
  Conv2D: {
    prepare: convolutionLinks,
    forward: conv2dForward,
    backward: conv2dBackward,
    explain: EXPLAIN_CONVOLUTION,
  },
  DepthwiseConv2D: {
    prepare: convolutionLinks,
    forward: depthwiseForward,
    backward: depthwiseBackward,
    explain: EXPLAIN_CONVOLUTION,
  },
};

// Return the links of a convolution's windows.
function convolutionLinks({ inputShapes, weights, config }) {
  const { strides, dilation, padding } = config;
  return { links: windowLinks(inputShapes[0], weights.kernel.shape, strides, dilation, padding) };
}

// Return the links of the convolution from y's size to x's, with their two ends exchanged.
function transposedLinks({ shape, weights, config }) {
  const links = convolutionLinks({ inputShapes: [shape], weights, config });
  return { links: { ...links.links, input: links.links.output, output: links.links.input } };
}

// Return how far the numbers of two channels of x, and of two maps of y, are from each other in the kernel.
function kernelSteps(node) {
  const [channels, maps] = [node.inputShapes[0][2], node.shape[2]];
  return node.type === "Conv2DTranspose" ? [1, channels] : [maps, 1];
}

// Return y: at each position and for each kernel the bias and the sum of products.
function conv2dForward(node, [x], { kernel, bias }) {
  const { links } = node;
  const filters = node.shape[2];
  const channels = node.inputShapes[0][2];
  const [channelStep, mapStep] = kernelSteps(node);
  const y = withBias(node.size, bias);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * filters;
    const from = links.input[n] * channels;
    const entry = links.entry[n] * channels * filters;
    for (let c = 0; c < channels; c++) {
      const pixel = x[from + c];
      const weights = entry + c * channelStep;
      for (let k = 0; k < filters; k++) y[to + k] += pixel * kernel[weights + k * mapStep];
    }
  }
  return { value: y };
}

// Return dx, dkernel and dbias: each link sends dy · kernel back to its pixel, and x · dy to its kernel
// entry.
function conv2dBackward(node, dy, [x], { kernel, bias }) {
  const { links } = node;
  const filters = node.shape[2];
  const channels = node.inputShapes[0][2];
  const [channelStep, mapStep] = kernelSteps(node);
  const dx = new Float64Array(x.length);
  const dkernel = new Float64Array(kernel.length);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * filters;
    const from = links.input[n] * channels;
    const entry = links.entry[n] * channels * filters;
    for (let c = 0; c < channels; c++) {
      const pixel = x[from + c];
      const weights = entry + c * channelStep;
      let sum = 0;
      for (let k = 0; k < filters; k++) {
        sum += dy[to + k] * kernel[weights + k * mapStep];
        dkernel[weights + k * mapStep] += pixel * dy[to + k];
      }
      dx[from + c] += sum;
    }
  }
  return { inputs: [dx], weights: withBiasGradient({ kernel: dkernel }, bias, dy) };
}

// Return y: at each position, for each channel c, the sums of products with its own M kernels.
function depthwiseForward(node, [x], { kernel, bias }) {
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
function depthwiseBackward(node, dy, [x], { kernel, bias }) {
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

// ---- explanations. The three passes select from the same list of links: y by output position, dx by pixel,
// dkernel by kernel entry.

// Return the factor of the kernel number that takes channel c of the input, at a window entry, into a map of
// y.
function kernelFactor(trace, node, entry, c, map) {
  const maps = node.shape[2];
  if (isDepthwise(node)) return weightFactor(trace, node, "kernel", "kernel", entry * maps + map);
  const [channelStep, mapStep] = kernelSteps(node);
  const index = entry * node.inputShapes[0][2] * maps + c * channelStep + map * mapStep;
  return weightFactor(trace, node, "kernel", "kernel", index);
}

function isDepthwise(node) {
  return node.type === "DepthwiseConv2D";
}

// Return the input channels that a map of the output is made from: all of them, or, depthwise, one.
function channelsOf(node, map) {
  const channels = node.inputShapes[0][2];
  return isDepthwise(node) ? [Math.floor((map * channels) / node.shape[2])] : numbersTo(channels);
}

// Return the maps of the output that an input channel goes into.
function mapsOf(node, c) {
  const maps = numbersTo(node.shape[2]);
  return isDepthwise(node) ? maps.filter((map) => channelsOf(node, map)[0] === c) : maps;
}

// y[i, j, k] = Σ x · kernel + bias[k]
function convolutionValue(trace, node, index) {
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  const map = index % maps;
  const seen = linksAt(node.links, "output", Math.floor(index / maps));
  const terms = [];
  for (const n of seen) {
    for (const c of channelsOf(node, map)) {
      const pixel = inputFactor(trace, node, 0, node.links.input[n] * channels + c);
      terms.push(makeTerm(pixel, kernelFactor(trace, node, node.links.entry[n], c, map)));
    }
  }
  if (node.weights.bias) terms.push(makeTerm(weightFactor(trace, node, "bias", "bias", map)));
  const [row, column] = unravel(node.shape, index);
  if (node.type === "Conv2DTranspose") {
    return {
      equation: "y = Σ x · kernel + bias",
      sentence:
        `Row ${row}, column ${column} is in the ${seen.length === 1 ? "window" : "windows"} of ` +
        `${counted(seen.length, "pixel")} of x. Each adds its kernel ${map} there, times itself, in all its channels.`,
      terms,
    };
  }
  const outside = node.links.entries - seen.length;
  const depth = isDepthwise(node) ? "in its own channel" : "in all its channels";
  const padding = outside
    ? ` ${outside} of its ${node.links.entries} positions ${outside === 1 ? "lies" : "lie"} outside the map, where x is 0.`
    : "";
  return {
    equation: "y = Σ x · kernel + bias",
    sentence:
      `The window of row ${row}, column ${column} is multiplied, ${depth}, with kernel ${map}; ` +
      `the products add up.${padding}`,
    terms,
  };
}

// dx = Σ dy · kernel over the windows that see the pixel, and their maps
function convolutionGradient(trace, node, _input, index) {
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  const c = index % channels;
  const terms = [];
  const seen = linksAt(node.links, "input", Math.floor(index / channels));
  for (const n of seen) {
    for (const map of mapsOf(node, c)) {
      const gradient = outputGradient(trace, node, node.links.output[n] * maps + map);
      terms.push(makeTerm(gradient, kernelFactor(trace, node, node.links.entry[n], c, map)));
    }
  }
  const windows =
    node.type === "Conv2DTranspose"
      ? `It was added to ${counted(seen.length, "pixel")} of ${node.name}, `
      : `It is in ${counted(seen.length, "window")} of ${node.name}, `;
  return {
    equation: "dx = Σ dy · kernel",
    sentence:
      `${windows}${seen.length === 1 ? "" : "each "}with ` +
      `${counted(mapsOf(node, c).length, "kernel")}. Every output sends its gradient back times the kernel ` +
      "entry that connects the two.",
    terms,
  };
}

// dkernel = Σ x · dy over all positions, dbias = Σ dy
function convolutionWeightGradient(trace, node, weight, index) {
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  if (weight === "bias") return biasTerms(trace, node, index);
  const [channelStep, mapStep] = kernelSteps(node);
  const map = Math.floor(index / mapStep) % maps;
  const entry = Math.floor(index / (isDepthwise(node) ? maps : channels * maps));
  const c = isDepthwise(node) ? channelsOf(node, map)[0] : Math.floor(index / channelStep) % channels;
  const used = linksAt(node.links, "entry", entry);
  const terms = used.map((n) => {
    const pixel = inputFactor(trace, node, 0, node.links.input[n] * channels + c);
    return makeTerm(pixel, outputGradient(trace, node, node.links.output[n] * maps + map));
  });
  return {
    equation: "dkernel = Σ x · dy",
    sentence:
      `It was used at ${counted(used.length, "position")}, each time with another x. Its gradient is the sum of ` +
      "each x times the gradient of the output there.",
    terms,
  };
}
