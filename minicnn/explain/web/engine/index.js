// The engine: one training step of a recorded network, in float64, with the arithmetic of every number of it.
//
//   const trace = makeTrace(recording)          forward, loss, backward, update
//   explain(trace, {kind: "gradient", node: 3, index: 17})         where one number comes from: see explain.js
//   nudgeCurve(trace, {kind: "value", node: 0, index: 5}, [-1, 0, 1])     the loss when one number is changed
//
// What other files of the engine offer beside this is exported here too: valueOf, shapeOf, nameOf,
// consumersOf (quantities.js), unravel, ravel, formatNumber (arrays.js).
import { formatNumber, ravel, unravel } from "../base/arrays.js";
import { backward } from "./backward.js";
import { explain } from "./explain.js";
import { closedNodes, forward, obstacle } from "./forward.js";
import { load } from "./net.js";
import { consumersOf, nameOf, sameQuantity, shapeOf, valueOf } from "../base/quantities.js";
import { update } from "./update.js";

export { load, forward, backward, update, explain };
export { consumersOf, formatNumber, nameOf, ravel, sameQuantity, shapeOf, unravel, valueOf };

// Return {net, run, grads, step, lossBefore, lossAfter, message}: what everything else works on. A loss is
// null where it cannot be computed; the message says why.
export function makeTrace(recording) {
  const net = load(recording);
  const run = forward(net);
  const grads = backward(net, run);
  const step = update(net, grads, run);
  const message = obstacle(net, { kind: "step", step });
  return { net, run, grads, step, lossBefore: run.loss, lossAfter: lossAfter(net, step), message };
}

// Return the loss on the same image with the weights after the step; null where it cannot be computed.
export function lossAfter(net, step) {
  return forward(net, { kind: "step", step }).loss;
}

// What a nudge of a quantity changes, by its kind.
const MOVED = {
  value: "value",
  gradient: "value",
  weight: "weight",
  weightGradient: "weight",
  update: "weight",
};

// Return {quantity, message, note}: the activation or weight that a nudge of a quantity changes (for a gradient,
// the number that it is the gradient of), or the reason why it cannot be nudged; note, or null: what is not exact.
export function nudgeTarget(trace, quantity) {
  const { node, weight, index } = quantity;
  const kind = MOVED[quantity.kind];
  if (!kind) return { message: `${nameOf(trace, quantity)} cannot be nudged.` };
  const target = kind === "value" ? { kind, node, index } : { kind, node, weight, index };
  const message = obstacle(trace.net, target);
  if (message) return { message };
  if (Number.isNaN(slopeAt(trace, target))) {
    return { message: `${nameOf(trace, target)} has no gradient: it takes no part in this step.` };
  }
  const closed = closedNodes(trace.net, target).map(({ name }) => name);
  const note = closed.length
    ? `This page has no arithmetic for ${closed.join(", ")}: the nudge goes through the slopes measured there, so ` +
      "the loss is right for a small ε only."
    : null;
  return { quantity: target, message: null, note };
}

function slopeAt(trace, target) {
  return valueOf(trace, { ...target, kind: target.kind === "value" ? "gradient" : "weightGradient" });
}

// Return [{epsilon, loss, linear}]: for each epsilon the loss of a forward pass with that number moved by it,
// and what the gradient predicts, loss + gradient · epsilon. null where it cannot be nudged: nudgeTarget says
// why.
export function nudgeCurve(trace, quantity, epsilons) {
  const { quantity: target } = nudgeTarget(trace, quantity);
  if (!target) return null;
  const { net, run, lossBefore } = trace;
  const value = valueOf(trace, target);
  const slope = slopeAt(trace, target);
  return epsilons.map((epsilon) => {
    const { loss } = forward(net, { ...target, value: value + epsilon }, run);
    return { epsilon, loss, linear: lossBefore + slope * epsilon };
  });
}
