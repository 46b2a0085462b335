// The panel below the net: for the selected number its arithmetic, its enlarged map, where it is used and the
// nudge; if no number is selected, the overview.

import { nameOf } from "../base/quantities.js";
import { element, part, shown } from "./dom.js";
import { goBack, listen, selected, state } from "./state.js";
import { pictureOfTerms } from "./pictures.js";
import { termList, stepList, totalLine, walkButton } from "./term_list.js";
import { buildLens } from "./lens.js";
import { classesOf, viewOf } from "./views.js";
import { labelOf, tiles } from "./maps.js";
import { nudgeBlock } from "./nudge.js";
import { onwardBlock } from "./onward.js";
import { scaleGradient } from "./palette.js";
import { overview, overviewTabs } from "./overview.js";
import { docsLink, equation, topicOf } from "./words.js";

const CRUMBS = 5;
let lens, trailBar, arithmetic, side, later;

// Build the panel and keep it up to date.
export function buildPanel() {
  const legendBox = element("div", { class: "legends" });
  listen(["theme"], () =>
    legendBox.replaceChildren(legendFor("value", "values"), legendFor("gradient", "gradients")),
  );
  trailBar = element("nav", { class: "trail", "aria-label": "The numbers selected so far" });
  arithmetic = element("div", { class: "arithmetic", tabindex: -1 });
  side = element("div", { class: "side" });
  lens = buildLens();
  part("panel").append(
    element("div", { class: "panel-head" }, trailBar, legendBox),
    element("div", { class: "panel-body" }, lens, arithmetic, side),
  );
  listen(["trail", "tab", "theme"], drawPanel);
}

function legendFor(family, text) {
  return element(
    "span",
    {
      class: "legend",
      title: `${text}: negative, zero, positive. Each array has a scale of its own, which all its channels share.`,
    },
    `${text}  −`,
    element("i", { style: { background: scaleGradient(family) } }),
    "+",
  );
}

function drawPanel(changes) {
  const quantity = selected();
  const panel = part("panel");
  const inside =
    arithmetic.contains(document.activeElement) ||
    side.contains(document.activeElement) ||
    trailBar.contains(document.activeElement);
  for (const canvas of tiles.keys()) if (panel.contains(canvas)) tiles.delete(canvas);
  panel.classList.toggle("at-start", !quantity);
  trailBar.replaceChildren(...crumbs());
  Object.assign(panel.dataset, {
    kind: quantity?.kind ?? "",
    node: quantity?.node ?? "",
    index: quantity?.index ?? "",
    weight: quantity?.weight ?? "",
  });
  arithmetic.replaceChildren(...(quantity ? explained(quantity) : [overview()]));
  side.replaceChildren();
  clearTimeout(later);
  // after the rest is on the screen: both may run the net
  if (quantity && !state.explanation.error)
    later = setTimeout(() => side.replaceChildren(...sideBlocks(quantity)));
  if (!("trail" in changes)) return;
  arithmetic.scrollTop = side.scrollTop = 0;
  part("spoken").textContent = quantity
    ? `${labelOf(quantity)}. ${state.explanation.sentence ?? ""}`
    : "Overview";
  if (inside) arithmetic.focus({ preventScroll: true });
}

// The nudge first, so that its numbers are in view, then "where it is used".
function sideBlocks(quantity) {
  return [nudgeBlock(quantity), onwardBlock(quantity)].filter(Boolean);
}

// The trail: overview, … and the last numbers; a click goes back to one.
function crumbs() {
  const { trail, trace } = state;
  if (!trail.length) return [overviewTabs()];
  const first = Math.max(trail.length - CRUMBS, 0);
  const crumb = (text, length, last) =>
    element(
      "li",
      {},
      element(
        "button",
        {
          class: "crumb",
          "aria-current": last ? "true" : null,
          data: { crumb: length },
          onclick: () => goBack(length),
        },
        text,
      ),
    );
  return [
    element(
      "button",
      {
        class: "small back",
        "aria-label": "Back",
        title: "Back (Backspace)",
        data: { back: "" },
        onclick: () => goBack(),
      },
      "←",
    ),
    element(
      "ol",
      {},
      crumb("overview", 0, false),
      first > 0 ? element("li", { class: "quiet" }, "…") : null,
      trail
        .slice(first)
        .map((quantity, n) => crumb(nameOf(trace, quantity), first + n + 1, first + n + 1 === trail.length)),
    ),
  ];
}

function explained(quantity) {
  const { explanation } = state;
  if (explanation.error)
    return [
      element("h2", {}, "This number cannot be explained"),
      element("p", { class: "note" }, explanation.error),
    ];
  const { terms, steps, form, value } = explanation;
  const topic = topicOf(quantity);
  const picture = terms.length > 1 ? pictureOfTerms(explanation) : null;
  const classes = quantity.kind === "loss" ? null : classesOf(viewOf(quantity));
  return [
    element(
      "header",
      { class: "what" },
      element(
        "h2",
        {},
        explanation.name,
        classes ? element("span", { class: "quiet" }, ` ${classes[quantity.index]}`) : null,
        element("span", { class: "equals" }, " = "),
        element("b", { class: "digits", data: { value } }, shown(value)),
      ),
      relatives(explanation),
    ),
    element("p", { class: "sentence" }, explanation.sentence),
    element(
      "p",
      { class: "formula" },
      recorded(explanation) ? "" : equation(explanation.equation),
      docsLink(topic.type),
    ),
    ...body(explanation, picture, form, terms, steps),
  ];
}

// Whether nothing was computed: a pixel, a weight, a number of an opaque layer.
function recorded({ equation: text }) {
  return !text || text === "recorded";
}

function body(explanation, picture, form, terms, steps) {
  const list = terms.length ? termList(explanation) : null;
  const total = terms.length || steps.length ? totalLine(explanation) : null;
  const lines = steps.length
    ? element(
        "div",
        { class: "calculation" },
        form === "steps" ? null : element("h3", {}, "On the way"),
        stepList(steps),
      )
    : null;
  if (form !== "steps") return [picture, list, lines, total].filter(Boolean);
  return [
    lines,
    list && element("div", { class: "calculation" }, element("h3", {}, "As a sum"), list),
    total,
  ].filter(Boolean);
}

// The numbers that belong to this one: a value and its gradient; a weight, its gradient, and the weight after
// the step.
function relatives({ related = [] }) {
  return element(
    "div",
    { class: "relatives" },
    related.map(({ text, quantity }) =>
      walkButton(
        quantity,
        { class: "relative", data: { related: quantity.kind } },
        text,
        " ",
        element("b", { class: "digits" }, labelOf(quantity).split(" = ").at(-1)),
      ),
    ),
  );
}
