// Pooling: each window of a map becomes one number, its maximum or its mean; a global pool's window is the
// whole map.
//
//   max       y = the window's largest x, of equals the first        dx: dy goes to the winner, whole
//   average   y = 1/|W| · Σ x   over the |W| pixels inside the map   dx: dy / |W| goes to each of them
//
// A pixel that several windows see receives from each: += .
import { unravel } from "../base/arrays.js";
import { counted, inputFactor, makeTerm, outputGradient, plainFactor } from "../base/terms.js";
import { linksAt, windowLinks } from "../base/windows.js";

const MAX_POOL = {
  forward: maxPoolForward,
  backward: maxPoolBackward,
  explain: { value: maxPoolValue, gradient: maxPoolGradient },
};
const AVERAGE_POOL = {
  forward: averagePoolForward,
  backward: averagePoolBackward,
  explain: { value: averagePoolValue, gradient: averagePoolGradient },
};
export const POOLING_LAYERS = {
  MaxPooling2D: { prepare: poolLinks, ...MAX_POOL },
  AveragePooling2D: { prepare: poolLinks, ...AVERAGE_POOL },
  GlobalMaxPooling2D: { prepare: globalPoolLinks, ...MAX_POOL },
  GlobalAveragePooling2D: { prepare: globalPoolLinks, ...AVERAGE_POOL },
};

// Return the links of a pool's windows.
function poolLinks({ inputShapes, config }) {
  const { pool_size: size, strides, padding } = config;
  return { links: windowLinks(inputShapes[0], size, strides, [1, 1], padding) };
}

// Return the links of the one window of a global pool.
function globalPoolLinks({ inputShapes: [shape] }) {
  return { links: windowLinks(shape, shape, [1, 1], [1, 1], "valid") };
}

// Return y, and as extra where each y came from.
function maxPoolForward(node, [x]) {
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
function maxPoolBackward(node, dy, [x], _weights, { winner }) {
  const dx = new Float64Array(x.length);
  for (let n = 0; n < dy.length; n++) dx[winner[n]] += dy[n];
  return { inputs: [dx] };
}

// Return y, and as extra |W| of each window: those at a padded edge have fewer pixels inside the map.
function averagePoolForward(node, [x]) {
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
function averagePoolBackward(node, dy, [x], _weights, { count }) {
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

// y = max x: all candidates, the winner marked
function maxPoolValue(trace, node, index) {
  const channels = node.inputShapes[0][2];
  const c = index % channels;
  const { winner } = trace.run.extra[node.id];
  const terms = linksAt(node.links, "output", Math.floor(index / channels)).map((n) => {
    const pixel = node.links.input[n] * channels + c;
    return { ...makeTerm(inputFactor(trace, node, 0, pixel)), chosen: pixel === winner[index] };
  });
  const place = unravel(node.inputShapes[0], winner[index]).join(", ");
  return {
    form: "choice",
    equation: "y = max x over the window",
    sentence: `The largest of ${counted(terms.length, "number")}, the one at [${place}]; among equals, the first.`,
    terms,
  };
}

// dx = Σ dy over the windows that the pixel won
function maxPoolGradient(trace, node, _input, index) {
  const channels = node.inputShapes[0][2];
  const c = index % channels;
  const { winner } = trace.run.extra[node.id];
  const terms = linksAt(node.links, "input", Math.floor(index / channels)).map((n) => {
    const output = node.links.output[n] * channels + c;
    const won = winner[output] === index;
    const gate = plainFactor(won ? "1 (won)" : "0 (lost)", won ? 1 : 0);
    return makeTerm(outputGradient(trace, node, output), gate);
  });
  const won = terms.filter(({ factors }) => factors[1].value).length;
  const seen = counted(terms.length, "window");
  return {
    equation: "dx = Σ dy · (1 where x won its window, else 0)",
    sentence: terms.length
      ? `It is in ${seen} and the largest in ${won || "none"}. The winner gets the whole gradient, the others ` +
        "nothing: a small change of theirs would change no output."
      : "It is in no window, so it gets no gradient.",
    terms,
  };
}

// y = Σ x / |W|
function averagePoolValue(trace, node, index) {
  const channels = node.inputShapes[0][2];
  const seen = linksAt(node.links, "output", Math.floor(index / channels));
  const share = plainFactor(`1/${seen.length}`, 1 / seen.length);
  const pixels = seen.map((n) => node.links.input[n] * channels + (index % channels));
  return {
    equation: "y = 1/|W| · Σ x over the window",
    sentence: `The mean of the ${counted(seen.length, "number")} in the window.`,
    terms: pixels.map((pixel) => makeTerm(inputFactor(trace, node, 0, pixel), share)),
  };
}

// dx = Σ dy / |W| over the windows that see the pixel
function averagePoolGradient(trace, node, _input, index) {
  const channels = node.inputShapes[0][2];
  const { count } = trace.run.extra[node.id];
  const terms = linksAt(node.links, "input", Math.floor(index / channels)).map((n) => {
    const position = node.links.output[n];
    const share = plainFactor(`1/${count[position]}`, 1 / count[position]);
    return makeTerm(outputGradient(trace, node, position * channels + (index % channels)), share);
  });
  return {
    equation: "dx = Σ dy / |W|",
    sentence:
      `It is in the mean of ${counted(terms.length, "window")}. A window divides its gradient evenly among ` +
      "its numbers.",
    terms,
  };
}
