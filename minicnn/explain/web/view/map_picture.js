// A kernel's gradient as a picture: x and dy over all positions of the map, and their products, which add up
// to it.

import { element } from "./dom.js";
import { pointAt, select } from "./state.js";
import { colourPlace, colourTable } from "./palette.js";
import { showTip } from "./maps.js";
import { extentOf, viewOf } from "./views.js";
import { placeInMap, sign } from "./cells.js";

// x · dy over all positions: three maps, the last their product.
export function mapPicture(terms) {
  const places = terms.map(({ factors }) => placeInMap(factors[1]));
  const top = Math.min(...places.map(([row]) => row));
  const left = Math.min(...places.map(([, col]) => col));
  const rows = Math.max(...places.map(([row]) => row)) - top + 1;
  const cols = Math.max(...places.map(([, col]) => col)) - left + 1;
  const cells = new Map(places.map(([row, col], n) => [(row - top) * cols + col - left, terms[n]]));
  const most = Math.max(...terms.map((term) => Math.abs(term.value)));
  const scaleOf = (factor) => extentOf(viewOf(factor.quantity)).most;
  const map = (title, family, scale, number, quantity) => {
    const canvas = painted(rows, cols, cells, family, scale, number);
    const under = (event) =>
      cells.get(
        Math.floor((event.offsetY / canvas.clientHeight) * rows) * cols +
          Math.floor((event.offsetX / canvas.clientWidth) * cols),
      );
    canvas.setAttribute(
      "aria-label",
      `${title}, ${rows * cols === 1 ? "1 position" : `${rows} × ${cols} positions`}; the list below has the same numbers`,
    );
    canvas.style.aspectRatio = `${cols} / ${rows}`;
    canvas.addEventListener("pointermove", (event) => {
      const term = under(event);
      const [x, dy] = term?.factors ?? [];
      pointAt(term ? [x.quantity, dy.quantity] : []);
      showTip(term ? (quantity(term) ?? dy.quantity) : null, event.clientX, event.clientY);
    });
    canvas.addEventListener("pointerleave", () => {
      pointAt([]);
      showTip(null);
    });
    canvas.addEventListener(
      "click",
      (event) => under(event) && quantity(under(event)) && select(quantity(under(event))),
    );
    return element("figure", {}, canvas, element("figcaption", {}, title));
  };
  const [x, dy] = terms[0].factors;
  return element(
    "div",
    { class: "maps", data: { picture: "maps" } },
    map(
      "x, at each position of this weight",
      "value",
      scaleOf(x),
      (term) => term.factors[0].value,
      (term) => term.factors[0].quantity,
    ),
    sign("×"),
    map(
      "dy",
      "gradient",
      scaleOf(dy),
      (term) => term.factors[1].value,
      (term) => term.factors[1].quantity,
    ),
    sign("="),
    map(
      "x · dy: add them all up",
      "gradient",
      most,
      (term) => term.value,
      () => null,
    ),
  );
}

function painted(rows, cols, cells, family, most, number) {
  const canvas = element("canvas", { role: "img", class: "map", width: cols, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(cols, rows);
  const table = colourTable(family);
  for (const [cell, term] of cells) {
    const place = colourPlace(number(term), most);
    image.data.set([table[place], table[place + 1], table[place + 2], 255], 4 * cell);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
