// Where a number is used: the other direction of the same sums. A gradient is sent back to every number that
// its own number was computed from, times the factor that it had there; a value is used in every number whose
// gradient comes back to it.

import { explain } from "../engine/index.js";
import { nameOf } from "../base/quantities.js";
import { element, shown } from "./dom.js";
import { counted } from "../base/terms.js";
import { state } from "./state.js";
import { walkButton } from "./term_list.js";
import { labelOf } from "./maps.js";
import { lossInput } from "./words.js";
import { unravel } from "../base/arrays.js";
import { extentOf, isImage, numbersIn, pictureOf } from "./views.js";

const FIRST_BUTTONS = 5;

// Return the block "where it is used" for a quantity, or null where there is nothing further.
export function onwardBlock(quantity) {
  const parts = onwardOf(quantity).filter(({ numbers }) => numbers.length);
  if (!parts.length) return endOfWalk(quantity);
  return element(
    "div",
    { class: "onward", data: { onward: "" } },
    parts.map(({ title, numbers }) => {
      const list = element("ul", {});
      const more = element("button", { class: "small", onclick: () => show(numbers.length) }, "show all");
      const show = (count) => {
        list.replaceChildren(...numbers.slice(0, count).map(onwardLine));
        more.hidden = count >= numbers.length;
      };
      show(FIRST_BUTTONS);
      if (numbers.length > 400) more.hidden = true;
      return element(
        "div",
        {},
        element(
          "h3",
          {},
          title,
          element(
            "span",
            { class: "quiet" },
            numbers.length > FIRST_BUTTONS ? ` ${counted(numbers.length, "number")}, the largest first` : "",
          ),
        ),
        list,
        more,
      );
    }),
  );
}

function onwardLine({ quantity, share }) {
  const text = share === undefined ? labelOf(quantity) : nameOf(state.trace, quantity);
  return element(
    "li",
    {},
    walkButton(
      quantity,
      { class: "factor", data: { onward: "" }, title: labelOf(quantity) },
      element("span", { class: "symbol" }, text),
      share === undefined ? null : element("span", { class: "digits" }, shown(share)),
    ),
  );
}

function endOfWalk({ kind, node }) {
  if (kind === "gradient" && !state.trace.net.nodes[node].inputs.length) {
    return element(
      "p",
      { class: "onward quiet", data: { onward: "end" } },
      isImage({ kind: "value", node })
        ? "This is the image: its gradient says how fast the loss grows when this pixel gets brighter."
        : "The section that is shown begins here; the gradient goes on to the layers before it.",
    );
  }
  return null;
}

function onwardOf(quantity) {
  const { kind, node, weight, index } = quantity;
  switch (kind) {
    case "loss":
      return [{ title: "The backward pass begins", numbers: firstGradients() }];
    case "gradient":
      return sentBy(quantity);
    case "value":
      return [{ title: "It is used in", numbers: usesOf(quantity) }];
    case "weight":
      return [
        {
          title: "It is used in",
          numbers: termsWith({ ...quantity, kind: "weightGradient" }, "gradient", "value"),
        },
      ];
    case "weightGradient":
      return numbersIn({ kind: "update", node, weight })
        ? [
            {
              title: "The optimizer uses it",
              numbers: [{ quantity: { kind: "update", node, weight, index } }],
            },
          ]
        : [];
    case "update":
      return [{ title: "All weights together give the loss", numbers: [{ quantity: { kind: "loss" } }] }];
    default:
      return [];
  }
}

// What a value is used in: the numbers whose gradients come back to it; at the end of the net the softmax,
// the loss.
function usesOf(quantity) {
  const { net } = state.trace;
  const found = termsWith({ ...quantity, kind: "gradient" }, "gradient", "value");
  if (quantity.node === net.loss?.node) found.push({ quantity: { kind: "loss" } });
  if (quantity.node === lossInput() && net.fused !== null)
    found.push({ quantity: { ...quantity, node: net.fused } });
  return found;
}

// The gradients that the backward pass begins with, the largest first.
function firstGradients() {
  const node = lossInput();
  const gradients = numbersIn({ kind: "gradient", node });
  const numbers = Array.from(gradients, (value, index) => ({
    quantity: { kind: "gradient", node, index },
    size: Math.abs(value),
  }));
  return numbers.toSorted((one, other) => other.size - one.size);
}

// What a gradient sends on: to the inputs of its node, and to its weights.
function sentBy({ node, index }) {
  const { net } = state.trace;
  if (net.fused === node)
    return [{ title: "With the softmax it becomes p − t, at", numbers: firstGradients() }];
  const value = { kind: "value", node, index };
  return [
    { title: "It is sent back to", numbers: termsWith(value, "value", "gradient", index) },
    { title: "and to the weights", numbers: termsWith(value, "weight", "weightGradient", index) },
  ];
}

// The numbers of kind `from` in an explanation's terms, as their counterparts of kind `to`. From a gradient
// (index) each gets its share: the gradient times the other factors of its term; the largest come first.
function termsWith(explained, from, to, index) {
  const { terms = [], sources = [], form } = explain(state.trace, explained);
  const gradient =
    index === undefined ? undefined : numbersIn({ kind: "gradient", node: explained.node })[index];
  const found = [];
  for (const term of form === "steps" ? [] : terms) {
    if (term.chosen === false) continue;
    term.factors.forEach(({ quantity, derived }, n) => {
      if (quantity?.kind !== from || derived) return;
      const others = term.factors.reduce(
        (product, factor, m) => (m === n ? product : product * factor.value),
        1,
      );
      found.push({
        quantity: { ...quantity, kind: to },
        share: gradient === undefined ? undefined : gradient * others,
        size: Math.abs(gradient === undefined ? term.value : gradient * others),
      });
    });
  }
  if (!found.length) found.push(...fromSources(sources, from, to, explained));
  return found
    .filter(({ quantity }) => numbersIn(quantity) !== null)
    .toSorted((one, other) => other.size - one.size);
}

// For a number that is computed in steps (batch norm, softmax) and not as a sum: the sources at the same
// place come first.
function fromSources(sources, from, to, explained) {
  const found = [];
  for (const { kind, node, weight, indices } of sources) {
    if (kind !== from || (from === "value" && node === explained.node)) continue;
    const view = { kind: to, node, ...(weight === undefined ? {} : { weight }) };
    const numbers = numbersIn(view);
    if (numbers === null) continue;
    for (const index of indices)
      found.push({
        quantity: { ...view, index },
        size: (index === explained.index ? 1 + extentOf(view).most : 0) + Math.abs(numbers[index]),
      });
  }
  return found;
}

// Return some numbers to start at: [{question, quantity}].
export function startingPoints() {
  const { trace, recording } = state;
  const { net } = trace;
  const points = [];
  if (trace.run.loss !== null) {
    points.push({ question: "What is the loss made of?", quantity: { kind: "loss" } });
    const right = recording.label ?? firstGradients()[0].quantity.index;
    points.push({
      question: "Where does the backward pass begin?",
      quantity: { kind: "gradient", node: lossInput(), index: right },
    });
  }
  const pixel = strongestOf({ kind: "gradient", node: net.nodes.find((node) => node.type === "Input").id });
  if (pixel)
    points.push({
      question: net.section
        ? `Where does ${nameOf(trace, pixel)} come from?`
        : `Why does pixel ${placeText(pixel)} matter?`,
      quantity: pixel,
    });
  const kernels = net.nodes.filter(
    (node) => node.weights.kernel && numbersIn({ kind: "weightGradient", node: node.id, weight: "kernel" }),
  );
  const kernel =
    kernels.find((node) => pictureOf({ kind: "weight", node: node.id, weight: "kernel" }).form === "map") ??
    kernels[0];
  const weight = kernel && strongestOf({ kind: "weightGradient", node: kernel.id, weight: "kernel" });
  if (weight) {
    points.push({ question: `Where does the gradient of a kernel come from?`, quantity: weight });
    points.push({ question: `Why did this weight move?`, quantity: { ...weight, kind: "update" } });
  }
  return points;
}

// Return the number of a view that is largest in size, or null where all are 0.
export function strongestOf(view) {
  const { most } = extentOf(view);
  return most > 0
    ? { ...view, index: numbersIn(view).findIndex((number) => Math.abs(number) === most) }
    : null;
}

function placeText({ node, index }) {
  return `[${unravel(state.trace.net.nodes[node].shape, index).join(", ")}]`;
}
