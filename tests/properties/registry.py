"""Every operation with a gradient: its name, and how to draw arguments for it.

An operation's tests are not written for it; they are the files beside this one, run over this list.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minicnn import ops
from tests.properties import strategies

EPSILONS = st.sampled_from([1e-3, 1e-5])


@dataclass(frozen=True)
class Case:
    """Arguments of one call: the arrays that have gradients, the data first, and everything else."""

    arrays: dict[str, np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)

    def astype(self, dtype) -> "Case":
        """Return the case in another type; options follow from one float type to another, but not to complex."""
        options = self.options
        if np.dtype(dtype).kind == "f":
            options = {name: _as_float(value, dtype) for name, value in options.items()}
        return Case({name: array.astype(dtype) for name, array in self.arrays.items()}, options)


def _as_float(option, dtype):
    return option.astype(dtype) if isinstance(option, np.ndarray) and option.dtype.kind == "f" else option


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: ``ops.<name>_forward`` and ``ops.<name>_backward`` exist.
        cases: called with ``wide``, returns a strategy for :class:`Case`.
        samplewise: whether a sample's result depends on that sample alone.
        sample_options: which options have one entry for each sample.
    """

    name: str
    cases: Callable[[bool], st.SearchStrategy[Case]]
    samplewise: bool = True
    sample_options: tuple[str, ...] = ()

    def forward(self, arrays, options):
        """Return (results, cache): y first among the results."""
        *results, cache = getattr(ops, f"{self.name}_forward")(**arrays, **options)
        return results, cache

    def y(self, arrays, options):
        """Return y alone."""
        return self.forward(arrays, options)[0][0]

    def backward(self, dy, cache, arrays):
        """Return the gradient of each of the arrays, by name."""
        gradients = getattr(ops, f"{self.name}_backward")(dy, cache)
        return dict(zip(arrays, gradients if isinstance(gradients, tuple) else (gradients,)))


OPS: dict[str, Op] = {}


def register(name, samplewise=True, sample_options=()):
    """Add the operation ``name``; the decorated function draws its cases."""

    def add(cases):
        composite = st.composite(cases)
        OPS[name] = Op(name, lambda wide=False: composite(wide), samplewise, sample_options)
        return cases

    return add


def _moderate(draw, shape):
    return draw(strategies.arrays(shape, strategies.MODERATE))


# Where an operation is linear in each array, large numbers only scale the result: moderate ones test as much.


@register("conv2d")
def _conv2d(draw, wide):
    shape = draw(strategies.map_shapes(wide))
    size, options = draw(strategies.windows(shape, dilated=True))
    filters = draw(st.sampled_from([1, 3, 16, 19] if wide else [1, 2]))
    arrays = {"x": _moderate(draw, shape), "kernel": _moderate(draw, (*size, shape[3], filters))}
    return Case(arrays | ({"bias": _moderate(draw, filters)} if draw(st.booleans()) else {}), options)


@register("depthwise_conv2d")
def _depthwise_conv2d(draw, wide):
    shape = draw(strategies.map_shapes(wide))
    size, options = draw(strategies.windows(shape, dilated=True))
    multiplier = draw(st.integers(1, 2))
    arrays = {"x": _moderate(draw, shape), "kernel": _moderate(draw, (*size, shape[3], multiplier))}
    bias = {"bias": _moderate(draw, shape[3] * multiplier)} if draw(st.booleans()) else {}
    return Case(arrays | bias, options)


@register("dense")
def _dense(draw, wide):
    largest = 40 if wide else 5
    samples, inputs, units = (draw(st.integers(1, largest)) for _ in range(3))
    arrays = {"x": _moderate(draw, (samples, inputs)), "kernel": _moderate(draw, (inputs, units))}
    return Case(arrays | ({"bias": _moderate(draw, units)} if draw(st.booleans()) else {}))


@register("max_pool2d")
@register("average_pool2d")
def _pool2d(draw, wide):
    shape = draw(strategies.map_shapes(wide))
    size, options = draw(strategies.windows(shape))
    if draw(st.booleans()):
        options["strides"] = None
    return Case({"x": draw(strategies.arrays(shape))}, {"pool_size": size, **options})


@register("global_average_pool2d")
@register("global_max_pool2d")
def _global_pool2d(draw, wide):
    return Case({"x": draw(strategies.arrays(draw(strategies.map_shapes(wide))))})


@st.composite
def _any_shape(draw, wide):
    shapes = strategies.map_shapes(wide) | st.tuples(st.integers(1, 4), st.integers(1, 9))
    return draw(shapes)


@register("relu")
@register("sigmoid")
@register("tanh")
@register("softmax")
@register("log_softmax")
def _plain(draw, wide):
    return Case({"x": draw(strategies.arrays(draw(_any_shape(wide))))})


@register("leaky_relu")
def _leaky_relu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"negative_slope": draw(st.sampled_from([0.3, 0.01, 0.0]))})


@register("elu")
def _elu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"alpha": draw(st.sampled_from([1.0, 0.5, 2.0]))})


@register("gelu")
def _gelu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"approximate": draw(st.booleans())})


@register("softmax_cross_entropy", sample_options=("targets",))
def _softmax_cross_entropy(draw, wide):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 9)))
    rng = np.random.default_rng(draw(strategies.seeds))
    one_hot = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    targets = one_hot if draw(st.booleans()) else rng.random(shape)  # these do not even add up to 1
    options = {"targets": targets, "label_smoothing": draw(st.sampled_from([0.0, 0.1]))}
    return Case({"logits": draw(strategies.arrays(shape))}, options)


@register("batch_norm", samplewise=False)
def _batch_norm(draw, wide):
    shape = draw(_any_shape(wide))
    arrays = {"x": draw(strategies.arrays(shape)), "gamma": _moderate(draw, shape[-1])}
    relu = draw(st.booleans())
    beta = _moderate(draw, shape[-1])
    if relu:  # an output of exactly 0 is a kink, on whose side a rounding error decides: let none land there
        beta = np.random.default_rng(draw(strategies.seeds)).standard_normal(shape[-1])
    return Case(arrays | {"beta": beta}, {"epsilon": draw(EPSILONS), "relu": relu})


@register("batch_norm_inference")
def _batch_norm_inference(draw, wide):
    case = _batch_norm(draw, wide)
    rng = np.random.default_rng(draw(strategies.seeds))
    channels = len(case.arrays["gamma"])
    moving = {"mean": rng.standard_normal(channels), "variance": rng.random(channels) + 0.1}
    return Case(case.arrays, case.options | moving)


@register("dropout", samplewise=False)  # which entries are dropped depends on where in the batch they are
def _dropout(draw, wide):
    spatial = draw(st.booleans())
    shape = draw(strategies.map_shapes(wide) if spatial else _any_shape(wide))
    options = {
        "rate": draw(st.sampled_from([0.0, 0.25, 0.9])),
        "key": draw(st.integers()),
        "spatial": spatial,
    }
    return Case({"x": _moderate(draw, shape)}, options)


@register("affine_transform", sample_options=("matrices",))
def _affine_transform(draw, wide):
    shape = draw(strategies.map_shapes(wide))
    options = {
        "matrices": draw(strategies.affine_matrices(shape[0])),
        "fill_mode": draw(st.sampled_from(["reflect", "constant", "wrap", "nearest"])),
        "interpolation": draw(st.sampled_from(["bilinear", "nearest"])),
        "fill_value": 0.5,
    }
    return Case({"x": _moderate(draw, shape)}, options)


@register("random_erasing", sample_options=("boxes", "values"))
def _random_erasing(draw, wide):
    shape = draw(strategies.map_shapes(wide))
    rng = np.random.default_rng(draw(strategies.seeds))
    boxes = rng.integers(0, 5, (shape[0], 4))
    values = rng.standard_normal(shape if draw(st.booleans()) else shape[0])
    return Case({"x": _moderate(draw, shape)}, {"boxes": boxes, "values": values})
