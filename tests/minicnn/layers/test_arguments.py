"""A wrong argument of a layer is an error when the layer is made, not when it computes."""

import math

import numpy as np
import pytest

from minicnn import initializers, layers, optimizers, regularizers
from minicnn.layers.arguments import check_room, room_for

NO_COUNTS = [0, -1, True, 1.5, "2", None, math.nan, 10**9, 10**12, [3], "x" * 10**6]
NO_PAIRS = [0, True, "2", "22", (3,), (1, 2, 3), (1.5, 2), (2, -1), None, 10**9, (True, 2), [[1, 2], 3], {}]
NO_NUMBERS = ["x", None, True, [1.0], {}, math.nan, "1"]
NO_FLAGS = ["yes", None, 2, 0.5, [True]]


@pytest.mark.parametrize(
    ("make", "argument", "wrong"),
    [
        (layers.Dense, "units", NO_COUNTS),
        (lambda filters: layers.Conv2D(filters, 3), "filters", NO_COUNTS),
        (lambda filters: layers.SeparableConv2D(filters, 3), "filters", NO_COUNTS),
        (lambda **given: layers.DepthwiseConv2D(3, **given), "depth_multiplier", NO_COUNTS),
        (lambda kernel_size: layers.Conv2D(2, kernel_size), "kernel_size", NO_PAIRS),
        (lambda strides: layers.Conv2D(2, 3, strides=strides), "strides", NO_PAIRS),
        (lambda dilation_rate: layers.Conv2D(2, 3, dilation_rate=dilation_rate), "dilation_rate", NO_PAIRS),
        (layers.MaxPooling2D, "pool_size", NO_PAIRS),
        (lambda strides: layers.AveragePooling2D(2, strides), "strides", [pair for pair in NO_PAIRS if pair]),
        (layers.UpSampling2D, "size", NO_PAIRS),
        (lambda use_bias: layers.Dense(2, use_bias=use_bias), "use_bias", NO_FLAGS),
        (lambda use_bias: layers.Conv2D(2, 3, use_bias=use_bias), "use_bias", NO_FLAGS),
        (lambda center: layers.BatchNormalization(center=center), "center", NO_FLAGS),
        (lambda scale: layers.GroupNormalization(scale=scale), "scale", NO_FLAGS),
        (layers.GlobalAveragePooling2D, "keepdims", NO_FLAGS),
        (layers.ReLU, "max_value", [-1, *(each for each in NO_NUMBERS if each is not None)]),
        (lambda negative_slope: layers.ReLU(negative_slope=negative_slope), "negative_slope", NO_NUMBERS),
        (lambda threshold: layers.ReLU(threshold=threshold), "threshold", [-1, *NO_NUMBERS]),
        (layers.LeakyReLU, "negative_slope", NO_NUMBERS),
        (layers.ELU, "alpha", NO_NUMBERS),
        (layers.Dropout, "rate", [*NO_NUMBERS, 1, -0.1]),
        (layers.GaussianNoise, "stddev", [*NO_NUMBERS, -0.1, math.inf]),
        (lambda momentum: layers.BatchNormalization(momentum=momentum), "momentum", [*NO_NUMBERS, 1.1]),
        (lambda epsilon: layers.BatchNormalization(epsilon=epsilon), "epsilon", [*NO_NUMBERS, 0, math.inf]),
        (lambda groups: layers.GroupNormalization(groups), "groups", [0, "x", None, True, 1.5, "x" * 10**6]),
        (layers.Rescaling, "scale", ["x", None, [], [math.nan], [[1], [1, 2]], {}]),
        (lambda offset: layers.Rescaling(1, offset), "offset", ["x", None, [], [math.inf]]),
        (lambda mean: layers.Normalization(mean=mean, variance=1), "mean", [[], "x", [None], [math.nan]]),
        (lambda variance: layers.Normalization(mean=0, variance=variance), "variance", [[], "x", -1, [1, -1]]),
        (lambda axis: layers.Concatenate(axis), "axis", ["x", None, 1.5, 10**9]),
        (layers.Softmax, "axis", ["x", 1.5, 10**9]),
        (layers.RandomRotation, "factor", ["x", None, (0.1,), (0, 1, 2), 2, math.nan, (0.2, 0.1), -math.inf, True]),
        (lambda scale: layers.RandomErasing(scale=scale), "scale", [1.5, (0.1,), ("a", "b"), (0.5, 0.2), (0, 2), None]),
        (layers.RandomContrast, "factor", ["x", None, 2, -0.1, (0.5, 0.2), (0, 1.5)]),
        (layers.RandomBrightness, "factor", ["x", None, 2, (0.5, 0.2), (-1.5, 0)]),
        (lambda value_range: layers.RandomBrightness(0, value_range), "value_range", [1, (1, 0), ("a", 1)]),
        (lambda factor: layers.RandomErasing(factor), "factor", ["x", None, 2]),
        (lambda value_range: layers.RandomErasing(value_range=value_range), "value_range", [1, (1, 0), ("a", 1)]),
        (lambda fill_value: layers.RandomZoom(0.1, fill_value=fill_value), "fill_value", NO_NUMBERS),
        (lambda seed: layers.Dropout(0.5, seed=seed), "seed", ["x", -1, 1.5, True, [1]]),
        (lambda dtype: layers.Dense(2, dtype=dtype), "dtype", ["object", "U5", "V8", "complex64", [("a", "f4")]]),
        (lambda name: layers.Dense(2, name=name), "name", [5, ["x"]]),
        (layers.Permute, "dims", [(0, 1), ("a",), (1, 1), (10**9,), (1.5,)]),
        (layers.Reshape, "target_shape", [("a",), (0,), (-1, -1), (1.5,), (True,), (10**12,)]),
        (layers.Cropping2D, "cropping", [-1, "x", 1.5, (1, 2, 3), 10**9, None]),
        (layers.ZeroPadding2D, "padding", [-1, "x", 1.5, (1, 2, 3), 10**9, None]),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_error_at_once(make, argument, wrong):
    for value in wrong:
        with pytest.raises(ValueError, match=f"{argument}=") as raised:
            make(**{argument: value}) if make.__name__ == "<lambda>" else make(value)
        assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dropout(0),
        lambda: layers.GaussianNoise(0),
        lambda: layers.BatchNormalization(momentum=0),
        lambda: layers.BatchNormalization(momentum=1),
        lambda: layers.BatchNormalization(epsilon=1e-30),
        lambda: layers.Dense(1),
        lambda: layers.Conv2D(1, 1, use_bias=1),
        lambda: layers.ReLU(negative_slope=-2.5),
        lambda: layers.Concatenate(-32),
        lambda: layers.Softmax(32),
        lambda: layers.RandomRotation(1),
        lambda: layers.RandomRotation((-9.0, -8.0)),
        lambda: layers.RandomZoom((-1, 1)),
        lambda: layers.RandomErasing(0, scale=(0, 1), value_range=(5, 5)),
        lambda: layers.RandomErasing(1, scale=(1, 1)),
        lambda: layers.Normalization(mean=0, variance=0),
        lambda: layers.Permute((1, 2)),
        lambda: layers.Reshape((-1, 1)),
        lambda: layers.ZeroPadding2D(0),
    ],
)
def test_the_outermost_values_are_accepted(make):
    assert make().get_config()["name"]


def test_numpy_s_numbers_are_numbers_too():
    assert layers.Dense(np.int64(3)).units == 3
    assert layers.Dropout(np.float32(0.5)).rate == 0.5
    assert layers.ReLU(np.array(0.5)).max_value == 0.5
    assert layers.Conv2D(2, np.array([3, 5])).kernel_size == (3, 5)
    assert layers.Dense(2, use_bias=np.bool_(False)).use_bias is False
    assert layers.Dense(2, use_bias=0).use_bias is False
    assert layers.RandomRotation((np.float32(-0.5), 0.25)).factor == (-0.5, 0.25)
    np.testing.assert_array_equal(layers.Rescaling(np.array([2.0, 3.0]))(np.ones((1, 2))), [[2, 3]])


def test_statistics_must_fit_the_channels():
    layer = layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])
    with pytest.raises(
        ValueError, match=r"mean has shape \(2,\), expected a number for each of the 3 channels"
    ):
        layer(np.ones((1, 3)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: initializers.RandomNormal(stddev="x"),
        lambda: initializers.Constant("x"),
        lambda: initializers.HeNormal(seed=1.5),
        lambda: initializers.VarianceScaling(scale="x"),
        lambda: initializers.VarianceScaling(scale=True),
        lambda: regularizers.L2("x"),
        lambda: optimizers.schedules.CosineDecay("x", 10),
        lambda: optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, staircase="x"),
        lambda: initializers.get({"class_name": "Constant", "config": {"value": {}}}),
        lambda: initializers.get({"class_name": 5, "config": {}}),
        lambda: initializers.get({"class_name": "Zeros", "config": 5}),
        lambda: initializers.get("x" * 10**6),
    ],
)
def test_so_are_those_of_initializers_regularizers_and_schedules(make):
    with pytest.raises(ValueError, match=r"expected|unknown") as raised:
        make()
    assert len(str(raised.value)) < 1000


def test_a_constant_may_be_an_array():
    np.testing.assert_array_equal(initializers.Constant([1, 2])((3, 2)), [[1, 2]] * 3)


def test_layers_that_are_loaded_make_no_more_weights_than_there_is_room_for():
    with room_for(10):
        check_room("a", (2, 3))
        check_room("b", (4,))
        with pytest.raises(ValueError, match=r"c of shape \(1,\) is larger than the arrays in the file"):
            check_room("c", (1,))
    check_room("d", (10**9,))
    with room_for(7), pytest.raises(ValueError, match="dense/kernel"):
        layers.Dense(2, name="dense")(np.ones((1, 4)))
