// What the page shows at the moment, in one object. Code that changes it calls change(); code that draws
// listens.
//
//   recording, trace   what was recorded, and what the engine has computed from it
//   trail              the numbers selected so far, the current one last; an empty trail is the overview
//   explanation        the arithmetic of the selected number, or {error}; focus: the columns that it concerns
//   tab                which part of the overview is seen: "start" or "after" the update
//   view               which lanes are seen: "values", "gradients" or "both"
//   step               the step of the play that is shown
//   featured           the slice (channel) of each array that is drawn large, by the array's key
//   zoom               how many rows and columns of a slice the lens shows at once
//   pointed            numbers that the mouse or the keyboard points at, to be marked in the net

import { sameQuantity } from "../base/quantities.js";

export const state = {
  trace: null,
  recording: null,
  trail: [],
  explanation: null,
  focus: [],
  view: "both",
  step: 0,
  featured: new Map(),
  pointed: [],
  tab: "start",
  zoom: 64,
};

const listeners = [];
const LONGEST_TRAIL = 100;

// Call listener(changes) after every change that names one of `keys`.
export function listen(keys, listener) {
  listeners.push({ keys, listener });
}

// Set a part of the state and call its listeners, in the order in which they were added.
export function change(changes) {
  Object.assign(state, changes);
  for (const { keys, listener } of listeners) if (keys.some((key) => key in changes)) listener(changes);
}

// Return the selected quantity, or null.
export function selected() {
  return state.trail.at(-1) ?? null;
}

// Return a quantity as text, which is also its address after the page's #: "gradient/3/417",
// "slot/3.kernel.m.after/8".
export function addressOf(quantity) {
  if (quantity.kind === "loss") return "loss";
  const { kind, node, weight, slot, when, part, index } = quantity;
  return `${kind}/${[node, weight, slot, when, part].filter((piece) => piece !== undefined).join(".")}/${index}`;
}

const NAMES_IN_ADDRESS = {
  value: [],
  gradient: [],
  weight: ["weight"],
  weightGradient: ["weight"],
  update: ["weight"],
  slot: ["weight", "slot", "when"],
  part: ["part"],
};

// Return the quantity of an address, or null where it is none.
export function quantityAt(address) {
  const [kind, where, index] = address.split("/");
  if (kind === "loss") return { kind };
  if (!(kind in NAMES_IN_ADDRESS) || !/^\d+$/.test(index)) return null;
  const [node, ...names] = where.split(".");
  const quantity = { kind, node: Number(node) };
  names.forEach((name, place) => (quantity[NAMES_IN_ADDRESS[kind][place]] = name));
  return { ...quantity, index: Number(index) };
}

// Select a number. With replace, it takes the place of the last one in the trail (a neighbour in the same
// array).
export function select(quantity, { replace = false } = {}) {
  if (selected() && sameQuantity(quantity, selected())) return;
  const trail = replace ? state.trail.slice(0, -1) : state.trail.slice(1 - LONGEST_TRAIL);
  change({ trail: [...trail, quantity], pointed: [] });
}

// Go back along the trail until `length` numbers are left; by one without it.
export function goBack(length = state.trail.length - 1) {
  if (state.trail.length) change({ trail: state.trail.slice(0, Math.max(length, 0)), pointed: [] });
}

// Mark some numbers in the net, or none.
export function pointAt(quantities) {
  const same =
    quantities.length === state.pointed.length &&
    quantities.every((quantity, n) => sameQuantity(quantity, state.pointed[n]));
  if (!same) change({ pointed: quantities });
}
