// Layers that only move numbers: flatten, reshape, permute, zero padding, cropping, upsampling,
// concatenate.
//
//   y[n] = x[from[n]]       or 0 where nothing comes from        dx[from[n]] += dy[n]
//
// Each is a list of where its numbers come from, made once; a number that was copied gets the sum of what
// comes back.
import { ravel, sizeOf, unravel } from "../base/arrays.js";
import { inputFactor, makeTerm, outputGradient } from "../base/terms.js";

const MOVE = {
  prepare: moveOrigins,
  forward: moveForward,
  backward: moveBackward,
  explain: { value: moveValue, gradient: moveGradient },
};
export const MOVING_LAYERS = {
  Flatten: MOVE,
  Reshape: MOVE,
  Permute: MOVE,
  ZeroPadding2D: MOVE,
  Cropping2D: MOVE,
  UpSampling2D: MOVE,
  Concatenate: MOVE,
};

// Return where the number at this place comes from: [number of the input, flat index in it]; null for a zero.
function originOf(node, place) {
  const { config, inputShapes } = node;
  switch (node.type) {
    case "ZeroPadding2D": {
      const [row, column] = [place[0] - config.padding[0][0], place[1] - config.padding[1][0]];
      const [height, width] = inputShapes[0];
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      return inside ? [0, ravel(inputShapes[0], [row, column, place[2]])] : null;
    }
    case "Cropping2D": {
      const [row, column] = [place[0] + config.cropping[0][0], place[1] + config.cropping[1][0]];
      return [0, ravel(inputShapes[0], [row, column, place[2]])];
    }
    case "UpSampling2D": {
      const [row, column] = [Math.floor(place[0] / config.size[0]), Math.floor(place[1] / config.size[1])];
      return [0, ravel(inputShapes[0], [row, column, place[2]])];
    }
    case "Permute": {
      const from = [];
      config.dims.forEach((axis, position) => (from[axis - 1] = place[position]));
      return [0, ravel(inputShapes[0], from)];
    }
    case "Concatenate": {
      const axis = joinedAxis(node);
      let input = 0;
      let index = place[axis];
      while (index >= inputShapes[input][axis]) index -= inputShapes[input++][axis];
      const from = place.map((other, n) => (n === axis ? index : other));
      return [input, ravel(inputShapes[input], from)];
    }
    default:
      // Flatten and Reshape: the same numbers in the same order
      return [0, ravel(node.shape, place)];
  }
}

// Return the axis along which a Concatenate joins its inputs: the one that got longer.
function joinedAxis({ shape, inputShapes }) {
  const longer = shape.findIndex((length, axis) => length !== inputShapes[0][axis]);
  return Math.max(0, longer);
}

// Return, for each output number, the number of its input and the flat index there; −1 where a zero stands.
function moveOrigins(node) {
  const input = new Int32Array(node.size).fill(-1);
  const from = new Int32Array(node.size).fill(-1);
  for (let n = 0; n < node.size; n++) {
    const origin = originOf(node, unravel(node.shape, n));
    if (origin) [input[n], from[n]] = origin;
  }
  return { origins: { input, from } };
}

// Return y.
function moveForward(node, inputs) {
  const { input, from } = node.origins;
  const value = new Float64Array(node.size);
  for (let n = 0; n < value.length; n++) if (input[n] >= 0) value[n] = inputs[input[n]][from[n]];
  return { value };
}

// Return the inputs' gradients: every dy goes back to where its number came from.
function moveBackward(node, dy) {
  const { input, from } = node.origins;
  const gradients = node.inputShapes.map((shape) => new Float64Array(sizeOf(shape)));
  for (let n = 0; n < dy.length; n++) if (input[n] >= 0) gradients[input[n]][from[n]] += dy[n];
  return { inputs: gradients };
}

// y = x, from another place; or 0
function moveValue(trace, node, index) {
  const { input, from } = node.origins;
  const terms = input[index] < 0 ? [] : [makeTerm(inputFactor(trace, node, input[index], from[index]))];
  return {
    equation: "y = x from its old place",
    sentence: terms.length
      ? "The same number, in another place."
      : "A zero of the border: it does not depend on x.",
    terms,
  };
}

// dx = Σ dy over the places that the number went to
function moveGradient(trace, node, k, index) {
  const { input, from } = node.origins;
  const places = [];
  for (let n = 0; n < node.size; n++) if (input[n] === k && from[n] === index) places.push(n);
  return {
    equation: "dx = Σ dy of where x went",
    sentence:
      places.length > 1
        ? `Copied to ${places.length} places: their gradients add up.`
        : places.length
          ? "The gradient goes back the same way."
          : "It was cut off: no output depends on it.",
    terms: places.map((place) => makeTerm(outputGradient(trace, node, place))),
  };
}
