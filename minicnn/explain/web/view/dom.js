// Making elements and writing numbers: the helpers that the whole interface uses.

import { formatNumber } from "../base/arrays.js";

// Return a new element. `attributes`: on… are listeners, data is the dataset, style its properties; null ones
// are left out.
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// Return a new element of SVG.
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(made.dataset, value);
    else if (name === "style") Object.assign(made.style, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Return the part of the page with this id.
export function part(id) {
  return document.getElementById(id);
}

// Return x as a reader sees it: formatNumber's digits, with a true minus.
export function shown(x) {
  return x === null || x === undefined ? "—" : formatNumber(x).replace(/-/g, "−");
}

// Return x with its sign always written, for changes.
export function signed(x) {
  return x > 0 ? `+${shown(x)}` : shown(x);
}

// Return x in at most five characters, for the small cells of a grid.
export function brief(x) {
  const size = Math.abs(x);
  let text;
  if (size === 0) text = "0";
  else if (size >= 9999.5 || size < 0.00995) text = x.toExponential(0).replace("e+", "e");
  else text = size >= 99.5 ? x.toFixed(0) : size >= 9.95 ? x.toFixed(1) : x.toFixed(2);
  return text.replace(/-/g, "−");
}

// Return a share of 1 as "65 %".
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}
