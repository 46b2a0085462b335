// What is computed when a number is selected, before anything is drawn: its arithmetic, and which channels
// and columns it concerns.

import { explain } from "../engine/index.js";
import { change, listen, selected, state } from "./state.js";
import { featureKey } from "./mosaic.js";
import { pictureOf, placeOf, viewOf } from "./views.js";

// Update state.explanation, .focus and .featured when the trail changes. This is the first listener.
export function followSelection() {
  listen(["trail"], () => {
    const quantity = selected();
    state.explanation = quantity && explainedOrNot(quantity);
    state.focus = quantity ? focusOf(quantity) : [];
    if (quantity) featureTerms(quantity);
    const unseen = { value: "gradients", gradient: "values" }[quantity?.kind];
    if (unseen === state.view) change({ view: "both" });
  });
}

// The explanation, or {error}: a number that cannot be explained must not stop the page.
function explainedOrNot(quantity) {
  try {
    return explain(state.trace, quantity);
  } catch (error) {
    return { error: error.message, quantity };
  }
}

// The columns of the number and of everything that took part.
function focusOf(quantity) {
  const nodes = new Set(takenPart(state.explanation).map(columnOf));
  return [columnOf(quantity), ...[...nodes].slice(0, 3)];
}

function columnOf({ kind, node }) {
  return kind === "loss" ? "loss" : node;
}

// Return the groups of numbers that took part in an explanation: {kind, node, weight?, …, indices}.
export function takenPart(explanation) {
  return explanation?.sources ?? [];
}

// Feature the slice that the number is in, and in its neighbours the slices of its largest term.
function featureTerms(quantity) {
  const { terms = [] } = state.explanation;
  const done = new Set();
  const feature = (number) => {
    if (!number || number.kind === "loss" || number.kind === "part" || done.has(featureKey(number))) return;
    done.add(featureKey(number));
    state.featured.set(featureKey(number), placeOf(pictureOf(viewOf(number)), number.index).slice);
  };
  feature(quantity);
  const largest = terms.reduce(
    (best, term) => (best && Math.abs(best.value) >= Math.abs(term.value) ? best : term),
    null,
  );
  for (const factor of largest?.factors ?? []) feature(factor.quantity);
  for (const { indices, ...array } of takenPart(state.explanation)) feature({ ...array, index: indices[0] });
}
