"""Which operations predict a few faces: NumPy's, until the kernels are compiled.

NumPy is there at once, and takes 20 milliseconds for a face. The kernels take one, but must first be loaded,
which takes a second, or in a new installation compiled, which takes up to a minute. So NumPy predicts the first
faces. A program that goes on to predict gets the kernels from a thread beside it, as soon as they are compiled.

The probabilities of the two differ by rounding, by less than 0.00001.
"""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fer.data.table import SIDE
from minicnn import ops
from minicnn.models.compile_ahead import compile_ahead
from minicnn.models.step import TrainingStep

FEW_FACES = 64  # up to here NumPy has predicted them before Numba would have compiled the kernels
ANSWERS = 2  # of NumPy, with the last of which the thread begins: who predicts one photograph needs none


_lock = threading.Lock()


class _Kernels:
    """The kernels of one network."""

    def __init__(self) -> None:
        self.ready = False
        self.answers = 0

    def answered(self) -> int:
        """Count an answer of NumPy's, and return how many there are."""
        with _lock:
            self.answers += 1
            return self.answers

    def compile(self, model: Any) -> None:
        """Compile what a prediction of one face and of several runs."""
        for faces in (1, FEW_FACES):
            compile_ahead(model, np.zeros((faces, SIDE, SIDE, 1), model.dtype))
        self.ready = True

    def begin(self, model: Any) -> None:
        """Compile them in another thread. If that fails, NumPy goes on."""

        def work() -> None:
            try:
                self.compile(model)
            except Exception:  # such as NUMBA_DISABLE_JIT: NumPy needs none of it
                return

        threading.Thread(target=work, name="fer: compiles the kernels").start()


_kernels: weakref.WeakKeyDictionary[Any, _Kernels] = weakref.WeakKeyDictionary()


def _of(model: Any) -> _Kernels:
    with _lock:
        return _kernels.setdefault(model, _Kernels())


@contextmanager
def for_faces(model: Any, faces: int) -> Iterator[None]:
    """In this context, a network predicts this number of faces by the operations that answer soonest."""
    kernels = _of(model) if isinstance(model, TrainingStep) else None
    if kernels is not None and kernels.ready:
        yield
    elif faces > FEW_FACES:
        yield
        if kernels is not None:
            kernels.ready = ops.active() == "kernels"
    else:
        with ops.use("reference"):
            yield
        if kernels is not None and kernels.answered() == ANSWERS:
            kernels.begin(model)


def wait_for_kernels(model: Any) -> None:
    """Compile the kernels of a network now, if they are not compiled yet."""
    kernels = _of(model)
    if not kernels.ready:
        kernels.compile(model)
