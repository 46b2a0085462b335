// Nudge: change one number by ε and run the whole net again. The change of the loss is shown beside gradient
// · ε, the change that the gradient predicts; in the plot, the loss is a curve and the prediction a straight
// line. The slider lies over the plot and has its scale; nearer to 0, the curve is its tangent.

import { nudgeCurve, nudgeTarget } from "../engine/index.js";
import { nameOf, valueOf } from "../base/quantities.js";
import { drawn, element, shown, signed } from "./dom.js";
import { state } from "./state.js";

const WIDTH = 232;
const HEIGHT = 84;
const EDGE = 8; // half of the slider's thumb: there its ends, and those of the plot, are
const DECADES = 5;
const POINTS = 48;
const SLIDER = 500;

// Return the block for a quantity, or null where there is nothing to nudge. The net runs only when the slider
// moves.
export function nudgeBlock(quantity) {
  if (quantity.kind === "loss" || quantity.kind === "slot" || quantity.kind === "part") return null;
  const { quantity: target, message, note } = nudgeTarget(state.trace, quantity);
  if (!target)
    return element(
      "div",
      { class: "nudge", data: { nudge: "none" } },
      element("h3", {}, "Nudge"),
      element("p", { class: "quiet" }, `Not here: ${message.replace(/\.+$/, "")}.`),
    );
  const nudge = { target, most: mostFor(target), cache: new Map(), points: [] };
  nudge.scale = nudge.most / 100;
  nudge.slope = valueOf(state.trace, {
    ...target,
    kind: target.kind === "value" ? "gradient" : "weightGradient",
  });
  const name = nameOf(state.trace, target);
  nudge.slider = element("input", {
    type: "range",
    min: -SLIDER,
    max: SLIDER,
    step: 1,
    value: 0,
    "aria-label": `ε: nudge ${name}`,
    data: { nudge: "slider" },
  });
  nudge.slider.addEventListener("input", () => moveNudge(nudge));
  nudge.slider.addEventListener("dblclick", () => {
    nudge.slider.value = 0;
    moveNudge(nudge);
  });
  nudge.plot = drawn("svg", { class: "nudge-plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  nudge.ends = element("p", { class: "slider-ends" });
  nudge.numbers = element("dl", { class: "nudge-numbers" });
  nudge.box = element(
    "div",
    { class: "nudge", data: { nudge: "" } },
    element("h3", {}, "Nudge it ", element("span", { class: "quiet" }, `${name} by ε`)),
    nudge.slider,
    nudge.plot,
    nudge.ends,
    nudge.numbers,
    note && element("p", { class: "quiet", data: { nudge: "note" } }, note),
  );
  drawEnds(nudge);
  moveNudge(nudge);
  return nudge.box;
}

// The ends of the scale, and buttons that make it ten times narrower or wider.
function drawEnds(nudge) {
  const { most, scale } = nudge;
  const button = (text, label, to) =>
    element(
      "button",
      {
        class: "small",
        "aria-label": label,
        title: label,
        data: { scale: text },
        disabled: to > most * 1.01 || to < most * 0.99 * 10 ** -DECADES,
        onclick: () => {
          const epsilon = epsilonOf(nudge);
          nudge.scale = to;
          nudge.points = [];
          nudge.slider.value = Math.round((epsilon / to) * SLIDER);
          drawEnds(nudge);
          moveNudge(nudge);
          nudge.ends.querySelector(`[data-scale="${text}"]:not(:disabled)`)?.focus();
        },
      },
      text,
    );
  const text = shown(Number(scale.toPrecision(2)));
  nudge.ends.replaceChildren(
    element("span", {}, `−${text}`),
    button("−", "a wider scale of ε", scale * 10),
    element("span", {}, "ε"),
    button("+", "a narrower scale of ε", scale / 10),
    element("span", {}, `+${text}`),
  );
}

// The largest ε: the whole range of a pixel, about the size of the number itself elsewhere.
function mostFor(target) {
  const range = state.recording.image_range ?? [0, 1];
  if (target.kind === "value" && state.trace.net.nodes[target.node].type === "Input")
    return range[1] - range[0];
  return 10 ** Math.ceil(Math.log10(Math.max(Math.abs(valueOf(state.trace, target)), 0.1)) + 0.5);
}

function epsilonOf({ slider, scale }) {
  return (Number(slider.value) / SLIDER) * scale;
}

function lossAt({ target, cache }, epsilon) {
  if (!cache.has(epsilon)) cache.set(epsilon, nudgeCurve(state.trace, target, [epsilon])[0].loss);
  return cache.get(epsilon);
}

function moveNudge(nudge) {
  const epsilon = epsilonOf(nudge);
  const before = state.trace.lossBefore;
  const loss = epsilon === 0 ? before : lossAt(nudge, epsilon);
  writeNudge(nudge, epsilon, loss - before);
  plotNudge(nudge, epsilon, loss);
  traceCurve(nudge, epsilon, loss);
}

function writeNudge({ numbers, slope, box }, epsilon, actual) {
  const promised = slope * epsilon;
  const ratio = promised === 0 ? null : actual / promised;
  const line = (name, value, key) => [
    element("dt", {}, name),
    element(
      "dd",
      { class: "digits", data: key === null ? {} : { nudge: key, value: value ?? "" } },
      value === null ? "—" : key === "ratio" ? shown(Number(value.toPrecision(3))) : signed(value),
    ),
  ];
  numbers.replaceChildren(
    ...line("ε", epsilon, "epsilon"),
    ...line("the loss changes by", actual, "actual"),
    ...line("gradient × ε", promised, "linear"),
    ...line("ratio", ratio, "ratio"),
  );
  box.classList.toggle("apart", ratio !== null && Math.abs(ratio - 1) > 0.1);
}

// Compute the curve a few points at a time, so that the slider stays responsive.
function traceCurve(nudge, epsilon, loss) {
  const scale = nudge.scale;
  const turn = (nudge.turn = (nudge.turn ?? 0) + 1);
  const all = Array.from({ length: POINTS + 1 }, (_, n) => scale * ((2 * n) / POINTS - 1));
  const wanted = all.filter((point) => !nudge.points.some(([known]) => known === point));
  // from the middle outwards, so that a slow net shows the most useful part first
  wanted.sort((one, other) => Math.abs(one) - Math.abs(other));
  const next = () => {
    if (turn !== nudge.turn || !nudge.plot.isConnected) return;
    const until = performance.now() + 12;
    while (wanted.length && performance.now() < until) {
      const point = wanted.shift();
      nudge.points.push([point, lossAt(nudge, point)]);
    }
    nudge.points.sort(([one], [other]) => one - other);
    plotNudge(nudge, epsilon, loss);
    if (wanted.length) setTimeout(next);
  };
  setTimeout(next);
}

function plotNudge({ plot, points, scale, slope }, epsilon, loss) {
  const before = state.trace.lossBefore;
  const changes = [
    ...points.map(([, value]) => value - before),
    slope * scale,
    -slope * scale,
    loss - before,
  ];
  const high = Math.max(...changes, 0);
  const low = Math.min(...changes, 0);
  const room = high - low || 1;
  const x = (point) => WIDTH / 2 + (point / scale) * (WIDTH / 2 - EDGE);
  const y = (change) => 6 + ((high - change) / room) * (HEIGHT - 12);
  const path = points
    .map(([point, value], n) => `${n ? "L" : "M"}${x(point).toFixed(1)} ${y(value - before).toFixed(1)}`)
    .join(" ");
  plot.setAttribute(
    "aria-label",
    `The loss over ε from ${shown(-scale)} to ${shown(scale)}: a curve, and the straight line of the gradient`,
  );
  plot.replaceChildren(
    drawn("line", { class: "axis", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    drawn("line", { class: "axis", x1: x(0), x2: x(0), y1: 2, y2: HEIGHT - 2 }),
    drawn("line", {
      class: "tangent",
      x1: x(-scale),
      y1: y(-slope * scale),
      x2: x(scale),
      y2: y(slope * scale),
    }),
    path ? drawn("path", { class: "curve", d: path }) : "",
    drawn("line", {
      class: "gap",
      x1: x(epsilon),
      x2: x(epsilon),
      y1: y(slope * epsilon),
      y2: y(loss - before),
    }),
    drawn("circle", { class: "promised", cx: x(epsilon), cy: y(slope * epsilon), r: 3 }),
    drawn("circle", { class: "actual", cx: x(epsilon), cy: y(loss - before), r: 4 }),
  );
}
