"""The arrays that an optimizer keeps: in each slot ("momentum", …) one for each parameter."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

AVERAGE = "average"  # the slot of the moving average of the weights


class State:
    """Slots of arrays of their parameters' shapes and dtypes, which can be loaded before the first step."""

    def __init__(self) -> None:
        self.parameters: list[Any] = []
        self.arrays: dict[str, list[np.ndarray]] = {}

    def build(self, parameters: Iterable[Any], slots: Iterable[str], start: float = 0.0) -> None:
        """Make the arrays: averages start as the weights, all else at ``start``. The first call decides."""
        if self.parameters:
            return
        self.parameters = list(parameters)
        loaded, self.arrays = self.arrays, {}
        for slot in slots:
            self.arrays[slot] = [
                parameter.value.copy() if slot == AVERAGE else np.full_like(parameter.value, start)
                for parameter in self.parameters
            ]
        if loaded:
            self._fill(loaded)

    def index(self, parameter: Any) -> int:
        """Return the index of a parameter in every slot."""
        for index, known in enumerate(self.parameters):
            if known is parameter:
                return index
        raise ValueError(
            f"{parameter.path} is new to this optimizer, whose state is of the weights it began with: "
            "make a new optimizer (compile the model again)"
        )

    def averages(self) -> list[tuple[Any, np.ndarray]]:
        """Return each parameter with its average; nothing where no averages are kept."""
        return list(zip(self.parameters, self.arrays.get(AVERAGE, [])))

    def all_arrays(self) -> list[np.ndarray]:
        """Return the arrays of all slots."""
        return [array for arrays in self.arrays.values() for array in arrays]

    def dump(self) -> dict[str, np.ndarray]:
        """Return "slot/index" -> a copy of the array."""
        return {
            f"{slot}/{i}": array.copy()
            for slot, arrays in self.arrays.items()
            for i, array in enumerate(arrays)
        }

    def load(self, dumped: Mapping[str, np.ndarray]) -> None:
        """Take the arrays of :meth:`dump`."""
        loaded: dict[str, list[np.ndarray]] = {}
        for slot, index in sorted(
            (slot, int(index)) for slot, _, index in (key.partition("/") for key in dumped)
        ):
            loaded.setdefault(slot, []).append(np.array(dumped[f"{slot}/{index}"]))
        if self.parameters:
            self._fill(loaded)
        else:
            self.arrays = loaded

    def _fill(self, loaded: Mapping[str, list[np.ndarray]]) -> None:
        for slot in loaded:
            if slot not in self.arrays:
                raise ValueError(
                    f"the saved state has {slot!r} but this optimizer has only {list(self.arrays)}"
                )
            if [a.shape for a in loaded[slot]] != [a.shape for a in self.arrays[slot]]:
                raise ValueError(f"the saved {slot!r} is that of a model with other weights than this one")
        for slot, arrays in loaded.items():
            for array, saved in zip(self.arrays[slot], arrays):
                array[...] = saved
