// The keyboard: one tab stop for all maps of the net, within which the arrow keys move over numbers and, with
// shift, from map to map; and a few keys for the whole page.

import { part } from "./dom.js";
import { goBack, pointAt, state } from "./state.js";
import { labelOf, quantityInTile, selectInMap, showTip, tiles } from "./maps.js";
import { moveStep, stopPlay, togglePlay } from "./play.js";

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
let cursor = { row: 0, col: 0 };

// Listen to keys, over the net and anywhere.
export function buildKeyboard() {
  const net = part("net");
  net.addEventListener("keydown", overMaps);
  net.addEventListener("focusin", (event) => tiles.has(event.target) && enter(event.target));
  net.addEventListener("focusout", () => {
    pointAt([]);
    showTip(null);
  });
  const first = net.querySelector("canvas");
  if (first) first.tabIndex = 0;
  addEventListener("keydown", anywhere);
}

function anywhere(event) {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const field = event.target.closest("input, select, textarea");
  const button = event.target.closest("button, a");
  if (event.key === "Escape") {
    stopPlay();
    goBack(0);
  } else if (event.key === "Backspace" && !(field && field.type !== "range")) goBack();
  else if (field) return;
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    stopPlay();
    moveStep(event.key === "ArrowRight" ? 1 : -1);
  } else if (event.key === " " && !button) togglePlay();
  else return;
  event.preventDefault();
}

function overMaps(event) {
  const canvas = event.target;
  if (!tiles.has(canvas) || event.altKey || event.ctrlKey || event.metaKey) return;
  const move = ARROWS[event.key];
  const { picture } = tiles.get(canvas);
  if (event.key === "Enter" || event.key === " ") {
    const quantity = quantityInTile(canvas, cursor.row, cursor.col);
    if (quantity) selectInMap(quantity);
  } else if (move && event.shiftKey) nextMap(canvas, move)?.focus();
  else if (move) {
    cursor = {
      row: Math.min(Math.max(cursor.row + move[0], 0), picture.rows - 1),
      col: Math.min(Math.max(cursor.col + move[1], 0), picture.cols - 1),
    };
    tell(canvas);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function enter(canvas) {
  for (const other of part("net").querySelectorAll('canvas[tabindex="0"]')) other.tabIndex = -1;
  canvas.tabIndex = 0;
  const { picture } = tiles.get(canvas);
  cursor = { row: Math.min(cursor.row, picture.rows - 1), col: Math.min(cursor.col, picture.cols - 1) };
  if (canvas.matches(":focus-visible")) tell(canvas);
}

// Name the number under the cursor, on the screen and for a screen reader.
function tell(canvas) {
  const quantity = quantityInTile(canvas, cursor.row, cursor.col);
  if (!quantity) return;
  const box = canvas.getBoundingClientRect();
  const { picture } = tiles.get(canvas);
  pointAt([quantity]);
  showTip(
    quantity,
    box.left + ((cursor.col + 0.5) / picture.cols) * box.width,
    box.top + ((cursor.row + 0.5) / picture.rows) * box.height,
  );
  part("spoken").textContent = labelOf(quantity);
}

// Return the nearest map in a direction.
function nextMap(canvas, [down, right]) {
  const centre = (map) => {
    const box = map.getBoundingClientRect();
    return [box.top + box.height / 2, box.left + box.width / 2];
  };
  const [y, x] = centre(canvas);
  let best = null;
  let least = Infinity;
  for (const other of part("net").querySelectorAll("canvas")) {
    if (other === canvas || !other.offsetParent) continue;
    const [otherY, otherX] = centre(other);
    const ahead = (otherY - y) * down + (otherX - x) * right;
    const aside = Math.abs(down ? otherX - x : otherY - y);
    if (ahead > 4 && ahead + 3 * aside < least) [best, least] = [other, ahead + 3 * aside];
  }
  return best;
}

// Return what the keys do, for the help.
export function keyHelp() {
  return [
    ["← →", "step through forward, backward, update"],
    ["space", "play, pause"],
    ["Tab, then arrows", "over the numbers of a map; with shift from map to map"],
    ["Enter", "select the number"],
    ["Backspace", `back along the trail${state.trail.length ? "" : " of selected numbers"}`],
    ["Escape", "to the overview"],
  ];
}
