"""Arrays in batches: checked once, cut and cast when a batch is used, so that images can stay uint8, and in a file.

Other sources of batches, generators and datasets, are in datasets.py. All have the attributes and methods of
:class:`Batches` that fit, evaluate and predict use: steps, resumable, order, iterate, get_state, set_state.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minicnn.models import checks
from minicnn.models.sharded_files import Pages, as_rows

Batch = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]


class Parts:
    """One array for each output of a model, which are cut together: targets or sample weights; or for each input.

    Args:
        arrays: as many as there are outputs; None for one that has none.
        argument: what they are, in errors: "x", "y" or "sample_weight".

    Raises:
        ValueError: their lengths differ, or all are None.
        TypeError: one does not hold numbers.
    """

    def __init__(self, arrays: list[Any], argument: str) -> None:
        self.arrays = [None if array is None else checks.checked_targets(array) for array in arrays]
        lengths = {len(array) if array.ndim else 0 for array in self.arrays if array is not None}
        if len(lengths) != 1:
            shapes = [None if array is None else array.shape for array in self.arrays]
            raise ValueError(f"{argument} has the shapes {shapes}: expected as many rows for each")
        self.shape, self.ndim = (lengths.pop(),), 1

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> "Parts":
        return Parts([None if array is None else np.asarray(array[index]) for array in self.arrays], "y")


class Batches:
    """Samples x with targets y and sample weights, cut into batches.

    Args:
        x: (N, …), any numeric dtype; each batch is cast to ``dtype``. Arrays in files stay there: ``np.memmap``, or a
            ShardedArray. Parts for a model with several inputs: a batch has a list of arrays.
        y: (N, …) or None; Parts for a model with several outputs.
        sample_weight: (N,) or None; or Parts.
        class_weight: {class number: weight}, factors of the sample weights, 1 for a class that is not there;
            or None.
        batch_size: samples in a batch; the last one may be smaller.

    Attributes:
        rows: a function of the size of a batch: the rows of it that x is to have, for a process that shares batches
            with others; None: all. y and the weights have all in any case.

    Raises:
        ValueError: lengths differ, there is no sample, or a weight is NaN.
        TypeError: x or y does not hold numbers.
    """

    resumable = True  # a pass can continue from any batch: it depends on the order alone
    rows: Callable[[int], slice] | None = None

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        batch_size: int = 32,
        dtype: Any = "float32",
    ) -> None:
        self.x: Any = x if isinstance(x, Parts) else as_rows(x)
        self.y: Any = y if y is None or isinstance(y, Parts) else checks.checked_targets(y)
        self.dtype = np.dtype(dtype)
        for each in _arrays(self.x):
            if each.dtype.kind not in "biuf":
                raise TypeError(f"x has dtype {each.dtype}, expected numbers")
        if self.x.ndim == 0 or len(self.x) == 0:
            raise ValueError(f"x has shape {self.x.shape}, expected at least one sample: (N, …)")
        of_all = sample_weight is not None and not isinstance(sample_weight, Parts)
        self.weights: Any = as_rows(sample_weight) if of_all else sample_weight
        if of_all and self.weights.dtype.kind not in "biuf":
            self.weights = np.asarray(self.weights, self.dtype)
        for name, other in (("y", self.y), ("sample_weight", self.weights)):
            if other is not None and (other.ndim == 0 or len(other) != len(self.x)):
                raise ValueError(
                    f"x holds {len(self.x)} samples but {name} has shape {other.shape}: expected as many"
                )
        for weights in _arrays(self.weights):
            checks.check_not_nan(weights)
        if class_weight is not None and (self.y is None or isinstance(self.y, Parts)):
            raise ValueError("class_weight needs targets y of one output; for several, give sample_weight")
        self.class_weight = class_weight
        if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: expected a positive integer, such as 32")
        self.batch_size = int(batch_size)

    def _weights_of(self, index: Any, y: Any) -> Any:
        """Return the weights of some samples with these targets."""
        if isinstance(self.weights, Parts):
            return self.weights[index]
        weights = None if self.weights is None else np.asarray(self.weights[index], self.dtype)
        if self.class_weight is None or y is None:
            return weights
        classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1)
        by_class = np.array([self.class_weight.get(label, 1) for label in classes.tolist()], self.dtype)
        return by_class if weights is None else weights * by_class

    def __len__(self) -> int:
        return self.steps

    @property
    def steps(self) -> int:
        """The number of batches."""
        return -(-len(self.x) // self.batch_size)

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(self.x)

    def order(self, generator: np.random.Generator) -> np.ndarray:
        """Draw an order in which to go through the samples."""
        return generator.permutation(self.samples)

    def iterate(self, order: np.ndarray | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield (x, y, sample_weight) from batch ``first`` on, in the order of the given sample numbers."""
        pages = Pages([*_arrays(self.x), *_arrays(self.y), *_arrays(self.weights)])
        for start in range(first * self.batch_size, self.samples, self.batch_size):
            stop = min(start + self.batch_size, self.samples)
            index: Any = slice(start, stop) if order is None else order[start:stop]
            own = index
            if self.rows is not None:
                part = self.rows(stop - start)
                own = slice(start + part.start, start + part.stop) if order is None else index[part]
            y: Any = None if self.y is None else self.y[index]
            y = y if y is None or isinstance(y, Parts) else np.asarray(y)
            samples: Any = self.x[own]
            if isinstance(samples, Parts):
                samples = [np.array(each, self.dtype) for each in samples.arrays]
            else:
                samples = np.array(samples, self.dtype)
            yield samples, y, self._weights_of(index, y)
            pages.used(stop - start)

    def get_state(self) -> dict[str, Any]:
        """Return nothing: arrays have no state."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Accept what :meth:`get_state` returned."""


def _arrays(given: Any) -> list[Any]:
    """Return the arrays of Parts, or the one array, or none of None."""
    several = given.arrays if isinstance(given, Parts) else [given]
    return [array for array in several if array is not None]


def split(validation_split: float, *arrays: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split each array before any shuffling, as Keras does; the last ``validation_split`` is the second part.

    Raises:
        ValueError: the split is not between 0 and 1, or one part is empty.
    """
    samples = len(arrays[0])
    cut = int(np.floor(samples * (1 - validation_split)))
    if not 0 < cut < samples:
        raise ValueError(
            f"validation_split={validation_split!r} leaves {cut} of {samples} samples to train on: "
            "expected a number between 0 and 1 that leaves samples in both parts"
        )
    if len(arrays) > 1 and arrays[1] is not None and not isinstance(arrays[1], Parts):
        advice = "Shuffle x and y first, or give validation_data"
        checks.warn_if_sorted(arrays[1][:cut], arrays[1][cut:], advice)
    both = [(None, None) if array is None else (array[:cut], array[cut:]) for array in arrays]
    return tuple(train for train, _ in both), tuple(validation for _, validation in both)
