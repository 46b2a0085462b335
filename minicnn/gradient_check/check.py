"""check_op, check_layer, check_model: is a hand-written backward pass the derivative of its forward pass?

    y = f(arrays)        L = Σ dy·y with a random dy        backward(dy) should be dL/d(each entry of each array)

All of it runs in float64 on the reference operations. Random layers draw the same
numbers in every evaluation.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn import ops, random
from minicnn.gradient_check import numeric
from minicnn.gradient_check.causes import Evidence, likely_cause
from minicnn.gradient_check.numeric import Arrays, Function
from minicnn.gradient_check.report import FLOOR, Gradient, Kink, Report
from minicnn.layers.base import Layer

METHODS = ("auto", "complex step", "central differences")


def compare(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Mapping[str, np.ndarray | None],
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
) -> Report:
    """Compare analytic gradients with numeric ones.

    Args:
        title: the report's title.
        function: called with each array as a keyword; returns y, of dy's shape.
        arrays: name -> float64 array, the points at which to differentiate.
        dy: the upstream gradient.
        analytic: name -> the gradient of ``sum(dy * y)`` to check.
        method: "complex step", "central differences", or "auto": the first if the
            function takes complex numbers.
        entries: how many entries of each array to check, drawn at random; None: all.
        seed: of that draw.

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    if method == "auto":
        method = METHODS[1] if numeric.takes_complex(function, arrays, dy) else METHODS[2]
    rng = np.random.default_rng(seed)
    gradients = {}
    for name, array in arrays.items():
        chosen = range(array.size) if entries is None else np.sort(rng.permutation(array.size)[:entries])
        places = [tuple(map(int, np.unravel_index(i, array.shape))) for i in chosen]
        gradient = _numeric(function, arrays, dy, name, places, analytic[name], method)
        if not gradient.passed:
            evidence = Evidence(gradient, function, arrays, dy)
            gradient = dataclasses.replace(gradient, cause=likely_cause(evidence))
        gradients[name] = gradient
    return Report(title, gradients)


def _numeric(function, arrays, dy, name, places, analytic, method) -> Gradient:
    """Differentiate at the given entries of one array."""
    values = np.full(arrays[name].shape, np.nan)
    kinks, scale = [], 0.0
    for entry in places:
        if method == "complex step":
            terms = dy * numeric.complex_column(function, arrays, name, entry)
            values[entry] = terms.sum()
            scale = max(scale, float(np.abs(terms).sum()))
            continue
        slope = numeric.slope(function, arrays, dy, name, entry)
        values[entry] = slope.both
        scale = max(scale, abs(slope.both))
        if slope.is_kink and analytic is not None and analytic.shape == values.shape:
            kinks.append(Kink(entry, float(analytic[entry]), slope.left, slope.right))
    scale = max(scale, FLOOR * float(np.abs(dy).max(initial=0.0))) or 1.0
    return Gradient(name, analytic, values, method, scale, tuple(kinks))


def check_op(
    op: str | tuple[Callable[..., Any], Callable[..., Any]],
    arrays: Arrays,
    *,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Report:
    """Check an operation: a pair of functions, or the name of one in ``minicnn.ops``.

    Args:
        op: "conv2d", or (forward, backward): ``forward(**arrays, **options) -> (y, …,
            cache)`` and ``backward(dy, cache)`` -> the gradients of the arrays, in their
            order, as a tuple or a single array.
        arrays: name -> the arrays that have gradients, in the order in which the backward pass returns these.
        method, entries, seed: as :func:`compare`; the seed also draws dy.
        options: passed on to forward.

    Returns:
        a :class:`Report`, name -> gradient.

    Raises:
        ValueError: there is no operation of this name, or backward returned fewer
            gradients than there are arrays.

    Example:
        check_op("conv2d", {"x": x, "kernel": kernel}, strides=(2, 2), padding="same")
    """
    arrays = {name: np.array(array, np.float64) for name, array in arrays.items()}
    if isinstance(op, str):
        title, (forward, backward) = op, _passes(op)
    else:
        forward, backward = op
        title = backward.__name__

    def function(**values: np.ndarray) -> np.ndarray:
        return forward(**values, **options)[0]

    with ops.use("reference"):
        y, *_, cache = forward(**arrays, **options)
        dy = np.random.default_rng(seed).standard_normal(np.shape(y))
        given = backward(dy, cache)
        gradients = given if isinstance(given, tuple) else (given,)
        if len(gradients) < len(arrays):
            raise ValueError(
                f"{title} returned {len(gradients)} gradients, expected {len(arrays)}: of {', '.join(arrays)}"
            )
        return compare(title, function, arrays, dy, dict(zip(arrays, gradients)), method, entries, seed)


def _passes(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the reference's forward and backward pass of an operation."""
    known = vars(ops.reference)
    try:
        return known[f"{name}_forward"], known[f"{name}_backward"]
    except KeyError:
        names = ", ".join(each.removesuffix("_forward") for each in known if each.endswith("_forward"))
        raise ValueError(f"op={name!r}: expected a pair of functions or one of {names}") from None


@ops.in_turn
def check_layer(
    layer: Layer,
    input_shape: Sequence[int] | np.ndarray,
    *,
    training: bool = True,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
) -> Report:
    """Check a layer's backward pass: the gradients of "x" and of each trainable weight.

    Args:
        layer: any layer, also one of your own, built or not; its weights and generators do not change.
        input_shape: the batch's shape, such as (2, 5, 5, 3); x is then drawn at random. Or x itself.
        training: whether the layer runs as in training.
        method, entries, seed: as :func:`compare`; the seed also draws x and dy.

    Returns:
        a :class:`Report`; a weight has its name ("kernel") or, if names repeat, its path ("conv2d/kernel").
    """
    rng = np.random.default_rng(seed)
    x = input_shape if isinstance(input_shape, np.ndarray) else rng.standard_normal(tuple(input_shape))
    x = x.astype(np.float64)
    with ops.use("reference"), _borrowed(layer, x) as restart:
        weights = _named(layer)

        def function(x: np.ndarray, **values: np.ndarray) -> np.ndarray:
            restart()
            for name, value in values.items():
                weights[name].value = value
            return layer.forward(x, training)

        arrays = {"x": x, **{name: weight.value for name, weight in weights.items()}}
        y = function(**arrays)
        dy = np.random.default_rng(seed + 1).standard_normal(y.shape)
        analytic = {"x": layer.backward(dy), **{name: weight.grad for name, weight in weights.items()}}
        title = f"{layer.name} ({type(layer).__name__})"
        return compare(title, function, arrays, dy, analytic, method, entries, seed)


@ops.in_turn
def check_model(
    model: Any,
    x: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    training: bool = True,
    method: str = "auto",
    entries: int | None = 20,
    seed: int = 0,
) -> Report:
    """Check the gradients of a compiled model's loss, with regularizers, for "x" and each trainable weight.

    Args:
        model: a compiled Sequential; its weights and generators do not change.
        x, y: a small batch: each entry that is checked costs one forward pass.
        sample_weight: (N,), as in fit.
        training: whether layers run as in training (dropout on, batch statistics).
        entries: how many entries of each array to check, drawn at random; None: all.
        method, seed: as :func:`compare`.
    """
    x = np.asarray(x, np.float64)
    with ops.use("reference"), _borrowed(model, x) as restart:
        weights = _named(model)

        def function(x: np.ndarray, **values: np.ndarray) -> np.ndarray:
            restart()
            for name, value in values.items():
                weights[name].value = value
            return np.asarray(model.forward_loss(x, y, sample_weight, training)[0])

        arrays = {"x": x, **{name: weight.value for name, weight in weights.items()}}
        function(**arrays)
        dx = model.set_gradients(need_dx=True)
        analytic = {"x": dx, **{name: weight.grad for name, weight in weights.items()}}
        return compare(model.name, function, arrays, np.ones(()), analytic, method, entries, seed)


def _named(layer: Layer) -> dict[str, Any]:
    """Return the trainable weights by their names, or by their paths where names repeat."""
    weights = layer.trainable_weights
    names = [weight.name for weight in weights]
    unique = len({*names, "x"}) == len(names) + 1
    return {weight.name if unique else weight.path: weight for weight in weights}


@contextmanager
def _borrowed(layer: Layer, x: np.ndarray) -> Iterator[Callable[[], None]]:
    """Let a layer compute in float64 within a ``with`` block; yield a function that
    restarts its random generators.

    At the end, its weights, moving statistics and generators are restored.
    """
    if not layer.built:
        layer.dtype = layer.dtype or x.dtype
        layer.build(x.shape)
    layer.check_shape(x.shape)
    own = list(layer.walk())
    dtypes = [(each, each.dtype) for each in own]
    values = [(weight, weight.value, weight.grad) for weight in layer.weights]
    states = [(generator, random.state(generator)) for generator in layer.generators]

    def restart() -> None:
        for generator, state in states:
            random.restore(generator, state)

    try:
        for each in own:
            each.dtype = np.dtype(np.float64)
        for weight, value, _ in values:
            weight.value = value.astype(np.float64)  # a copy: statistics are changed in place
        yield restart
    finally:
        for each, dtype in dtypes:
            each.dtype = dtype
        for weight, value, grad in values:
            weight.value, weight.grad = value, grad
        restart()
