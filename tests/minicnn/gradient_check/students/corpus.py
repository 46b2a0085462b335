"""How a case is written down.

    @op("torch.relu(x)", x=(3, 4))            the truth, an expression of PyTorch; the arrays: a shape or values
    def relu_forward(x):
        return np.maximum(x, 0), x

    @right("relu, boolean mask", relu_forward)
    def relu_backward(dout, x):
        return dout * (x > 0)

    @faulty("relu, mask of the upstream gradient", relu_forward, says=["dy > 0", "mask"])
    def relu_backward_slip(dout, x):
        return dout * (dout > 0)

``says``: the report must contain one of these. None: no cause can be told from the numbers; only the verdict
counts. ``may``: words of causes that are true as well; any other cause that is named is a false one.
A class with ``forward`` and ``backward`` is turned into two functions by ``of_class``, a closure by
``of_closure``, as its author would do.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CASES = {}  # name -> Case


@dataclass(frozen=True)
class Given:
    """What belongs to a forward function: the truth and the points at which it is judged."""

    truth: str
    arrays: dict
    options: dict
    kinks: bool = False  # evaluated exactly at ties: there, any subgradient is right
    single: bool = False  # computes in float32


@dataclass(frozen=True)
class Case:
    """A forward and a backward function; whether they are right; if not, the words of the cause."""

    name: str
    forward: Callable
    backward: Callable
    given: Given
    is_right: bool
    says: tuple | None = None  # words of the cause
    may: tuple = ()  # words of what is true as well

    def arrays(self, seed=0):
        """Draw the arrays, the same ones each time."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), seed])
        return {name: _draw(spec, rng) for name, spec in self.given.arrays.items()}


def _draw(spec, rng):
    if callable(spec):
        return spec(rng)
    return rng.standard_normal(spec) if isinstance(spec, tuple) else np.array(spec, np.float64)


def uniform(low, high, *shape):
    """Return an array's description: uniform numbers."""
    return lambda rng: rng.uniform(low, high, shape)


def op(truth, *, options=None, kinks=False, single=False, **arrays):
    """Say what a forward function should compute, and on which arrays."""

    def attach(forward):
        forward.given = Given(truth, arrays, options or {}, kinks, single)
        return forward

    return attach


def right(name, forward):
    """Register a backward function that is right."""
    return _register(name, forward, True, None, ())


def faulty(name, forward, says, may=()):
    """Register a backward function that is wrong."""
    return _register(name, forward, False, says and tuple(says), tuple(may))


def _register(name, forward, is_right, says, may):
    def register(backward):
        assert name not in CASES, name
        CASES[name] = Case(name, forward, backward, forward.given, is_right, says, may)
        return backward

    return register


def of_class(cls, weights=(), grads=()) -> tuple[Callable, Callable]:
    """Return (forward, backward) of a class: its weights go to the constructor, their gradients are attributes."""

    def forward(x, **values: Any):
        layer = cls(*[values[name] for name in weights])
        return layer.forward(x), layer

    def backward(dy, layer):
        dx = layer.backward(dy)
        return (dx, *[getattr(layer, name) for name in grads]) if grads else dx

    return forward, backward


def of_closure(make) -> tuple[Callable, Callable]:
    """Return (forward, backward) of a function that returns two functions which share variables."""
    run, back = make()
    return lambda **arrays: (run(**arrays), None), lambda dy, cache: back(dy)


def right_pair(name, pair, truth, **given):
    """Register a right (forward, backward)."""
    return right(name, op(truth, **given)(pair[0]))(pair[1])


def faulty_pair(name, pair, truth, says, may=(), **given):
    """Register a wrong (forward, backward)."""
    return faulty(name, op(truth, **given)(pair[0]), says, may)(pair[1])
