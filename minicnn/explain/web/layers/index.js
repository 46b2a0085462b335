// The layers that the page can compute and explain, by the type of a node. A new layer is one file, and a
// line here.
//
//   prepare(node) -> what it adds to the node: the links of its windows, where its numbers come from
//   forward(node, inputs, weights) -> {value, extra}        extra: what else backward and explain need
//   backward(node, dy, inputs, weights, extra, value) -> {inputs: [dx of each], weights: {name: gradient}, extra}
//   explain: where one number comes from, {equation, sentence, terms, steps, …}: see engine/explain.js
//     value(trace, node, index)              an output
//     gradient(trace, node, input, index)    what it sends back to a number of one of its inputs
//     weight(trace, node, name, index)       the gradient of one of its weights
//     part(trace, node, part, index)         a number between input and output, such as a mean
import { ACTIVATION_LAYERS } from "./activations.js";
import { BATCH_NORMALIZATION_LAYERS } from "./batch_normalization.js";
import { CONVOLUTION_LAYERS } from "./convolution.js";
import { DENSE_LAYERS } from "./dense.js";
import { DROPOUT_LAYERS } from "./dropout.js";
import { GROUP_NORMALIZATION_LAYERS } from "./group_normalization.js";
import { MERGING_LAYERS } from "./merging.js";
import { MOVING_LAYERS } from "./moves.js";
import { POOLING_LAYERS } from "./pooling.js";
import { RESCALING_LAYERS } from "./rescaling.js";
import { SOFTMAX_LAYERS } from "./softmax.js";

export const LAYERS = {
  ...ACTIVATION_LAYERS,
  ...BATCH_NORMALIZATION_LAYERS,
  ...CONVOLUTION_LAYERS,
  ...DENSE_LAYERS,
  ...DROPOUT_LAYERS,
  ...GROUP_NORMALIZATION_LAYERS,
  ...MERGING_LAYERS,
  ...MOVING_LAYERS,
  ...POOLING_LAYERS,
  ...RESCALING_LAYERS,
  ...SOFTMAX_LAYERS,
};
