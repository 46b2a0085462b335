// Cells: one number each, in its colour, in the small grids of the panel; numbers of the step are buttons
// that select them.

import { brief, element, shown } from "./dom.js";
import { pointAt, select, state } from "./state.js";
import { cellColours } from "./palette.js";
import { labelOf, showTip } from "./maps.js";
import { extentOf, familyOf, viewOf } from "./views.js";
import { shapeOf } from "../base/quantities.js";
import { unravel } from "../base/arrays.js";

// Return whether a factor is a number of a map: of an array [row, column, channel] that is no weight.
export function isMap(factor) {
  const { quantity } = factor ?? {};
  return (
    Boolean(quantity) &&
    !quantity.weight &&
    quantity.kind !== "loss" &&
    shapeOf(state.trace, quantity).length === 3
  );
}

// Return [row, column, channel] of such a factor.
export function placeInMap(factor) {
  return unravel(shapeOf(state.trace, factor.quantity), factor.quantity.index);
}

// Return a sign between two grids.
export function sign(text) {
  return element("span", { class: "sign" }, text);
}

// A cell that selects its number.
export function factorCell(factor, narrow) {
  const { quantity, value } = factor;
  const view = viewOf(quantity);
  const { background, text } = cellColours(familyOf(view), value, extentOf(view).most);
  return element(
    "button",
    {
      class: "cell",
      "aria-label": labelOf(quantity),
      style: { background, color: text },
      onclick: () => select(quantity),
      onpointerenter: (event) => {
        pointAt([quantity]);
        showTip(quantity, event.clientX, event.clientY);
      },
      onpointerleave: () => {
        pointAt([]);
        showTip(null);
      },
      onfocus: () => pointAt([quantity]),
      onblur: () => pointAt([]),
    },
    narrow ? "" : brief(value),
  );
}

// A cell without a button.
export function numberCell(family, value, most, title, narrow) {
  const { background, text } = cellColours(family, value, most);
  return element(
    "i",
    { class: "cell", title: `${title} = ${shown(value)}`, style: { background, color: text } },
    narrow ? "" : brief(value),
  );
}
