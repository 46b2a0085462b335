"""Batch normalization, softmax, activations and dropout, broken."""

import numpy as np

from minicnn.ops import reference
from tests.minicnn.gradient_check.broken.faults import fault

# ---- batch normalization -----------------------------------------------------------------------------------


def batch_norm(rng, mean=1, variance=1, m_of=lambda m: m, gamma_used=True):
    """Return a batch normalization; of dx's three terms, two are multiplied by ``mean`` and ``variance``."""

    def forward(x, gamma, beta):
        y, _, _, cache = reference.batch_norm_forward(x, gamma, beta, 1e-3)
        return y, cache

    def backward(dy, cache):
        x_hat, gamma, inverse_std = cache
        _, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
        m = dy.size // dy.shape[-1]
        scale = inverse_std * (gamma if gamma_used else 1)
        return scale * (dy - mean * dbeta / m - variance * x_hat * dgamma / m_of(m)), dgamma, dbeta

    shape = (int(rng.integers(2, 5)), 3, int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    if rng.integers(2):
        shape = (int(rng.integers(6, 9)), shape[3])
    gamma, beta = rng.standard_normal((2, shape[-1])) + 3
    x = 2 * rng.standard_normal(shape) + 1
    return (forward, backward), {"x": x, "gamma": gamma, "beta": beta}, {}


@fault("x", "the mean is treated as a constant")
def batch_norm_mean_constant(rng):
    return batch_norm(rng, mean=0)


@fault("x", "“gamma”, is missing")
def batch_norm_without_gamma(rng):
    operation, arrays, options = batch_norm(rng, gamma_used=False)
    double = {name: np.concatenate([array, array + 1], axis=-1) for name, array in arrays.items()}
    return operation, double, options


def of_weights(rng, broken):
    """Return a batch normalization whose dgamma and dbeta are ``broken(dy, x_hat)``."""
    (forward, _), _, options = batch_norm(rng)

    def backward(dy, cache):
        return reference.batch_norm_backward(dy, cache)[0], *broken(dy, cache[0])

    arrays = {"x": rng.standard_normal((4, 3, 4, 4)), "gamma": np.arange(1.0, 5), "beta": np.zeros(4)}
    return (forward, backward), arrays, options


@fault("beta", "or the number of entries of a channel of x")
def batch_norm_beta_averaged(rng):
    return of_weights(rng, lambda dy, x_hat: ((dy * x_hat).sum(axis=(0, 1, 2)), dy.mean(axis=(0, 1, 2))))


# ---- softmax -----------------------------------------------------------------------------------------------


def rows(rng):
    return {"x": rng.standard_normal((int(rng.integers(1, 4)), int(rng.integers(3, 6))))}


@fault("x", "only the diagonal of the Jacobian")
def softmax_diagonal_only(rng):
    return (reference.softmax_forward, lambda dy, p: dy * p * (1 - p)), rows(rng), {}


@fault("x", "softmax's denominator is treated as a constant")
def softmax_denominator_constant(rng):
    return (reference.softmax_forward, lambda dy, p: dy * p), rows(rng), {}


@fault("x", "p is inside the sum: dy − Σ dy·p, and dy − p·Σ dy is right")
def log_softmax_jacobian_not_transposed(rng):
    def backward(dy, p):
        return dy - (dy * p).sum(axis=-1, keepdims=True)

    return (reference.log_softmax_forward, backward), rows(rng), {}


@fault("x", "the upstream gradient dy is not used")
def cross_entropy_upstream_ignored(rng):
    targets = np.eye(4)[rng.integers(0, 4, 5)]

    def forward(x):
        return reference.softmax_cross_entropy_forward(x, targets)

    def backward(dloss, cache):
        return reference.softmax_cross_entropy_backward(np.ones_like(dloss), cache)

    return (forward, backward), {"x": rng.standard_normal((5, 4))}, {}


# ---- activations -------------------------------------------------------------------------------------------


def wide(rng):
    return {"x": 2 * rng.standard_normal((4, 12))}


@fault("x", "the mask is not applied: dy passes at the")
def relu_mask_not_applied(rng):
    return (reference.relu_forward, lambda dy, y: dy), wide(rng), {}


@fault("x", "the slope is not applied: this is dy itself")
def tanh_slope_not_applied(rng):
    return (reference.tanh_forward, lambda dy, y: dy), wide(rng), {}


@fault("x", "alpha is forgotten: this is the gradient for alpha = 1, in the forward pass it is 0.5")
def elu_constant(rng):
    def backward(dy, cache):
        x, y, alpha = cache
        return np.where(x <= 0, dy * (y / alpha + 1), dy)

    return (reference.elu_forward, backward), wide(rng), {"alpha": 0.5}


@fault("x", "wrong only where x < 0")
def elu_operator_precedence(rng):
    def backward(dy, cache):
        x, y, alpha = cache
        return np.where(x <= 0, dy * y + alpha, dy)

    return (reference.elu_forward, backward), wide(rng), {}


@fault("x", "0.044715 in the code is 0.44715 in the gradient")
def gelu_constant(rng):
    def forward(x):
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), (x, None)

    def backward(dy, cache):
        x, _ = cache
        u = np.sqrt(2 / np.pi) * (x + 0.44715 * x**3)
        t = np.tanh(u)
        return dy * ((1 + t) / 2 + x / 2 * (1 - t**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.44715 * x**2))

    return (forward, backward), wide(rng), {}


# ---- dropout -----------------------------------------------------------------------------------------------


def dropout(rng, backward):
    return (reference.dropout_forward, backward), wide(rng), {"rate": 0.6, "key": int(rng.integers(1000))}


@fault("x", "the mask is not applied, nor is its scale 2.5, 1/(1 − rate)")
def dropout_mask_and_scale_not_applied(rng):
    return dropout(rng, lambda dy, mask: dy)


@fault("x", "another mask than the forward pass's")
def dropout_fresh_mask(rng):
    return dropout(rng, lambda dy, mask: dy * (rng.random(dy.shape) < 0.4) / 0.4)
