// The arithmetic of convolution, depthwise convolution and dense: a number is a sum of products. The three passes of a
// convolution pick from the same list of links: by output position (y), by pixel (dx), by kernel entry (dkernel).
import { unravel } from "./arrays.js";
import { linksAt } from "./geometry.js";
import { inputFactor, makeTerm, outputGradient, weightFactor } from "./terms.js";

// Return the factor of the kernel number that takes channel c of the input, at a window entry, into a map of y.
function kernelFactor(trace, node, entry, c, map) {
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  const row = node.type === "Conv2D" ? entry * channels + c : entry;
  return weightFactor(trace, node, "kernel", "kernel", row * maps + map);
}

// Return the input channels that a map of the output is made from: all of them, or, depthwise, one.
function channelsOf(node, map) {
  const channels = node.inputShapes[0][2];
  return node.type === "Conv2D" ? numbersTo(channels) : [Math.floor((map * channels) / node.shape[2])];
}

// Return the maps of the output that an input channel goes into.
function mapsOf(node, c) {
  const maps = numbersTo(node.shape[2]);
  return node.type === "Conv2D" ? maps : maps.filter((map) => channelsOf(node, map)[0] === c);
}

function numbersTo(length) {
  return Array.from({ length }, (_, n) => n);
}

// y[i, j, k] = Σ x · kernel + bias[k]
export function convolutionValue(trace, node, index) {
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
  const outside = node.links.entries - seen.length;
  const depth = node.type === "Conv2D" ? "in all its channels" : "in its own channel";
  return {
    equation: "y = Σ x · kernel + bias",
    sentence:
      `The window of row ${row}, column ${column} is multiplied, ${depth}, with kernel ${map}; the products add up.` +
      (outside
        ? ` ${outside} of its ${node.links.entries} positions lie outside the map and add nothing.`
        : ""),
    terms,
  };
}

// dx = Σ dy · kernel over the windows that see the pixel, and their maps
export function convolutionGradient(trace, node, _input, index) {
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
  return {
    equation: "dx = Σ dy · kernel",
    sentence:
      `It was seen by ${counted(seen.length, "window")} of ${node.name}, through ` +
      `${counted(mapsOf(node, c).length, "kernel")} each. Every output sends its gradient back times the kernel ` +
      "entry that connects the two.",
    terms,
  };
}

// dkernel = Σ x · dy over all positions, dbias = Σ dy
export function convolutionWeightGradient(trace, node, weight, index) {
  const maps = node.shape[2];
  const channels = node.inputShapes[0][2];
  if (weight === "bias") return biasGradient(trace, node, index);
  const map = index % maps;
  const entry = Math.floor(index / (node.type === "Conv2D" ? channels * maps : maps));
  const c = node.type === "Conv2D" ? Math.floor(index / maps) % channels : channelsOf(node, map)[0];
  const used = linksAt(node.links, "entry", entry);
  const terms = used.map((n) => {
    const pixel = inputFactor(trace, node, 0, node.links.input[n] * channels + c);
    return makeTerm(pixel, outputGradient(trace, node, node.links.output[n] * maps + map));
  });
  return {
    equation: "dkernel = Σ x · dy",
    sentence:
      `It was used at ${counted(used.length, "position")}, each time with another x. Its gradient adds up each x ` +
      "times the gradient of the output that it went into.",
    terms,
  };
}

function biasGradient(trace, node, index) {
  const units = node.shape.at(-1);
  const rows = node.size / units;
  return {
    equation: "dbias = Σ dy",
    sentence: `The bias was added to ${counted(rows, "output")}, so their gradients add up.`,
    terms: numbersTo(rows).map((row) => makeTerm(outputGradient(trace, node, row * units + index))),
  };
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// y[u] = Σ x[d] · kernel[d, u] + bias[u]
export function denseValue(trace, node, index) {
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
    sentence: `Every one of the ${inputs} inputs, times its weight in column ${u} of the kernel; then the bias.`,
    terms,
  };
}

// dx[d] = Σ dy[u] · kernel[d, u]
export function denseGradient(trace, node, _input, index) {
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
    sentence: `It went into all ${units} outputs of ${node.name}; each sends its gradient back times its weight.`,
    terms,
  };
}

// dkernel[d, u] = x[d] · dy[u], over all rows; dbias = Σ dy
export function denseWeightGradient(trace, node, weight, index) {
  if (weight === "bias") return biasGradient(trace, node, index);
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
    sentence: `This weight connects input ${d} to output ${u} alone: the one's value times the other's gradient.`,
    terms,
  };
}
