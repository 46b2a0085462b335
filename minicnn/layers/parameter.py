"""Parameter: a named array of a layer, with its gradient."""

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
        value: the array; an optimizer changes it in place.
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

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the value."""
        return self.value.dtype

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
