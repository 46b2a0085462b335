// The net as columns, input to loss. Three lanes run through all of them: values forward, gradients backward,
// weights with theirs.

import { element, part, shown } from "./dom.js";
import { counted } from "../base/terms.js";
import { change, listen, select, state } from "./state.js";
import { columnWidths } from "./layout.js";
import { layMosaic, makeMosaic } from "./mosaic.js";
import { quantityUnder, repaintTiles, selectInMap, shapeText, showTip, tiles } from "./maps.js";
import { extentOf, numbersIn, pictureOf } from "./views.js";
import { longWires, WIRE_ROOM } from "./wires.js";
import { wordsOf } from "./words.js";

export const columns = [];
const HEAD = 47;
const CAPTION = 13;
const SIDES = 10;
const GUTTER = 24;
const END = 8;
const WEIGHTS = 78;
const FLAT_LABEL = 42;

// Build the columns and keep them up to date.
export function buildColumns() {
  const { run, net } = state.trace;
  const strip = element("div", { class: "columns" });
  const lanes = ["values", "gradients", "weights"].map((lane) =>
    element("span", { class: `lane-name ${lane}` }, laneName(lane)),
  );
  part("net").append(
    element(
      "div",
      { class: "strip" },
      element("div", { class: "lane-names", "aria-hidden": "true" }, lanes),
      strip,
    ),
  );
  for (const node of net.nodes) if (node && run.values[node.id]) columns.push(nodeColumn(node));
  if (run.loss !== null) columns.push(lossColumn());
  strip.append(...columns.map((column) => column.box));
  listenToMouse(strip);
  new ResizeObserver(layColumns).observe(part("net"));
  listen(["trail", "view"], layColumns);
  listen(["view"], () => (part("net").dataset.view = state.view));
  listen(["theme"], repaintTiles);
}

function laneName(lane) {
  return { values: "values →", gradients: "← gradients", weights: "weights" }[lane];
}

function nodeColumn(node) {
  const value = makeMosaic({ kind: "value", node: node.id });
  const gradient = makeMosaic({ kind: "gradient", node: node.id });
  const weights = Object.keys(node.weights).map((name) => weightBlock(node.id, name));
  const { title } = wordsOf(node.type);
  const head = element(
    "button",
    {
      class: "head",
      title: `${node.name}: ${title}. Select its strongest gradient.`,
      onclick: () => selectStrongest(node.id),
    },
    element("strong", {}, breakable(node.name)),
    element("span", {}, shapeText({ kind: "value", node: node.id })),
  );
  const box = element(
    "section",
    {
      class: `column${node.type === "Opaque" ? " opaque" : ""}`,
      data: { column: node.id },
      "aria-label": `${node.name}, ${title}`,
    },
    head,
    element("div", { class: "lane values" }, value.box, value.caption),
    element("div", { class: "lane gradients" }, gradient.box, gradient.caption),
    element(
      "div",
      { class: "lane weights" },
      weights.map((block) => block.box),
    ),
  );
  return {
    id: node.id,
    form: pictureOf({ kind: "value", node: node.id }).form,
    box,
    value,
    gradient,
    weights,
  };
}

// Let a long name break between its words; the most common long one is shortened, the panel and the title
// have it in full.
function breakable(name) {
  return name
    .replace("batch_normalization", "batch_norm")
    .split(/(?<=_)(?=[a-z]{3})|(?<= · )/)
    .flatMap((word) => [word, element("wbr")]);
}

function weightBlock(node, weight) {
  const mosaics = [makeMosaic({ kind: "weight", node, weight })];
  if (numbersIn({ kind: "weightGradient", node, weight }))
    mosaics.push(makeMosaic({ kind: "weightGradient", node, weight }));
  const flat = mosaics[0].picture.form === "strip";
  const size = mosaics[0].picture.size;
  const box = element(
    "div",
    { class: `weight${flat ? " flat" : ""}`, data: { weight } },
    element(
      "p",
      { class: "extent", title: `${weight}: ${counted(size, "number")}` },
      element(
        "span",
        {},
        flat
          ? weight.replace("moving_", "")
          : `${weight} ${shapeText({ kind: "weight", node, weight }).replaceAll(" ", "")}`,
      ),
      mosaics[0].more,
    ),
    mosaics.map((mosaic) => mosaic.box),
  );
  return { box, mosaics, flat };
}

function lossColumn() {
  const { lossBefore, lossAfter } = state.trace;
  const { optimizer } = state.recording;
  const number = (label, text, name) =>
    element(
      "p",
      { class: "loss-number" },
      element("span", {}, label),
      element("b", { data: { [name]: text } }, text),
    );
  const box = element(
    "section",
    { class: "column loss", data: { column: "loss" }, "aria-label": "The loss" },
    element(
      "button",
      { class: "head", title: "What the loss is made of", onclick: () => select({ kind: "loss" }) },
      element("strong", {}, "loss"),
      element("span", {}, "one number"),
    ),
    element(
      "div",
      { class: "lane values" },
      element(
        "button",
        { class: "loss-button", data: { loss: "" }, onclick: () => select({ kind: "loss" }) },
        number("before", shown(lossBefore), "before"),
      ),
      lossAfter === null || lossAfter === undefined
        ? null
        : element("div", { class: "after-step" }, number("after the step", shown(lossAfter), "after")),
    ),
    element(
      "div",
      { class: "lane gradients" },
      element("p", { class: "loss-number" }, element("span", {}, "dL/dL"), element("b", {}, "1")),
    ),
    element(
      "div",
      { class: "lane weights" },
      optimizer
        ? element("p", { class: "extent" }, `${optimizer.type}, η = ${shown(optimizer.learning_rate)}`)
        : null,
    ),
  );
  return { id: "loss", form: "loss", box, weights: [] };
}

// Share the width among the columns; those of the selected number and its terms get more of it.
function layColumns() {
  const net = part("net");
  const head = HEAD + (longWires(columns).length ? WIRE_ROOM : 0);
  const focus = new Set(state.focus);
  const widths = columnWidths(
    columns.map((column) => column.form),
    columns.map((column) => focus.has(column.id)),
    net.clientWidth - GUTTER - END,
  );
  const room = Math.max(net.clientHeight - head - WEIGHTS, 120);
  const height = state.view === "both" ? room / 2 : room;
  part("net").style.setProperty("--head", `${head}px`);
  part("net").style.setProperty("--lane", `${Math.floor(height)}px`);
  columns.forEach((column, n) => {
    column.box.style.width = `${widths[n]}px`;
    const inner = widths[n] - SIDES;
    if (column.value && state.view !== "gradients") layMosaic(column.value, inner, height - CAPTION - 8);
    if (column.gradient && state.view !== "values") layMosaic(column.gradient, inner, height - CAPTION - 8);
    layWeights(column, inner);
  });
  if (state.focus.length) bringIntoView(state.focus);
  change({ laid: true });
}

// Scroll a long net as little as needed to see these columns, the first of them in any case.
export function bringIntoView(ids) {
  const net = part("net");
  const seen = net.getBoundingClientRect();
  for (const id of ids.toReversed()) {
    const box = columns.find((column) => column.id === id)?.box.getBoundingClientRect();
    if (box && box.left < seen.left + GUTTER) net.scrollLeft -= seen.left + GUTTER - box.left;
    else if (box && box.right > seen.right) net.scrollLeft += box.right - seen.right;
  }
}

function layWeights({ weights }, width) {
  const flat = weights.filter((block) => block.flat).length;
  const tall = Math.max(
    (WEIGHTS - 8 - flat * (CAPTION + 4)) / Math.max(weights.length - flat, 1) - CAPTION - 3,
    14,
  );
  for (const { mosaics, flat: low } of weights) {
    const two = mosaics.length === 2 && state.view === "both" && !low;
    mosaics.forEach((mosaic) =>
      layMosaic(mosaic, low ? width - FLAT_LABEL : two ? (width - 4) / 2 : width, low ? 6 : tall, true),
    );
  }
}

function selectStrongest(node) {
  const view = { kind: "gradient", node };
  const most = extentOf(view).most > 0 ? view : { kind: "value", node };
  const numbers = numbersIn(most);
  const target = extentOf(most).most;
  select({ ...most, index: numbers.findIndex((number) => Math.abs(number) === target) });
}

// One listener for all maps: a click selects the number under the mouse, a move names it.
function listenToMouse(strip) {
  const under = (event) => (tiles.has(event.target) ? quantityUnder(event.target, event) : null);
  strip.addEventListener("click", (event) => {
    const quantity = under(event) ?? ofBarLabel(event.target.closest(".bar-label"));
    if (quantity) selectInMap(quantity);
  });
  strip.addEventListener("pointermove", (event) => showTip(under(event), event.clientX, event.clientY));
  strip.addEventListener("pointerleave", () => showTip(null));
}

function ofBarLabel(label) {
  const canvas = label?.closest(".bars").querySelector("canvas");
  return canvas ? { ...tiles.get(canvas).view, index: Number(label.dataset.bar) } : null;
}
