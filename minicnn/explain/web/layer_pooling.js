// Pooling: each window of a map becomes one number, its maximum or its mean; a global pool's window is the whole map.
//
//   max       y = the window's largest x, of equals the first        dx: dy goes to the winner, whole
//   average   y = 1/|W| · Σ x   over the |W| pixels inside the map   dx: dy / |W| goes to each of them
//
// A pixel that several windows see receives from each: += .
import { windowLinks } from "./geometry.js";

// Return the links of a pool's windows.
export function poolLinks({ inputShapes, config }) {
  const { pool_size: size, strides, padding } = config;
  return { links: windowLinks(inputShapes[0], size, strides, [1, 1], padding) };
}

// Return the links of the one window of a global pool.
export function globalPoolLinks({ inputShapes: [shape] }) {
  return { links: windowLinks(shape, shape, [1, 1], [1, 1], "valid") };
}

// Return y, and as extra where each y came from.
export function maxPoolForward(node, [x]) {
  const { links } = node;
  const channels = node.inputShapes[0][2];
  const y = new Float64Array(node.size).fill(-Infinity);
  const winner = new Int32Array(node.size);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * channels;
    const from = links.input[n] * channels;
    for (let c = 0; c < channels; c++) {
      if (x[from + c] > y[to + c]) {
        y[to + c] = x[from + c];
        winner[to + c] = from + c;
      }
    }
  }
  return { value: y, extra: { winner } };
}

// Return dx: each dy at its window's winner.
export function maxPoolBackward(node, dy, [x], _weights, { winner }) {
  const dx = new Float64Array(x.length);
  for (let n = 0; n < dy.length; n++) dx[winner[n]] += dy[n];
  return { inputs: [dx] };
}

// Return y, and as extra |W| of each window: those at a padded edge have fewer pixels inside the map.
export function averagePoolForward(node, [x]) {
  const { links } = node;
  const channels = node.inputShapes[0][2];
  const y = new Float64Array(node.size);
  const count = new Int32Array(node.size / channels);
  for (let n = 0; n < links.count; n++) count[links.output[n]]++;
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * channels;
    const from = links.input[n] * channels;
    for (let c = 0; c < channels; c++) y[to + c] += x[from + c] / count[links.output[n]];
  }
  return { value: y, extra: { count } };
}

// Return dx: each dy divided evenly among the pixels that it averaged.
export function averagePoolBackward(node, dy, [x], _weights, { count }) {
  const { links } = node;
  const channels = node.inputShapes[0][2];
  const dx = new Float64Array(x.length);
  for (let n = 0; n < links.count; n++) {
    const to = links.output[n] * channels;
    const from = links.input[n] * channels;
    for (let c = 0; c < channels; c++) dx[from + c] += dy[to + c] / count[links.output[n]];
  }
  return { inputs: [dx] };
}
