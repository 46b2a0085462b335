"""Batches made outside this package: by generators, and by datasets that give a batch by its number.

    def faces():                                     class Faces(utils.PyDataset):
        while True:                                      def __len__(self): return 100       # batches
            yield x, y                                   def __getitem__(self, number): return x, y

    model.fit(faces(), steps_per_epoch=100)          model.fit(Faces())

A batch is (x, y), (x, y, sample_weight) or, for predictions, x alone; x may be uint8.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minicnn.models import checks
from minicnn.models.data import Batch, Batches, Parts


class PyDataset:
    """Batches by number, as `keras.utils.PyDataset`: a subclass defines ``__len__`` and ``__getitem__``.

    ``fit`` asks for each batch once an epoch, in random order unless shuffle=False. A subclass that has
    ``get_state`` and ``set_state``, with JSON-able values, can be resumed exactly: see
    callbacks.BackupAndRestore.

    Args:
        workers, use_multiprocessing, max_queue_size: as in Keras, where several workers prepare batches. Here
            they change nothing: a batch is made when it is used.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.max_queue_size = workers, max_queue_size
        self.use_multiprocessing = use_multiprocessing

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.__getitem__")

    def __iter__(self) -> Iterator[Any]:
        numbers = itertools.count() if self.num_batches is None else range(self.num_batches)
        return (self[number] for number in numbers)

    @property
    def num_batches(self) -> int | None:
        """The number of batches, ``len(self)``; a subclass returns None if it has no end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__}.__len__, the number of batches")
        return len(self)

    def on_epoch_begin(self) -> None:
        """A pass through the batches begins."""

    def on_epoch_end(self) -> None:
        """A pass has ended: the place to shuffle samples."""


class _Stream:
    """Base class for generators and datasets.

    Args:
        given: the generator or the dataset.
        class_weight: see :class:`data.Batches`.
        targets: whether batches must have them.
        arranged: changes (x, y, sample_weight) of a batch to the form for several inputs or outputs.
    """

    resumable = False
    steps: int | None = None

    def __init__(
        self,
        given: Any,
        class_weight: Mapping[int, float] | None,
        dtype: Any,
        targets: bool,
        arranged: Callable[[Any, Any, Any], tuple[Any, Any, Any]],
    ) -> None:
        self._arranged = arranged
        self.given, self.kind = given, type(given).__name__
        self._class_weight, self._dtype, self._targets = class_weight, dtype, targets

    def order(self, generator: np.random.Generator) -> np.ndarray | None:
        """Return None: the generator decides the order."""
        return None

    def peek(self) -> np.ndarray:
        """Return x of the first batch."""
        raise NotImplementedError

    def get_state(self) -> dict[str, Any]:
        """Return nothing: the state is not known."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Accept what :meth:`get_state` returned."""

    def _batch(self, batch: Any) -> Batch:
        parts = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
        if not 1 <= len(parts) <= 3:
            raise ValueError(
                f"{self.kind} gave a batch of {len(parts)} parts, expected (x, y) or (x, y, sample_weight)"
            )
        x, y, weight = (*parts, None, None)[:3]
        if y is None and self._targets:
            raise ValueError(
                f"{self.kind} gave a batch without targets, expected (x, y) or (x, y, sample_weight)"
            )
        x, y, weight = self._arranged(x, y, weight)
        class_weight = None if y is None else self._class_weight
        (checked,) = Batches(x, y, weight, class_weight, max(len(x), 1), self._dtype).iterate()
        return checked


class GeneratorBatches(_Stream):
    """Batches of a Python generator, which gives each batch once."""

    def iterate(self, order: np.ndarray | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the remaining batches."""
        for batch in self.given:
            yield self._batch(batch)

    def peek(self) -> np.ndarray:
        """Return x of the first batch, which is not used up."""
        first = next(self.given, None)
        if first is None:
            raise ValueError(f"{self.kind}: it is at its end, there is no batch")
        self.given = itertools.chain([first], self.given)
        return self._batch(first)[0]


class DatasetBatches(_Stream):
    """Batches of a :class:`PyDataset`."""

    @property
    def steps(self) -> int | None:  # type: ignore[override]
        """The number of batches; None if it is infinite."""
        return self.given.num_batches

    @property
    def resumable(self) -> bool:  # type: ignore[override]
        """Whether it has a state that can be restored."""
        return hasattr(self.given, "get_state")

    def order(self, generator: np.random.Generator) -> np.ndarray | None:
        """Draw an order for the batches."""
        return None if self.steps is None else generator.permutation(self.steps)

    def iterate(self, order: np.ndarray | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches from ``first`` on, in the given order."""
        numbers = itertools.count() if self.steps is None else range(self.steps) if order is None else order
        self.given.on_epoch_begin()
        for number in itertools.islice(numbers, first, None):
            yield self._batch(self.given[int(number)])
        self.given.on_epoch_end()

    def peek(self) -> np.ndarray:
        """Return x of batch 0."""
        return self._batch(self.given[0])[0]

    def get_state(self) -> dict[str, Any]:
        """Return the dataset's own state."""
        return self.given.get_state() if self.resumable else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the dataset's own state."""
        if self.resumable:
            self.given.set_state(state)


class InSteps:
    """Epochs of ``steps`` batches from a source with any number of batches.

    The next epoch continues where this one stopped. At its end the source starts again, in a new order.
    (Keras 3 ends the epoch there, with a warning: of 4 batches, steps_per_epoch=3 makes epochs of 3, 1, 3, 1,
    … Keras 2 did as here.)
    """

    resumable = False

    def __init__(self, source: Any, steps: int) -> None:
        self.source, self.steps = source, steps
        self.get_state, self.set_state = source.get_state, source.set_state
        self._generator: np.random.Generator | None = None
        self._remaining: Iterator[Batch] = iter(())

    def order(self, generator: np.random.Generator) -> None:
        """Keep the generator: an order is drawn at the beginning of each pass."""
        self._generator = generator

    def iterate(self, order: np.ndarray | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the next ``steps`` batches; fewer if a generator ends."""
        for _ in range(self.steps):
            batch = next(self._remaining, None)
            if batch is None:
                shuffled = None if self._generator is None else self.source.order(self._generator)
                self._remaining = self.source.iterate(shuffled)
                batch = next(self._remaining, None)
            if batch is None:
                return
            yield batch


def is_stream(x: Any) -> bool:
    """Return whether x gives batches: a dataset, or an iterator such as a generator."""
    return isinstance(x, PyDataset) or hasattr(x, "__next__")


def source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    *,
    dtype: Any = "float32",
    targets: bool = True,
    arranged: Callable[[Any, Any, Any], tuple[Any, Any, Any]] = lambda *batch: batch,
) -> Any:
    """Return the batches of x: an array, a :class:`PyDataset` or a generator.

    Args:
        x, y, sample_weight, class_weight: as for :class:`data.Batches`; y and sample_weight with arrays only.
        batch_size: for arrays; by default 32, or such that there are ``steps`` batches.
        steps: the number of batches that will be used, if it is known.
        targets: whether y is needed.
        arranged: changes (x, y, sample_weight) to the form for a model with several inputs or outputs.

    Raises:
        ValueError: y or weights with a generator or dataset, no targets, no batches, or steps is not a
            positive integer.
    """
    if steps is not None and (isinstance(steps, bool) or not hasattr(steps, "__index__") or steps < 1):
        raise ValueError(f"steps={steps!r}: expected a positive integer, such as len(x) // batch_size")
    found: Any
    if not is_stream(x):
        x, y, sample_weight = arranged(x, y, sample_weight)
    if class_weight is not None:
        known = None if y is None or is_stream(x) or isinstance(y, Parts) else checks.checked_targets(y)
        checks.check_class_weight(class_weight, known)
    if is_stream(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(
                    f"{name}=…: {type(x).__name__} gives it in its batches, (x, y, sample_weight)"
                )
        kind = DatasetBatches if isinstance(x, PyDataset) else GeneratorBatches
        found = kind(x, class_weight, dtype, targets, arranged)
        if found.steps == 0:
            raise ValueError(f"{found.kind} has no batches")
    else:
        if batch_size is None:
            batch_size = -(-len(x) // steps) if steps else 32
        found = Batches(x, y, sample_weight, class_weight, batch_size, dtype)
        if found.y is None and targets:
            raise ValueError("x without y: this needs targets, such as fit(x, y)")
    return found


def in_steps(found: Any, steps: int | None, argument: str) -> Any:
    """Return a source with epochs of ``steps`` batches: ``found``, if it has as many.

    Raises:
        ValueError: the number is not known: ``argument`` is missing.
    """
    if steps is None and found.steps is None:
        raise ValueError(
            f"{argument}: {found.kind} does not give the number of batches in an epoch; give {argument}=…"
        )
    return found if steps in (None, found.steps) else InSteps(found, steps)
