"""One operation of a function that is followed, as data: what went in, what came out, where it is in the code."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minicnn.gradient_check.causes.quoted import Quote
from minicnn.gradient_check.foreign import Nudged


class Place(NamedTuple):
    """Where an operation is in the code: the calls that lead to it, its own instruction, its line."""

    calls: Hashable
    own: Hashable
    line: tuple[Any, ...]
    within: Hashable
    text: Quote
    caller: str = ""  # the line that calls the function it is in


class Step(NamedTuple):
    """One execution of an operation, with plain complex arrays.

    ``inputs``: without the lists around them. ``source``: the array from which the output is computed entry by
    entry, perhaps by several operations. ``again``: the operation for other inputs. ``late``: whether y was there
    before: a function that returns the gradients too computes them then.
    """

    slot: int
    name: str
    inputs: list[Any]
    output: np.ndarray
    source: np.ndarray | None
    again: Callable[[list[Any]], Any]
    place: Place | None = None
    late: bool = False

    @property
    def active(self) -> list[int]:
        """Which inputs have a derivative."""
        return [n for n, each in enumerate(self.inputs) if np.iscomplexobj(each) and np.any(np.imag(each))]

    def part(self, n: int | None, replaced: Mapping[int, Any] | None = None) -> np.ndarray:
        """Return the imaginary part that comes from input n (None: from all), with other real parts of some inputs."""
        if n is None and not replaced:
            return self.output.imag.copy()
        inputs = [*self.inputs]
        for m, value in enumerate(inputs):
            if np.iscomplexobj(value) or m in (replaced or {}):
                real = np.real((replaced or {}).get(m, value))
                keeps = np.iscomplexobj(value) and n in (m, None)
                inputs[m] = (real + 1j * np.imag(value)).view(Nudged) if keeps else real
        return np.imag(np.asarray(self.again(inputs)))


class Index:
    """The index of an item, so that a tuple is not taken for several inputs."""

    def __init__(self, key: Any) -> None:
        self.key = key


Change = (
    Callable[[Step], np.ndarray] | Index | np.ndarray
)  # the output's imaginary part; another index; the output
Slip = Callable[
    [Step, int | None], np.ndarray
]  # the derivative, if the path of one input (or of all) is changed
Slips = Iterator[tuple[str, Any]]  # what is wrong, a slip or changes by slot
