// The recorded training step as a net that can be run: every array decoded, every node told its consumers.
//
//   net.nodes[id]       the recorded node, with weights {name: {value, shape, slots, trainable, …}} as Float64Arrays
//   net.order           the ids of the nodes that are computed, inputs before their consumers
//   net.consumers[id]   [{node, input}]: which node uses its output, as which of its inputs
//   net.entry, net.exit {id: array}: where only a section of a net is recorded (net.section), the values that
//                       come into it and the gradients that come back; net.message says so
//   net.fused           the id of the softmax that the loss is taken together with, or null: see loss.js
import { decodeArray, sizeOf } from "../base/arrays.js";
import { LAYERS } from "../layers/index.js";
import { fusedSoftmax } from "./loss.js";

const FORMAT = 2;

// Return the net of a recording.
export function load(recording) {
  if (recording.format !== FORMAT) {
    throw new Error(
      `recording of format ${recording.format}: this engine reads format ${FORMAT}; record it again`,
    );
  }
  const { section } = recording;
  const nodes = recording.nodes.map(openedNode);
  for (const node of nodes) prepareNode(node, nodes);
  const net = {
    recording,
    nodes,
    order: nodes.map(({ id }) => id).filter((id) => !section || !(id in section.entry)),
    image: decodeArray(recording.image),
    target: targetOf(recording),
    classes: recording.classes,
    optimizer: recording.optimizer,
    loss: recording.loss,
    section,
    entry: decodedArrays(section?.entry),
    exit: decodedArrays(section?.exit),
    message: section ? section.message : null,
  };
  net.consumers = nodes.map(({ id }) => consumersIn(nodes, id));
  net.fused = fusedSoftmax(net);
  return net;
}

// Return the target. Shares are made to sum to 1 again, which rounding to float32 spoils for most.
function targetOf({ target, loss }) {
  const numbers = decodeArray(target);
  if (!loss || loss.type === "MeanSquaredError") return numbers;
  const sum = numbers.reduce((total, t) => total + t, 0);
  return Math.abs(sum - 1) < 1e-6 ? numbers.map((t) => t / sum) : numbers;
}

function openedNode(recorded) {
  const { shape, weights, mask, recorded: kept } = recorded;
  return {
    ...recorded,
    size: sizeOf(shape),
    weights: Object.fromEntries(
      Object.entries(weights).map(([name, weight]) => [name, openedWeight(weight)]),
    ),
    mask: mask ? decodeArray(mask) : null,
    recorded: kept ? openedRecord(kept) : null,
  };
}

// What is recorded of a node without arithmetic: its output, what it sends back, and how its output changes: along
// slopes {input: {of, to, value}}, or missing says why not; after the step. See recording/response.py.
function openedRecord({ value, gradients, slopes, missing, after }) {
  return {
    value: decodeArray(value),
    gradients: decodedArrays(gradients),
    slopes: Object.fromEntries(
      Object.entries(slopes ?? {}).map(([input, arrays]) => [input, decodedArrays(arrays)]),
    ),
    missing: missing ?? null,
    after: after ? decodeArray(after) : null,
  };
}

function openedWeight(weight) {
  const { value, slots } = weight;
  return { ...weight, shape: value.shape, value: decodeArray(value), slots: decodedArrays(slots) };
}

// Return {key: Float64Array} of {key: recorded array}.
function decodedArrays(recorded) {
  return Object.fromEntries(Object.entries(recorded ?? {}).map(([key, array]) => [key, decodeArray(array)]));
}

// Give a node the shapes of its inputs, and what its layer works with.
function prepareNode(node, nodes) {
  node.inputShapes = node.inputs.map((id) => nodes[id].shape);
  const layer = LAYERS[node.type];
  if (!layer && node.type !== "Input" && node.type !== "Opaque") {
    throw new Error(`${node.name}: no arithmetic for a ${node.type}; record it as Opaque`);
  }
  if (layer?.prepare) Object.assign(node, layer.prepare(node));
}

function consumersIn(nodes, id) {
  return nodes.flatMap((node) => {
    return node.inputs.flatMap((from, input) => (from === id ? [{ node: node.id, input }] : []));
  });
}
