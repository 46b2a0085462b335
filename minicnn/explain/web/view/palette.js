// Colours of numbers. Zero is neutral, and a number's sign is its hue: two families, each safe for the
// colour-blind.
//
//   values      purple ← black → white      activations and weights
//   gradients   blue ← paper → orange       dL/d of it; paper is dark on a dark page
//
// Between the colours a number's size counts as |v/max| to the power of 0.7, so that small ones can be seen;
// the legend is drawn by the same rule, and each array has a scale of its own, which all its channels share.

const EXPONENT = 0.7;
const HALF = 255;

// From zero outwards, red-green-blue.
const STOPS = {
  value: {
    negative: [
      [17, 18, 22],
      [70, 50, 112],
      [140, 112, 190],
      [219, 208, 240],
    ],
    positive: [
      [17, 18, 22],
      [92, 95, 103],
      [176, 178, 183],
      [252, 251, 247],
    ],
  },
  light: {
    negative: [
      [244, 242, 237],
      [150, 190, 226],
      [53, 121, 189],
      [10, 55, 110],
    ],
    positive: [
      [244, 242, 237],
      [248, 190, 128],
      [222, 116, 22],
      [126, 52, 0],
    ],
  },
  dark: {
    negative: [
      [34, 36, 43],
      [38, 84, 143],
      [87, 158, 232],
      [196, 226, 255],
    ],
    positive: [
      [34, 36, 43],
      [138, 76, 16],
      [238, 150, 58],
      [255, 226, 174],
    ],
  },
};

const tables = {};

// Return 511 colours from −max to +max as one Uint8Array of red, green, blue.
export function colourTable(family) {
  const name = family === "value" ? "value" : themeNow();
  tables[name] ??= mixedTable(STOPS[name]);
  return tables[name];
}

function mixedTable({ negative, positive }) {
  const table = new Uint8Array(3 * (2 * HALF + 1));
  for (let step = -HALF; step <= HALF; step++) {
    const stops = step < 0 ? negative : positive;
    const place = (Math.abs(step) / HALF) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    const share = place - low;
    for (let c = 0; c < 3; c++)
      table[3 * (step + HALF) + c] = stops[low][c] + share * (stops[low + 1][c] - stops[low][c]);
  }
  return table;
}

// Return where in the table a number stands (times 3: the offset of its red).
export function colourPlace(value, most) {
  if (!(most > 0) || !Number.isFinite(value)) return 3 * HALF;
  const size = Math.min(Math.abs(value) / most, 1) ** EXPONENT;
  return 3 * (HALF + Math.round(Math.sign(value) * size * HALF));
}

// Return {background, text} for a cell that has a number written in it.
export function cellColours(family, value, most) {
  const table = colourTable(family);
  const place = colourPlace(value, most);
  const [red, green, blue] = table.subarray(place, place + 3);
  const bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140;
  return { background: `rgb(${red} ${green} ${blue})`, text: bright ? "#15171c" : "#fff" };
}

const BARS = {
  value: { light: ["#7b54b8", "#565b66"], dark: ["#b294e6", "#c3c7cf"] },
  gradient: { light: ["#2f6fb0", "#d9761a"], dark: ["#5aa0e8", "#ee9840"] },
};

// Return the colour of a number's bar, whose length says how large it is.
export function barColour(family, number) {
  return BARS[family][themeNow()][number < 0 ? 0 : 1];
}

// Return a CSS gradient from −max to +max, as the table has it.
export function scaleGradient(family) {
  const table = colourTable(family);
  const steps = [];
  for (let n = 0; n <= 24; n++) {
    const place = colourPlace(n / 12 - 1, 1);
    steps.push(`rgb(${table.subarray(place, place + 3).join(" ")})`);
  }
  return `linear-gradient(to right, ${steps.join(", ")})`;
}

// Return "light" or "dark".
export function themeNow() {
  return document.documentElement.dataset.theme;
}

// Change the theme; without one, to what the system asks for.
export function setTheme(theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") {
  document.documentElement.dataset.theme = theme;
}
