// The backward pass: from the loss, last node to first, each node sends the gradient of its output to its
// inputs.
//
//   dL/dx = Σ over the nodes that use x of what each sends back
import { crossEntropySlopes, lossBackward, penaltySlope } from "./loss.js";
import { LAYERS } from "../layers/index.js";
import { weightsOf } from "./forward.js";

// Return {values, weights, extra}: by node id dL/d(output), {name: dL/d(weight)}, and what explanations need
// besides.
export function backward(net, run) {
  const values = run.values.map((value) => new Float64Array(value.length));
  const weights = [];
  const extra = [];
  for (const [id, array] of Object.entries(net.exit)) addInto(values[id], array);
  if (run.lossParts) {
    const below = net.fused === null ? net.loss.node : net.nodes[net.fused].inputs[0];
    addInto(values[below], lossBackward(net, run.lossParts));
  }
  for (const id of [...net.order].reverse()) {
    const node = net.nodes[id];
    weights[id] = {};
    if (id === net.fused) {
      // what it sends back, p − t, is there already
      values[id] = crossEntropySlopes(net, run.values[id]);
      continue;
    }
    const sent = sentBack(node, values[id], run);
    node.inputs.forEach((input, k) => addInto(values[input], sent.inputs[k]));
    weights[id] = withPenalties(node, sent.weights ?? {});
    extra[id] = sent.extra;
  }
  return { values, weights, extra };
}

function sentBack(node, dy, run) {
  const { id, type } = node;
  const inputs = node.inputs.map((input) => run.values[input]);
  if (!LAYERS[type]) return { inputs: node.inputs.map((input) => node.recorded.gradients[input]) };
  return LAYERS[type].backward(node, dy, inputs, weightsOf(node), run.extra[id], run.values[id]);
}

function addInto(sum, term) {
  for (let n = 0; n < sum.length; n++) sum[n] += term[n];
}

function withPenalties(node, gradients) {
  for (const [name, gradient] of Object.entries(gradients)) {
    const weight = node.weights[name];
    for (let n = 0; n < gradient.length; n++) gradient[n] += penaltySlope(weight, weight.value[n]);
  }
  return gradients;
}
