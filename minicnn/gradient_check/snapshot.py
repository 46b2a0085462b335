"""Arrays before and after a call: those that are handed over, and those that a function can reach by itself."""

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

MOST_THINGS = 2_000  # that are looked into, for arrays
DEEPEST = 6


class Snapshot:
    """Arrays and what was in them."""

    def __init__(self, things: Mapping[str, Any]) -> None:
        self._arrays = {name: thing for name, thing in things.items() if isinstance(thing, np.ndarray)}
        self._before = {name: array.copy() for name, array in self._arrays.items()}

    def changed(self, zeros: bool = True) -> list[str]:
        """Return the names of those that are not what they were; perhaps without those that were 0 everywhere."""
        names = [name for name, array in self._arrays.items() if not same(array, self._before[name])]
        return [name for name in names if zeros or self._before[name].any()]

    def restore(self) -> None:
        """Write the old numbers back."""
        for name, array in self._arrays.items():
            if array.flags.writeable:
                array[...] = self._before[name]


class State(Snapshot):
    """The arrays that a function can reach, and which array each attribute was."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._attributes: list[tuple[dict[str, Any], dict[str, np.ndarray]]] = []
        super().__init__(dict(arrays_within(function, "forward", self._attributes)))

    def restore(self) -> None:
        """Write the old numbers, and the old arrays, back."""
        super().restore()
        for attributes, arrays in self._attributes:
            attributes.update(arrays)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have the same shape and the same bits."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def arrays_within(
    thing: Any, path: str, attributes: list[tuple[dict[str, Any], dict[str, np.ndarray]]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (path, array) of the arrays that a function can reach: in its closure, its object, its globals.

    ``attributes`` gets (the attributes of an object, those that are arrays).
    """
    seen: set[int] = set()
    waiting = [(path, thing, 0)]
    while waiting and len(seen) < MOST_THINGS:
        path, thing, depth = waiting.pop()
        if id(thing) in seen or isinstance(thing, types.ModuleType | type | str | bytes):
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            yield path, thing
        elif depth < DEEPEST:
            if hasattr(thing, "__dict__") and not isinstance(thing, types.FunctionType | functools.partial):
                arrays = {name: each for name, each in vars(thing).items() if isinstance(each, np.ndarray)}
                attributes.append((vars(thing), arrays))
            waiting += [(name, inner, depth + 1) for name, inner in _inside(thing, path)]


def _inside(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        yield from ((f"{path}[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, tuple | list):
        yield from ((f"{path}[{i}]", value) for i, value in enumerate(thing))
    elif isinstance(thing, functools.partial):
        yield path, thing.func
        yield path, [*thing.args, *thing.keywords.values()]
    elif isinstance(thing, types.MethodType):
        yield path, thing.__self__
        yield path, thing.__func__
    elif isinstance(thing, types.FunctionType):
        for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ()):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not set yet
                continue
        for name in thing.__code__.co_names:
            if name in thing.__globals__ and not inspect.isroutine(thing.__globals__[name]):
                yield name, thing.__globals__[name]
    elif hasattr(thing, "__dict__"):
        yield from ((f"{path}.{name}", value) for name, value in vars(thing).items())
