// The forward pass: every node from its inputs, first to last, then the loss.
import { LAYERS } from "../layers/index.js";
import { lossForward, penaltyOf } from "./loss.js";

// Return {values, extra, loss, lossParts}: by node id each output, and what backward needs besides. The loss
// is null where it cannot be computed: see obstacle.
//
// change: null, or what to compute with instead of what was recorded:
//   {kind: "value", node, index, value}             one activation, such as a pixel of the image
//   {kind: "weight", node, weight, index, value}    one weight
//   {kind: "step", step}                            all weights as they are after the optimizer's step
// base: a run without the change; what the change cannot reach is taken from it.
export function forward(net, change = null, base = null) {
  const values = [];
  const extra = [];
  const reached = reachedBy(net, change);
  for (const [id, array] of Object.entries(net.entry)) values[id] = array;
  for (const id of net.order) {
    const known = base && !reached.has(id);
    const inputs = net.nodes[id].inputs.map((input) => values[input]);
    const result = known
      ? { value: base.values[id], extra: base.extra[id] }
      : computed(net, id, inputs, change);
    [values[id], extra[id]] = [result.value, result.extra];
  }
  const run = { values, extra, loss: null, lossParts: null };
  if (obstacle(net, change)) return run;
  run.lossParts = lossForward(net, values, change?.kind === "value" && change.node === net.fused);
  run.loss = run.lossParts.value + penalties(net, change);
  return run;
}

function computed(net, id, inputs, change) {
  const node = net.nodes[id];
  const recorded = node.type === "Input" ? net.image : node.recorded?.value;
  const layer = LAYERS[node.type];
  const result = layer ? layer.forward(node, inputs, weightsOf(node, change)) : { value: recorded };
  if (change?.kind === "value" && change.node === id) result.value = replaced(result.value, change);
  return result;
}

// Return {name: array} of a node's weights, as they were recorded or as the change has them.
export function weightsOf(node, change = null) {
  const weights = {};
  for (const [name, { value }] of Object.entries(node.weights)) {
    weights[name] = value;
    if (change?.kind === "step") weights[name] = change.step.weights[node.id][name].value;
    if (change?.kind === "weight" && change.node === node.id && change.weight === name) {
      weights[name] = replaced(value, change);
    }
  }
  return weights;
}

function replaced(array, { index, value }) {
  const copy = array.slice();
  copy[index] = value;
  return copy;
}

// Return why the loss cannot be computed under a change, or null: only a part of the net was recorded, or the
// change reaches a layer of which only the recorded numbers are known.
export function obstacle(net, change) {
  if (net.message) return net.message;
  const reached = reachedBy(net, change);
  const opaque = net.nodes.find(({ id, type }) => type === "Opaque" && reached.has(id));
  return opaque
    ? `The output of ${opaque.name} after a change is not known: its numbers are recorded ones.`
    : null;
}

// Return the ids of the nodes whose output a change can move: where it is made, and all that is computed from
// there.
function reachedBy(net, change) {
  const reached = new Set();
  for (const id of change ? net.order : []) {
    const node = net.nodes[id];
    if (isMade(change, node) || node.inputs.some((input) => reached.has(input))) reached.add(id);
  }
  return reached;
}

function isMade(change, node) {
  if (change.kind !== "step") return change.node === node.id;
  // an opaque layer may have weights, too, that the step moves
  return node.type === "Opaque" || Object.keys(node.weights).length > 0;
}

function penalties(net, change) {
  let sum = 0;
  for (const node of net.nodes) {
    const weights = weightsOf(node, change);
    for (const [name, weight] of Object.entries(node.weights)) sum += penaltyOf(weight, weights[name]);
  }
  return sum;
}
