"""check_optimizer: does a step of one's own do what its equation says?

    report = check_optimizer(my_step, "adam", learning_rate=0.01)
    print(report)

There is no gradient to differentiate. The step is run on random gradients from a state of zeros, in float64,
and the weights are compared with the equation's after each step. One step is not enough: bias correction,
momentum and state show from the second on. If they differ, the equation is broken in one piece after the
other (causes/updates.py) until it gives the same wrong weights.
"""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.gradient_check import html
from minicnn.gradient_check.causes import updates

# name -> the hyperparameters that it has, with the values that Keras has
RULES: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0},
    "momentum": {"learning_rate": 0.01, "momentum": 0.9},
    "nesterov": {"learning_rate": 0.01, "momentum": 0.9},
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7},
    "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "adamw": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
}
# The largest error of a right step, relative to the largest move of a weight in it.
BOUND = 1e-9
SHAPE = (3, 4)

Step = Callable[[np.ndarray, np.ndarray, dict[str, Any]], Any]


@dataclass(frozen=True, repr=False)
class StepReport:
    """The result of :func:`check_optimizer`. Print it to read it.

    Attributes:
        title: what was compared with what.
        errors: of each step, relative to the largest move of a weight in it.
        cause: the likely slip; None if none fits, or nothing is wrong.
        remark: a choice that is right, but made otherwise elsewhere.
        at: the first wrong step (from 1) and there the entry that is farthest off; None if all are right.
        given, expected: the weight there.
    """

    title: str
    errors: tuple[float, ...]
    cause: str | None = None
    remark: str | None = None
    at: tuple[int, tuple[int, ...]] | None = None
    given: float = 0.0
    expected: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the weights are right after every step, and nothing was changed that must not be."""
        return self.cause is None and self.error <= BOUND

    @property
    def error(self) -> float:
        """The worst error of all steps."""
        return max(self.errors, default=np.inf)

    def __str__(self) -> str:
        verdict = f"all {len(self.errors)} steps are right" if self.passed else "WRONG"
        lines = [f"{self.title}: {verdict} (bound {BOUND:.0e})"]
        if self.at is not None:
            step, entry = self.at
            where = ", ".join(map(str, entry))
            lines.append(
                f"  the first wrong step is number {step}: w[{where}] is {self.given:.9g}, expected {self.expected:.9g}"
            )
        if not self.passed:
            lines.append(f"  likely cause: {self.cause or 'none of the known causes'}")
        if self.remark:
            lines.append(f"  note: {self.remark}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html.colored(self, self.passed)


def check_optimizer(
    step: Any,
    reference_equation: str | Step = "adam",
    *,
    steps: int = 5,
    seed: int = 0,
    **hyperparameters: float,
) -> StepReport:
    """Check a step of an optimizer of one's own.

    Args:
        step: ``step(w, g, state) -> w`` with a dict ``state`` that is empty at first and passed to every step; or
            an object with ``update(w, g)`` or ``step(w, g)`` that keeps its own state (or that takes dicts,
            ``update(params, grads)``). w may be changed in place
            (then None is returned), g may not. All in float64, w and g of shape (3, 4).
        reference_equation: "sgd", "momentum", "nesterov", "rmsprop", "adam" or "adamw"; or a step as above.
        steps: how many.
        seed: of the weights and gradients.
        **hyperparameters: those of the step: learning_rate, weight_decay, momentum, beta_1, beta_2, rho,
            epsilon; Keras's values if left out.

    Returns:
        a :class:`StepReport`.

    Raises:
        ValueError: there is no such equation or hyperparameter, the step cannot be called, or it returned
            something that is not an array of w's shape.

    Example:
        check_optimizer(lambda w, g, state: w - 0.1 * g, "sgd", learning_rate=0.1)
    """
    if steps < 2:
        raise ValueError(f"steps={steps}: expected at least 2; the state shows from the second step on")
    rng = np.random.default_rng([seed, 1])
    w, gradients = rng.standard_normal(SHAPE), rng.standard_normal((steps, *SHAPE))
    name = getattr(step, "__name__", type(step).__name__)
    given, trouble = _path(step, w, gradients, reuse=False)
    if callable(reference_equation):
        title = f"{name} and {getattr(reference_equation, '__name__', type(reference_equation).__name__)}"
        path = _path(reference_equation, w, gradients, reuse=False)[0]
        if trouble is None and not _errors(w, given, path).max() <= BOUND:
            trouble = _slip_of_state(reference_equation, w, gradients, given)
        return _report(title, w, given, path, trouble)
    rule = reference_equation
    h = _hyperparameters(rule, hyperparameters)
    title = f"{name} and the equation of {rule}"
    right = [(remark, updates.walk(lines, h, w, gradients)) for remark, lines in _forms(rule).items()]
    for remark, path in right:
        if _errors(w, given, path).max() <= BOUND:
            if trouble is None and _keeps_gradients(step, w, gradients, given):
                trouble = "the state keeps the gradient's array itself: store a copy, g.copy()"
            return _report(title, w, given, path, trouble, remark)
    return _report(title, w, given, right[0][1], trouble or _slip(rule, h, w, gradients, given))


def _slip_of_state(equation: Any, w: np.ndarray, gradients: np.ndarray, given: np.ndarray) -> str | None:
    """Return what is done with the state of somebody's own equation to get the same weights: lost, or another's."""
    kept: dict[str, Any] = {}
    call = _callable(equation)
    call(w.copy(), gradients[0].copy(), kept)
    slips: dict[str, tuple[str, str | None]] = {}  # the state that is wrong, and whose it has
    for name in kept:
        text = f"the state “{name}” is not kept: it starts anew at every step. Is = used instead of +=?"
        slips[text] = name, None
        for another in kept:
            if another != name and np.shape(kept[another]) == np.shape(kept[name]):
                text = (
                    f"the state “{name}” is updated with what “{another}” is updated with: both are the same"
                )
                slips[text] = name, another
    for text, (name, other) in slips.items():

        def step(
            w: np.ndarray, g: np.ndarray, state: dict[str, Any], name: Any = name, other: Any = other
        ) -> Any:
            if state:
                value = state.pop(name)
                state.update({} if other is None else {name: state.get(other, value)})
            return call(w, g, state)

        with np.errstate(all="ignore"), suppress(Exception):  # the user's equation
            if _errors(w, given, _path(step, w, gradients, reuse=False)[0]).max() <= BOUND:
                return text
    return None


def _hyperparameters(rule: str, given: dict[str, float]) -> dict[str, float]:
    if rule not in RULES:
        raise ValueError(f"reference_equation={rule!r}: expected one of {', '.join(RULES)}, or a function")
    known = {"weight_decay": 0.0, **RULES[rule]}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{name}={value!r}: {rule} has no such hyperparameter, only {', '.join(known)}")
    return known | given


def _path(step: Any, w: np.ndarray, gradients: np.ndarray, reuse: bool) -> tuple[np.ndarray, str | None]:
    """Return w after each step, and what is wrong with how the step treats its arguments.

    ``reuse``: all gradients are handed over in one array, as in a training loop that reuses memory.
    """
    call, trouble, path = _callable(step), None, []
    state: dict[str, Any] = {}
    buffer = np.empty_like(w)
    w = w.copy()
    for gradient in gradients:
        buffer = buffer if reuse else np.empty_like(w)
        buffer[...] = gradient
        before = w.copy()
        try:
            returned = call(w, buffer, state)
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(
                f"step={step!r:.80} failed with {type(error).__name__}: {error}. Expected step(w, g, "
                "state) -> w, with "
                "an empty dict as state at first, or an object with update(w, g); wrap yours in a "
                "lambda if it differs"
            ) from error
        if not np.array_equal(buffer, gradient, equal_nan=True):
            trouble = (
                "the step changes the gradient g in place: others may still need it; write g = g + … "
                "instead of g += …"
            )
        if returned is None and np.array_equal(w, before):
            trouble = (
                "the step returns nothing and leaves w as it was: return the new w, or change it in place "
                "with w -= …"
            )
        new = w if returned is None else returned[0] if isinstance(returned, tuple) and returned else returned
        new = np.asarray(new)
        if new.shape != before.shape:
            raise ValueError(
                f"step={step!r:.80} returned shape {new.shape}, expected that of w: {before.shape}"
            )
        w = np.array(new, np.float64)
        path.append(w.copy())
    return np.array(path), trouble


def _callable(step: Any) -> Step:
    for name in ("update", "step"):
        method = getattr(step, name, None)
        if callable(method):
            return _of_method(method, _takes_dicts(step, name))
    if callable(step):
        return step
    raise ValueError(f"step={step!r:.80}: expected step(w, g, state) -> w, or an object with update(w, g)")


def _takes_dicts(step: Any, name: str) -> bool:
    """Whether ``update(params, grads)`` takes dicts of arrays, and no arrays."""
    for given, dicts in ((np.ones(2), False), ({"w": np.ones(2)}, True)):
        try:
            getattr(copy.deepcopy(step), name)(copy.copy(given), copy.copy(given))
        except (TypeError, AttributeError, KeyError, IndexError):
            continue
        return dicts
    return False


def _of_method(method: Any, dicts: bool) -> Step:
    def step(w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> Any:
        if not dicts:
            return method(w, g)
        params = {"w": w}
        method(params, {"w": g})
        return params["w"]

    return step


def _keeps_gradients(step: Any, w: np.ndarray, gradients: np.ndarray, given: np.ndarray) -> bool:
    """Whether the weights differ if all gradients come in one array; not tried for an object with its own state."""
    if not callable(step) or hasattr(step, "update") or hasattr(step, "step"):
        return False
    path = _path(step, w, gradients, reuse=True)[0]
    return not np.allclose(path, given, rtol=1e-12, atol=1e-12, equal_nan=True)


def _errors(w: np.ndarray, given: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return each step's error, relative to the largest move of a weight in it (and to rounding)."""
    moves = np.diff(np.concatenate([w[None], right]), axis=0)
    axes = tuple(range(1, right.ndim))
    bad = ~np.isfinite(right)
    sizes = [np.abs(np.where(bad, 0.0, each)).max(axis=axes) for each in (np.nan_to_num(moves), right)]
    scale = sizes[0] + 1e-6 * sizes[1]
    apart = np.abs(np.where(bad & ~np.isfinite(given), 0.0, given - right)).max(axis=axes)
    apart = apart / np.where(scale == 0, 1.0, scale)
    return np.where(np.isnan(apart), np.inf, apart)


def _forms(rule: str) -> dict[str, updates.Lines]:
    """Return the equation, and what is right too: remark -> lines."""
    lines, choices = updates.EQUATIONS[rule], updates.CHOICES.get(rule, {})
    return {"": lines} | {remark: updates.changed(lines, by) for remark, by in choices.items()}


def _slip(
    rule: str, h: dict[str, float], w: np.ndarray, gradients: np.ndarray, given: np.ndarray
) -> str | None:
    """Return the slip that gives the same weights after every step; two, if the numbers fit both."""
    tried = [
        (text, updates.changed(form, by))
        for form in _forms(rule).values()
        for text, by in updates.slips(rule, h)
    ]
    with np.errstate(all="ignore"):
        found = [
            text
            for text, lines in tried
            if _errors(w, given, updates.walk(lines, h, w, gradients)).max() <= BOUND
        ]
        for other in RULES:
            path = updates.walk(updates.EQUATIONS[other], _of_other(other, h), w, gradients)
            if other != rule and _errors(w, given, path).max() <= BOUND:
                found.append(f"this is {other}, not {rule}")
    return ", or: ".join([*dict.fromkeys(found)][:2]) or None


def _of_other(rule: str, h: dict[str, float]) -> dict[str, float]:
    return {"weight_decay": 0.0, **RULES[rule]} | {
        name: h[name] for name in h if name in RULES[rule] or name == "weight_decay"
    }


def _report(
    title: str, w: np.ndarray, given: np.ndarray, right: np.ndarray, cause: str | None, remark: str = ""
) -> StepReport:
    errors = tuple(map(float, _errors(w, given, right)))
    wrong = next((i for i, error in enumerate(errors) if error > BOUND), None)
    if wrong is None:
        return StepReport(title, errors, cause, remark or None)
    apart = np.abs(given[wrong] - right[wrong])
    worst = np.argmax(np.where(np.isnan(apart), np.inf, apart))
    entry = tuple(map(int, np.unravel_index(worst, apart.shape)))
    at = float(given[wrong][entry]), float(right[wrong][entry])
    return StepReport(title, errors, cause, None, (wrong + 1, entry), *at)
