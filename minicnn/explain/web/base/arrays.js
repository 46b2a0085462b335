// Arrays as the engine holds them: a flat Float64Array in C order (the last index runs fastest), and its
// shape.
//
//   shape [h, w, c]      flat = (row · w + column) · c + channel

// Return the float64 numbers of a recorded array {"shape", "data"}: base64 of little-endian float32.
export function decodeArray(recorded) {
  const letters = atob(recorded.data);
  const bytes = new DataView(new ArrayBuffer(letters.length));
  for (let n = 0; n < letters.length; n++) bytes.setUint8(n, letters.charCodeAt(n));
  const numbers = new Float64Array(letters.length / 4);
  for (let n = 0; n < numbers.length; n++) numbers[n] = bytes.getFloat32(4 * n, true);
  return numbers;
}

// Return how many numbers an array of this shape has: 1 for the shape [] of a single number.
export function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

// Return [0, 1, …, length − 1].
export function numbersTo(length) {
  return Array.from({ length }, (_, n) => n);
}

// Return the indices [row, column, …] of the number at the flat index.
export function unravel(shape, flat) {
  const indices = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    indices[axis] = flat % shape[axis];
    flat = Math.floor(flat / shape[axis]);
  }
  return indices;
}

// Return the flat index of [row, column, …].
export function ravel(shape, indices) {
  let flat = 0;
  for (let axis = 0; axis < shape.length; axis++) flat = flat * shape[axis] + indices[axis];
  return flat;
}

// Return "[3, 4, 0]" for a flat index; "" for a single number.
export function indexText(shape, flat) {
  return shape.length ? `[${unravel(shape, flat).join(", ")}]` : "";
}

// Return, for each number of the large array, where it stands in the small one, which is repeated along axes
// of 1.
export function repeatedIndices(large, small) {
  const indices = new Int32Array(sizeOf(large));
  for (let flat = 0; flat < indices.length; flat++) {
    const place = unravel(large, flat).map((index, axis) => (small[axis] === 1 ? 0 : index));
    indices[flat] = ravel(small, place);
  }
  return indices;
}

// Return x for people: four significant digits, powers of ten below 1e-4 and from 1e5, whole numbers as they
// are.
export function formatNumber(x) {
  if (x === 0) return "0";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 1e5) return x.toExponential(3);
  return String(Number.isInteger(x) ? x : Number(x.toPrecision(4)));
}
