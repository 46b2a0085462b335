// Which picture a sum of products has: patches beside kernels, whole maps, or a window.

import { element } from "./dom.js";
import { state } from "./state.js";
import { shapeOf } from "../base/quantities.js";
import { factorCell, isMap, placeInMap } from "./cells.js";
import { patchPicture } from "./patch_picture.js";
import { mapPicture } from "./map_picture.js";

const MOST_WRITTEN = 49;
const MOST_CELLS = 400;

// Return the picture of an explanation, or null where its terms are no grid.
export function pictureOfTerms({ quantity, terms, form }) {
  const pairs = terms.map(pairOf);
  if (
    form === "choice" ||
    (terms.length > 1 && terms.every(({ factors }) => isMap(factors[0]) && !factors[1]?.quantity))
  )
    return windowPicture(terms, form);
  if (pairs.length > 1 && pairs.every((pair) => pair?.kernel === null)) return mapPicture(terms);
  const sums = pairs.filter((pair) => pair?.kernel);
  return sums.length > 1
    ? patchPicture(
        sums,
        terms.filter((_, n) => !pairs[n]?.kernel),
        quantity.kind === "value",
      )
    : null;
}

// Return {map, kernel, term} of a product of a map's number and a kernel's; kernel is null for x · dy.
function pairOf(term) {
  const [one, two] = term.factors;
  if (term.factors.length !== 2 || !isMap(one) || !two.quantity) return null;
  if (isMap(two)) return { map: one, kernel: null, term };
  const shape = shapeOf(state.trace, two.quantity);
  return two.quantity.kind === "weight" && shape.length === 4 && shape[0] * shape[1] > 1
    ? { map: one, kernel: two, term }
    : null;
}

// A pool's window: all candidates, the winner marked.
function windowPicture(terms, form) {
  const places = terms.map(({ factors }) => placeInMap(factors[0]));
  const rows = [...new Set(places.map(([row]) => row))];
  const cols = [...new Set(places.map(([, col]) => col))];
  if (rows.length * cols.length > MOST_CELLS) return null;
  const narrow = rows.length * cols.length > MOST_WRITTEN || cols.length > 9;
  const cells = terms.map((term) => {
    const cell = factorCell(term.factors[0], narrow);
    if (form === "choice") cell.classList.add(term.chosen ? "chosen" : "lost");
    return cell;
  });
  return element(
    "div",
    { class: `patches${narrow ? " narrow" : ""}`, data: { picture: "window" } },
    element(
      "div",
      { class: "grid", style: { gridTemplateColumns: `repeat(${cols.length}, var(--cell))` } },
      cells,
    ),
  );
}
