"""A function that is followed: every operation of NumPy on its arrays is noted, and its derivative can be changed.

The arrays are complex, with a derivative as imaginary part (foreign.py). :meth:`Follower.record` notes each operation
as a :class:`Step`. :meth:`Follower.gradient` runs the function again with other imaginary parts behind some of
them: the gradient that a backward pass with these slips gives. Code that writes into np.zeros is followed as well
(rebound.py).
"""

import sys
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, Unanswered
from minicnn.gradient_check.causes.quoted import Quote, quote
from minicnn.gradient_check.causes.rebound import rebound
from minicnn.gradient_check.causes.step import Change, Index, Place, Step
from minicnn.gradient_check.foreign import Nudged
from minicnn.gradient_check.numeric import STEP

OWN = __name__.rsplit(".", 2)[0]  # the package of the checker: its calls are no steps of the function
MOST_OPERATIONS = 250_000  # of all runs, for one array
MOST_STEPS = 20_000  # of one run
SPLITS: dict[Any, Any] = {np.split: None, np.array_split: None, np.vsplit: 0, np.hsplit: 1}  # the axis
METHODS = ("reshape", "transpose", "swapaxes", "repeat", "dot", "ravel", "flatten", "squeeze", "take")


class _Reached(BaseException):  # no user catches it
    """The function has computed y: what follows, as the gradients in the same function, need not run."""


class Follower:
    """A function of named arrays, and what happens in it.

    Raises:
        Unanswered: it cannot be followed: without changes its gradient is not the right one.
    """

    def __init__(self, e: Evidence) -> None:
        self._e, self._inside, self._recording = e, False, False
        self._changes: Mapping[int, Change] = {}
        self._roots: dict[int, int | None] = {}  # of a slot: the slot of its source, negative for an array
        self._kept: dict[int | None, np.ndarray] = {}
        self._sources: set[int] = set()
        self.cost = self._count = self._last = 0
        self._end: int | None = None  # the slot of the operation that gives y
        self._written: list[tuple[int, np.ndarray]] = []  # what is changed in place: the slot, the array
        self._steps: list[Step] = []
        self._kind = _kind(self)
        first = int(e.index[0])
        plain = e.plain or e.function
        for function in (rebound(plain, self._kind), plain):
            self._function = function
            try:
                if abs(self.gradient(first) - e.right[0]) <= max(e.tolerance, 1e-9 * abs(e.right[0])):
                    break
            except Exception:  # the user's function
                continue
        else:
            raise Unanswered
        self.steps = self.record(np.random.default_rng([5, 2]).standard_normal(e.array.shape))
        self._sources = {root for root in self._roots.values() if root is not None}

    @property
    def is_over(self) -> bool:
        """Whether time is up."""
        return self.cost > MOST_OPERATIONS or self._e.search.is_over

    def record(self, v: np.ndarray, others: Sequence[str] = ()) -> list[Step]:
        """Return all operations, for derivatives along v, or those of other arrays along random directions."""
        self._changes, self._steps, self._written, self._recording = {}, [], [], True
        try:
            self._run(v, others)
        finally:
            self._recording = False
        return [step._replace(late=step.slot > self._last) for step in self._steps]

    def one(self, i: int) -> np.ndarray:
        """Return the direction of one flat entry."""
        direction = np.zeros(self._e.array.size)
        direction[i] = 1
        return direction.reshape(self._e.array.shape)

    def gradient(self, i: int, changes: Mapping[int, Change] | None = None) -> float:
        """Return the gradient of the flat entry i, with changes by slot."""
        self._changes = changes or {}
        y = self._run(self.one(i))
        return float(np.sum(self._e.dy * np.imag(y))) / STEP

    def upstream(self, step: Step) -> np.ndarray:
        """Return the gradient that arrives at a step's output."""
        gradient = np.empty(step.output.size)
        for j, one in enumerate(STEP * np.eye(step.output.size)):
            y = self.run_with({step.slot: partial(_constant, value=one.reshape(step.output.shape))})
            gradient[j] = np.sum(self._e.dy * np.imag(y)) / STEP
        return gradient.reshape(step.output.shape)

    def run_with(self, changes: Mapping[int, Change]) -> np.ndarray:
        """Return y with changes by slot, without a derivative of the arrays."""
        self._changes = changes
        return self._run(np.zeros(self._e.array.shape))

    def _run(self, v: np.ndarray, others: Sequence[str] = ()) -> np.ndarray:
        e, self._count = self._e, 0
        arrays = {name: array.astype(complex) for name, array in e.arrays.items()}
        arrays[e.gradient.name] += 1j * STEP * v
        for name in others:
            arrays[name] += 1j * STEP * np.random.default_rng([5, 3]).standard_normal(arrays[name].shape)
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            followed = {name: array.view(self._kind) for name, array in arrays.items()}
            for n, array in enumerate(followed.values()):
                array.root = -1 - n  # type: ignore[attr-defined]
            self._kept = {array.root: array for array in followed.values()}  # type: ignore[attr-defined]
            try:
                y = self._function(**followed)
            except _Reached as reached:
                y = reached.args[0]
        if self._recording:
            slot = getattr(y, "slot", None)
            later = (n for n, array in self._written if slot is not None and np.may_share_memory(array, y))
            self._last = self._count if slot is None else max([slot, *later])
            self._end = slot if slot == self._last else None
        self.cost += self._count + 20
        return np.asarray(y).view(np.ndarray)

    def of_class(self, result: Any) -> Any:
        """Return results of complex numbers as arrays that are followed."""
        if type(result) in (list, tuple):
            return type(result)(map(self.of_class, result))
        is_complex = isinstance(result, np.ndarray) and result.dtype.kind == "c"
        return result.view(self._kind) if is_complex else result

    def follow(self, name: str, args: Any, call: Callable[..., Any], in_place: bool = False) -> Any:
        """Do an operation, ``call(*args)``; note it, or change its imaginary part."""
        if self._inside:
            return call(*args)
        slot, self._count = self._count, self._count + 1
        result = self._followed(slot, name, args, call, in_place)
        if slot == self._end and not self._recording:
            raise _Reached(result)
        return result

    def _followed(self, slot: int, name: str, args: Any, call: Callable[..., Any], in_place: bool) -> Any:
        change = self._changes.get(slot)
        if isinstance(change, Index):
            args, change = (args[0], change), None
        self._inside = True
        try:
            if not self._recording and change is None:
                result = call(*args)
                if isinstance(result, Nudged):
                    result = result.view(self._kind)
                    if slot in self._sources:
                        self._kept[slot] = result
                    return result
                return self.of_class(result)
            flat = [each for arg in args for each in (arg if type(arg) in (list, tuple) else (arg,))]
            inputs: list[Any] = [np.array(each) if isinstance(each, np.ndarray) else each for each in flat]
            result = self.of_class(call(*args))
            if self._recording and result is None:  # as np.add.at
                self._written += [(slot, each) for each in flat[:1] if isinstance(each, np.ndarray)]
            if not isinstance(result, np.ndarray) or result.dtype.kind != "c":
                return result
            if change is not None and not in_place:
                result = result.copy()
            if self._recording:
                self._roots[slot] = self._root(name, flat, result)
                result.slot = slot  # type: ignore[attr-defined]
                result.root = slot if self._roots[slot] is None else self._roots[slot]  # type: ignore[attr-defined]
                self._kept[slot] = result
                self._written += [(slot, result)] * in_place
            source = self._kept.get(self._roots.get(slot))
            step = Step(
                slot, name, inputs, result.view(np.ndarray), source, lambda flat: call(*_filled(args, flat))
            )
            if self._recording:
                if slot > MOST_STEPS:
                    raise Unanswered
                if source is not None:
                    step = step._replace(source=source.copy())
                self._steps.append(step._replace(place=_place(name, len(inputs)), output=step.output.copy()))
            elif isinstance(change, np.ndarray):
                step.output[...] = change
            elif change is not None:
                step.output.imag[...] = change(step)
        finally:
            self._inside = False
        if slot in self._sources:
            self._kept[slot] = result
        return result

    def assign(self, array: np.ndarray, key: Any, value: Any) -> None:
        """Do array[key] = value; a change is another key."""
        plain = array.view(np.ndarray)
        slot, self._count = self._count, self._count + 1
        step = Step(slot, "[]=", [Index(key)], plain, None, lambda flat: None)
        if self._recording:
            self._written.append((slot, array))
            self._steps.append(step._replace(place=_place("[]=", 0)))
        change = self._changes.get(slot)
        plain[change.key if isinstance(change, Index) else key] = value

    def _root(self, name: str, inputs: list[Any], result: np.ndarray) -> int | None:
        """Return the slot of the array from which the result is computed entry by entry."""
        active = [each for each in inputs if isinstance(each, self._kind)]
        roots = {each.root for each in active}  # type: ignore[attr-defined]
        alike = all(each.shape == result.shape for each in active) and len(roots) == 1
        by_entry = isinstance(getattr(np, name, None), np.ufunc) or name in ("where", "clip", "nan_to_num")
        return roots.pop() if alike and by_entry and name != "matmul" else None


def follower_of(e: Evidence) -> Follower | None:
    """Return the follower of a function, the same one each time; None if it cannot be followed."""
    kept = vars(e)
    if "follower" not in kept:
        try:
            kept["follower"] = Follower(e)
        except Unanswered:
            kept["follower"] = None
    return kept["follower"]


def _constant(step: Step, value: np.ndarray) -> np.ndarray:
    return value


def _filled(args: Any, flat: list[Any]) -> Iterator[Any]:
    """Yield arguments of the form of ``args`` again."""
    values = iter(flat)
    for arg in args:
        yield type(arg)(next(values) for _ in arg) if type(arg) in (list, tuple) else next(values)


def _kind(run: Follower) -> type[np.ndarray]:
    """Return the class of the arrays that tell a follower of each operation."""

    class Followed(Nudged):
        root: int | None = None
        slot: int | None = None  # of the operation that gave it

        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
            call = super().__array_ufunc__
            name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            given = list(out or ())

            def operation(*values):
                return call(ufunc, method, *values, **({"out": (given.pop(),)} if given else {}), **kwargs)

            return run.follow(name, inputs, operation, out is not None)

        def __array_function__(self, func, types, args, kwargs):
            call = super().__array_function__
            if func in SPLITS and not run._inside and isinstance(args[0], Followed):
                axis = SPLITS[func] if func in (np.hsplit, np.vsplit) else (*args[2:], *kwargs.values(), 0)[0]
                given = (np.arange(args[0].shape[axis]), *args[1:2])
                first = (slice(None),) * (axis % args[0].ndim)
                pieces = np.array_split(*given) if func is np.array_split else np.split(*given)
                return [args[0][(*first, slice(p[0], p[-1] + 1) if len(p) else slice(0))] for p in pieces]
            in_place = kwargs.get("out") is not None
            return run.follow(
                func.__name__, args, lambda *values: call(func, types, values, kwargs), in_place
            )

        def __getitem__(self, key):
            get = super().__getitem__
            return run.follow(
                "[]",
                (self, Index(key)),
                lambda a, index: (get if a is self else np.asarray(a).__getitem__)(index.key),
            )

        def __iter__(self):
            return (self[i] for i in range(len(self)))

        def __setitem__(self, key, value):
            if run._inside:
                super().__setitem__(key, value)
            else:
                run.assign(self, key, value)

        def astype(self, dtype, *args, **kwargs):
            return self.copy() if np.dtype(dtype).kind == "f" else super().astype(dtype, *args, **kwargs)

        @property  # type: ignore[misc]
        def T(self):
            return self.transpose()

    def followed(name):
        plain = getattr(np.ndarray, name)

        def method(self, *args, **kwargs):
            return run.follow(name, (self, *args), lambda a, *rest: plain(a, *rest, **kwargs))

        return method

    for name in METHODS:
        setattr(Followed, name, followed(name))
    return Followed


def _place(name: str, inputs: int) -> Place:
    calls: list[Any] = [name]
    own: Hashable = ()
    line: tuple[Any, ...] = ()
    text, caller, frame = Quote("", "", ()), "", sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("numpy") or module == Nudged.__module__:
            inputs = 0  # a step inside of x.mean(…): its inputs have no names
        elif module.startswith(OWN) and module != __name__:
            break
        elif module != __name__:
            calls += [frame.f_code, frame.f_lasti]
            if own and not caller:
                caller = quote(frame.f_code, frame.f_lasti, frame.f_lineno, 0).where(None)
            if not own:
                own, line = (name, frame.f_code, frame.f_lasti), (name, frame.f_code, frame.f_lineno)
                text = quote(frame.f_code, frame.f_lasti, frame.f_lineno, inputs)
        frame = frame.f_back  # type: ignore[assignment]
    return Place(tuple(calls), own, line, line[:2], text, caller)
