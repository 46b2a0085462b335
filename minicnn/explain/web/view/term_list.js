// The arithmetic line by line: terms that add up, steps of a calculation. Every number that was read from the
// step is a button that selects it. The lines shown and the line of the rest always add up to the total.

import { element, shown } from "./dom.js";
import { counted } from "../base/terms.js";
import { pointAt, select } from "./state.js";
import { labelOf } from "./maps.js";

const FIRST_LINES = 8;
const MORE_LINES = 40;

// Return the list of an explanation's terms, the largest first, and what the others add up to.
export function termList({ terms, form }) {
  const sorted =
    form === "choice" ? terms : terms.toSorted((one, other) => Math.abs(other.value) - Math.abs(one.value));
  const most = Math.abs(sorted[0]?.value ?? 0) || 1;
  const lines = element("ol", { class: "term-list" });
  const rest = element("p", { class: "rest" });
  let count = 0;
  const more = (by) => {
    lines.append(
      ...sorted
        .slice(count, count + by)
        .map((term) => termLine(term, form === "choice" || terms.length === 1 ? null : most)),
    );
    count = Math.min(count + by, sorted.length);
    rest.replaceChildren(...restLine(sorted.slice(count), more, form));
  };
  more(FIRST_LINES);
  return element(
    "div",
    { class: "sum" },
    terms.length > 1 ? element("h3", {}, headline(terms, form)) : null,
    lines,
    rest,
  );
}

function headline(terms, form) {
  if (form === "choice") return counted(terms.length, "candidate");
  const zeros = terms.filter((term) => term.value === 0).length;
  return `${counted(terms.length, "term")}, the largest first${zeros ? `; ${zeros.toLocaleString("en")} ${zeros === 1 ? "is" : "are"} 0` : ""}`;
}

function termLine(term, most) {
  const { factors, value, chosen } = term;
  const product = factors.flatMap((factor, n) => [
    n ? element("span", { class: "sign" }, "×") : null,
    factorButton(factor),
  ]);
  return element(
    "li",
    {
      class: chosen === undefined ? null : chosen ? "chosen" : "lost",
      data: { term: "", value, ...(chosen === undefined ? {} : { chosen }) },
    },
    most === null ? null : bar(value / most),
    element("span", { class: "product" }, product),
    element("b", { class: "digits" }, factors.length > 1 ? `= ${shown(value)}` : shown(value)),
    chosen ? element("span", { class: "tag" }, "chosen") : null,
  );
}

function bar(share) {
  return element(
    "span",
    { class: `bar ${share < 0 ? "negative" : "positive"}`, "aria-hidden": "true" },
    element("i", { style: { width: `${50 * Math.abs(share)}%` } }),
  );
}

// A factor with its value: a button that selects it, if it is a number of the step.
export function factorButton({ text, value, quantity }) {
  const words = [
    element("span", { class: "symbol" }, text),
    element("span", { class: "digits" }, shown(value)),
  ];
  if (!quantity) return element("span", { class: "factor", data: { factor: "", value } }, words);
  return walkButton(
    quantity,
    { class: "factor", data: { factor: "", value }, title: labelOf(quantity) },
    words,
  );
}

// Return a button that selects a number, and marks it in the net while the mouse or the focus is on the
// button.
export function walkButton(quantity, attributes, ...children) {
  const own = { onclick: () => select(quantity), ...pointing([quantity]) };
  return element("button", { ...own, ...attributes }, ...children);
}

// Return the listeners that mark these numbers in the net while the mouse or the focus is on an element.
export function pointing(quantities) {
  const on = () => pointAt(quantities);
  const off = () => pointAt([]);
  return { onpointerenter: on, onpointerleave: off, onfocus: on, onblur: off };
}

function restLine(others, more, form) {
  if (!others.length) return [];
  const sum = others.reduce((total, term) => total + term.value, 0);
  const words =
    form === "choice"
      ? `${counted(others.length, "further candidate")} `
      : `${counted(others.length, "further term")} together: `;
  const button = (text, by) =>
    element("button", { class: "small", data: { more: by }, onclick: () => more(by) }, text);
  return [
    words,
    form === "choice" ? null : element("b", { class: "digits", data: { rest: "", value: sum } }, shown(sum)),
    " ",
    button(`show ${Math.min(MORE_LINES, others.length)} more`, MORE_LINES),
    others.length > MORE_LINES ? button("show all", others.length) : null,
  ].filter((piece) => piece !== null);
}

// Return the line of the total, and whether it is the number that was asked for.
export function totalLine({ terms, total, value, form }) {
  const right = Math.abs(total - value) <= 1e-9 * Math.max(1, Math.abs(value));
  const what =
    form === "choice"
      ? "the largest"
      : form === "steps"
        ? "the last step"
        : terms.length > 1
          ? `Σ of ${counted(terms.length, "term")}`
          : "together";
  return element(
    "p",
    { class: `total${right ? "" : " wrong"}`, data: { total: "", value: total } },
    element("span", {}, what),
    element("b", { class: "digits" }, `= ${shown(total)}`),
    element("span", { class: "check" }, right ? "✓ the number above" : `differs from ${shown(value)}`),
  );
}

// Return the lines of a calculation, each with its value.
export function stepList(steps) {
  return element(
    "ol",
    { class: "steps" },
    steps.map(({ text, value, quantity }) =>
      element(
        "li",
        { data: { step: "", value } },
        element("span", { class: "symbol" }, text),
        quantity
          ? walkButton(
              quantity,
              { class: "factor", data: { factor: "", value }, title: labelOf(quantity) },
              element("span", { class: "digits" }, shown(value)),
            )
          : element("b", { class: "digits" }, shown(value)),
      ),
    ),
  );
}
