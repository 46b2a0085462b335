"""A training step is whole or not at all: what forward has changed is put back if the step is not taken.

One NaN would spread to every weight. The optimizer leaves weights, its state and averages alone if a gradient
or a new weight is not finite (``Optimizer.apply_if_finite``); forward has then changed the moving statistics.
"""

from typing import Any, Self

import numpy as np

from minicnn.layers.base import Layer


class WholeStep:
    """A block that keeps a model's moving statistics; at its end they are put back unless ``taken`` is True."""

    def __init__(self, model: Layer) -> None:
        self.taken = False
        own = (each for layer in model.walk() for each in layer.own_parameters)
        self._before = [(each, each.value, each.value.copy()) for each in own if not each.trainable]

    def spoiled(self) -> list[str]:
        """Return the paths of statistics that were finite and are no longer; a mask of −∞, say, never was."""
        return [
            each.path
            for each, _, old in self._before
            if not np.isfinite(each.value).all() and np.isfinite(old).all()
        ]

    def is_finite(self, loss: Any) -> bool:
        """Return whether the loss and all statistics are finite."""
        return bool(np.isfinite(loss)) and not self.spoiled()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.taken:
            for each, array, old in self._before:
                each.value = array
                array[...] = old
