"""A rung: one thing that a student's functions must do. Its check is made by one of the functions here.

    forward("dense_forward", {"x": (3, 4), "W": (4, 5)})        y, beside the solution's
    gradient("dense", "W", {"x": (3, 4), "W": (4, 5)})          dW, by the gradient checker
    backward("relu", "x", {"x": array})                         dx, beside the solution's: where there is a choice
    step("adam_step", "adam")                                   an optimizer's step, by check_optimizer

A check returns an :class:`Outcome`. Arrays are drawn at random for each shape, or given; 4-D ones are images
(N, H, W, C), or kernels (kh, kw, C, K), and are brought into the student's layout.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.gradient_check import Report, check_layer, check_op, check_optimizer

TOLERANCE = 1e-9  # of a forward pass, relative to the largest right number
PASSED, WRONG, TODO, ERROR, OPEN = "passed", "wrong", "not done yet", "error", "not tried"


@dataclass(frozen=True)
class Outcome:
    """What came of a rung.

    Attributes:
        rung: its name.
        state: PASSED, WRONG, TODO (it is still None), ERROR (an exception, no end), OPEN (an earlier rung failed).
        cause: what is probably wrong, in words.
        numbers: where, what was given, and what is right.
        remark: what else is to be said.
        given: the sizes of what the functions were given, for a rung that is not passed.
        layout: of images, in which hints are written.
    """

    rung: str = ""
    state: str = PASSED
    cause: str = ""
    numbers: str = ""
    remark: str = ""
    given: str = ""
    layout: str = "nhwc"


class Unusable(Exception):
    """The student's file lacks something; the message says what."""


class Work:
    """A student's functions, and the solution's beside them."""

    def __init__(self, names: Mapping[str, Any], right: Mapping[str, Any], layout: str) -> None:
        self.names, self.right, self.layout = names, right, layout
        self.given = ""  # what the last check handed to the functions, in words

    def __getitem__(self, name: str) -> Any:
        if not callable(self.names.get(name)):
            kind = "class" if name[0].isupper() else "function"
            raise Unusable(f"there is no {kind} {name}: it must keep the name that it had at the start")
        if inspect.isfunction(self.names[name]) and not name.endswith(("_backward", "col2im")):
            _check_arguments(name, self.names[name], self.right[name])
        return self.names[name]

    def draw(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return the arrays in (N, H, W, C); a shape is filled with random numbers."""
        rng = np.random.default_rng(3)
        return {
            name: rng.standard_normal(each) if isinstance(each, tuple) else np.array(each, float)
            for name, each in arrays.items()
        }

    def laid_out(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return them in the student's layout."""
        if self.layout == "nhwc":
            return dict(arrays)
        axes = {name: (3, 2, 0, 1) if name == "kernel" else (0, 3, 1, 2) for name in arrays}
        return {name: a.transpose(axes[name]) if a.ndim == 4 else a for name, a in arrays.items()}

    def hand(self, arrays: Mapping[str, np.ndarray], **options: Any) -> dict[str, np.ndarray]:
        """Return the arrays in the student's layout, and note their sizes for the message."""
        handed = self.laid_out(arrays)
        self.given = ", ".join(
            f"{name} {each.shape}" if isinstance(each, np.ndarray) and each.ndim else f"{name} = {each}"
            for name, each in {**handed, **options}.items()
        )
        return handed


def _check_arguments(name: str, given: Any, right: Any) -> None:
    """Arguments are given by their names, so these must stay."""
    own, names = inspect.signature(given).parameters, [*inspect.signature(right).parameters]
    if not set(names) <= set(own) and not any(each.kind == each.VAR_KEYWORD for each in own.values()):
        raise Unusable(
            f"{name}({', '.join(own)}): its arguments must keep their names, {name}({', '.join(names)})"
        )


Check = Callable[[Work], Outcome]


@dataclass(frozen=True)
class Rung:
    """One thing that is checked.

    Attributes:
        name: one or two words.
        what: what is checked, in one line.
        check: how.
        hint: said if the cause is not known.
        more: the stronger hint, for those who ask for it.
        page: a page of its own, if it is not the exercise's.
    """

    name: str
    what: str
    check: Check
    hint: str
    more: str
    page: str = ""


def compared(given: Any, right: Any, name: str, slips: Mapping[str, Any] | None = None) -> Outcome:
    """Compare numbers with the right ones; ``slips``: words -> numbers of a wrong formula."""
    if given is None:
        return Outcome(state=TODO)
    right = np.asarray(right)
    try:
        given = np.asarray(given, float)
    except (TypeError, ValueError):
        return Outcome(state=WRONG, cause=f"{name} is {type(given).__name__}, expected an array of numbers")
    if given.shape != right.shape:
        return Outcome(state=WRONG, numbers=f"{name} has the shape {given.shape}, right is {right.shape}")
    off = np.asarray(np.abs(given - right))
    off[~np.isfinite(given)] = np.inf
    if off.max(initial=0.0) <= TOLERANCE * max(np.abs(right).max(initial=0.0), 1.0):
        return Outcome()
    at = tuple(int(i) for i in np.unravel_index(np.argmax(off), off.shape))
    for words, wrong in (slips or {}).items():
        if np.shape(wrong) == given.shape and np.allclose(given, wrong, rtol=1e-9, atol=1e-12):
            return Outcome(state=WRONG, cause=words, numbers=_entry(name, at, given[at], right[at]))
    return Outcome(state=WRONG, numbers=_entry(name, at, given[at], right[at]))


def _entry(name: str, at: tuple[int, ...], given: float, right: float) -> str:
    place = f"[{', '.join(map(str, at))}]" if at else ""
    return f"{name}{place}: yours is {given + 0.0:.7g}, right is {right + 0.0:.7g}"


def _copies(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in arrays.items()}  # the student's functions may change them


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple | list) and result else result


def _pair(result: Any, op: str) -> tuple[Any, Any]:
    """Return y and the cache that a forward pass returned."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise Unusable(
            f"{op}_forward must return two things, y and what the backward pass needs: return y, cache"
        )
    return result


def forward(
    name: str,
    arrays: Mapping[str, Any],
    slips: Mapping[str, Callable[..., Any]] | None = None,
    y: str = "y",
    **options: Any,
) -> Check:
    """Check y of a function that returns y, or (y, …); a slip takes the arrays, and returns a wrong y."""

    def check(work: Work) -> Outcome:
        drawn = work.draw(arrays)
        wrong = {words: slip(**drawn, **options) for words, slip in (slips or {}).items()}
        handed = work.hand(drawn, **options)
        right = _first(work.right[name](**handed, **options))
        given = _first(work[name](**_copies(handed), **options))
        return compared(given, right, y, work.laid_out(wrong))

    return check


def gradient(
    op: str,
    of: str,
    arrays: Mapping[str, Any],
    function: Callable[[Work], Any] | None = None,
    **options: Any,
) -> Check:
    """Check one gradient of a pair of functions, ``op_forward`` and ``op_backward``, or of what ``function`` gives."""

    def check(work: Work) -> Outcome:
        handed = work.hand(work.draw(arrays), **options)
        passes = function(work) if function else (work[f"{op}_forward"], work[f"{op}_backward"])
        if not function:
            y, cache = _pair(passes[0](**_copies(handed), **options), op)
            if y is None:
                return Outcome(state=TODO)
            given = passes[1](np.random.default_rng(4).standard_normal(np.shape(y)), cache)
            given = given if isinstance(given, tuple | list) else (given,)
            place = [*arrays].index(of)
            if place < len(given) and given[place] is None:
                return Outcome(state=TODO)
        elif callable(passes):  # a loss
            _, given = passes(**_copies(handed), **options)
            if given is None:
                return Outcome(state=TODO)
        return _judged(check_op(passes, handed, **options), of)

    return check


def _judged(report: Report, of: str) -> Outcome:
    """Return what a report says of one gradient."""
    result = report[of]
    if result.passed:
        return Outcome(state=WRONG, cause=report.problems[0]) if report.problems else Outcome()
    if not result.fits:
        given = "no gradient" if result.analytic is None else f"the shape {result.analytic.shape}"
        empty = result.analytic is not None and not result.analytic.size
        return Outcome(
            state=WRONG,
            cause="it is empty: a slice [p:-p] is, where p is 0; [p : p + H] is not"
            if empty
            else result.cause or "",
            numbers=f"d{of} has {given}, right is {result.numeric.shape}",
        )
    assert result.analytic is not None
    at = result.worst
    numbers = _entry(f"d{of}", at, result.analytic[at], result.numeric[at])
    wrong, size = np.count_nonzero(result.errors > result.bound), result.numeric.size
    cause = result.cause or "".join(report.problems[:1])
    return Outcome(
        state=WRONG,
        cause=cause,
        numbers=f"{numbers}; {wrong} of {size} entries are wrong" if size > 1 else numbers,
    )


def backward(
    op: str,
    of: str,
    arrays: Mapping[str, Any],
    slips: Mapping[str, Callable[..., Any]] | None = None,
    **options: Any,
) -> Check:
    """Check one gradient beside the solution's: at a kink, where several are right and one is the convention."""

    def check(work: Work) -> Outcome:
        drawn = work.draw(arrays)
        handed = work.hand(drawn, **options)
        right, cache = work.right[f"{op}_forward"](**handed, **options)
        dy = np.random.default_rng(4).uniform(1.0, 2.0, right.shape)
        place = [*arrays].index(of)
        results = []
        for names in (work, work.right):
            y = names[f"{op}_forward"](**_copies(handed), **options)
            _, cache = _pair(y, op)
            given = names[f"{op}_backward"](dy.copy(), cache)
            results.append(given[place] if isinstance(given, tuple | list) else given)
        wrong = {words: slip(dy, **handed, **options) for words, slip in (slips or {}).items()}
        return compared(results[0], results[1], f"d{of}", wrong)

    return check


def step(name: str, rule: str, **hyperparameters: Any) -> Check:
    """Check an optimizer's step(w, g, state, **hyperparameters) -> w."""

    def check(work: Work) -> Outcome:
        function = functools.partial(work[name], **hyperparameters)
        if function(np.ones((3, 4)), np.ones((3, 4)), {}) is None:
            return Outcome(state=TODO)
        report = check_optimizer(function, rule, **hyperparameters)
        if report.passed:
            return Outcome(remark=report.remark or "")
        if report.at is None:
            return Outcome(state=WRONG, cause=report.cause or "")
        number, at = report.at
        numbers = f"step {number}: {_entry('w', at, report.given, report.expected)}"
        return Outcome(state=WRONG, cause=report.cause or "", numbers=numbers)

    return check


def layer(name: str, of: str, shape: tuple[int, ...], *arguments: Any) -> Check:
    """Check one gradient of a layer class of the student's."""

    def check(work: Work) -> Outcome:
        made = work[name](*arguments)
        if made(np.ones(shape)) is None:
            return Outcome(state=TODO)
        return _judged(check_layer(work[name](*arguments), shape), of)

    return check
