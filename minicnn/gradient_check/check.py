"""check_op, check_layer, check_model: is a hand-written backward pass the derivative of its forward pass?

    y = f(arrays)        L = Σ dy·y with a random dy        backward(dy) should be dL/d(each entry of each array)

All of it runs in float64 on the reference operations. The way of a check, and where to read on:

    calls.py, borrowed.py    anybody's two passes, or a layer, become forward(**arrays) and backward(dy, cache)
    handed.py                both are run, and held to what they may do with what they get
    answers.py               what they return is put in order
    comparison.py            the gradients are compared with derivatives, and causes named: the report
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from minicnn import ops
from minicnn._base.names import is_ours
from minicnn.gradient_check import answers, calls
from minicnn.gradient_check.borrowed import borrowed, inputs_of
from minicnn.gradient_check.comparison import How, compare_any, compare_exactly, unjudged
from minicnn.gradient_check.handed import Passes
from minicnn.gradient_check.numeric import Arrays
from minicnn.gradient_check.report import Report
from minicnn.gradient_check.slopes import COMPLEX
from minicnn.layers.base import Layer

CACHE_FIRST = "called as backward(cache, dy): the names of its arguments do not say which is which"


def check_op(
    op: Any,
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
            order, as a tuple or a single array. Or an object with these two methods, or a function that returns
            (loss, gradients) or (y, backward): all forms are in calls.py.
        arrays: name -> the arrays that have gradients, in the order in which the backward pass returns these. What
            has no gradient, such as labels, is an option.
        method, entries, seed, thorough: as :func:`compare`; the seed also draws dy.
        options: passed on to forward.

    Returns:
        a :class:`Report`, name -> gradient. Both passes get copies. What they must not do is in its
        ``problems``: change an array in place, give another result for the same arrays.

    Raises:
        ValueError: there is no operation of this name, op has no two passes, forward does not take the arrays by
            these names, or backward returned fewer gradients than there are arrays.

    Example:
        check_op("conv2d", {"x": x, "kernel": kernel}, strides=(2, 2), padding="same")
        check_op(my_layer, {"x": x, "W": my_layer.W})           its gradients: returned, in my_layer.dW
        check_op(softmax_loss, {"x": x}, y=labels)              -> (loss, dx)
    """
    how = How.checked(method, entries, seed, thorough)
    if not isinstance(arrays, Mapping):
        raise ValueError(
            f'arrays: expected a dict, name -> array, such as {{"x": x}}, not {type(arrays).__name__}'
        )
    if isinstance(op, Layer):
        raise ValueError(f"op={op.name}: this is a layer, use check_layer(layer, x)")
    arrays = {name: np.array(array, np.float64) for name, array in arrays.items()}
    if isinstance(op, str):
        with ops.use("reference"):
            return _compared(op, Passes(*_passes(op), arrays, options), how, True)
    return _of_any_order(op, arrays, options, how)


def _of_any_order(op: Any, arrays: Arrays, options: Mapping[str, Any], how: How) -> Report:
    """Check somebody's two passes: backward(dy, cache), or backward(cache, dy) if only that is right."""

    def checked(cache_first: bool) -> Report:
        forward, backward = calls.in_one_form(op, [*arrays], cache_first)
        name = answers.title(backward)
        if name == "<lambda>":  # the other pass may have a name
            name = answers.title(forward)
        with ops.use("reference"):
            return _compared(name, Passes(forward, backward, arrays, options), how, False)

    if not getattr(calls.in_one_form(op, [*arrays])[1], "unsaid", False):
        return checked(False)
    try:
        report = checked(False)
    except Exception:  # the user's function, or what it returned; perhaps it took dy for its cache
        with suppress(Exception):
            other = checked(True)
            return dataclasses.replace(other, notes=(*other.notes, CACHE_FIRST))
        raise
    if not report.passed:
        with suppress(Exception):  # as above
            other = checked(True)
            return dataclasses.replace(other, notes=(*other.notes, CACHE_FIRST)) if other.passed else report
    return report


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
    input_shape: Any,
    *,
    training: bool = True,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
    thorough: bool = False,
) -> Report:
    """Check a layer's backward pass: the gradients of "x" and of each trainable weight.

    A weight whose entries are all equal is moved for the check: with a γ of ones, a forgotten γ changes nothing.

    Args:
        layer: any layer, also one of your own, built or not; its weights and generators do not change.
        input_shape: the batch's shape, such as (2, 5, 5, 3); x is then drawn at random. Or x itself. A list of
            shapes or arrays for a layer with several inputs; they are named "x[0]", "x[1]", ….
        training: whether the layer runs as in training.
        method, entries, seed, thorough: as :func:`compare`; the seed also draws x and dy.

    Returns:
        a :class:`Report`; a weight has its name ("kernel") or, if names repeat, its path ("conv2d/kernel").
    """
    if not isinstance(layer, Layer):
        wrap = 'for another object with forward and backward use check_op(layer, {"x": x, "W": layer.W})'
        raise ValueError(f"layer={layer!r:.80}: expected a layer of minicnn; {wrap}")
    try:
        inspect.signature(layer.forward).bind(None, training)
    except TypeError:
        wanted = "def forward(self, x, training=False)"
        raise ValueError(f"{type(layer).__name__}.forward does not take training: write {wanted}") from None
    how = How.checked(method, entries, seed, thorough)
    inputs = inputs_of(layer, input_shape, np.random.default_rng(seed))
    title = f"{layer.name} ({type(layer).__name__})"
    with ops.use("reference"), borrowed(layer, inputs, seed) as lent:

        def forward(**values: np.ndarray) -> tuple[np.ndarray, None]:
            return layer.forward(lent.x(values), training), None

        def backward(dy: np.ndarray, _: None = None) -> tuple[Any, ...]:
            return lent.gradients(layer.backward(dy))

        if method == COMPLEX and _own(layer):  # the library's own layers need no more
            y = forward(**lent.arrays)[0]
            dy = _upstream(seed, y.shape)
            analytic = dict(zip(lent.arrays, backward(dy)))
            return compare_exactly(
                title, lambda **values: forward(**values)[0], lent.arrays, dy, analytic, how
            )
        return _compared(
            title,
            Passes(forward, backward, lent.arrays, weights=lent.weights),
            how,
            _own(layer),
            lent.updated,
        )


@ops.in_turn
def check_model(
    model: Any,
    x: Any,
    y: Any,
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
        x, y: a small batch: each entry that is checked costs one forward pass. x is a list if there are several
            inputs, named "x[0]", "x[1]", ….
        sample_weight: (N,), as in fit.
        training: whether layers run as in training (dropout on, batch statistics).
        entries: how many entries of each array to compare one at a time, drawn at random; None: those that
            fit into the time. All are compared along random directions.
        method, seed, thorough: as :func:`compare`.
    """
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            f"model={model!r:.80}: it is not compiled: call model.compile(optimizer, loss) first"
        )
    how = How.checked(method, entries, seed, thorough)
    with ops.use("reference"), borrowed(model, inputs_of(model, x), seed) as lent:

        def forward(**values: np.ndarray) -> tuple[np.ndarray, None]:
            return np.asarray(model.forward_loss(lent.x(values), y, sample_weight, training)[0]), None

        def backward(dy: np.ndarray, _: None) -> tuple[Any, ...]:
            return lent.gradients(model.set_gradients(need_dx=True))

        passes = Passes(forward, backward, lent.arrays, weights=lent.weights)
        return _compared(model.name, passes, how, _own(model), lent.updated, scalar=True)


def _compared(
    title: str, passes: Passes, how: How, own: bool, updated: Iterable[str] = (), scalar: bool = False
) -> Report:
    """Run both passes, and compare what they return with derivatives.

    ``own``: the function is the library's; ``updated``: the weights that backward replaces, known after it ran;
    ``scalar``: the upstream gradient is 1, since backward takes none.
    """
    passes.run_forward()
    ones = scalar or isinstance(passes.cache, calls.Given)

    def upstream(shape: tuple[int, ...]) -> np.ndarray:
        return np.ones(shape) if ones else _upstream(how.seed, shape)

    def elsewhere(arrays: Arrays) -> tuple[np.ndarray, dict[str, np.ndarray | None]]:
        dy, given = passes.elsewhere(arrays, upstream)
        return dy, dict(zip(arrays, answers.answers(given, arrays, title)[0]))

    dy = upstream(passes.y.shape)
    passes.run_backward(dy)
    gradients, form = answers.answers(passes.given, passes.arrays, title)
    problems = [*passes.problems, *form]
    problems += [f"backward changed {name}: leave the update to the optimizer" for name in sorted(updated)]
    analytic = dict(zip(passes.arrays, gradients))
    if not passes.is_function:
        return unjudged(title, passes.arrays, analytic, problems)
    again = None if problems else elsewhere
    return compare_any(title, passes.y_of, passes.arrays, dy, analytic, how, own, problems, gradients, again)


def _upstream(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Draw dy.

    Not from default_rng(seed): x is often drawn from that, and with dy = x a backward pass that takes one for the
    other would be right.
    """
    return np.random.default_rng([seed, 1]).standard_normal(shape)


def _own(layer: Layer) -> bool:
    """Whether all of it is the library's, so that it decides on real parts."""
    return all(is_ours(type(each)) for each in layer.walk())
