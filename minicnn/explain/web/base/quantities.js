// A quantity names one number of the step: {kind, node, weight?, slot?, when?, part?, index}, index a flat
// one.
//
//   value             an output of a node                    gradient          dL/d(that output)
//   weight            a weight before the step               weightGradient    dL/d(that weight), penalties included
//   update            the weight after the step              slot              what the optimizer keeps: {slot: "m"};
//   loss              the loss                                                 with {when: "after"}, after the step
//   part              a number on the way: batch norm's {part: "mean" | "variance" (one a channel) | "normalized"};
//                     at the node that the loss looks at, {part: "probability"}, where there is no softmax layer
import { indexText } from "./arrays.js";

// Return {array, shape} that the quantity is one number of; array is undefined where the step has no such
// number.
function arrayOf({ net, run, grads, step, lossBefore }, { kind, node: id, weight, slot, when, part }) {
  const node = net.nodes[id];
  const shape = weight ? node.weights[weight].shape : node?.shape;
  switch (kind) {
    case "value":
      return { array: run.values[id], shape };
    case "gradient":
      return { array: grads.values[id], shape };
    case "weight":
      return { array: node.weights[weight].value, shape };
    case "weightGradient":
      return { array: grads.weights[id][weight], shape };
    case "update":
      return { array: step.weights[id][weight].value, shape };
    case "slot":
      return { array: (when === "after" ? step.weights[id] : node.weights)[weight].slots[slot], shape };
    case "part":
      if (part === "probability") return { array: run.lossParts?.p, shape };
      return partOf(run.extra[id]?.[part], part === "normalized" ? shape : null);
    case "loss":
      return { array: [lossBefore], shape: [] };
    default:
      throw new Error(`no quantity of kind "${kind}"`);
  }
}

// A part is of the shape of the node's output, or (null) a row of numbers, such as one a channel.
function partOf(array, shape) {
  return { array, shape: shape ?? [array?.length ?? 1] };
}

// Return the number.
export function valueOf(trace, quantity) {
  const { array } = arrayOf(trace, quantity);
  // before the first step nothing is kept yet
  if (!array && quantity.kind === "slot") return 0;
  return array ? array[quantity.index ?? 0] : NaN;
}

// Return the shape of the array that it is one number of.
export function shapeOf(trace, quantity) {
  return arrayOf(trace, quantity).shape;
}

// Return what it is called: "conv2d[3, 4, 7]", "dL/d conv2d kernel[0, 1, 0, 3]".
export function nameOf(trace, quantity) {
  const { kind, node: id, weight, slot, when, part, index } = quantity;
  if (kind === "loss") return "loss";
  const { name } = trace.net.nodes[id];
  const place = indexText(shapeOf(trace, quantity), index);
  switch (kind) {
    case "value":
      return name + place;
    case "gradient":
      return `dL/d ${name}${place}`;
    case "weight":
      return `${name} ${weight}${place}`;
    case "weightGradient":
      return `dL/d ${name} ${weight}${place}`;
    case "update":
      return `${name} ${weight}${place} after the step`;
    case "slot":
      return `${slot} of ${name} ${weight}${place}${when === "after" ? " after the step" : ""}`;
    default:
      return `${part === "normalized" ? "x̂" : part} of ${name}${place}`;
  }
}

// Return [{node, input}]: the nodes that use the output of node `id`, and as which of their inputs.
export function consumersOf(trace, id) {
  return trace.net.consumers[id];
}

// Return whether two quantities are the same number.
export function sameQuantity(one, other) {
  const keys = ["kind", "node", "weight", "slot", "when", "part"];
  return keys.every((key) => one[key] === other[key]) && (one.index ?? 0) === (other.index ?? 0);
}
