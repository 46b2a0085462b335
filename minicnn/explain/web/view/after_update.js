// After the update: the loss before and after, and the number of each array of weights that moved most.

import { nameOf, valueOf } from "../base/quantities.js";
import { element, shown, signed } from "./dom.js";
import { state } from "./state.js";
import { pointing, walkButton } from "./term_list.js";
import { makeTile } from "./maps.js";
import { extentOf, numbersIn } from "./views.js";

const MOST_WEIGHTS = 9;

// Return the tab "after the update".
export function afterUpdate() {
  const { net, lossBefore, lossAfter } = state.trace;
  const moved = net.order
    .flatMap((id) => Object.keys(net.nodes[id].weights).map((weight) => mostMoved(id, weight)))
    .filter((row) => row && row.by !== 0);
  const rows = moved
    .toSorted((one, other) => Math.abs(other.by) - Math.abs(one.by))
    .slice(0, MOST_WEIGHTS)
    .sort((one, other) => one.quantity.node - other.quantity.node);
  const head = [
    "the weight that moved most, of each array",
    "before",
    "gradient",
    "after",
    "change",
    "all, before",
    "and after",
  ];
  return element(
    "div",
    { class: "after-update", data: { after: "" } },
    lossAfter === null
      ? null
      : element(
          "p",
          { class: "loss-line" },
          "loss ",
          element("b", {}, shown(lossBefore)),
          " → ",
          element("b", {}, shown(lossAfter)),
          element(
            "span",
            { class: "quiet" },
            ` (${signed(lossAfter - lossBefore)}) on this image; nothing is said of others`,
          ),
        ),
    element(
      "div",
      { class: "table-box" },
      element(
        "table",
        {},
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            head.map((text) => element("th", {}, text)),
          ),
        ),
        element("tbody", {}, rows.map(weightRow)),
      ),
    ),
  );
}

function mostMoved(node, weight) {
  const before = numbersIn({ kind: "weight", node, weight });
  const after = numbersIn({ kind: "update", node, weight });
  if (!after) return null;
  let index = 0;
  for (let n = 1; n < before.length; n++)
    if (Math.abs(after[n] - before[n]) > Math.abs(after[index] - before[index])) index = n;
  return { quantity: { kind: "update", node, weight, index }, by: after[index] - before[index] };
}

function weightRow({ quantity, by }) {
  const { node, weight, index } = quantity;
  const { trace } = state;
  const before = { ...quantity, kind: "weight" };
  const gradient = { ...quantity, kind: "weightGradient" };
  const hasGradient = numbersIn(gradient) !== null;
  const cell = (number, text) =>
    element(
      "td",
      {},
      number
        ? walkButton(
            number,
            { class: "factor", ...pointing([before]) },
            element("span", { class: "digits" }, text ?? shown(valueOf(trace, number))),
          )
        : "—",
    );
  const picture = (kind) =>
    element(
      "td",
      {},
      makeTile({ kind, node, weight }, index % extentOf({ kind, node, weight }).strengths.length, {
        class: "map mini",
      }),
    );
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, nameOf(trace, before)),
    cell(before),
    cell(hasGradient ? gradient : null),
    cell(quantity),
    cell(quantity, signed(by)),
    picture("weight"),
    picture("update"),
  );
}
