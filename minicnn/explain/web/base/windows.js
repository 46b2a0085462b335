// Where sliding windows fall. A window of `size` entries, `dilation` apart, starts at every `stride`-th
// pixel.
//
//   pixel = out · stride + entry · dilation − before
//
//   "valid"   before = 0,  out = ⌊(length − extent) / stride⌋ + 1         extent = (size − 1) · dilation + 1
//   "same"    out = ⌈length / stride⌉,  total = max((out − 1) · stride + extent − length, 0),  before = ⌊total / 2⌋
//
// The odd pixel of "same" goes to the bottom and right, as in TensorFlow and Keras.

function slidingAxis(length, size, stride, dilation, padding) {
  const extent = (size - 1) * dilation + 1;
  if (padding === "valid") return { out: Math.floor((length - extent) / stride) + 1, before: 0 };
  const out = Math.ceil(length / stride);
  return { out, before: Math.floor(Math.max((out - 1) * stride + extent - length, 0) / 2) };
}

// Return the links of windows over a map of shape [height, width, …]: link n says that the window of output
// position output[n] sees pixel input[n] with its entry number entry[n]. Positions are row · width + column.
// Entries that lie in the padding have no link: zeros add nothing to a sum, and −∞ wins no maximum.
//
// All three passes of a convolution are sums over these links: y over those of one output, dx over those of
// one pixel, dkernel over those of one entry.
export function windowLinks(shape, size, strides, dilation, padding) {
  const [height, width] = shape;
  const rows = slidingAxis(height, size[0], strides[0], dilation[0], padding);
  const columns = slidingAxis(width, size[1], strides[1], dilation[1], padding);
  const most = rows.out * columns.out * size[0] * size[1];
  const output = new Int32Array(most);
  const input = new Int32Array(most);
  const entry = new Int32Array(most);
  let count = 0;
  for (let i = 0; i < rows.out; i++) {
    for (let j = 0; j < columns.out; j++) {
      for (let a = 0; a < size[0]; a++) {
        const row = i * strides[0] + a * dilation[0] - rows.before;
        if (row < 0 || row >= height) continue;
        for (let b = 0; b < size[1]; b++) {
          const column = j * strides[1] + b * dilation[1] - columns.before;
          if (column < 0 || column >= width) continue;
          output[count] = i * columns.out + j;
          input[count] = row * width + column;
          entry[count] = a * size[1] + b;
          count++;
        }
      }
    }
  }
  return { count, output, input, entry, entries: size[0] * size[1] };
}

// Return the numbers n of the links whose `side` ("output", "input" or "entry") is at `position`.
export function linksAt(links, side, position) {
  const found = [];
  for (let n = 0; n < links.count; n++) if (links[side][n] === position) found.push(n);
  return found;
}
