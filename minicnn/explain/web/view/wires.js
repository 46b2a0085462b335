// Wires: an arc above the columns joins a layer to an input that is not its left neighbour.

import { drawn } from "./dom.js";
import { state } from "./state.js";

export const WIRE_ROOM = 15;

// Return [[from, to], …] of the columns that an arc must join: node ids.
export function longWires(columns) {
  const place = new Map(columns.map(({ id }, n) => [id, n]));
  const { net } = state.trace;
  return columns.flatMap(({ id }) =>
    (net.nodes[id]?.inputs ?? [])
      .filter((input) => place.has(input) && place.get(id) - place.get(input) > 1)
      .map((input) => [input, id]),
  );
}

// Return the arcs as one group. Those that overlap lie at different heights.
export function drawWires(columns, strip) {
  const middles = new Map(
    columns.map(({ id, box }) => {
      const { left, right } = box.getBoundingClientRect();
      return [id, (left + right) / 2 - strip.left];
    }),
  );
  const levels = [];
  const low = WIRE_ROOM + 2;
  const arcs = longWires(columns).map(([from, to]) => {
    const x = middles.get(from) + 4;
    const end = middles.get(to) - 4;
    let level = levels.findIndex((last) => last < x);
    if (level < 0) level = levels.length;
    levels[level] = end;
    const y = 3 + 4 * (level % 3);
    return drawn("path", {
      d: `M ${x} ${low} V ${y + 3} q 0 -3 3 -3 H ${end - 3} q 3 0 3 3 V ${low} m -3 -4 l 3 4 l 3 -4`,
    });
  });
  return drawn("g", { class: "wires" }, arcs);
}
