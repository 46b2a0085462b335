"""Every operation with a gradient: its name, and how to draw arguments for it.

An operation's checks are not written for it: the command and the property tests run over this list.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn import ops
from minicnn.gradient_check.suite.draw import Draw


@dataclass(frozen=True)
class Case:
    """Arguments of one call: the arrays that have gradients, the data first, and everything else."""

    arrays: dict[str, np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)

    def astype(self, dtype: Any) -> "Case":
        """Return the case in another type; options follow from one float type to another, but not to complex."""
        options = self.options
        if np.dtype(dtype).kind == "f":
            options = {name: _as_float(value, dtype) for name, value in options.items()}
        return Case({name: array.astype(dtype) for name, array in self.arrays.items()}, options)


def _as_float(option: Any, dtype: Any) -> Any:
    return option.astype(dtype) if isinstance(option, np.ndarray) and option.dtype.kind == "f" else option


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: ``ops.<name>_forward`` and ``ops.<name>_backward`` exist.
        draw: called with a :class:`Draw` and whether to draw ``wide``, returns a :class:`Case`.
        samplewise: whether a sample's result depends on that sample alone.
        sample_options: which options have one entry for each sample.
    """

    name: str
    draw: Callable[[Draw, bool], Case]
    samplewise: bool = True
    sample_options: tuple[str, ...] = ()

    def forward(self, arrays: Any, options: Any) -> tuple[list[np.ndarray], Any]:
        """Return (results, cache): y first among the results."""
        *results, cache = getattr(ops, f"{self.name}_forward")(**arrays, **options)
        return results, cache

    def y(self, arrays: Any, options: Any) -> np.ndarray:
        """Return y alone."""
        return self.forward(arrays, options)[0][0]

    def backward(self, dy: np.ndarray, cache: Any, arrays: Any) -> dict[str, np.ndarray]:
        """Return the gradient of each of the arrays, by name."""
        gradients = getattr(ops, f"{self.name}_backward")(dy, cache)
        return dict(zip(arrays, gradients if isinstance(gradients, tuple) else (gradients,)))


OPERATIONS: dict[str, Operation] = {}


def register(name: str, samplewise: bool = True, sample_options: tuple[str, ...] = ()) -> Callable:
    """Add the operation ``name``; the decorated function draws its cases."""

    def add(draw: Callable[[Draw, bool], Case]) -> Callable[[Draw, bool], Case]:
        OPERATIONS[name] = Operation(name, draw, samplewise, sample_options)
        return draw

    return add


@register("conv2d")
def _conv2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape, dilated=True)
    filters = draw.choice([1, 3, 16, 19] if wide else [1, 2])
    if wide and draw.boolean():  # Winograd's: enough channels and pixels to pay
        shape, size = (*shape[:1], draw.integer(4, 13), draw.integer(4, 13), draw.choice([8, 16, 17])), (3, 3)
        options |= {"strides": (1, 1), "dilation": (1, 1)}
    arrays = {"x": draw.moderate(shape), "kernel": draw.moderate((*size, shape[3], filters))}
    return Case(arrays | ({"bias": draw.moderate(filters)} if draw.boolean() else {}), options)


@register("depthwise_conv2d")
def _depthwise_conv2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape, dilated=True)
    multiplier = draw.integer(1, 2)
    arrays = {"x": draw.moderate(shape), "kernel": draw.moderate((*size, shape[3], multiplier))}
    return Case(arrays | ({"bias": draw.moderate(shape[3] * multiplier)} if draw.boolean() else {}), options)


@register("dense")
def _dense(draw, wide):
    largest = 40 if wide else 5
    samples, inputs, units = (draw.integer(1, largest) for _ in range(3))
    arrays = {"x": draw.moderate((samples, inputs)), "kernel": draw.moderate((inputs, units))}
    return Case(arrays | ({"bias": draw.moderate(units)} if draw.boolean() else {}))


@register("max_pool2d")
@register("average_pool2d")
def _pool2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape)
    if draw.boolean():
        options["strides"] = None
    return Case({"x": draw.array(shape)}, {"pool_size": size, **options})


@register("global_average_pool2d")
@register("global_max_pool2d")
def _global_pool2d(draw, wide):
    return Case({"x": draw.array(draw.maps(wide))})


@register("relu")
@register("sigmoid")
@register("tanh")
@register("softmax")
@register("log_softmax")
def _plain(draw, wide):
    return Case({"x": draw.array(draw.any_shape(wide))})


@register("leaky_relu")
def _leaky_relu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"negative_slope": draw.choice([0.3, 0.01, 0.0])})


@register("elu")
def _elu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"alpha": draw.choice([1.0, 0.5, 2.0])})


@register("gelu")
def _gelu(draw, wide):
    return Case(_plain(draw, wide).arrays, {"approximate": draw.boolean()})


@register("softmax_cross_entropy", sample_options=("targets",))
def _softmax_cross_entropy(draw, wide):
    shape = draw.integer(1, 5), draw.integer(1, 9)
    rng = draw.rng()
    one_hot = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    targets = one_hot if draw.boolean() else rng.random(shape)  # these do not even add up to 1
    return Case(
        {"logits": draw.array(shape)}, {"targets": targets, "label_smoothing": draw.choice([0.0, 0.1])}
    )


@register("batch_norm", samplewise=False)
def _batch_norm(draw, wide):
    shape = draw.any_shape(wide)
    arrays = {"x": _apart(draw.array(shape)), "gamma": draw.moderate(shape[-1])}
    return Case(arrays | {"beta": draw.moderate(shape[-1])}, {"epsilon": draw.choice([1e-3, 1e-5])})


def _apart(x):
    """Return x with channels (last axis) whose numbers differ clearly, or not at all.

    If numbers agree in their first digits, little but rounding errors is left when the mean is subtracted, and the
    division by so small a deviation makes these errors large. That would test the numbers, not the gradient.
    """
    rows = x.reshape(-1, x.shape[-1]).copy()
    spread, size = np.ptp(rows, axis=0), np.abs(rows).max(axis=0)
    rows[0] += np.where((spread > 0) & (spread < 1e-2 * size), 0.1 * size, 0)
    return rows.reshape(x.shape)


@register("batch_norm_inference")
def _batch_norm_inference(draw, wide):
    case = _batch_norm(draw, wide)
    rng = draw.rng()
    channels = len(case.arrays["gamma"])
    moving = {"mean": rng.standard_normal(channels), "variance": rng.random(channels) + 0.1}
    return Case(case.arrays, case.options | moving)


@register("dropout", samplewise=False)  # which entries are dropped depends on where in the batch they are
def _dropout(draw, wide):
    spatial = draw.boolean()
    shape = draw.maps(wide) if spatial else draw.any_shape(wide)
    options = {
        "rate": draw.choice([0.0, 0.25, 0.9]),
        "key": draw.integer(-(2**63), 2**63 - 1),
        "spatial": spatial,
    }
    return Case({"x": draw.moderate(shape)}, options)


@register("affine_transform", sample_options=("matrices",))
def _affine_transform(draw, wide):
    shape = draw.maps(wide)
    options = {
        "matrices": draw.matrices(shape[0]),
        "fill_mode": draw.choice(["reflect", "constant", "wrap", "nearest"]),
        "interpolation": draw.choice(["bilinear", "nearest"]),
        "fill_value": 0.5,
    }
    return Case({"x": draw.moderate(shape)}, options)


@register("random_erasing", sample_options=("boxes", "values"))
def _random_erasing(draw, wide):
    shape = draw.maps(wide)
    rng = draw.rng()
    boxes = rng.integers(0, 5, (shape[0], 4))
    values = rng.standard_normal(shape if draw.boolean() else shape[0])
    return Case({"x": draw.moderate(shape)}, {"boxes": boxes, "values": values})
