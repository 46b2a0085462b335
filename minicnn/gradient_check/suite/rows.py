"""A row of the table for each operation, layer, loss, regularizer and update; each case gives three errors.

    backward   the gradients of the reference, compared with the complex step, float64
    kernels    all results of the Numba kernels, compared with the reference, float64
    float32    all results of the Numba kernels in float32, compared with float64, for the same numbers

``backward`` uses small arrays and differentiates every entry. The other two use larger arrays, which fill
whole vectors and tiles of the Numba kernels and leave a remainder.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minicnn import layers, ops
from minicnn.gradient_check.causes import Evidence, likely_cause
from minicnn.gradient_check.check import check_layer
from minicnn.gradient_check.comparison import compare
from minicnn.gradient_check.numeric import Function, worst_error
from minicnn.gradient_check.report import Gradient, Report
from minicnn.gradient_check.suite import merging  # noqa: F401, its import registers its layers
from minicnn.gradient_check.suite.draw import Draw
from minicnn.gradient_check.suite.layers import LAYERS, LayerCase
from minicnn.gradient_check.suite.losses import LOSSES, REGULARIZERS, LossCase
from minicnn.gradient_check.suite.operations import OPERATIONS, Case, Operation
from minicnn.gradient_check.suite.updates import UPDATES, UpdateCase

COMPLEX = "complex step"
ENTRIES = 40  # of each array of a failing case that are compared with the complex step
Results = dict[str, np.ndarray]


Point = tuple[Function, Results, np.ndarray]  # a function, its arrays and dy, in float64


@dataclass(frozen=True)
class Held:
    """What one case gave: by the reference, by the kernels in float64 and in float32."""

    reference: Results
    kernels: Results
    float32: Results
    point: Callable[[], Point] | None = None  # where the gradients were taken; None: there are none
    names: dict[str, str] = field(default_factory=dict)  # of weights, by their number


@dataclass(frozen=True)
class Outcome:
    """The result of one case: errors relative to the largest entry, None where
    there is nothing to compare.
    """

    report: Report | None = None
    kernels: float | None = None
    float32: float | None = None
    held: Held | None = None

    @property
    def backward(self) -> float | None:
        """The worst error of the gradients."""
        return None if self.report is None else self.report.error


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        kind: "operation", "layer", "loss", "regularizer" or "update".
        name: as in Python.
        run: draws a case and returns its :class:`Outcome`.
        bounds: the largest errors allowed, by the column's name.
    """

    kind: str
    name: str
    run: Callable[[Draw], Outcome]
    bounds: dict[str, float]


BOUNDS = {"backward": 1e-12, "kernels": 1e-12, "float32": 1e-5}
WINOGRAD = BOUNDS | {"float32": 1e-4}  # it subtracts, so it may lose one more digit; docs/performance.md


def _differences(exact: Results, close: Results) -> float:
    return max(worst_error(close[name].astype(np.float64), exact[name].astype(np.float64)) for name in exact)


def _held(
    results: Callable[[str, str], Results],
    point: Callable[[], Point] | None = None,
    names: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Compare ``results(implementation, dtype)``: Numba kernels with the reference, float32 with float64."""
    with ops.use("reference"):
        exact = results("reference", "float64")
    with ops.use("kernels"):
        fast, single = results("kernels", "float64"), results("kernels", "float32")
    for dtype, given in (("float64", exact), ("float64", fast), ("float32", single)):
        other = {name: array.dtype.name for name, array in given.items() if array.dtype != dtype}
        if other:
            raise TypeError(f"the input is {dtype}, but these results are not: {other}")
    return {
        "kernels": _differences(exact, fast),
        "float32": _differences(fast, single),
        "held": Held(exact, fast, single, point, names or {}),
    }


def kernel_report(title: str, outcome: Outcome, column: str, bound: float) -> Report:
    """Say which result of the kernels is off in a case, where, by how much, and why; and who is to blame.

    Args:
        title: of the report.
        outcome: of the case.
        column: "kernels" or "float32".
        bound: of its error.
    """
    held = outcome.held
    if held is None:
        return Report(title)
    given, method = (held.kernels, "the reference") if column == "kernels" else (held.float32, "float64")
    right = {
        name: array.astype(np.float64)
        for name, array in (held.reference if column == "kernels" else held.kernels).items()
    }
    gradients = {}
    for name, array in right.items():
        values = given[name].astype(np.float64)
        size = max(np.abs(values).max(initial=1.0), np.abs(array).max(initial=1.0))
        gradients[name] = Gradient(name, values, array, method, float(size), limit=bound)
    blame = "The kernels are off (minicnn/ops/kernels)"
    if held.point is not None:
        with ops.use("reference"):
            function, arrays, dy = held.point()
            exact = {name: held.reference[name] for name in arrays}
            definition = compare(title, function, arrays, dy, exact, COMPLEX, entries=ENTRIES)
            for name in arrays:
                if not gradients[name].passed:
                    cause = likely_cause(Evidence(gradients[name], function, arrays, dy))
                    gradients[name] = replace(gradients[name], cause=cause)
        blame += f": in this case the definition agrees with the complex step, to {definition.error:.0e}"
        if not definition.passed:
            names = ", ".join(held.names.get(name, name) for name in definition.failures)
            blame = f"The definition is off (minicnn/ops/reference): {names} differs from the complex step"
    named = {held.names.get(name, name): gradient for name, gradient in gradients.items()}
    return Report(title, named, notes=(blame,))


# ---- operations --------------------------------------------------------------------------------------------


def check_operation(op: Operation, case: Case, seed: int) -> Report:
    """Check the reference's gradients of one operation."""
    with ops.use("reference"):
        (y, *_), cache = op.forward(case.arrays, case.options)
        dy = np.random.default_rng(seed).standard_normal(y.shape)
        analytic = op.backward(dy, cache, case.arrays)
        return compare(
            op.name, lambda **arrays: op.y(arrays, case.options), case.arrays, dy, analytic, COMPLEX
        )


def operation_results(op: Operation, case: Case, dtype: str, seed: int) -> Results:
    """Return every result and every gradient of an operation, by the implementation in use."""
    case = case.astype(dtype)
    results, cache = op.forward(case.arrays, case.options)
    dy = np.random.default_rng(seed).standard_normal(results[0].shape).astype(dtype)
    gradients = op.backward(dy, cache, case.arrays)
    return {f"result {i}": result for i, result in enumerate(results)} | gradients


def _run_operation(op: Operation) -> Callable[[Draw], Outcome]:
    def run(draw: Draw) -> Outcome:
        seed = draw.integer(0, 2**32 - 1)
        report = check_operation(op, op.draw(draw, False), seed)
        wide = op.draw(draw, True).astype("float32")

        def point() -> Point:
            case = wide.astype("float64")
            dy = np.random.default_rng(seed).standard_normal(op.y(case.arrays, case.options).shape)
            return lambda **arrays: op.y(arrays, case.options), case.arrays, dy

        return Outcome(report, **_held(lambda _, dtype: operation_results(op, wide, dtype, seed), point))

    return run


# ---- layers ------------------------------------------------------------------------------------------------


def _run_layer(draw_case: Callable[[Draw, bool], LayerCase]) -> Callable[[Draw], Outcome]:
    def run(draw: Draw) -> Outcome:
        seed = draw.integer(0, 2**32 - 1)
        small, wide = draw_case(draw, False), draw_case(draw, True)
        layer = small.make("float64")
        report = check_layer(layer, small.x, training=small.training, method=COMPLEX, seed=seed)
        x = wide.x.astype("float32")
        layer = wide.make("float32")
        layer.build(x.shape)
        weights = layer.get_weights()

        def point() -> Point:
            arrays = {f"weight {i}": w.value.astype(float) for i, w in enumerate(layer.trainable_weights)}

            def function(x: np.ndarray, **values: np.ndarray) -> np.ndarray:
                other = wide.make("float64")
                other.build(x.shape)
                other.set_weights([w.astype(float) for w in weights])
                for weight, value in zip(other.trainable_weights, values.values()):
                    weight.value = value
                return other.forward(x, wide.training)

            dy = np.random.default_rng(seed).standard_normal(function(x.astype(float), **arrays).shape)
            return function, {"x": x.astype(float), **arrays}, dy

        names = {f"weight {i}": weight.name for i, weight in enumerate(layer.trainable_weights)}
        if len({*names.values()}) < len(names):
            names = {f"weight {i}": weight.path for i, weight in enumerate(layer.trainable_weights)}

        def results(_: str, dtype: str) -> Results:
            return layer_results(wide, x.astype(dtype), weights, dtype, seed)

        return Outcome(report, **_held(results, point, names))

    return run


def layer_results(
    case: LayerCase, x: np.ndarray, weights: list[np.ndarray], dtype: str, seed: int
) -> Results:
    """Return y, dx, the gradients of the weights, and the moving statistics."""
    layer = case.make(dtype)
    layer.build(x.shape)
    layer.set_weights(weights)
    y = layer(x, case.training)
    dx = layer.backward(np.random.default_rng(seed).standard_normal(y.shape).astype(dtype))
    assert dx is not None
    gradients = {f"weight {i}": weight.grad for i, weight in enumerate(layer.trainable_weights)}
    moved = {f"statistic {i}": weight.value for i, weight in enumerate(layer.non_trainable_weights)}
    return {"y": y, "x": dx, **moved, **{name: grad for name, grad in gradients.items() if grad is not None}}


# ---- losses, regularizers, updates -------------------------------------------------------------------------


def _run_loss(draw_case: Callable[[Draw], LossCase]) -> Callable[[Draw], Outcome]:
    def run(draw: Draw) -> Outcome:
        case = draw_case(draw)
        y_pred = case.y_pred.astype("float32")

        def total(y_pred: np.ndarray) -> np.ndarray:
            return case.loss.forward(case.y_true, y_pred, case.sample_weight)

        def results(_: str, dtype: str) -> Results:
            loss = total(y_pred.astype(dtype))
            return {"loss": np.asarray(loss), "y_pred": case.loss.backward()}

        with ops.use("reference"):
            total(case.y_pred)
            analytic = {"y_pred": case.loss.backward()}
            report = compare(case.loss.name, total, {"y_pred": case.y_pred}, np.ones(()), analytic, COMPLEX)

        def point() -> Point:
            return total, {"y_pred": y_pred.astype(float)}, np.ones(())

        return Outcome(report, **_held(results, point))

    return run


def _run_regularizer(draw_one: Callable[[Draw], Any]) -> Callable[[Draw], Outcome]:
    def run(draw: Draw) -> Outcome:
        regularizer, w = draw_one(draw), draw.moderate(draw.any_shape())
        upstream = draw.rng().standard_normal(())
        report = compare(
            type(regularizer).__name__,
            lambda w: np.asarray(regularizer(w)),
            {"w": w},
            upstream,
            {"w": upstream * regularizer.gradient(w)},
            COMPLEX,
        )
        single = regularizer.gradient(w.astype("float32"))
        return Outcome(report, float32=worst_error(single.astype(float), regularizer.gradient(w)))

    return run


def _run_update(
    update: Callable[..., None], draw_case: Callable[[Draw], UpdateCase]
) -> Callable[[Draw], Outcome]:
    def run(draw: Draw) -> Outcome:
        case = draw_case(draw)

        def results(_: str, dtype: str) -> Results:
            # first rounded to float32, so that all three start from the same numbers
            w, dw, *states = (
                None if array is None else array.astype("float32").astype(dtype)
                for array in (case.arrays[0], case.dw, *case.arrays[1:])
            )
            update(w, dw, *states, **case.options)
            return {f"array {i}": array for i, array in enumerate([w, *states]) if array is not None}

        return Outcome(None, **_held(results))

    return run


CONVOLVING = (layers.Conv2D, layers.Residual, layers.Chain)

ROWS: list[Row] = [
    *(
        Row("operation", name, _run_operation(op), WINOGRAD if name == "conv2d" else BOUNDS)
        for name, op in OPERATIONS.items()
    ),
    *(Row("update", name, _run_update(*each), BOUNDS) for name, each in UPDATES.items()),
    *(
        Row("layer", kind.__name__, _run_layer(draw), WINOGRAD if kind in CONVOLVING else BOUNDS)
        for kind, draw in LAYERS.items()
    ),
    *(Row("loss", kind.__name__, _run_loss(draw), BOUNDS) for kind, draw in LOSSES.items()),
    *(
        Row("regularizer", kind.__name__, _run_regularizer(draw), BOUNDS)
        for kind, draw in REGULARIZERS.items()
    ),
]
