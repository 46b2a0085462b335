// Where everything goes: how wide each column is, and how the maps of an array share their space.
// Numbers only, no elements.

const GAP = 3;
const LEAST_THUMB = 15;
const MOST_THUMBS = 15;

// Each form of column: the least width, the width in a net that is too long to be seen whole, the most, and
// its share of what is left.
const FORMS = {
  map: { least: 60, long: 84, most: 230, share: 1 },
  strip: { least: 50, long: 60, most: 120, share: 0.4 },
  matrix: { least: 60, long: 84, most: 160, share: 0.6 },
  bars: { least: 104, long: 122, most: 168, share: 0.5 },
  loss: { least: 92, long: 104, most: 128, share: 0.2 },
};
const FOCUS = 3.2;

// Return the width of each column, given their forms, which of them are in focus, and the width available.
// If even the least widths need more than that, the net scrolls.
export function columnWidths(forms, focused, room) {
  const kinds = forms.map((form) => FORMS[form]);
  const least = kinds.map((kind) => kind.least);
  const spare = room - total(least);
  if (spare < 0)
    return kinds.map((kind, n) => (focused[n] ? Math.min(kind.long * 1.7, kind.most) : kind.long));
  const shares = kinds.map((kind, n) => kind.share * (focused[n] ? FOCUS : 1));
  return shared(
    least,
    shares,
    kinds.map((kind) => kind.most),
    spare,
  );
}

// Give `spare` to the widths by their shares, none above its most; what one cannot use goes to the others.
function shared(widths, shares, most, spare) {
  const open = shares.map((_, n) => n);
  while (open.length && spare > 0.5) {
    const unit = spare / total(open.map((n) => shares[n]));
    const full = open.filter((n) => widths[n] + unit * shares[n] >= most[n]);
    const grown = full.length ? full : [...open];
    for (const n of grown) {
      const wider = full.length ? most[n] : widths[n] + unit * shares[n];
      spare -= wider - widths[n];
      widths[n] = wider;
      open.splice(open.indexOf(n), 1);
    }
  }
  return widths.map(Math.floor);
}

function total(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}

// Return how a picture of rows × cols cells and `slices` maps is shown in a box: {width, height} of the large
// map, {count, thumbWidth, thumbHeight} of the small ones, and whether those stand beside it (else below);
// alone: without them.
export function mosaicLayout({ rows, cols, slices, form }, width, height, alone = false) {
  if (form === "bars") return { width, height: Math.min(height, rows * 22), count: 0 };
  if (form !== "map") return { ...stretched(rows, cols, width, height), count: 0 };
  const ratio = Math.min(Math.max(cols / rows, 0.4), 2.5);
  if (slices === 1 || alone) return { ...fitted(ratio, width, height), count: 0 };
  const beside = 2 * LEAST_THUMB * Math.max(ratio, 1) + 2 * GAP;
  if (width - beside > 0.85 * height * ratio) {
    const large = fitted(ratio, width - beside, height);
    return withThumbs(large, width - large.width - GAP, height, ratio, slices, true);
  }
  const rowsBelow = height > 130 ? 2 : 1;
  const below = fitted(ratio, width, height - rowsBelow * (LEAST_THUMB / Math.max(ratio, 1) + GAP));
  return withThumbs(below, width, height - below.height - GAP, ratio, slices, false);
}

// A long vector or a matrix fills its box, within reason: its cells need not be square.
function stretched(rows, cols, width, height) {
  return { width: Math.min(width, cols * 24), height: Math.min(height, rows * 24) };
}

function fitted(ratio, width, height) {
  const wide = Math.min(width, height * ratio);
  return { width: Math.floor(wide), height: Math.floor(wide / ratio) };
}

function withThumbs(large, width, height, ratio, slices, beside) {
  const across = Math.max(Math.floor((width + GAP) / (LEAST_THUMB * Math.max(ratio, 1) + GAP)), 1);
  const wide = Math.floor(Math.min((width - (across - 1) * GAP) / across, 34, height * ratio));
  const tall = Math.floor(wide / ratio);
  const down = Math.max(Math.floor((height + GAP) / (tall + GAP)), 0);
  return {
    ...large,
    beside,
    count: Math.min(across * down, slices, MOST_THUMBS),
    thumbWidth: wide,
    thumbHeight: tall,
  };
}
