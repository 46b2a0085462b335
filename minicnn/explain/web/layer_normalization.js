// Batch normalization: give every channel mean 0 and variance 1, then a learned scale and offset. Of one image, the
// batch of a channel is its m positions.
//
//   μ = 1/m · Σ x      v = 1/m · Σ (x − μ)²      r = 1/√(v + ε)      x̂ = (x − μ)·r      y = γ·x̂ + β
//   dβ = Σ dy          dγ = Σ dy·x̂
//   dx = γ·r·dy  −  γ·r·dβ/m  −  γ·r·x̂·dγ/m         directly, through the mean, through the variance
//
// With moving statistics (training: false) μ and v are constants, and the direct path is all there is.

// Return y, and as extra μ, v, r (one a channel) and x̂.
export function batchNormForward(node, [x], weights) {
  const channels = node.shape.at(-1);
  const m = x.length / channels;
  let mean = weights.moving_mean;
  let variance = weights.moving_variance;
  if (node.config.training) {
    mean = new Float64Array(channels);
    variance = new Float64Array(channels);
    for (let n = 0; n < x.length; n++) mean[n % channels] += x[n] / m;
    for (let n = 0; n < x.length; n++) variance[n % channels] += (x[n] - mean[n % channels]) ** 2 / m;
  }
  const inverse = variance.map((v) => 1 / Math.sqrt(v + node.config.epsilon));
  const normalized = x.map((number, n) => (number - mean[n % channels]) * inverse[n % channels]);
  // γ is 1 and β is 0 where the layer has none
  const { gamma, beta } = weights;
  const scaled = gamma ? normalized.map((number, n) => gamma[n % channels] * number) : normalized;
  const value = beta ? scaled.map((number, n) => number + beta[n % channels]) : scaled;
  return { value, extra: { mean, variance, inverse, normalized } };
}

// Return dx, dγ and dβ; as extra the two sums, which dx needs also where there is no γ or β to train.
export function batchNormBackward(node, dy, [x], weights, { inverse, normalized }) {
  const channels = node.shape.at(-1);
  const m = x.length / channels;
  const dbeta = new Float64Array(channels);
  const dgamma = new Float64Array(channels);
  const dx = new Float64Array(x.length);
  for (let n = 0; n < x.length; n++) {
    dbeta[n % channels] += dy[n];
    dgamma[n % channels] += dy[n] * normalized[n];
  }
  for (let n = 0; n < x.length; n++) {
    const c = n % channels;
    const others = node.config.training ? (dbeta[c] + normalized[n] * dgamma[c]) / m : 0;
    dx[n] = (weights.gamma ? weights.gamma[c] : 1) * inverse[c] * (dy[n] - others);
  }
  const gradients = {};
  if (weights.gamma) gradients.gamma = dgamma.slice();
  if (weights.beta) gradients.beta = dbeta.slice();
  return { inputs: [dx], weights: gradients, extra: { dgamma, dbeta } };
}
