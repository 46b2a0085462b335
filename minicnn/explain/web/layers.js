// The layers that can be opened up: for each type how it is prepared once, its forward and its backward pass.
//
//   prepare(node) -> what it adds to the node: the links of its windows, where its numbers come from
//   forward(node, inputs, weights) -> {value, extra}        extra: what backward and the explanations need besides
//   backward(node, dy, inputs, weights, extra, value) -> {inputs: [dx of each], weights: {name: gradient}, extra}
import { activationBackward, activationForward, checkActivation } from "./layer_activations.js";
import { dropoutBackward, dropoutForward, reluBackward, reluForward } from "./layer_activations.js";
import { rescaleBackward, rescaleForward, rescaleNumbers } from "./layer_activations.js";
import { conv2dBackward, conv2dForward, convolutionLinks } from "./layer_convolution.js";
import { depthwiseBackward, depthwiseForward } from "./layer_convolution.js";
import { denseBackward, denseForward } from "./layer_dense.js";
import { mergeBackward, mergeForward, mergeRepeats } from "./layer_merging.js";
import { moveBackward, moveForward, moveOrigins } from "./layer_moves.js";
import { batchNormBackward, batchNormForward } from "./layer_normalization.js";
import { averagePoolBackward, averagePoolForward, maxPoolBackward, maxPoolForward } from "./layer_pooling.js";
import { globalPoolLinks, poolLinks } from "./layer_pooling.js";
import { softmaxBackward, softmaxForward } from "./layer_softmax.js";

const MAX_POOL = { forward: maxPoolForward, backward: maxPoolBackward };
const AVERAGE_POOL = { forward: averagePoolForward, backward: averagePoolBackward };
const RESCALE = { prepare: rescaleNumbers, forward: rescaleForward, backward: rescaleBackward };
const MOVE = { prepare: moveOrigins, forward: moveForward, backward: moveBackward };
const MERGE = { prepare: mergeRepeats, forward: mergeForward, backward: mergeBackward };

export const LAYERS = {
  Conv2D: { prepare: convolutionLinks, forward: conv2dForward, backward: conv2dBackward },
  DepthwiseConv2D: { prepare: convolutionLinks, forward: depthwiseForward, backward: depthwiseBackward },
  Dense: { forward: denseForward, backward: denseBackward },
  ReLU: { forward: reluForward, backward: reluBackward },
  Activation: { prepare: checkActivation, forward: activationForward, backward: activationBackward },
  Softmax: { forward: softmaxForward, backward: softmaxBackward },
  Dropout: { forward: dropoutForward, backward: dropoutBackward },
  BatchNormalization: { forward: batchNormForward, backward: batchNormBackward },
  MaxPooling2D: { prepare: poolLinks, ...MAX_POOL },
  AveragePooling2D: { prepare: poolLinks, ...AVERAGE_POOL },
  GlobalMaxPooling2D: { prepare: globalPoolLinks, ...MAX_POOL },
  GlobalAveragePooling2D: { prepare: globalPoolLinks, ...AVERAGE_POOL },
  Rescaling: RESCALE,
  Normalization: RESCALE,
  Flatten: MOVE,
  Reshape: MOVE,
  Permute: MOVE,
  ZeroPadding2D: MOVE,
  UpSampling2D: MOVE,
  Concatenate: MOVE,
  Add: MERGE,
  Subtract: MERGE,
  Average: MERGE,
  Multiply: MERGE,
  Maximum: MERGE,
  Minimum: MERGE,
};
