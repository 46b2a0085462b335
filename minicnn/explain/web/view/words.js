// Sentences and equations of the docs, as the recording brings them, and how an equation is set.

import { element } from "./dom.js";
import { state } from "./state.js";

// Indices and powers, which stand behind a letter, its d or its hat (or max), and words; of these the
// variables are italic.
const BEHIND = "(?<=(?:^|[^A-Za-z0-9])d?[A-Za-z\\u0370-\\u03ff]\\u0302?|max)";
const PIECES = new RegExp(
  `(${BEHIND}_[\\w,]{1,5}(?:\\^\\w)?(?!\\w)|\\^\\w(?:_\\w)?(?!\\w)|[A-Za-z][A-Za-z0-9]*)`,
);
const VARIABLE = /^(?:d?[A-Za-z]|d?xp)$/;

// Return {title, forward: {sentence, equation}, backward: {…} or null, page} of a type of node, loss or
// optimizer.
export function wordsOf(type) {
  return state.recording.words?.[type] ?? { title: type, forward: null, backward: null, page: null };
}

// Return a link to the docs page of a type, or null where there is none, or are no docs.
export function docsLink(type, text = "the derivation") {
  const { page } = wordsOf(type);
  const { docs } = state.recording;
  if (!page || docs === null) return null;
  return element("a", { class: "docs", href: `${docs}${page}`, target: "_blank", rel: "noopener" }, text);
}

// Return an equation given as plain text with its variables in italics and _a,b and ^t lowered and raised.
export function equation(text) {
  return element(
    "span",
    { class: "equation" },
    text.split(PIECES).map((piece, n) => {
      if (n % 2 === 0) return piece;
      return /^[_^]/.test(piece) ? moved(piece) : VARIABLE.test(piece) ? element("i", {}, piece) : piece;
    }),
  );
}

function moved(piece) {
  const [, power, index] = piece.match(/^\^(\w)_?(.*)$/) ?? [];
  if (power) return element("sup", {}, power, index ? element("sub", {}, index) : null);
  const [below, above] = piece.slice(1).split("^");
  return element("span", {}, element("sub", {}, below), above ? element("sup", {}, above) : null);
}

// Return the type of node, loss or optimizer whose words go with a quantity, and which way: "forward" or
// "backward".
export function topicOf({ kind, node }) {
  const { net } = state.trace;
  const { loss, optimizer } = state.recording;
  if (kind === "loss") return { type: loss.type, way: "forward" };
  if (kind === "update" || kind === "slot") return { type: optimizer.type, way: "forward" };
  if (kind !== "gradient")
    return { type: net.nodes[node].type, way: kind === "weightGradient" ? "backward" : "forward" };
  if (node === net.loss?.node || node === lossInput()) return { type: loss.type, way: "backward" };
  const user = net.consumers[node][0];
  return { type: net.nodes[user?.node ?? node].type, way: "backward" };
}

// Return the node at whose output the backward pass begins: below the softmax where that is taken together
// with the loss.
export function lossInput() {
  const { net } = state.trace;
  if (!net.loss) return null;
  return net.fused === null ? net.loss.node : net.nodes[net.fused].inputs[0];
}
