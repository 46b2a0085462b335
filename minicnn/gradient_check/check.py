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
from minicnn.gradient_check import handed, numeric
from minicnn.gradient_check.causes import Evidence, likely_cause
from minicnn.gradient_check.handed import of_form
from minicnn.gradient_check.judge import judge
from minicnn.gradient_check.numeric import Arrays, Function
from minicnn.gradient_check.report import FLOOR, Gradient, Report
from minicnn.gradient_check.slopes import COMPLEX, DIFFERENCES, SINGLE, Slopes
from minicnn.layers.base import Layer

METHODS = ("auto", COMPLEX, DIFFERENCES)
SECONDS = 5.0  # for the entries of all arrays; what is not compared in this time is tested along directions
SINGLE_NOTE = (
    "float32 inside the forward pass. Results have 7 digits, slopes 2 or 3, so only large errors are seen. "
    "Compute with the dtype of x, and the check is exact"
)

NO_FUNCTION = (
    "forward is not a function: called twice with the same arrays, the loss is {} and {}. Nothing can be judged. A "
    "layer draws random numbers from a generator of its own, or keeps a state: use Layer.generators"
)


def compare(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Mapping[str, np.ndarray | None],
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
    thorough: bool = False,
) -> Report:
    """Compare analytic gradients with numeric ones.

    Args:
        title: the report's title.
        function: called with each array as a keyword; returns y, of dy's shape.
        arrays: name -> float64 array, the points at which to differentiate.
        dy: the upstream gradient.
        analytic: name -> the gradient of ``sum(dy * y)`` to check.
        method: "complex step" (the function must take complex arrays, and decide on their real parts),
            "central differences", or "auto": for any function; the complex step where it can be trusted.
        entries: how many entries of each array to compare, drawn at random; None: all, with "auto" those that fit
            into 5 seconds.
        seed: of that draw.
        thorough: all entries, whatever time it takes.

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    if method == COMPLEX:
        gradients = {}
        for name in arrays:
            gradient = _exact(function, arrays, dy, name, analytic[name], entries, seed)
            gradients[name] = _explained(gradient, function, arrays, dy)
        return Report(title, gradients)
    return _compare_any(title, function, arrays, dy, analytic, method, entries, seed, thorough)


def _exact(
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    name: str,
    analytic: np.ndarray | None,
    entries: int | None,
    seed: int,
) -> Gradient:
    """Differentiate with the complex step a function that takes every decision on real parts."""
    array = arrays[name]
    chosen: Any = range(array.size)
    if entries is not None:
        chosen = np.sort(np.random.default_rng(seed).permutation(array.size)[:entries])
    values = np.full(array.shape, np.nan)
    scale = 0.0
    for i in chosen:
        entry = tuple(map(int, np.unravel_index(i, array.shape)))
        terms = dy * numeric.complex_column(function, arrays, name, entry)
        values[entry] = terms.sum()
        scale = max(scale, float(np.abs(terms).sum()))
    scale = max(scale, FLOOR * float(np.abs(dy).max(initial=0.0))) or 1.0
    return Gradient(name, analytic, values, COMPLEX, scale)


def _compare_any(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Mapping[str, np.ndarray | None],
    method: str,
    entries: int | None,
    seed: int,
    thorough: bool,
    problems: Sequence[str] = (),
    given: Sequence[np.ndarray | None] = (),
    own: bool = False,
) -> Report:
    """Compare gradients of any function; ``given``: all that backward returned; ``own``: it is the library's."""
    gradients, explain = {}, {}
    lost: dict[str, list[str]] = {}  # why not exact -> of which arrays
    for name in arrays:
        slopes = Slopes(function, arrays, name, method, own)
        most, seconds = (None, np.inf) if thorough else (entries, SECONDS / len(arrays))
        gradients[name] = judge(slopes, dy, analytic[name], most, seconds, seed)
        if slopes.method != COMPLEX:
            reason = SINGLE_NOTE if slopes.method == SINGLE else _how_to_be_exact(slopes.lost)
            lost.setdefault(reason, []).append(name)
        explain[name] = slopes.convention if slopes.method == COMPLEX else function
    for name, gradient in gradients.items():
        words = of_form(gradient, [*arrays], gradients, given or [*analytic.values()])
        if words and not gradient.passed:
            gradients[name] = dataclasses.replace(gradient, cause=words)
        else:
            gradients[name] = _explained(gradient, explain[name], arrays, dy)
    notes = [f"{', '.join(names)}: {reason}" for reason, names in lost.items() if reason]
    return Report(title, gradients, tuple(problems), tuple(notes))


def _explained(gradient: Gradient, function: Function, arrays: Arrays, dy: np.ndarray) -> Gradient:
    if gradient.passed:
        return gradient
    return dataclasses.replace(gradient, cause=likely_cause(Evidence(gradient, function, arrays, dy)))


def _how_to_be_exact(lost: str | None) -> str:
    if lost is None:  # the user chose differences
        return ""
    text = "compared with differences, to 7 digits: forward does not take complex numbers"
    if "complex" in lost.lower() and "something else" not in lost:
        return (
            f"{text}. Does it write into np.zeros(shape), or call float(…)? With np.zeros(shape, dtype=x.dtype) or "
            f"np.zeros_like(x) instead, the check is exact ({lost})"
        )
    return f"{text} ({lost})"


def _unjudged(title: str, arrays: Arrays, analytic: Mapping[str, Any], problems: Sequence[str]) -> Report:
    """Return the report on a forward pass that is not a function."""
    gradients = {
        name: Gradient(name, analytic[name], np.full(a.shape, np.nan), COMPLEX) for name, a in arrays.items()
    }
    return Report(title, gradients, tuple(problems))


def check_op(
    op: str | tuple[Callable[..., Any], Callable[..., Any]],
    arrays: Arrays,
    *,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
    thorough: bool = False,
    **options: Any,
) -> Report:
    """Check an operation: a pair of functions, or the name of one in ``minicnn.ops``.

    Args:
        op: "conv2d", or (forward, backward): ``forward(**arrays, **options) -> (y, …,
            cache)`` and ``backward(dy, cache)`` -> the gradients of the arrays, in their
            order, as a tuple or a single array.
        arrays: name -> the arrays that have gradients, in the order in which the backward pass returns these.
        method, entries, seed, thorough: as :func:`compare`; the seed also draws dy.
        options: passed on to forward.

    Returns:
        a :class:`Report`, name -> gradient. Both passes get copies. What they must not do is in its ``problems``:
        change an array in place, give another result for the same arrays.

    Raises:
        ValueError: there is no operation of this name, forward does not take the arrays by these names or does
            not return (y, cache), or backward returned fewer gradients than there are arrays.

    Example:
        check_op("conv2d", {"x": x, "kernel": kernel}, strides=(2, 2), padding="same")
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    arrays = {name: np.array(array, np.float64) for name, array in arrays.items()}
    forward, backward = _passes(op) if isinstance(op, str) else op
    name = op if isinstance(op, str) else handed.title(backward)
    passes = handed.Passes(forward, backward, arrays, options)
    with ops.use("reference"):
        passes.run_forward()
        dy = np.random.default_rng(seed).standard_normal(passes.y.shape)
        passes.run_backward(dy)
        gradients, form = handed.answers(passes.given, arrays, name)
        problems, analytic = [*passes.problems, *form], dict(zip(arrays, gradients))
        if not passes.is_function:
            return _unjudged(name, arrays, analytic, problems)
        how = method, entries, seed, thorough, problems, gradients, isinstance(op, str)
        return _compare_any(name, passes.y_of, arrays, dy, analytic, *how)


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
    thorough: bool = False,
) -> Report:
    """Check a layer's backward pass: the gradients of "x" and of each trainable weight.

    Args:
        layer: any layer, also one of your own, built or not; its weights and generators do not change.
        input_shape: the batch's shape, such as (2, 5, 5, 3); x is then drawn at random. Or x itself.
        training: whether the layer runs as in training.
        method, entries, seed, thorough: as :func:`compare`; the seed also draws x and dy.

    Returns:
        a :class:`Report`; a weight has its name ("kernel") or, if names repeat, its path ("conv2d/kernel").
    """
    rng = np.random.default_rng(seed)
    x = input_shape if isinstance(input_shape, np.ndarray) else rng.standard_normal(tuple(input_shape))
    x = x.astype(np.float64)
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    with ops.use("reference"), _borrowed(layer, x) as restart:
        weights = _named(layer)

        def function(x: np.ndarray, **values: np.ndarray) -> np.ndarray:
            restart()
            for name, value in values.items():
                weights[name].value = value
            return layer.forward(x, training)

        def backward(dy: np.ndarray, _: None = None) -> tuple[Any, ...]:
            before = {name: weight.value for name, weight in weights.items()}
            dx = layer.backward(dy)
            for name, value in before.items():
                if weights[name].value is not value:
                    updated.append(name)
            return dx, *(weight.grad for weight in weights.values())

        updated: list[str] = []
        arrays = {"x": x, **{name: weight.value for name, weight in weights.items()}}
        title = f"{layer.name} ({type(layer).__name__})"
        draw = np.random.default_rng(seed + 1)
        if method == COMPLEX and _own(layer):
            dy = draw.standard_normal(function(**arrays).shape)  # the library's own layers need no more
            return compare(
                title, function, arrays, dy, dict(zip(arrays, backward(dy))), method, entries, seed
            )
        passes = handed.Passes(lambda **values: (function(**values), None), backward, arrays, {})
        passes.run_forward()
        dy = draw.standard_normal(passes.y.shape)
        passes.run_backward(dy)
        gradients, form = handed.answers(passes.given, arrays, title)
        problems, analytic = [*passes.problems, *form], dict(zip(arrays, gradients))
        problems += [
            f"backward changed {name}: leave the update to the optimizer" for name in dict.fromkeys(updated)
        ]
        if not passes.is_function:
            return _unjudged(title, arrays, analytic, problems)
        how = method, entries, seed, thorough, problems, gradients, _own(layer)
        return _compare_any(title, function, arrays, dy, analytic, *how)


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
    thorough: bool = False,
) -> Report:
    """Check the gradients of a compiled model's loss, with regularizers, for "x" and each trainable weight.

    Args:
        model: a compiled Sequential; its weights and generators do not change.
        x, y: a small batch: each entry that is checked costs one forward pass.
        sample_weight: (N,), as in fit.
        training: whether layers run as in training (dropout on, batch statistics).
        entries: how many entries of each array to compare one at a time, drawn at random; None: those that fit
            into the time. All are compared along random directions.
        method, seed, thorough: as :func:`compare`.
    """
    x = np.asarray(x, np.float64)
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    with ops.use("reference"), _borrowed(model, x) as restart:
        weights = _named(model)

        def function(x: np.ndarray, **values: np.ndarray) -> np.ndarray:
            restart()
            for name, value in values.items():
                weights[name].value = value
            return np.asarray(model.forward_loss(x, y, sample_weight, training)[0])

        arrays = {"x": x, **{name: weight.value for name, weight in weights.items()}}
        before = np.copy(function(**arrays))
        again = function(**arrays)
        dx = model.set_gradients(need_dx=True)
        analytic = {"x": dx, **{name: weight.grad for name, weight in weights.items()}}
        if not handed.alike(again, before):
            return _unjudged(model.name, arrays, analytic, [NO_FUNCTION.format(float(before), float(again))])
        how = method, entries, seed, thorough, (), (), _own(model)
        return _compare_any(model.name, function, arrays, np.ones(()), analytic, *how)


def _own(layer: Layer) -> bool:
    """Whether all of it is the library's, so that it decides on real parts."""
    return all(type(each).__module__.startswith("minicnn.") for each in layer.walk())


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
            weight.grad = None
        yield restart
    finally:
        for each, dtype in dtypes:
            each.dtype = dtype
        for weight, value, grad in values:
            weight.value, weight.grad = value, grad
        restart()
