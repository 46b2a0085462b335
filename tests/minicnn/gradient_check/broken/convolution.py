"""Convolutions, broken."""

import numpy as np

from minicnn.ops import reference
from tests.minicnn.gradient_check.broken.faults import fault


def conv(rng, backward, channels=None, filters=None, size=None, square=False, **options):
    """Return a convolution of random geometry with a broken backward pass."""
    channels, filters = channels or int(rng.integers(1, 4)), filters or int(rng.integers(2, 4))
    size = size or (3, 3)
    height = int(rng.integers(5, 7))
    width = height if square else height + 1
    x = rng.standard_normal((int(rng.integers(2, 4)), height, width, channels))
    kernel, bias = rng.standard_normal((*size, channels, filters)), rng.standard_normal(filters)
    return (reference.conv2d_forward, backward), {"x": x, "kernel": kernel, "bias": bias}, options


def conv_backward(dy, cache, kernel=lambda k: k, crop=lambda windows, dxp: windows.crop(dxp), add=True):
    """Return the three gradients, dx with a changed kernel, another crop, or without the +."""
    xp, true_kernel, _, windows = cache
    dkernel, dbias = reference.conv2d_backward(dy, cache)[1:]
    dxp = np.zeros(xp.shape)
    used = kernel(true_kernel)
    for a, b, index in windows.entries():
        dxp[index] = dxp[index] * add + dy @ used[a, b].T
    return crop(windows, dxp), dkernel, dbias


@fault(
    "x",
    "the kernel is not rotated by 180° (or it is, in a loop that adds to windows: there it must not be reversed)",
)
def conv_kernel_not_rotated(rng):
    def backward(dy, cache):
        return conv_backward(dy, cache, kernel=lambda k: k[::-1, ::-1])

    return conv(rng, backward, size=[(3, 3), (1, 3), (2, 3)][rng.integers(3)], padding="same")


@fault("x", "the kernel is transposed: its rows and columns (axes 0 and 1) are swapped")
def conv_kernel_transposed(rng):
    def backward(dy, cache):
        return conv_backward(dy, cache, kernel=lambda k: k.swapaxes(0, 1))

    return conv(rng, backward, strides=(1, 2))


@fault("x", "the kernel's input and output channels (axes 2 and 3) are swapped")
def conv_channels_swapped(rng):
    def backward(dy, cache):
        return conv_backward(dy, cache, kernel=lambda k: k.swapaxes(2, 3))

    return conv(rng, backward, channels=2, filters=2)


@fault("x", "the kernel is not rotated by 180°, nor are its input and output channels (axes 2 and 3) swapped")
def conv_forward_used_as_backward(rng):
    def backward(dy, cache):
        dx, _ = reference.conv2d_forward(dy, cache[1], padding="same")
        return dx, *reference.conv2d_backward(dy, cache)[1:]

    return conv(rng, backward, channels=3, filters=3, padding="same")


@fault(
    "x",
    "the padding is cropped at the wrong side: dx is the padded gradient from index 0 on, not from index 1 on",
)
def conv_padding_cropped_at_the_wrong_side(rng):
    def backward(dy, cache):
        return conv_backward(
            dy, cache, crop=lambda windows, dxp: dxp[:, : windows.shape[1], : windows.shape[2]]
        )

    return conv(rng, backward, padding="same")


@fault("x", "dy does not count in its last row (axis 1) and last column (axis 2)")
def conv_last_row_left_out(rng):
    def backward(dy, cache):
        seen = np.zeros_like(dy)
        seen[:, :-1, :-1] = dy[:, :-1, :-1]
        return conv_backward(seen, cache)[0], *reference.conv2d_backward(dy, cache)[1:]

    return conv(rng, backward, strides=(2, 2), padding="same")


@fault("x", "wrong only in the last row (axis 1)")
def conv_stride_ignored_in_the_last_row(rng):
    def backward(dy, cache):
        dx, dkernel, dbias = reference.conv2d_backward(dy, cache)
        dx[:, -1] = rng.standard_normal(dx[:, -1].shape)
        return dx, dkernel, dbias

    return conv(rng, backward, strides=(2, 1), padding="same")


@fault("kernel", "the gradient of kernel is rotated by 180° (axes 0 and 1 reversed)")
def conv_kernel_gradient_rotated(rng):
    def backward(dy, cache):
        dx, dkernel, dbias = reference.conv2d_backward(dy, cache)
        return dx, dkernel[::-1, ::-1], dbias

    return conv(rng, backward)


@fault("kernel", "dy counts only in its last sample (axis 0)")
def conv_kernel_gradient_of_the_last_sample(rng):
    def backward(dy, cache):
        dx, _, dbias = reference.conv2d_backward(dy, cache)
        last = np.zeros_like(dy)
        last[-1] = dy[-1]
        return dx, reference.conv2d_backward(last, cache)[1], dbias

    return conv(rng, backward, strides=(1, 2))


@fault("bias", "summed over axes (0, 1, 3) of dy instead of over axes (0, 1, 2)")
def conv_bias_over_wrong_axes(rng):
    def backward(dy, cache):
        dx, dkernel, _ = reference.conv2d_backward(dy, cache)
        return dx, dkernel, dy.sum(axis=(0, 1, 3))

    # with padding y is as wide as x: half of the time as wide as there are filters,
    # and no shape gives it away
    return conv(rng, backward, filters=int(rng.choice([5, 6])), square=True, padding="same")


@fault("bias", "averaged over axes (1, 2, 3) of dy instead of summed over axes (0, 1, 2)")
def conv_bias_averaged_for_each_sample(rng):
    def backward(dy, cache):
        dx, dkernel, _ = reference.conv2d_backward(dy, cache)
        return dx, dkernel, dy.mean(axis=(1, 2, 3))

    return conv(rng, backward, filters=3)


@fault("kernel", "the batch size")
def conv_divided_by_the_batch(rng):
    def backward(dy, cache):
        dx, dkernel, dbias = reference.conv2d_backward(dy, cache)
        return dx, dkernel / len(dy), dbias

    return conv(rng, backward)
