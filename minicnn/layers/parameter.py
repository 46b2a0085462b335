"""Parameter: a named array of a layer, with its gradient.

What is computed from a weight and kept, such as a transformed kernel, has to be computed anew when the weight
changes. But the weight is a plain array, which anybody may change in place: an optimizer, ``assign``,
``weight.value[0] = 1``, a view that was taken long ago. So nobody has to announce a change. A value can have
changed only if somebody could get at the array, and :meth:`Parameter.version` then compares it with a copy:

    ``value`` was read or set since the last comparison
    there are references to the array elsewhere (views hold one), now or at the last comparison
    the array is itself a view of another one
"""

import sys
import weakref
from typing import Any

import numpy as np

from minicnn.regularizers import Regularizer


def plain_arrays(owner: object) -> dict[str, np.ndarray]:
    """Return the arrays of floats in attributes, or in a dict or list there, by "w", "params['w']", "ws[0]"."""
    found: dict[str, np.ndarray] = {}
    for name, value in vars(owner).items():
        inside = {name: value}
        if type(value) is dict:
            inside = {f"{name}[{key!r}]": each for key, each in value.items()}
        elif type(value) in (list, tuple):
            inside = {f"{name}[{i}]": each for i, each in enumerate(value)}
        found |= {
            path: each
            for path, each in inside.items()
            if isinstance(each, np.ndarray) and each.dtype.kind == "f"
        }
    return found


class Parameter:
    """A named array of a layer: its value, the gradient of the last backward pass, and how to treat it.

    Attributes:
        value: the array; it may be changed in place, as optimizers do, or replaced.
        grad: dL/dvalue of the last backward pass, of value's shape; None before it.
        name: "kernel"; path: "conv2d/kernel".
        trainable: False for moving statistics, which no optimizer changes.
        regularizer: a penalty that the training step adds to the loss, and its gradient to ``grad``; or None.
    """

    def __init__(
        self,
        value: np.ndarray,
        name: str,
        path: str,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
    ) -> None:
        self.value, self.name, self.path = value, name, path
        self.trainable, self.regularizer = trainable, regularizer
        self.grad: np.ndarray | None = None
        self._version, self._copy = 0, np.empty(0)
        self._compared: Any = None  # a weak reference to the array that was compared last

    @property
    def value(self) -> np.ndarray:
        """The array. Who has it may change it: see :meth:`version`."""
        self._was_read = True
        array: np.ndarray = vars(self)["value"]
        return array

    @value.setter
    def value(self, array: np.ndarray) -> None:
        self._was_read = True
        vars(self)["value"] = array

    def version(self) -> int:
        """Return a number that is another one whenever the value has changed since the last call."""
        was_read, self._was_read = self._was_read, False
        array = vars(self)["value"]
        held = array.base is not None or sys.getrefcount(array) > _REFERENCES
        self._was_read |= held  # and may be changed after this
        if was_read or held or self._compared is None or self._compared() is not array:
            if not _same(array, self._copy):
                self._version, self._copy = self._version + 1, array.copy()
                self._copy.flags.writeable = False
            self._compared = weakref.ref(array)
        return self._version

    @property
    def compared(self) -> np.ndarray:
        """The value at the last call of :meth:`version`, read-only: nobody can change the weight by it."""
        return self._copy

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy gets: all but the last comparison."""
        return {**vars(self), "_was_read": True, "_copy": np.empty(0), "_compared": None}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return vars(self)["value"].shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the value."""
        return vars(self)["value"].dtype  # type: ignore[no-any-return]

    def numpy(self) -> np.ndarray:
        """Return a copy of the value: Keras's spelling."""
        return self.value.copy()

    def assign(self, value: Any) -> None:
        """Copy ``value``, of the same shape, into the parameter.

        Raises:
            ValueError: the shapes differ.
        """
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"{self.path}: got an array of shape {array.shape}, expected {self.shape}")
        self.value[...] = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        # a copy unless it is refused: who changes np.asarray(weight) must not change the weight
        return np.array(self.value, dtype=dtype, copy=copy is not False)

    def __repr__(self) -> str:
        return f"<Parameter {self.path} shape={self.shape} dtype={self.dtype}>"


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype != b.dtype:
        return False
    return np.array_equal(a, b) or (a.shape == b.shape and np.array_equal(a, b, equal_nan=True))


def _references() -> int:
    """Return how many references :meth:`Parameter.version` counts for an array that nobody else has."""
    holder = {"value": np.empty(0)}
    array = holder["value"]
    return sys.getrefcount(array)


_REFERENCES = _references()
