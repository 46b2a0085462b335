// A mosaic shows one array: its featured slice large, some others small. Values and gradients of a layer
// feature the same channel, a kernel and its gradient the same pair of channels, so that they can be
// compared.

import { element, shown } from "./dom.js";
import { state } from "./state.js";
import { mosaicLayout } from "./layout.js";
import { makeTile, showSlice, tiles } from "./maps.js";
import { classesOf, extentOf, familyOf, isImage, numbersIn, pictureOf, sliceAxes } from "./views.js";

// Return what featured slices are remembered under: one name for an array and its gradient.
export function featureKey({ node, weight }) {
  return weight === undefined ? `${node}` : `${node}/${weight}`;
}

// Return the slice of a view that is shown large: the one selected last, or the one with the most gradient.
function featuredSlice(view) {
  const key = featureKey(view);
  if (!state.featured.has(key)) state.featured.set(key, strongest(strengthsOf(view)));
  return state.featured.get(key);
}

function strongest(strengths) {
  return strengths.reduce((best, strength, slice) => (strength > strengths[best] ? slice : best), 0);
}

function strengthsOf(view) {
  const gradients = { ...view, kind: view.weight === undefined ? "gradient" : "weightGradient" };
  const { most, strengths } = extentOf(gradients);
  return most > 0 ? strengths : extentOf(view).strengths;
}

// Return the slices shown small, in order: those with the most gradient; of a kernel, those that lead to the
// featured output channel.
function thumbSlices(view, count) {
  const strengths = strengthsOf(view);
  const axes = sliceAxes(view);
  let slices = Array.from(strengths, (_, slice) => slice);
  if (axes.length === 2) {
    const out = featuredSlice(view) % axes[1].length;
    slices = slices.filter((slice) => slice % axes[1].length === out);
  }
  if (slices.length > count)
    slices = slices
      .toSorted((a, b) => strengths[b] - strengths[a])
      .slice(0, count)
      .toSorted((a, b) => a - b);
  return slices;
}

// Return a new mosaic: {view, picture, box, large, thumbs}; layMosaic gives it its size.
export function makeMosaic(view) {
  const picture = pictureOf(view);
  const empty = numbersIn(view) === null;
  const large = makeTile(view, featuredSlice(view), { class: "map large" });
  const small = element("div", { class: "thumbs" });
  const box = element(
    "div",
    { class: `mosaic form-${picture.form}`, data: { family: familyOf(view) } },
    picture.form === "bars" ? barLabels(view, large) : large,
    small,
  );
  box.classList.toggle("empty", empty);
  const more = element("span", { class: "more" });
  const caption = element("p", { class: "extent" }, element("span", {}, extentText(view)), more);
  return { view, picture, box, large, small, thumbs: [], caption, more };
}

function barLabels(view, large) {
  const names = classesOf(view);
  const numbers = numbersIn(view);
  const { label } = state.recording;
  const rows = Array.from({ length: pictureOf(view).rows }, (_, row) =>
    element(
      "button",
      { class: "bar-label", tabindex: -1, data: { bar: row }, title: names?.[row] ?? null },
      element("span", { class: names && row === label ? "truth" : "" }, names?.[row] ?? String(row)),
      element("span", { class: "digits" }, numbers ? shown(numbers[row]) : ""),
    ),
  );
  return element("div", { class: "bars" }, element("div", { class: "bar-labels" }, rows), large);
}

// Set a mosaic's size, and show its slices.
export function layMosaic(mosaic, width, height, alone = false) {
  const { view, picture, box, large, small } = mosaic;
  const plan = mosaicLayout(picture, width, height, alone);
  box.classList.toggle("abreast", Boolean(plan.beside));
  if (picture.form === "bars") sizeBars(box, plan);
  else Object.assign(large.style, { width: `${plan.width}px`, height: `${plan.height}px` });
  showSlice(large, featuredSlice(view));
  const slices = plan.count > 1 && !isImage(view) ? thumbSlices(view, plan.count) : [];
  while (mosaic.thumbs.length > slices.length) {
    const canvas = mosaic.thumbs.pop();
    tiles.delete(canvas);
    canvas.remove();
  }
  slices.forEach((slice, n) => {
    if (n === mosaic.thumbs.length) {
      mosaic.thumbs.push(makeTile(view, slice, { class: "map thumb" }));
      small.append(mosaic.thumbs[n]);
    }
    const canvas = mosaic.thumbs[n];
    showSlice(canvas, slice);
    canvas.classList.toggle("shown", slice === featuredSlice(view));
    Object.assign(canvas.style, { width: `${plan.thumbWidth}px`, height: `${plan.thumbHeight}px` });
  });
  signMore(mosaic, Math.max(slices.length, 1));
}

// Say how many of its slices a mosaic shows, where these are not all.
function signMore({ view, picture, box, more }, seen) {
  const hidden = picture.slices > seen && !isImage(view);
  const what = view.weight === undefined ? "channels" : "pairs of channels";
  more.textContent = hidden ? `${seen} of ${picture.slices}` : "";
  box.title = hidden
    ? `${seen} of ${picture.slices.toLocaleString("en")} ${what}; for the others select a number, then ‹ and ›`
    : "";
}

function sizeBars(box, { width, height }) {
  Object.assign(box.firstChild.style, { width: `${width}px`, height: `${height}px` });
  box.classList.toggle("roomy", width > 140);
}

// Return the range of a view's numbers, which its colours span, as it is written under its maps.
export function extentText(view) {
  if (numbersIn(view) === null) return "not recorded";
  const { low, high, most } = extentOf(view);
  if (low === high) return `all ${shown(low)}`;
  return low < 0 && high > 0 ? `±${tidy(most)}` : `${tidy(low)} … ${tidy(high)}`;
}

function tidy(x) {
  return shown(Number.isInteger(x) ? x : Number(x.toPrecision(2)));
}
