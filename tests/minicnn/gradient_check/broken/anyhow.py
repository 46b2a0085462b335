"""Dense layers, broken; and faults that any layer can have."""

import numpy as np

from minicnn.ops import reference
from tests.minicnn.gradient_check.broken.convolution import conv
from tests.minicnn.gradient_check.broken.faults import fault
from tests.minicnn.gradient_check.broken.pooling import pool


def dense(rng, broken):
    """Return a dense layer with as many outputs as inputs, whose gradients are ``broken(dy, x, kernel)``."""

    def backward(dy, cache):
        right = reference.dense_backward(dy, cache)
        wrong = broken(dy, *cache[:2])
        return tuple(given if given is not None else true for given, true in zip(wrong, right))

    n, units = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    arrays = {
        "x": rng.standard_normal((n, units)),
        "kernel": rng.standard_normal((units, units)),
        "bias": rng.standard_normal(units),
    }
    return (reference.dense_forward, backward), arrays, {}


@fault("x", "the kernel is not transposed: dx is dy times the transposed kernel")
def dense_kernel_not_transposed(rng):
    return dense(rng, lambda dy, x, kernel: (dy @ kernel, None, None))


@fault("kernel", "not summed over axis 0: this gradient of shape")
def dense_kernel_gradient_of_each_sample(rng):
    return dense(rng, lambda dy, x, kernel: (None, x[:, :, None] * dy[:, None], None))


@fault("kernel", "the gradient of kernel is transposed")
def dense_kernel_gradient_transposed(rng):
    return dense(rng, lambda dy, x, kernel: (None, dy.T @ x, None))


@fault("bias", "summed over axis 1 of dy instead of over axis 0")
def dense_bias_over_wrong_axes(rng):
    return dense(rng, lambda dy, x, kernel: (None, None, dy.sum(axis=1)))


# ---- anything ----------------------------------------------------------------------------------------------


@fault("kernel", "the sign is wrong: this is minus the right gradient")
def minus(rng):
    return dense(rng, lambda dy, x, kernel: (None, -(x.T @ dy), None))


@fault("kernel", "added twice")
def twice(rng):
    return dense(rng, lambda dy, x, kernel: (None, 2 * x.T @ dy, None))


@fault("kernel", "the sign is wrong, and it is off by a constant factor: 0.1234 times the right gradient")
def an_odd_factor(rng):
    return dense(rng, lambda dy, x, kernel: (None, -0.1234 * x.T @ dy, None))


@fault("x", "right everywhere but at [1, 2]")
def one_entry(rng):
    def broken(dy, x, kernel):
        dx = dy @ kernel.T
        dx[1, 2] += 7
        return dx, None, None

    return dense(rng, broken)


# ---- another shape -----------------------------------------------------------------------------------------


def narrow(rng, broken):
    """Return a dense layer with fewer outputs than inputs, whose gradients are
    ``broken(dx, dkernel, dbias)``.
    """

    def backward(dy, cache):
        return broken(*reference.dense_backward(dy, cache))

    arrays = {"x": rng.standard_normal((3, 5)), "kernel": rng.standard_normal((5, 2)), "bias": np.zeros(2)}
    return (reference.dense_forward, backward), arrays, {}


@fault("kernel", "None")
def noise_of_another_shape(rng):
    return narrow(rng, lambda dx, dkernel, dbias: (dx, rng.standard_normal((4, 2)), dbias))


# ---- another order -----------------------------------------------------------------------------------------


@fault("x", "dy is rearranged: these are the numbers for dy with axis 0 reversed")
def batch_reversed(rng):
    def backward(dy, cache):
        return reference.max_pool2d_backward(dy[::-1], cache)

    return pool(rng, backward)


@fault("kernel", "x is rearranged: these are the numbers for x with axis 0 reversed")
def batch_of_x_reversed(rng):
    return dense(rng, lambda dy, x, kernel: (None, x[::-1].T @ dy, None))


# ---- no cause, but a place ---------------------------------------------------------------------------------


def wrong_at(rng, where, of="x"):
    """Return a convolution whose gradient of x or the kernel is noise at ``where`` (an
    array -> the noise's place).
    """

    def backward(dy, cache):
        given = dict(zip(("x", "kernel", "bias"), reference.conv2d_backward(dy, cache)))
        place = where(given[of].shape)
        given[of] = np.where(place, given[of] + rng.uniform(1, 2, given[of].shape), given[of])
        return tuple(given.values())

    return conv(rng, backward, channels=3, filters=3)


@fault("x", "wrong only at the border (the ends of axes 1 and 2)")
def wrong_border(rng):
    def border(shape):
        place = np.ones(shape, bool)
        place[:, 1:-1, 1:-1] = False
        return place

    return wrong_at(rng, border)


@fault("x", "right only in the first channel (axis 3)")
def right_in_one_channel(rng):
    return wrong_at(rng, lambda shape: np.broadcast_to([False, True, True], shape))


@fault("kernel", "wrong only at index 1 of axis 3")
def wrong_filter(rng):
    return wrong_at(rng, lambda shape: np.broadcast_to([False, True, False], shape), of="kernel")


@fault("x", "right everywhere but for entries in column 2 (axis 2)")
def wrong_here_and_there_in_a_column(rng):
    def place(shape):
        place = np.zeros(shape, bool)
        place[0, :2, 2] = place[1, 3, 2] = True
        return place

    return wrong_at(rng, place)


# ---- more of it --------------------------------------------------------------------------------------------


@fault("x", "or y has no such term")
def shortcut_that_is_not_there(rng):
    return dense(rng, lambda dy, x, kernel: (dy @ kernel.T + dy, None, None))


@fault("x", "a mask is applied, though none was in the forward pass")
def mask_in_evaluation(rng):
    return (
        (lambda x: (x, None), lambda dy, _: dy * (rng.random(dy.shape) < 0.5)),
        {"x": rng.random((3, 8))},
        {},
    )


@fault("gamma", "“x”, is there twice")
def a_factor_too_many(rng):
    x, gamma = rng.uniform(1, 2, 5), rng.uniform(1, 2, 5)

    def forward(x, gamma):
        return x * gamma, (x, gamma)

    def backward(dy, cache):
        return dy * cache[1], dy * cache[0] ** 2

    return (forward, backward), {"x": x, "gamma": gamma}, {}


@fault("x", "each sample (axis 0) is wrong by its own factor (0.5, -1, 2)")
def a_factor_for_each_sample(rng):
    """A sample's sign may be wrong, too."""
    factors = np.array([[0.5], [-1.0], [2.0]])
    operation, arrays, options = dense(rng, lambda dy, x, kernel: (factors * (dy @ kernel.T), None, None))
    return operation, arrays | {"x": rng.standard_normal((3, len(arrays["kernel"])))}, options
