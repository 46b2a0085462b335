"""Every operation with a gradient: its two passes, and how to draw arguments for it.

The command and the property tests run over this list; activations come from their
own table, minicnn.activations.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn import activations, ops
from minicnn.gradient_check.suite.draw import Draw


@dataclass(frozen=True)
class Case:
    """Arguments of one call: the arrays that have gradients, the data first, and everything else."""

    arrays: dict[str, np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)

    def astype(self, dtype: Any) -> "Case":
        """Return the case in another dtype; float options are converted too, but not to complex."""
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
        forward_pass: ``forward_pass(**arrays, **options)`` -> (y, …, cache).
        backward_pass: ``backward_pass(dy, cache)`` -> the gradients of the arrays, in their order.
        draw: called with a :class:`Draw` and whether to draw ``wide``, returns a :class:`Case`.
        samplewise: whether a sample's result depends on that sample alone.
        sample_options: which options have one entry for each sample.
    """

    forward_pass: Callable[..., Any]
    backward_pass: Callable[..., Any]
    draw: Callable[[Draw, bool], Case]
    samplewise: bool = True
    sample_options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The passes' common name, such as "conv2d"."""
        return self.forward_pass.__name__.removesuffix("_forward")

    def forward(self, arrays: Any, options: Any) -> tuple[list[np.ndarray], Any]:
        """Return (results, cache): y first among the results."""
        *results, cache = self.forward_pass(**arrays, **options)
        return results, cache

    def y(self, arrays: Any, options: Any) -> np.ndarray:
        """Return y alone."""
        return self.forward(arrays, options)[0][0]

    def backward(self, dy: np.ndarray, cache: Any, arrays: Any) -> dict[str, np.ndarray]:
        """Return the gradient of each of the arrays, by name."""
        gradients = self.backward_pass(dy, cache)
        return dict(zip(arrays, gradients if isinstance(gradients, tuple) else (gradients,)))


OPERATIONS: dict[str, Operation] = {}


def register(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    samplewise: bool = True,
    sample_options: tuple[str, ...] = (),
) -> Callable:
    """Add an operation by its two passes; the decorated function draws its cases."""

    def add(draw: Callable[[Draw, bool], Case]) -> Callable[[Draw, bool], Case]:
        op = Operation(forward, backward, draw, samplewise, sample_options)
        OPERATIONS[op.name] = op
        return draw

    return add


@register(ops.conv2d_forward, ops.conv2d_backward)
def _conv2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape, dilated=True)
    filters = draw.choice([1, 3, 16, 19] if wide else [1, 2])
    if wide and draw.boolean():  # enough channels and pixels for Winograd's algorithm
        shape, size = (*shape[:1], draw.integer(4, 13), draw.integer(4, 13), draw.choice([8, 16, 17])), (3, 3)
        options |= {"strides": (1, 1), "dilation": (1, 1)}
    arrays = {"x": draw.moderate(shape), "kernel": draw.moderate((*size, shape[3], filters))}
    return Case(arrays | ({"bias": draw.moderate(filters)} if draw.boolean() else {}), options)


@register(ops.conv2d_transpose_forward, ops.conv2d_transpose_backward)
def _conv2d_transpose(draw, wide):
    case = _conv2d(draw, wide)
    x, kernel, *bias = case.arrays.values()  # the same, with a kernel for the other direction: (kh, kw, K, C)
    arrays = {"x": x, "kernel": kernel.swapaxes(2, 3).copy()}
    return Case(arrays | ({"bias": bias[0]} if bias else {}), case.options)


@register(ops.depthwise_conv2d_forward, ops.depthwise_conv2d_backward)
def _depthwise_conv2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape, dilated=True)
    multiplier = draw.integer(1, 2)
    arrays = {"x": draw.moderate(shape), "kernel": draw.moderate((*size, shape[3], multiplier))}
    return Case(arrays | ({"bias": draw.moderate(shape[3] * multiplier)} if draw.boolean() else {}), options)


@register(ops.dense_forward, ops.dense_backward)
def _dense(draw, wide):
    largest = 40 if wide else 5
    samples, inputs, units = (draw.integer(1, largest) for _ in range(3))
    arrays = {"x": draw.moderate((samples, inputs)), "kernel": draw.moderate((inputs, units))}
    return Case(arrays | ({"bias": draw.moderate(units)} if draw.boolean() else {}))


@register(ops.max_pool2d_forward, ops.max_pool2d_backward)
@register(ops.average_pool2d_forward, ops.average_pool2d_backward)
def _pool2d(draw, wide):
    shape = draw.maps(wide)
    size, options = draw.window(shape)
    if draw.boolean():
        options["strides"] = None
    return Case({"x": draw.array(shape)}, {"pool_size": size, **options})


@register(ops.global_average_pool2d_forward, ops.global_average_pool2d_backward)
@register(ops.global_max_pool2d_forward, ops.global_max_pool2d_backward)
def _global_pool2d(draw, wide):
    return Case({"x": draw.array(draw.maps(wide))})


def _activation(row: activations.Row) -> Callable[[Draw, bool], Case]:
    def drawn(draw: Draw, wide: bool) -> Case:
        options = {
            name: draw.boolean() if isinstance(value, bool) else draw.choice([value, 0.0, 0.01, 0.5, 2.0])
            for name, value in row.options.items()
        }
        return Case({"x": draw.array(draw.any_shape(wide))}, options)

    return drawn


for _row in activations.TABLE.values():
    if _row.function is not activations.linear:  # it computes nothing
        register(_row.forward, _row.backward)(_activation(_row))


@register(ops.softmax_cross_entropy_forward, ops.softmax_cross_entropy_backward, sample_options=("targets",))
def _softmax_cross_entropy(draw, wide):
    shape = draw.any_shape(wide)
    rng = draw.rng()
    one_hot = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    targets = one_hot if draw.boolean() else rng.random(shape)  # these do not add up to 1
    return Case(
        {"logits": draw.array(shape)}, {"targets": targets, "label_smoothing": draw.choice([0.0, 0.1])}
    )


@register(ops.batch_norm_forward, ops.batch_norm_backward, samplewise=False)
def _batch_norm(draw, wide):
    shape = draw.any_shape(wide)
    arrays = {"x": _apart(draw.array(shape)), "gamma": draw.moderate(shape[-1])}
    return Case(arrays | {"beta": draw.moderate(shape[-1])}, {"epsilon": draw.choice([1e-3, 1e-5])})


def _apart(x):
    """Return x changed so that the numbers of each channel (last axis) are clearly different, or all equal.

    If the first digits of all numbers are equal, the rounding errors are large compared with the numbers
    minus their mean. Then the division by the small deviation would amplify rounding errors, and these would
    be tested instead.
    """
    rows = x.reshape(-1, x.shape[-1]).copy()
    spread, size = np.ptp(rows, axis=0), np.abs(rows).max(axis=0)
    rows[0] += np.where((spread > 0) & (spread < 1e-2 * size), 0.1 * size, 0)
    return rows.reshape(x.shape)


@register(ops.batch_norm_inference_forward, ops.batch_norm_inference_backward)
def _batch_norm_inference(draw, wide):
    case = _batch_norm(draw, wide)
    rng = draw.rng()
    channels = len(case.arrays["gamma"])
    moving = {"mean": rng.standard_normal(channels), "variance": rng.random(channels) + 0.1}
    return Case(case.arrays, case.options | moving)


@register(ops.group_norm_forward, ops.group_norm_backward)
def _group_norm(draw, wide):
    groups, shape = draw.integer(1, 3), draw.any_shape(wide)
    shape = (*shape[:-1], groups * draw.integer(1, 7 if wide else 2))
    x = draw.array(shape).reshape(shape[0], -1, groups, shape[-1] // groups)
    # the numbers of one mean differ clearly: those of a sample's group
    columns = x.transpose(1, 3, 0, 2)  # (P, C/G, N, G)
    apart = _apart(columns.reshape(*columns.shape[:2], -1)).reshape(columns.shape)
    x = apart.transpose(2, 0, 3, 1).reshape(shape)
    arrays = {"x": x, "gamma": draw.moderate(shape[-1]), "beta": draw.moderate(shape[-1])}
    return Case(arrays, {"groups": groups, "epsilon": draw.choice([1e-3, 1e-5])})


@register(
    ops.dropout_forward, ops.dropout_backward, samplewise=False
)  # the mask depends on the position in the batch
def _dropout(draw, wide):
    spatial = draw.boolean()
    shape = draw.maps(wide) if spatial else draw.any_shape(wide)
    options = {
        "rate": draw.choice([0.0, 0.25, 0.9]),
        "key": draw.integer(-(2**63), 2**63 - 1),
        "spatial": spatial,
    }
    return Case({"x": draw.moderate(shape)}, options)


@register(ops.affine_transform_forward, ops.affine_transform_backward, sample_options=("matrices",))
def _affine_transform(draw, wide):
    shape = draw.maps(wide)
    options = {
        "matrices": draw.matrices(shape[0]),
        "fill_mode": draw.choice(["reflect", "constant", "wrap", "nearest", "mirror"]),
        "interpolation": draw.choice(["bilinear", "nearest"]),
        "fill_value": 0.5,
    }
    return Case({"x": draw.moderate(shape)}, options)


@register(ops.random_erasing_forward, ops.random_erasing_backward, sample_options=("boxes", "values"))
def _random_erasing(draw, wide):
    shape = draw.maps(wide)
    rng = draw.rng()
    boxes = rng.integers(0, 5, (shape[0], 4))
    values = rng.standard_normal(shape if draw.boolean() else shape[0])
    return Case({"x": draw.moderate(shape)}, {"boxes": boxes, "values": values})
