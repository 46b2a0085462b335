// The arithmetic of pooling: which pixel won, and who shares a gradient.
import { unravel } from "./arrays.js";
import { linksAt } from "./geometry.js";
import { inputFactor, makeTerm, outputGradient, plainFactor } from "./terms.js";

// y = max x: all candidates, the winner marked
export function maxPoolValue(trace, node, index) {
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
    sentence: `Of ${terms.length} numbers the largest goes on: the one at [${place}]. Of equals, the first.`,
    terms,
  };
}

// dx = Σ dy over the windows that the pixel won
export function maxPoolGradient(trace, node, _input, index) {
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
  return {
    equation: "dx = Σ dy · (1 where x won its window, else 0)",
    sentence: terms.length
      ? `It was seen by ${windows(terms.length)} and was the largest in ${won || "none"}. The winner gets the whole ` +
        "gradient, the others nothing: moving them a little would change no output."
      : "No window saw it, so it gets no gradient.",
    terms,
  };
}

// y = Σ x / |W|
export function averagePoolValue(trace, node, index) {
  const channels = node.inputShapes[0][2];
  const seen = linksAt(node.links, "output", Math.floor(index / channels));
  const share = plainFactor(`1/${seen.length}`, 1 / seen.length);
  const pixels = seen.map((n) => node.links.input[n] * channels + (index % channels));
  return {
    equation: "y = 1/|W| · Σ x over the window",
    sentence: `The mean of the ${seen.length} numbers in the window.`,
    terms: pixels.map((pixel) => makeTerm(inputFactor(trace, node, 0, pixel), share)),
  };
}

// dx = Σ dy / |W| over the windows that see the pixel
export function averagePoolGradient(trace, node, _input, index) {
  const channels = node.inputShapes[0][2];
  const { count } = trace.run.extra[node.id];
  const terms = linksAt(node.links, "input", Math.floor(index / channels)).map((n) => {
    const position = node.links.output[n];
    const share = plainFactor(`1/${count[position]}`, 1 / count[position]);
    return makeTerm(outputGradient(trace, node, position * channels + (index % channels)), share);
  });
  return {
    equation: "dx = Σ dy / |W|",
    sentence: `It is in the mean of ${windows(terms.length)}: each divides its gradient evenly among its numbers.`,
    terms,
  };
}

function windows(count) {
  return count === 1 ? "1 window" : `${count} windows`;
}
