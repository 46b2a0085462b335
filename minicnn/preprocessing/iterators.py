"""The batches of `ImageDataGenerator.flow`: a dataset for fit, and an endless iterator for other uses.

The changes of the iterator's batch k are drawn from a generator seeded with (seed, k), the order of pass e
from one seeded with (seed, e). So the same seed gives the same batches, and three numbers are enough to
resume a training.
"""

import os
from collections.abc import Iterator as AnyIterator
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import random
from minicnn.models.datasets import PyDataset
from minicnn.preprocessing.files import array_to_img, check_choice

Folder = str | os.PathLike[str]
_ORDER, _CHANGES = 0, 1


class Iterator(PyDataset):
    """Batches of ``n`` samples, changed at random.

    ``it[i]`` is batch i of a pass, ``len(it)`` the number of batches of a pass; ``next(it)`` never ends.

    Args:
        n: number of samples.
        batch_size: samples in a batch; the last one may be smaller.
        shuffle: draw a new order for each pass.
        seed: an integer; by default it is drawn from the global generator.

    Raises:
        ValueError: batch_size is not a positive integer.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: expected a positive integer, such as 32")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = self._passes = 0
        self._entropy = int(random.generator().integers(2**63)) if seed is None else int(seed)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index}: there are {len(self)} batches")
        start = index % len(self) * self.batch_size
        rng = self._generator(_CHANGES, self.total_batches_seen)
        self.total_batches_seen += 1
        return self.make_batch(self.index_array[start : start + self.batch_size], rng)

    def __iter__(self) -> AnyIterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.n == 0:
            raise StopIteration
        batch = self[self.batch_index]
        self.batch_index = (self.batch_index + 1) % len(self)
        if self.batch_index == 0:
            self.on_epoch_end()
        return batch

    @property
    def index_array(self) -> np.ndarray:
        """The numbers of the samples in the order of this pass."""
        if not self.shuffle:
            return np.arange(self.n)
        return self._generator(_ORDER, self._passes).permutation(self.n)

    def _generator(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self._entropy, purpose, number])

    def on_epoch_end(self) -> None:
        """Start the next pass, in a new order."""
        self._passes += 1

    def reset(self) -> None:
        """Make ``next`` return the first batch of the pass."""
        self.batch_index = 0

    def get_state(self) -> dict[str, int]:
        """Return the numbers that a resumed training needs."""
        return {"entropy": self._entropy, "passes": self._passes, "batches": self.total_batches_seen}

    def set_state(self, state: dict[str, int]) -> None:
        """Continue from what :meth:`get_state` returned."""
        self._entropy, self._passes = state["entropy"], state["passes"]
        self.total_batches_seen = state["batches"]

    def make_batch(self, numbers: np.ndarray, rng: np.random.Generator) -> Any:
        """Return the batch of these samples, changed at random by ``rng``."""
        raise NotImplementedError(f"{type(self).__name__}.make_batch")

    def save_images(self, images: np.ndarray, numbers: np.ndarray, rng: np.random.Generator) -> None:
        """Write a batch's images into the folder ``save_to_dir``, if there is one."""
        if self.save_to_dir is None:
            return
        for image, number in zip(images, numbers):
            name = f"{self.save_prefix}_{number}_{rng.integers(10**7)}.{self.save_format}"
            array_to_img(image).save(Path(self.save_to_dir) / name)

    save_to_dir: Folder | None = None
    save_prefix = ""
    save_format = "png"


class NumpyArrayIterator(Iterator):
    """Batches of arrays; the arguments are those of `ImageDataGenerator.flow`."""

    def __init__(
        self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32, shuffle: bool = False,
        sample_weight: Any = None, seed: int | None = None, save_to_dir: Folder | None = None,
        save_prefix: str = "", save_format: str = "png", subset: str | None = None,
        ignore_class_split: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(x, tuple):
            raise NotImplementedError(
                "x is a tuple: expected one array of images; a model has one input here"
            )
        self.x = np.asarray(x)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        if self.x.ndim != 4 or self.x.dtype.kind not in "biuf":
            raise ValueError(
                f"x has shape {self.x.shape} and dtype {self.x.dtype}, expected numbers (N, height, "
                "width, channels)"
                + (": gray images? add their one channel, x[..., None]" if self.x.ndim == 3 else "")
            )
        for name, other in (("y", self.y), ("sample_weight", self.sample_weight)):
            if other is not None and len(other) != len(self.x):
                raise ValueError(
                    f"x holds {len(self.x)} images but {name} {len(other)}: expected as many of both"
                )
        if subset is not None:
            self._keep(subset, int(len(self.x) * image_data_generator.validation_split), ignore_class_split)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _keep(self, subset: str, cut: int, ignore_class_split: bool) -> None:
        """Keep the first ``cut`` samples for validation, or the others for training, as Keras does."""
        check_choice("subset", subset, ("training", "validation"))
        if self.y is not None and not ignore_class_split:
            first, rest = (np.unique(part, axis=0) for part in (self.y[:cut], self.y[cut:]))
            if not np.array_equal(first, rest):
                raise ValueError(
                    f"the first {cut} samples, for validation, and the others are not of the same classes: "
                    "shuffle x and y (are they sorted by class?), or pass ignore_class_split=True"
                )
        part = slice(cut) if subset == "validation" else slice(cut, None)
        self.x = self.x[part]
        self.y = None if self.y is None else self.y[part]
        self.sample_weight = None if self.sample_weight is None else self.sample_weight[part]

    def make_batch(self, numbers: np.ndarray, rng: np.random.Generator) -> Any:
        """Return x, (x, y) or (x, y, sample_weight)."""
        images = self.image_data_generator.change(self.x[numbers], rng)
        self.save_images(images, numbers, rng)
        if self.y is None:
            return images
        targets = images, self.y[numbers]
        return targets if self.sample_weight is None else (*targets, self.sample_weight[numbers])
