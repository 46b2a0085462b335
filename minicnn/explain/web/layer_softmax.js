// Softmax over the last axis: positive numbers that sum to 1.
//
//   p[k] = e^z[k] / Σ e^z[j]              log p[k] = z[k] − log Σ e^z[j]
//   dz[j] = Σ dp[k] · p[k] · (δ − p[j])   over all k, δ = 1 where k is j: raising one lowers the others
//
// The largest z is taken from all of them first: that changes no p, and no exponential overflows.

// Return p and log p of one row of K numbers, with the largest z and the sum of the shifted exponentials.
export function softmaxRow(z) {
  const largest = z.reduce((most, number) => Math.max(most, number), -Infinity);
  const exponentials = z.map((number) => Math.exp(number - largest));
  const sum = exponentials.reduce((total, number) => total + number, 0);
  const p = exponentials.map((number) => number / sum);
  const logP = z.map((number) => number - largest - Math.log(sum));
  return { p, logP, largest, sum };
}

// Return p, row by row.
export function softmaxForward(node, [z]) {
  const classes = node.shape.at(-1);
  const value = new Float64Array(z.length);
  for (let start = 0; start < z.length; start += classes) {
    value.set(softmaxRow(z.subarray(start, start + classes)).p, start);
  }
  return { value };
}

// Return dz = p · (dp − Σ dp·p): the sum above, taken at once.
export function softmaxBackward(node, dp, _inputs, _weights, _extra, p) {
  const classes = node.shape.at(-1);
  const dz = new Float64Array(p.length);
  for (let start = 0; start < p.length; start += classes) {
    let mean = 0;
    for (let k = start; k < start + classes; k++) mean += dp[k] * p[k];
    for (let k = start; k < start + classes; k++) dz[k] = p[k] * (dp[k] - mean);
  }
  return { inputs: [dz] };
}
