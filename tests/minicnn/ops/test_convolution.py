"""Convolution by hand, and the geometries at which its kernels change their way of computing."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import complex_step, worst_error
from minicnn.ops.kernels import winograd
from tests.properties.draw import seeds
from tests.threads import threads

BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def grid(*rows):
    """One image of one channel."""
    return np.array(rows, float)[None, :, :, None]


def kernel_of(*rows):
    """A kernel of one channel in, one out."""
    return np.array(rows, float)[:, :, None, None]


@st.composite
def winograd_geometries(draw):
    """(x shape, K, padding): channels enough for Winograd's algorithm, on maps that do and do not tile."""
    padding = draw(st.sampled_from(["same", "valid"]))
    height, width = draw(st.integers(5, 14)), draw(st.integers(5, 14))
    channels, filters = (draw(st.sampled_from([16, 17, 32, 40, 64])) for _ in range(2))
    return (draw(st.integers(1, 4)), height, width, channels), filters, padding


def all_passes(implementation, x, kernel, bias, dy, **options):
    with ops.use(implementation):
        y, cache = ops.conv2d_forward(x, kernel, bias, **options)
        return [y, *ops.conv2d_backward(dy, cache)]


@pytest.mark.usefixtures("implementation")
class TestByHand:
    def test_correlation_and_its_gradients(self):
        y, cache = ops.conv2d_forward(
            grid([1, 2, 3], [4, 5, 6]), kernel_of([1, 10], [100, 1000]), np.array([0.5])
        )
        assert np.array_equal(
            y, grid([5421.5, 6532.5])
        )  # the kernel is not turned: 1·1 + 2·10 + 4·100 + 5·1000
        dx, dkernel, dbias = ops.conv2d_backward(grid([1, 2]), cache)
        assert np.array_equal(dx, grid([1, 12, 20], [100, 1200, 2000]))
        assert np.array_equal(dkernel, kernel_of([1 + 4, 2 + 6], [4 + 10, 5 + 12]))
        assert np.array_equal(dbias, [3])

    def test_same_padding_puts_the_odd_pixel_at_the_end(self):
        y, _ = ops.conv2d_forward(grid([1, 2, 3]), kernel_of([1, 10]), padding="same")
        assert np.array_equal(y, grid([21, 32, 3]))

    def test_stride_and_dilation_leave_pixels_out(self):
        x, kernel = grid([1, 2, 3, 4, 5, 6, 7]), kernel_of([1, 10])
        y, cache = ops.conv2d_forward(x, kernel, strides=(1, 3), dilation=(1, 2))
        assert np.array_equal(y, grid([31, 64]))
        dx, dkernel, dbias = ops.conv2d_backward(grid([1, 2]), cache)
        assert np.array_equal(dx, grid([1, 0, 10, 2, 0, 20, 0]))
        assert np.array_equal(dkernel, kernel_of([1 + 8, 3 + 12]))
        assert dbias is None

    def test_channels_in_and_out(self):
        x = np.array([[[[1.0, 2.0]]]])
        kernel = np.array([[[[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]]])
        y, cache = ops.conv2d_forward(x, kernel)
        assert np.array_equal(y, [[[[5, 50, 500]]]])
        dx, dkernel, _ = ops.conv2d_backward(np.array([[[[1.0, 2.0, 3.0]]]]), cache)
        assert np.array_equal(dx, [[[[321, 642]]]])
        assert np.array_equal(dkernel, [[[[1, 2, 3], [2, 4, 6]]]])

    def test_depthwise_channels_do_not_mix(self):
        x = np.array([[[[1.0, 2.0]]]])
        kernel = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])  # channel 0: 1, 10; channel 1: 100, 1000
        y, cache = ops.depthwise_conv2d_forward(x, kernel)
        assert np.array_equal(y, [[[[1, 10, 200, 2000]]]])
        dx, dkernel, _ = ops.depthwise_conv2d_backward(np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), cache)
        assert np.array_equal(dx, [[[[21, 4300]]]])
        assert np.array_equal(dkernel, [[[[1, 2], [6, 8]]]])

    def test_the_first_layer_needs_no_dx(self):
        _, cache = ops.conv2d_forward(grid([1, 2, 3]), kernel_of([1, 10]))
        dx, dkernel, _ = ops.conv2d_backward(grid([1, 2]), cache, need_dx=False)
        assert dx is None
        assert np.array_equal(dkernel, kernel_of([5, 8]))

    @pytest.mark.parametrize("channels", [1, 16])
    def test_an_empty_batch(self, channels):
        y, cache = ops.conv2d_forward(
            np.zeros((0, 6, 6, channels)), np.ones((3, 3, channels, 16)), np.ones(16)
        )
        dx, dkernel, dbias = ops.conv2d_backward(y, cache)
        assert (y.shape, dx.shape) == ((0, 4, 4, 16), (0, 6, 6, channels))
        assert np.array_equal(dkernel, np.zeros((3, 3, channels, 16)))
        assert np.array_equal(dbias, np.zeros(16))

    def test_a_window_that_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match='use padding="same"'):
            ops.conv2d_forward(grid([1, 2]), kernel_of([1, 2, 3]))


def test_kernels_equal_complex_step(rng):
    x, kernel, bias = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(3, 2, 3, 4)), rng.normal(size=4)
    options = {"strides": (2, 1), "padding": "same", "dilation": (1, 2)}
    dy = rng.normal(size=(2, 3, 4, 4))

    def y(**arrays):
        with ops.use("reference"):
            return ops.conv2d_forward(**arrays, **options)[0]

    exact = complex_step(y, {"x": x, "kernel": kernel, "bias": bias}, dy)
    gradients = all_passes("kernels", x, kernel, bias, dy, **options)[1:]
    assert max(worst_error(g, e) for g, e in zip(gradients, exact.values())) <= 1e-12


@pytest.mark.parametrize("dtype", BOUNDS)
@given(geometry=winograd_geometries(), seed=seeds)
def test_winograd_equals_the_definition(dtype, geometry, seed):
    (shape, filters, padding), rng = geometry, np.random.default_rng(seed)
    shrink = 2 if padding == "valid" else 0
    x, kernel, bias = (
        rng.normal(size=shape),
        rng.normal(size=(3, 3, shape[3], filters)),
        rng.normal(size=filters),
    )
    dy = rng.normal(size=(shape[0], shape[1] - shrink, shape[2] - shrink, filters))
    arrays = [array.astype(dtype) for array in (x, kernel, bias, dy)]
    exact = all_passes("reference", *(array.astype(float) for array in arrays), padding=padding)
    fast = all_passes("kernels", *arrays, padding=padding)
    for result, definition in zip(fast, exact):
        assert result.dtype == dtype
        assert np.abs(result - definition).max() <= BOUNDS[dtype] * np.abs(definition).max()


def test_float32_error_at_the_depth_of_real_layers(rng):
    for side, channels, filters in [(12, 128, 128), (6, 256, 256)]:
        x, kernel = rng.normal(size=(4, side, side, channels)), rng.normal(size=(3, 3, channels, filters))
        dy = rng.normal(size=(4, side, side, filters))
        arrays = [array.astype(np.float32) for array in (x, kernel, dy)]
        exact = all_passes("reference", arrays[0].astype(float), arrays[1].astype(float), None, arrays[2].astype(float),
                           padding="same")  # fmt: skip
        fast = all_passes("kernels", arrays[0], arrays[1], None, arrays[2], padding="same")
        for result, definition in zip(fast[:3], exact[:3]):
            assert np.abs(result - definition).max() <= 1e-5 * np.abs(definition).max()


@pytest.mark.parametrize(
    ("side", "outputs"), [(48, 4), (24, 4), (12, 4), (6, 3), (3, 3), (4, 4), (7, 4), (5, 3)]
)
def test_the_tile_suits_the_map(side, outputs):
    points, down, across = winograd.tiling(side, side)
    assert len(points) - 1 == outputs
    assert down == across == -(-side // outputs)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
@pytest.mark.parametrize(
    ("window", "filters"),
    [((1, 1), 32), ((1, 1), 80), ((2, 1), 48)],
    ids=["winograd", "winograd, dkernel by channels", "direct"],
)
def test_same_bits_for_any_number_of_threads(window, filters, rng):
    x = rng.normal(size=(5, 13, 14, 64)).astype(np.float32)
    kernel, bias = (
        rng.normal(size=(3, 3, 64, filters)).astype(np.float32),
        rng.normal(size=filters).astype(np.float32),
    )
    dy = rng.normal(size=(5, -(-13 // window[0]), 14, filters)).astype(np.float32)
    results = []
    for count in (1, 2):
        with threads(count):
            results.append(all_passes("kernels", x, kernel, bias, dy, strides=window, padding="same"))
    for one, two in zip(*results):
        assert np.array_equal(one, two)


def test_results_do_not_share_memory_with_later_ones(rng):
    """The kernels reuse their buffers, but never one that somebody still holds."""
    x, kernel = rng.normal(size=(4, 24, 24, 16)), rng.normal(size=(3, 3, 16, 16))
    with ops.use("kernels"):
        first, _ = ops.conv2d_forward(x, kernel, padding="same")
        part, expected = first[1:2, ::2], first[1:2, ::2].copy()
        del first
        ops.conv2d_forward(-x, kernel, padding="same")
    assert np.array_equal(part, expected)
