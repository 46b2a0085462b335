"""check_op, check_layer, check_model: is a hand-written backward pass the derivative of its forward pass?

    y = f(arrays)        L = Σ dy·y with a random dy        backward(dy) should be dL/d(each entry of each array)

All of it runs in float64 on the reference operations. Random layers draw the same
numbers in every evaluation.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn import ops, random
from minicnn._base.names import is_ours
from minicnn.gradient_check import answers, calls, handed
from minicnn.gradient_check.comparison import METHODS, compare, compare_any, unjudged
from minicnn.gradient_check.numeric import Arrays
from minicnn.gradient_check.report import Report
from minicnn.gradient_check.slopes import COMPLEX
from minicnn.layers.base import Layer

NO_FUNCTION = (
    "forward is not a function: called twice with the same arrays, the loss is {} and {}. Nothing can be judged. A "
    "layer draws random numbers from a generator of its own, or keeps a state: use Layer.generators"
)


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
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    if not isinstance(arrays, Mapping):
        raise ValueError(
            f'arrays: expected a dict, name -> array, such as {{"x": x}}, not {type(arrays).__name__}'
        )
    if isinstance(op, Layer):
        raise ValueError(f"op={op.name}: this is a layer, use check_layer(layer, x)")
    arrays = {name: np.array(array, np.float64) for name, array in arrays.items()}
    forward, backward = _passes(op) if isinstance(op, str) else calls.in_one_form(op, [*arrays])
    name = op if isinstance(op, str) else answers.title(backward)
    passes = handed.Passes(forward, backward, arrays, options)
    with ops.use("reference"):
        passes.run_forward()
        # not default_rng(seed): x is often drawn from that, and with dy = x a backward pass that takes one
        # for the other would be right
        dy = np.random.default_rng([seed, 1]).standard_normal(passes.y.shape)
        if isinstance(passes.cache, calls.Given):
            dy = np.ones(passes.y.shape)
        passes.run_backward(dy)
        gradients, form = answers.answers(passes.given, arrays, name)
        problems, analytic = [*passes.problems, *form], dict(zip(arrays, gradients))
        if not passes.is_function:
            return unjudged(name, arrays, analytic, problems)
        how = method, entries, seed, thorough, problems, gradients, isinstance(op, str)
        return compare_any(name, passes.y_of, arrays, dy, analytic, *how)


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
    inputs = _inputs(layer, input_shape, np.random.default_rng(seed))
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    with ops.use("reference"), _borrowed(layer, inputs, seed) as restart:
        weights = _named(layer)

        def function(**values: np.ndarray) -> np.ndarray:
            restart()
            x = _given(layer, values, weights)
            return layer.forward(x, training)

        def backward(dy: np.ndarray, _: None = None) -> tuple[Any, ...]:
            before = {name: weight.value for name, weight in weights.items()}
            dx = layer.backward(dy)
            for name, value in before.items():
                if weights[name].value is not value:
                    updated.append(name)
            return *(dx if len(inputs) > 1 and isinstance(dx, tuple | list) else [dx]), *(
                weight.grad for weight in weights.values()
            )

        updated: list[str] = []
        arrays = {**inputs, **{name: weight.value for name, weight in weights.items()}}
        title = f"{layer.name} ({type(layer).__name__})"
        draw = np.random.default_rng([seed, 1])
        if method == COMPLEX and _own(layer):
            dy = draw.standard_normal(function(**arrays).shape)  # the library's own layers need no more
            return compare(
                title, function, arrays, dy, dict(zip(arrays, backward(dy))), method, entries, seed
            )
        passes = handed.Passes(lambda **values: (function(**values), None), backward, arrays, {})
        passes.run_forward()
        dy = draw.standard_normal(passes.y.shape)
        passes.run_backward(dy)
        gradients, form = answers.answers(passes.given, arrays, title)
        problems, analytic = [*passes.problems, *form], dict(zip(arrays, gradients))
        problems += [handed.UPDATE.format(name) for name in dict.fromkeys(updated)]
        if not passes.is_function:
            return unjudged(title, arrays, analytic, problems)
        how = method, entries, seed, thorough, problems, gradients, _own(layer)
        return compare_any(title, function, arrays, dy, analytic, *how)


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
    inputs = _inputs(model, x, None)
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    with ops.use("reference"), _borrowed(model, inputs, seed) as restart:
        weights = _named(model)

        def function(**values: np.ndarray) -> np.ndarray:
            restart()
            x = _given(model, values, weights)
            return np.asarray(model.forward_loss(x, y, sample_weight, training)[0])

        def gradients() -> dict[str, Any]:
            dx = model.set_gradients(need_dx=True)
            grads = {name: weight.grad for name, weight in weights.items()}
            return {**dict(zip(inputs, dx if len(inputs) > 1 else [dx])), **grads}

        arrays = {**inputs, **{name: weight.value for name, weight in weights.items()}}
        values = {name: array.copy() for name, array in arrays.items()}
        before = np.copy(function(**arrays))
        again = function(**arrays)
        analytic = {name: None if g is None else np.copy(g) for name, g in gradients().items()}
        if not handed.alike(again, before):
            return unjudged(model.name, arrays, analytic, [NO_FUNCTION.format(float(before), float(again))])
        problems = [
            handed.UPDATE.format(name)
            for name, weight in weights.items()
            if weight.value is not arrays[name] or not np.array_equal(weight.value, values[name])
        ]
        arrays = values
        function(**{name: array.copy() for name, array in arrays.items()})
        if not problems and not handed.equal(analytic, gradients()):
            problems = [handed.STATE]
        how = method, entries, seed, thorough, problems, (), _own(model)
        return compare_any(model.name, function, arrays, np.ones(()), analytic, *how)


def _own(layer: Layer) -> bool:
    """Whether all of it is the library's, so that it decides on real parts."""
    return all(is_ours(type(each)) for each in layer.walk())


def _named(layer: Layer) -> dict[str, Any]:
    """Return the trainable weights by their names, or by their paths where names repeat."""
    weights = layer.trainable_weights
    names = [weight.name for weight in weights]
    unique = len({*names, "x"}) == len(names) + 1
    return {weight.name if unique else weight.path: weight for weight in weights}


def _inputs(layer: Layer, given: Any, rng: np.random.Generator | None) -> dict[str, np.ndarray]:
    """Return the inputs by name, in float64; given as arrays, or (if there is a generator) as their shapes."""
    several = layer.multiple_inputs
    expected = "x itself, an array" if rng is None else "a batch's shape, such as (2, 5, 5, 3), or x itself"
    arrays = {}
    for i, each in enumerate(given if several and isinstance(given, list | tuple) else [given]):
        name = "input_shape" if rng is not None else "x"
        if np.ndim(each) == 0:
            many = f": {layer.name} has several inputs, a list of them" if several else ""
            raise ValueError(f"{name}={given!r:.80}: expected {expected}{many}")
        is_shape = rng is not None and np.ndim(each) == 1 and not isinstance(each, np.ndarray)
        array = rng.standard_normal(tuple(each)) if is_shape and rng is not None else each
        arrays[f"x[{i}]" if several else "x"] = np.array(array, np.float64)
    return arrays


def _given(layer: Layer, values: dict[str, np.ndarray], weights: dict[str, Any]) -> Any:
    """Give the weights their values, and return x."""
    for name, weight in weights.items():
        weight.value = values[name]
    inputs = [value for name, value in values.items() if name not in weights]
    return inputs if layer.multiple_inputs else inputs[0]


def _moved(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a copy in float64, away from a point where all entries are equal; positive ones stay positive."""
    moved = value.astype(np.float64)
    if value.size and np.all(value == value.flat[0]):
        moved += rng.uniform(-0.3, 0.3, value.shape) * (abs(value.flat[0]) or 1.0)
    return moved


@contextmanager
def _borrowed(layer: Layer, inputs: dict[str, np.ndarray], seed: int) -> Iterator[Callable[[], None]]:
    """Let a layer compute in float64 within a ``with`` block, with weights that are not all equal; yield a function
    that restarts its random generators.

    At the end, its weights, moving statistics and generators are restored.
    """
    shapes = [each.shape for each in inputs.values()]
    shape: Any = shapes if layer.multiple_inputs else shapes[0]
    built = layer.built
    if not built:
        layer.dtype = layer.dtype or np.dtype(np.float64)
        layer.build(shape)
    if built or not layer.multiple_inputs:
        layer.check_shape(shape)
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
        rng = np.random.default_rng([seed, 3])
        for weight, value, _ in values:  # copies: statistics are changed in place
            weight.value = _moved(value, rng) if weight.trainable else value.astype(np.float64)
            weight.grad = None
        yield restart
    finally:
        for each, dtype in dtypes:
            each.dtype = dtype
        for weight, value, grad in values:
            weight.value, weight.grad = value, grad
        restart()
