// What an explanation is made of: terms that add up to the number, each a product of factors.
//
//   term    {label, factors, value, chosen?, through?}
//     value    the product of the factors            chosen: whether it won, among candidates
//     through  which use of a number it is about, where there are several
//   factor  {text, value, quantity?, derived?}
//     quantity where the value was read: a click on it selects that number
//     derived  the value is not the quantity's own, but made from it: log p, x − μ, a gate
//   step    {text, value, quantity?, through?}       a named line of a calculation
import { indexText } from "./arrays.js";
import { nameOf, shapeOf, valueOf } from "./quantities.js";

// Return the factor of a number of the step, written as symbol[indices].
export function readFactor(trace, symbol, quantity) {
  const place = indexText(shapeOf(trace, quantity), quantity.index);
  return { text: symbol + place, value: valueOf(trace, quantity), quantity };
}

// Return the factor of a number that stands for itself, such as 1/m.
export function plainFactor(text, value) {
  return { text, value };
}

// Return a factor made from a number of the step: the value is shown, a click selects the quantity.
export function derivedFactor(text, value, quantity) {
  return { text, value, quantity, derived: true };
}

// Return the term of these factors; its label is their texts, "x[3, 4, 0] × kernel[0, 1, 0, 5]".
export function makeTerm(...factors) {
  const value = factors.reduce((product, factor) => product * factor.value, 1);
  return { label: factors.map((factor) => factor.text).join(" × "), factors, value };
}

// Return a named line of a calculation; the quantity, if there is one, is the number itself.
export function makeStep(text, value, quantity) {
  return quantity ? { text, value, quantity } : { text, value };
}

// Return a line that shows a number of the step.
export function readStep(trace, symbol, quantity) {
  return makeStep(`${symbol} = ${nameOf(trace, quantity)}`, valueOf(trace, quantity), quantity);
}

// Return the factor of number `index` of a node's input number k, called x where it is the only one.
export function inputFactor(trace, node, k, index) {
  const symbol = node.inputs.length === 1 ? "x" : trace.net.nodes[node.inputs[k]].name;
  return readFactor(trace, symbol, { kind: "value", node: node.inputs[k], index });
}

// Return the factor of dL/d(output) of a node, called dy.
export function outputGradient(trace, node, index) {
  return readFactor(trace, "dy", { kind: "gradient", node: node.id, index });
}

// Return the factor of a number of a node's weight.
export function weightFactor(trace, node, symbol, weight, index) {
  return readFactor(trace, symbol, { kind: "weight", node: node.id, weight, index });
}

// Return a sum's value.
export function sumOfTerms(terms) {
  return terms.reduce((sum, term) => sum + term.value, 0);
}

// Return the flat indices of one channel of an array of `size` numbers.
export function channelIndices(size, channels, channel) {
  return Array.from({ length: size / channels }, (_, position) => position * channels + channel);
}

// Return "1 window", "3 windows", "2,304 windows".
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

const ROLES = {
  value: "input",
  part: "input",
  weight: "weight",
  slot: "state",
  update: "weight",
  loss: "loss",
};

// Return every number that took part, as regions {kind, node, weight?, slot?, part?, indices, role} of
// arrays.
//
// Roles are "input", "weight", "gradient", "state", "loss"; "chosen", of candidates; and "context" for the
// regions that are given, such as the channel that a mean was taken of.
export function sourcesOf(terms, steps, regions) {
  const found = new Map();
  const place = (quantity, index, role = roleOf(quantity)) => {
    const { kind, node, weight, slot, when, part } = quantity;
    const key = `${kind} ${node} ${weight} ${slot} ${when} ${part} ${role}`;
    if (!found.has(key)) found.set(key, { quantity, role, indices: new Set() });
    found.get(key).indices.add(index ?? 0);
  };
  for (const { factors, chosen } of terms) {
    for (const { quantity } of factors) {
      if (quantity) place(quantity, quantity.index, chosen ? "chosen" : roleOf(quantity));
    }
  }
  for (const { quantity } of steps) if (quantity) place(quantity, quantity.index);
  for (const region of regions) for (const index of region.indices) place(region, index, "context");
  return Array.from(found.values(), ({ quantity: { index, ...array }, role, indices }) => {
    return { ...array, role, indices: [...indices] };
  });
}

function roleOf({ kind }) {
  return ROLES[kind] ?? "gradient";
}
