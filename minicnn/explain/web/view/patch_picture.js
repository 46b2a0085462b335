// Patch × kernel = products, side by side, channel by channel. A term's place is that of its activation, or
// of its dy in a backward sum, so that a dx shows the kernel rotated by 180°, over the dy that its entries
// are multiplied with.

import { element, shown } from "./dom.js";
import { counted } from "../base/terms.js";
import { state } from "./state.js";
import { factorButton } from "./term_list.js";
import { shapeOf } from "../base/quantities.js";
import { unravel } from "../base/arrays.js";
import { factorCell, numberCell, placeInMap, sign } from "./cells.js";

const FIRST_GROUPS = 3;
const MORE_GROUPS = 8;

// Patch × kernel = products, for each channel; the largest sums come first.
export function patchPicture(pairs, others, forward) {
  const groups = new Map();
  for (const pair of pairs) {
    const [row, col, channel] = placeInMap(pair.map);
    const key = `${pair.map.quantity.node}/${channel}`;
    const [a, b] = unravel(shapeOf(state.trace, pair.kernel.quantity), pair.kernel.quantity.index);
    const { name } = state.trace.net.nodes[pair.map.quantity.node];
    if (!groups.has(key)) groups.set(key, { channel, name, sum: 0, cells: [] });
    const group = groups.get(key);
    group.sum += pair.term.value;
    group.cells.push({ ...pair, row: forward ? a : row, col: forward ? b : col });
  }
  const kernel = shapeOf(state.trace, pairs[0].kernel.quantity);
  const steps = state.trace.net.nodes[pairs[0].kernel.quantity.node].config.strides;
  const rows = forward ? range(kernel[0]) : distinct(pairs, 0);
  const cols = forward ? range(kernel[1]) : distinct(pairs, 1);
  const most = Math.max(...pairs.map(({ term }) => Math.abs(term.value)));
  const sorted = [...groups.values()].toSorted((one, other) => Math.abs(other.sum) - Math.abs(one.sum));
  const turned = !forward && rows.length * cols.length > 1 && steps.every((step) => step === 1);
  const head = element(
    "div",
    { class: "patch-row patch-head" },
    [
      "",
      forward ? "x" : "dy",
      "",
      turned ? "kernel, rotated by 180°" : "kernel",
      "",
      forward ? "x · kernel" : "dy · kernel",
      "",
      "Σ",
    ].map((text) => element("span", {}, text)),
  );
  const box = element("div", { class: "patches", data: { picture: "patches" } }, head);
  const narrow = cols.length > 5;
  box.classList.toggle("narrow", narrow);
  const several = new Set(sorted.map(({ name }) => name)).size > 1;
  showMore(box, sorted, ({ channel, name, sum, cells }) => {
    const at = new Map(cells.map((cell) => [`${cell.row}/${cell.col}`, cell]));
    const grid = (made) =>
      element(
        "div",
        { class: "grid", style: { gridTemplateColumns: `repeat(${cols.length}, var(--cell))` } },
        rows.flatMap((row) =>
          cols.map((col) =>
            at.has(`${row}/${col}`)
              ? made(at.get(`${row}/${col}`))
              : element("i", { class: "cell padding", title: "outside the map: 0" }),
          ),
        ),
      );
    return element(
      "div",
      { class: "patch-row", data: { channel } },
      element("span", { class: "patch-name" }, several ? `${name} ${channel}` : `channel ${channel}`),
      grid(({ map }) => factorCell(map, narrow)),
      sign("×"),
      grid(({ kernel: factor }) => factorCell(factor, narrow)),
      sign("="),
      grid(({ term }) => numberCell(forward ? "value" : "gradient", term.value, most, term.label, narrow)),
      sign("→"),
      element("b", { class: "patch-sum" }, shown(sum)),
    );
  });
  if (others.length && others.length < 4)
    box.append(
      ...others.map((term) =>
        element("p", { class: "rest" }, "and ", ...term.factors.map((factor) => factorButton(factor))),
      ),
    );
  return box;
}

function range(length) {
  return Array.from({ length }, (_, n) => n);
}

function distinct(pairs, axis) {
  return [...new Set(pairs.map(({ map }) => placeInMap(map)[axis]))].toSorted((a, b) => a - b);
}

// Append a row for each group: a few first, more after a click, and the sum of the others.
function showMore(box, groups, rowOf) {
  let count = 0;
  const rest = element("p", { class: "rest" });
  const more = (by) => {
    for (const group of groups.slice(count, count + by)) rest.before(rowOf(group));
    count = Math.min(count + by, groups.length);
    const others = groups.slice(count);
    const sum = others.reduce((total, group) => total + group.sum, 0);
    rest.replaceChildren(
      ...(others.length
        ? [
            `${counted(others.length, "further channel")} together: `,
            element("b", {}, shown(sum)),
            " ",
            element(
              "button",
              { class: "small", data: { channels: "more" }, onclick: () => more(MORE_GROUPS) },
              `show ${Math.min(MORE_GROUPS, others.length)} more`,
            ),
          ]
        : []),
    );
  };
  box.append(rest);
  more(FIRST_GROUPS);
}
