"""The chain rule with a slip at one step of the forward pass: for any code whose arrays can be followed.

A forward pass is a chain of NumPy's operations. The complex step carries a derivative through it, as imaginary
parts. Here the imaginary part behind *one* line is changed: set to 0 (its value is treated as a constant), passed on
without the slope, with its slope twice, with a kernel that is not transposed. The result is the gradient that a
backward pass with this slip gives. A line that runs several times, as in a loop over time, has the slip each time.
"""

import linecache
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.foreign import Nudged
from minicnn.gradient_check.numeric import STEP

MOST_RUNS = 300  # of the function, for one array
MOST_STEPS = 60
OWN = __name__.rsplit(".", 2)[0]  # the package of the checker: its calls are no steps of the function

Key = tuple[Any, ...]


class Step(NamedTuple):
    """One execution of an operation: its inputs and its output, complex; and the entries that it was made from.

    ``source``: the array from which the output is computed entry by entry, perhaps by several operations.
    """

    name: str
    line: str
    inputs: list[Any]
    output: np.ndarray
    source: np.ndarray | None


Slip = Callable[[Step], np.ndarray]  # the output's imaginary part


class Run:
    """The function, called once with arrays that tell of each operation; one of them may have a slip."""

    def __init__(self, key: Key | None = None, slip: Slip | None = None) -> None:
        self.steps: dict[Key, Step] = {}
        self._key, self._slip, self._inside = key, slip, False
        run = self

        class Followed(Nudged):
            source: np.ndarray | None = None

            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
                call = super().__array_ufunc__
                name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
                return run.follow(name, inputs, lambda: call(ufunc, method, *inputs, **kwargs))

            def __array_function__(self, func, types, args, kwargs):
                call = super().__array_function__
                return run.follow(func.__name__, args, lambda: call(func, types, args, kwargs))

            def __getitem__(self, key):
                return run.of_class(super().__getitem__(key))

        self.kind = Followed

    def of_class(self, result: Any) -> Any:
        """Return results of complex numbers as arrays that are followed."""
        if isinstance(result, list | tuple) and type(result) in (list, tuple):
            return type(result)(map(self.of_class, result))
        return (
            result.view(self.kind) if isinstance(result, np.ndarray) and result.dtype.kind == "c" else result
        )

    def follow(self, name: str, inputs: Any, call: Callable[[], Any]) -> Any:
        """Do an operation, note it, and change its imaginary part if it has the slip."""
        if self._inside:
            return call()
        self._inside = True
        try:
            result = self.of_class(call())
        finally:
            self._inside = False
        if not isinstance(result, np.ndarray) or result.dtype.kind != "c":
            return result
        key, line = _place(name)
        active = [each for each in inputs if isinstance(each, self.kind)]
        sources = {id(s): s for s in (each if each.source is None else each.source for each in active)}
        alike = all(each.shape == result.shape for each in active) and len(sources) == 1
        source = next(iter(sources.values())) if alike and "." not in name and name != "matmul" else None
        plain = [each.view(np.ndarray) if isinstance(each, np.ndarray) else each for each in inputs]
        step = Step(name, line, plain, result.view(np.ndarray), source)
        self.steps.setdefault(key, step)
        if key == self._key and self._slip is not None:
            step.output.imag[...] = self._slip(step)
        setattr(result, "source", source)  # noqa: B010 — an attribute of the class made above
        return result


def _place(name: str) -> tuple[Key, str]:
    """Return where an operation is in the code, and the text of its line."""
    key: list[Any] = [name]
    frame, line = sys._getframe(2), ""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(OWN) and module != __name__:
            break
        if module != __name__ and not module.startswith("numpy"):
            key += [frame.f_code, frame.f_lasti]
            line = line or linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(key), line


def slip_at_a_step(e: Evidence) -> str | None:
    """Try each slip at each step; of slips that give the same numbers, the last in the chain is reported."""
    if e.gradient.method != "complex step" or not len(e.index):
        return None
    function = getattr(getattr(e.function, "__self__", None), "function", e.function)

    def gradient(run: Run, i: int) -> float:
        arrays = {name: array.astype(complex).view(run.kind) for name, array in e.arrays.items()}
        arrays[e.gradient.name].view(np.ndarray).ravel()[i] += 1j * STEP
        return float(np.sum(e.dy * np.imag(np.asarray(function(**arrays)).view(np.ndarray)))) / STEP

    first = Run()
    gradient(first, int(e.index[0]))
    found: dict[str, None] = {}
    runs = 0
    for key, step in list(first.steps.items())[-MOST_STEPS:]:
        for text, slip in _slips(step):
            runs += 1
            if runs > MOST_RUNS:
                return None
            if e.fits(gradient(Run(key, slip), int(i)) for i in e.index) and e.digits * len(e.index) > 8:
                where = f"“{step.line}”" if step.line else f"the step np.{step.name}"
                found[f"{text}: at {where}"] = None
                break  # of two slips of one step, the simpler
    return ", or: ".join(list(found)[-1:]) or None


def _slips(step: Step) -> Iterator[tuple[str, Slip]]:
    """Yield (what is wrong, the imaginary part that it gives)."""
    yield "the value is treated as a constant: the path through it is missing", lambda s: 0 * s.output.imag
    yield "the sign of the derivative is wrong", lambda s: -s.output.imag
    inputs = [n for n, each in enumerate(step.inputs) if np.iscomplexobj(each)]
    if step.name == "matmul" and all(np.ndim(each) == 2 for each in step.inputs):
        for n in (0, 1):
            square = step.inputs[1 - n].shape
            if square[0] == square[1]:
                yield (
                    "the other factor of @ is not transposed in the backward pass",
                    partial(_not_transposed, n=n),
                )
    if step.source is None:
        return
    source = step.source.view(np.ndarray)
    if not np.isfinite(source).all():
        return
    which = [-1]
    if len(inputs) == 1 and step.inputs[inputs[0]] is not source:
        which.append(inputs[0])
    for n in which:
        yield "the slope is missing (of |v|: its sign; of ReLU: its mask)", partial(_slope, n=n, of="missing")
        yield "the slope is applied twice", partial(_slope, n=n, of="twice")
        yield "1 − v² is used for the slope, with the v that goes in", partial(_slope, n=n, of="1 − v²")


def _slope(s: Step, n: int, of: str) -> np.ndarray:
    """Return the imaginary part with another slope from input n, or from the source (-1)."""
    given = s.source if n < 0 else s.inputs[n]
    if (
        not isinstance(given, np.ndarray) or given.shape != s.output.shape
    ):  # another execution, with other arrays
        return s.output.imag
    v = given.view(np.ndarray)
    if of == "twice":
        return s.output.imag * np.nan_to_num(s.output.imag / v.imag)
    return v.imag * (1 - v.real**2 if of != "missing" else 1)


def _not_transposed(s: Step, n: int) -> np.ndarray:
    """Return the imaginary part of a @ b with the other factor of input n transposed."""
    a, b = (np.asarray(each) for each in s.inputs)
    if n == 0:
        return np.imag(a) @ b.real.T + a.real @ np.imag(b)
    return np.imag(a) @ b.real + a.real.T @ np.imag(b)
