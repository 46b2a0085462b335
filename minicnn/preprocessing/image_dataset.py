"""image_dataset_from_directory: a folder with a folder of images for each class, as batches (images, labels).

    train, validation = image_dataset_from_directory(
        "faces", image_size=(48, 48), color_mode="grayscale", validation_split=0.2, subset="both", seed=1)
    model.fit(train.map(lambda x, y: (x / 255, y)), validation_data=validation.map(lambda x, y: (x / 255, y)))

The files are in Keras's order, so the same seed gives the same two parts. Files are read when their batch is made.
"""

import copy
import os
from collections.abc import Callable, Sequence
from collections.abc import Iterator as AnyIterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from minicnn import backend, random
from minicnn._base import keras_errors
from minicnn.models.datasets import PyDataset
from minicnn.preprocessing.files import CHANNELS, INTERPOLATIONS, check_choice, img_to_array, load_img
from minicnn.preprocessing.folders import images_below
from minicnn.preprocessing.iterators import Folder

LABEL_MODES = ("int", "categorical", "binary", None)


class ImageDataset(PyDataset):
    """Batches of image files; what `image_dataset_from_directory` returns.

    Args:
        file_paths: the files.
        labels: their class numbers.
        class_names: the names of the classes.
        read: returns the image of a file as an array.
        label_mode, batch_size: see :func:`image_dataset_from_directory`.
        shuffled: whether each pass has a new order.
    """

    def __init__(
        self,
        file_paths: Sequence[str],
        labels: np.ndarray,
        class_names: list[str],
        read: Callable[[str], np.ndarray],
        label_mode: str | None = "int",
        batch_size: int = 32,
        shuffled: bool = False,
    ) -> None:
        super().__init__()
        self.file_paths, self.labels, self.class_names = list(file_paths), labels, class_names
        self.label_mode, self.batch_size, self.shuffled = label_mode, batch_size, shuffled
        self._read, self._functions = read, tuple[Callable[..., Any], ...]()
        self._kept: dict[str, np.ndarray] | None = None
        self._passes, self._entropy = 0, int(random.generator().integers(2**63))

    def __len__(self) -> int:
        return -(-len(self.file_paths) // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return (images, labels), or the images alone with label_mode=None, after the functions of :meth:`map`."""
        order = np.arange(len(self.file_paths))
        if self.shuffled:
            order = np.random.default_rng([self._entropy, self._passes]).permutation(order)
        numbers = order[index * self.batch_size : (index + 1) * self.batch_size]
        labels = self.labels[numbers]
        batch: Any = (np.stack([self._image(self.file_paths[number]) for number in numbers]),)
        if self.label_mode == "categorical":
            batch += (np.eye(len(self.class_names), dtype=backend.floatx())[labels],)
        elif self.label_mode is not None:
            batch += (labels[:, None].astype(backend.floatx()) if self.label_mode == "binary" else labels,)
        for function in self._functions:
            changed = function(*batch)
            batch = tuple(changed) if isinstance(changed, list | tuple) else (changed,)
        return batch if len(batch) > 1 else batch[0]

    def _image(self, path: str) -> np.ndarray:
        if self._kept is None:
            return self._read(path)
        if path not in self._kept:
            self._kept[path] = self._read(path)
        return self._kept[path]

    def __iter__(self) -> AnyIterator[Any]:
        yield from (self[number] for number in range(len(self)))
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Start the next pass, in a new order."""
        self._passes += 1

    def get_state(self) -> dict[str, int]:
        """Return the numbers that a resumed training needs."""
        return {"entropy": self._entropy, "passes": self._passes}

    def set_state(self, state: dict[str, int]) -> None:
        """Continue from what :meth:`get_state` returned."""
        self._entropy, self._passes = state["entropy"], state["passes"]

    # ---- another dataset -----------------------------------------------------------------------------------

    def map(self, function: Callable[..., Any], num_parallel_calls: Any = None) -> Self:
        """Return the dataset whose batches are function(images, labels)."""
        return self._with(_functions=(*self._functions, function))

    def cache(self) -> Self:
        """Return the dataset that keeps the images in memory once they are read."""
        return self._with(_kept={})

    def prefetch(self, buffer_size: Any = None) -> Self:
        """Return the dataset itself: a batch is made when it is used."""
        return self

    def shuffle(self, buffer_size: Any = None, seed: int | None = None) -> Self:
        """Return the dataset with a new order of all files in each pass."""
        return self._with(shuffled=True)

    def take(self, count: int) -> Self:
        """Return the dataset of the first ``count`` batches, in the order of the files."""
        return self.part(slice(count * self.batch_size))

    def skip(self, count: int) -> Self:
        """Return the dataset without the first ``count`` batches."""
        return self.part(slice(count * self.batch_size, None))

    def part(self, part: slice | np.ndarray) -> Self:
        """Return the dataset of some of the files."""
        return self._with(file_paths=np.array(self.file_paths)[part].tolist(), labels=self.labels[part])

    def _with(self, **changes: Any) -> Self:
        other = copy.copy(self)
        vars(other).update(changes)
        return other


@keras_errors.keras_arguments
def image_dataset_from_directory(
    directory: Folder,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    verbose: bool = True,
) -> Any:
    """Return the images of a folder as an ImageDataset, as `keras.utils.image_dataset_from_directory`.

    Args:
        directory: it has a folder for each class.
        labels: "inferred": the folders' numbers; or a list, a number for each file in their order; None: none.
        label_mode: "int": class numbers (N,); "categorical": one-hot rows; "binary": (N, 1); None: no labels.
        class_names: the folders to use, in their order; by default all, sorted.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images in a batch.
        image_size: (height, width) to resize to. A reduced image is an average here (Pillow); TensorFlow's is not.
        shuffle: mix the files once, by ``seed``, and in each pass of a training.
        validation_split: the share of the files, at their end, that is for validation.
        subset: "training" or "validation"; "both" returns the two.
        interpolation, follow_links: as for ImageDataGenerator.flow_from_directory.
        crop_to_aspect_ratio: first crop the image to the target's proportions.
        verbose: print how many files there are.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: an argument is not one of these, there is no file, or a split is to be mixed without a seed.
    """
    check_choice("label_mode", label_mode, LABEL_MODES)
    check_choice("color_mode", color_mode, CHANNELS)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("subset", subset, ("training", "validation", "both") if validation_split else (None,))
    if validation_split and (shuffle and seed is None):
        raise ValueError(
            "validation_split with shuffle=True needs a seed, or the two parts share files: seed=1"
        )
    root, inferred = Path(directory), isinstance(labels, str)
    if inferred:
        check_choice("labels", labels, ("inferred",))
    folders = [""]
    if inferred:
        entries = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and entry.name[0] != ".")
        folders = list(class_names or entries)
    by_folder = [images_below(root / name, follow_links) for name in folders]
    paths = [path for files in by_folder for path in files]
    numbers = np.repeat(np.arange(len(folders), dtype=np.int32), [len(files) for files in by_folder])
    if labels is None:
        label_mode, folders = None, []
    elif not inferred:
        numbers = np.asarray(labels, np.int32)
        folders = [str(number) for number in sorted(set(numbers.tolist()))]
    if not paths or len(numbers) != len(paths):
        raise ValueError(
            f"{root}: {len(paths)} image files and {len(numbers)} labels, expected as many of both"
        )
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(folders)} classes.")

    def read(path: str) -> np.ndarray:
        return img_to_array(load_img(path, color_mode, image_size, interpolation, crop_to_aspect_ratio))

    dataset = ImageDataset(paths, numbers, folders, read, label_mode, batch_size, shuffle)
    if shuffle:
        seed = int(random.generator().integers(10**6)) if seed is None else seed
        dataset = dataset.part(np.random.RandomState(seed).permutation(len(paths)))  # as Keras
    if not validation_split:
        return dataset
    cut = len(paths) - int(validation_split * len(paths))
    parts = {"training": dataset.part(slice(cut)), "validation": dataset.part(slice(cut, None))}
    return tuple(parts.values()) if subset == "both" else parts[subset or "training"]


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Any, Any]:
    """Return the two parts of an ImageDataset, of an array or of a tuple of arrays, such as (x, y).

    Keras returns two datasets of TensorFlow; here the parts are of the kind that was given: ``fit(*left)``.

    Args:
        dataset: what is split.
        left_size, right_size: the shares of the samples, or their numbers; one of them is enough.
        shuffle: mix the samples first, by ``seed``.

    Raises:
        ValueError: there is no size, or the sizes leave a part empty or are more than there is.
        TypeError: it is another dataset.
    """
    if not isinstance(dataset, ImageDataset | np.ndarray | tuple | list):
        raise TypeError(
            f"dataset={type(dataset).__name__}: expected an array, a tuple of arrays, or an ImageDataset"
        )
    arrays: list[Any] = (
        [np.asarray(each) for each in dataset] if isinstance(dataset, tuple | list) else [dataset]
    )
    total = len(dataset.file_paths) if isinstance(dataset, ImageDataset) else len(arrays[0])
    left, right = (
        round(size * total) if isinstance(size, float) else size for size in (left_size, right_size)
    )
    if left is None and right is not None:
        left = total - right
    elif right is None and left is not None:
        right = total - left
    if left is None or right is None or left < 1 or right < 1 or left + right > total:
        raise ValueError(
            f"left_size={left_size!r}, right_size={right_size!r} of {total} samples: expected shares such as 0.8, or "
            "numbers, that leave samples in both parts"
        )
    order = np.random.default_rng(seed).permutation(total) if shuffle else np.arange(total)
    chosen = order[:left], order[left : left + right]
    if isinstance(dataset, ImageDataset):
        return dataset.part(chosen[0]), dataset.part(chosen[1])
    halves = [tuple(each[numbers] for each in arrays) for numbers in chosen]
    return (halves[0][0], halves[1][0]) if isinstance(dataset, np.ndarray) else (halves[0], halves[1])
