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
    const node = net.nodes[id];
    const inputs = node.inputs.map((input) => values[input]);
    const result = known
      ? { value: base.values[id], extra: base.extra[id] }
      : node.type === "Opaque" && reached.has(id)
        ? { value: answered(node, inputs, change, base?.values) }
        : computed(net, id, inputs, change);
    if (change?.kind === "value" && change.node === id) result.value = replaced(result.value, change);
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
  return layer ? layer.forward(node, inputs, weightsOf(node, change)) : { value: recorded };
}

// Return the output of a node without arithmetic under a change of its inputs: after the step as it was recorded,
// else along its slopes, which is right for small changes; the recorded one where neither is known.
function answered({ inputs: ids, recorded }, inputs, change, before) {
  if (change.kind === "step") return recorded.after ?? recorded.value;
  const value = recorded.value.slice();
  ids.forEach((id, n) => {
    const slopes = recorded.slopes[id];
    if (!slopes || !before) return;
    for (let k = 0; k < slopes.of.length; k++)
      value[slopes.to[k]] += slopes.value[k] * (inputs[n][slopes.of[k]] - before[id][slopes.of[k]]);
  });
  return value;
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
// change reaches a layer of which it is not known what it makes of the change.
export function obstacle(net, change) {
  if (net.message) return net.message;
  const lost = closedNodes(net, change).find(({ inputs, recorded }) =>
    change.kind === "step" ? !recorded.after : inputs.some((id) => !recorded.slopes[id]),
  );
  if (!lost) return null;
  return change.kind !== "step" && lost.recorded.missing
    ? lost.recorded.missing
    : `The output of ${lost.name} after a change is not known: its numbers are recorded ones.`;
}

// Return the nodes without arithmetic whose inputs a change reaches; the step reaches their own weights too.
export function closedNodes(net, change) {
  const reached = reachedBy(net, change);
  return net.nodes.filter(
    (node) =>
      node.type === "Opaque" &&
      (change?.kind === "step" ? reached.has(node.id) : node.inputs.some((id) => reached.has(id))),
  );
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
