// The overview, shown while no number is selected: the prediction and the true class, the loss before and
// after the step, where to start; and what the step has changed.

import { afterUpdate } from "./after_update.js";
import { forward, obstacle } from "../engine/forward.js";
import { element, percent, shown } from "./dom.js";
import { change, state } from "./state.js";
import { walkButton } from "./term_list.js";
import { makeTile, shapeText } from "./maps.js";
import { startingPoints } from "./onward.js";
import { isImage } from "./views.js";
import { docsLink, wordsOf } from "./words.js";

// Return the buttons of the overview's two tabs.
export function overviewTabs() {
  const tabs = [
    ["start", "The step in short"],
    ["after", "After the update"],
  ];
  return element(
    "div",
    { class: "segments", role: "group", "aria-label": "Overview" },
    tabs.map(([tab, text]) =>
      element(
        "button",
        { "aria-pressed": String(state.tab === tab), data: { tab }, onclick: () => change({ tab }) },
        text,
      ),
    ),
  );
}

// Return what the open tab holds.
export function overview() {
  return element("div", { class: "overview" }, state.tab === "start" ? [notes(), glance()] : afterUpdate());
}

function notes() {
  const { notes: recorded = [], section } = state.recording;
  const messages = section ? [section.message, ...recorded] : recorded;
  return messages.length ? element("p", { class: "note" }, messages.join(" ")) : null;
}

function glance() {
  return element("div", { class: "cards" }, pictureCard(), predictionCard(), lossCard(), startCard());
}

function pictureCard() {
  const { net } = state.trace;
  const { classes, label } = state.recording;
  const input = net.nodes.find((node) => node.type === "Input");
  const view = { kind: "value", node: input.id };
  if (!isImage(view)) return null;
  return element(
    "figure",
    { class: "card image-card" },
    makeTile(view, 0, { class: "map" }),
    element(
      "figcaption",
      {},
      "the image, ",
      shapeText(view),
      label === null || label === undefined
        ? null
        : element("span", {}, "; it shows ", element("strong", {}, classes?.[label] ?? `class ${label}`)),
    ),
  );
}

// Return the net's output with the weights after the step; null where it is not known.
function outputAfter() {
  const { net, step } = state.trace;
  const stepped = { kind: "step", step };
  return obstacle(net, stepped) ? null : forward(net, stepped).values[net.loss.node];
}

function predictionCard() {
  const { net, run } = state.trace;
  const { classes } = state.recording;
  if (!net.loss) return null;
  const before = run.lossParts.p;
  const after = outputAfter();
  const { target } = net;
  const node = net.loss.node;
  if (before.length > 24) return null;
  const most = before.indexOf(Math.max(...before));
  const right = target.indexOf(Math.max(...target));
  const name = (k) => classes?.[k] ?? `class ${k}`;
  const asShares = net.loss.type !== "MeanSquaredError" && !net.loss.from_logits;
  const both = asShares && after;
  const said = element(
    "p",
    {},
    "The net says ",
    element("strong", {}, name(most)),
    asShares ? ` (${percent(before[most])})` : "",
    "; the truth is ",
    element("strong", { class: "truth" }, name(right)),
    asShares && right !== most ? ` (${percent(before[right])})` : "",
    ".",
  );
  const high = Math.max(...before, ...(both ? after : [])) || 1;
  const rows = Array.from(before, (p, k) =>
    walkButton(
      { kind: "value", node, index: k },
      {
        class: `class-row${k === right ? " truth" : ""}`,
        title: both
          ? `${name(k)}: p ${shown(p)}, after the step ${shown(after[k])}; t ${shown(target[k])}`
          : null,
      },
      element("span", {}, name(k)),
      element(
        "span",
        { class: "track" },
        element("i", { class: "before", style: { width: `${Math.max((100 * p) / high, 0)}%` } }),
        both ? element("i", { class: "after", style: { left: `${(100 * after[k]) / high}%` } }) : null,
      ),
      element("span", { class: "digits" }, asShares ? percent(p) : shown(p)),
    ),
  );
  return element(
    "div",
    { class: "card prediction-card", data: { prediction: "" } },
    element("h3", {}, "Prediction and truth"),
    said,
    element("div", { class: "class-rows" }, rows),
    both ? element("p", { class: "quiet" }, "bar: before the step; mark: after it") : null,
  );
}

function lossCard() {
  const { lossBefore, lossAfter, net, step } = state.trace;
  const { optimizer, loss } = state.recording;
  if (!net.loss) return null;
  const known = lossAfter !== null;
  const share = (lossAfter - lossBefore) / lossBefore;
  const way = share < 0 ? "down" : "up";
  const { title } = wordsOf(loss.type);
  const what = `one step of ${optimizer.type} with learning rate ${shown(optimizer.learning_rate)}`;
  return element(
    "div",
    { class: "card loss-card" },
    element("h3", {}, "The loss"),
    walkButton(
      { kind: "loss" },
      { class: "loss-change" },
      element("b", { data: { before: lossBefore } }, shown(lossBefore)),
      known
        ? [
            element("span", { class: "arrow" }, "→"),
            element("b", { class: "after", data: { after: lossAfter } }, shown(lossAfter)),
          ]
        : null,
    ),
    element(
      "p",
      {},
      known
        ? `${title} on this image, before and after ${what}: ${way} by ${percent(Math.abs(share))}.`
        : `${title} on this image. The loss after ${what} is not known: ${obstacle(net, { kind: "step", step })}`,
    ),
    element(
      "p",
      { class: "quiet" },
      "The page computes every number from the image and the weights. ",
      docsLink(loss.type, "About this loss"),
    ),
  );
}

function startCard() {
  return element(
    "div",
    { class: "card start-card" },
    element("h3", {}, "Start with a question"),
    element(
      "ul",
      {},
      startingPoints().map(({ question, quantity }) =>
        element(
          "li",
          {},
          walkButton(quantity, { class: "question", data: { start: quantity.kind } }, question),
        ),
      ),
    ),
  );
}
