"""Batches of image files: what `flow_from_directory` and `flow_from_dataframe` return.

    faces/angry/1.png  faces/angry/2.png  faces/happy/1.png  …       the folder's name is the class

Files are read when their batch is made, so the data set may be larger than the memory.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minicnn._base.files import walk
from minicnn.models import checks
from minicnn.preprocessing.files import CHANNELS, check_choice, img_to_array, load_img
from minicnn.preprocessing.iterators import Folder, Iterator

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")


class _FileIterator(Iterator):
    """Batches of the files ``filepaths``, with targets by ``class_mode``."""

    filepaths: list[str]
    class_mode: str | None
    class_indices: dict[str, int]
    classes: Any
    sample_weight: np.ndarray | None = None

    def read_as(
        self, generator: Any, target_size: Sequence[int], color_mode: str, save_to_dir: Folder | None,
        save_prefix: str, save_format: str, subset: str | None, interpolation: str,
        keep_aspect_ratio: bool = False,
    ) -> None:  # fmt: skip
        """Set how files are read, changed and saved.

        Raises:
            ValueError: color_mode or subset is not one of those of `ImageDataGenerator.flow_from_directory`.
        """
        check_choice("color_mode", color_mode, CHANNELS)
        check_choice("subset", subset, (None, "training", "validation"))
        self.image_data_generator, self.color_mode = generator, color_mode
        height, width = target_size
        self.target_size = (height, width)
        self.image_shape = (height, width, CHANNELS[color_mode])
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.subset, self.interpolation, self.keep_aspect_ratio = subset, interpolation, keep_aspect_ratio

    def part(self, count: int) -> slice:
        """Return the subset's part of ``count`` samples: the first are for validation, as in Keras."""
        cut = int(self.image_data_generator.validation_split * count)
        parts = {None: slice(None), "validation": slice(cut), "training": slice(cut, None)}
        return parts[self.subset]

    def make_batch(self, numbers: np.ndarray, rng: np.random.Generator) -> Any:
        """Read the files, change the images, add the targets."""
        images = np.empty((len(numbers), *self.image_shape), self.image_data_generator.dtype)
        for image, number in zip(images, numbers):
            picture = load_img(
                self.filepaths[number],
                self.color_mode,
                self.target_size,
                self.interpolation,
                self.keep_aspect_ratio,
            )
            image[...] = img_to_array(picture)
        images = self.image_data_generator.change(images, rng)
        self.save_images(images, numbers, rng)
        if self.class_mode is None:
            return images
        targets = images, images.copy() if self.class_mode == "input" else self.targets(numbers)
        return targets if self.sample_weight is None else (*targets, self.sample_weight[numbers])

    def targets(self, numbers: np.ndarray) -> np.ndarray:
        """Return y: class numbers as floats (N,), or one-hot rows (N, classes)."""
        dtype = self.image_data_generator.dtype
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[number] for number in numbers], dtype)
        rows = np.zeros((len(numbers), len(self.class_indices)), dtype)
        for row, number in zip(rows, numbers):
            row[self.classes[number]] = 1
        return rows

    @property
    def labels(self) -> Any:
        """The samples' class numbers, in the order of ``filenames``."""
        return self.classes


class DirectoryIterator(_FileIterator):
    """Batches of a folder's images; the arguments are those of `ImageDataGenerator.flow_from_directory`.

    Attributes:
        samples: number of images (also ``n``); num_classes.
        class_indices: {class name: number}; classes: the samples' class numbers (samples,), int32.
        filenames: the samples' paths relative to the folder; filepaths: the same with the folder.
        image_shape: (height, width, channels).

    Raises:
        FileNotFoundError: the folder, or that of one of ``classes``, does not exist.
        ValueError: an argument is not one of those of `flow_from_directory`.
    """

    def __init__(
        self, directory: Folder, image_data_generator: Any, target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb", classes: Sequence[str] | None = None, class_mode: str | None = "categorical",
        batch_size: int = 32, shuffle: bool = True, seed: int | None = None, save_to_dir: Folder | None = None,
        save_prefix: str = "", save_format: str = "png", follow_links: bool = False, subset: str | None = None,
        interpolation: str = "nearest", keep_aspect_ratio: bool = False,
    ) -> None:  # fmt: skip
        self.read_as(
            image_data_generator, target_size, color_mode, save_to_dir, save_prefix, save_format, subset,
            interpolation, keep_aspect_ratio,
        )  # fmt: skip
        check_choice("class_mode", class_mode, ("categorical", "binary", "sparse", "input", None))
        self.directory, self.class_mode = directory, class_mode
        if not classes:
            classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        self.num_classes = len(classes)
        self.class_indices = {name: number for number, name in enumerate(classes)}
        by_class = []
        for name in classes:
            files = images_below(Path(directory) / name, follow_links)
            by_class.append([os.path.relpath(file, directory) for file in files][self.part(len(files))])
        self.filenames = [name for names in by_class for name in names]
        self.filepaths = [os.path.join(directory, name) for name in self.filenames]
        self.classes = np.repeat(np.arange(len(classes), dtype=np.int32), [len(names) for names in by_class])
        self.samples = len(self.filenames)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


def images_below(folder: Path, follow_links: bool) -> list[str]:
    """Return the paths of the image files in a folder and the folders in it: sorted, folder by folder."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: there is no such folder; each of ``classes`` is a folder of images in {folder.parent}"
        )
    return [
        os.path.join(root, name)
        for root, names in walk(folder, follow_links)
        for name in names
        if name.lower().endswith(SUFFIXES)
    ]


class DataFrameIterator(_FileIterator):
    """Batches of the images in a table; the arguments are those of `ImageDataGenerator.flow_from_dataframe`.

    Attributes: those of :class:`DirectoryIterator` without num_classes.

    Raises:
        TypeError: a class's name is not a string.
        ValueError, NotImplementedError: an argument is not one of those of `flow_from_dataframe`.
    """

    def __init__(
        self, dataframe: Any, directory: Folder | None = None, image_data_generator: Any = None,
        x_col: str = "filename", y_col: str = "class", weight_col: str | None = None,
        target_size: Sequence[int] = (256, 256), color_mode: str = "rgb", classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
        seed: int | None = None, save_to_dir: Folder | None = None, save_prefix: str = "",
        save_format: str = "png", subset: str | None = None, interpolation: str = "nearest",
        validate_filenames: bool = True,
    ) -> None:  # fmt: skip
        self.read_as(
            image_data_generator, target_size, color_mode, save_to_dir, save_prefix, save_format, subset,
            interpolation,
        )  # fmt: skip
        if class_mode == "multi_output":
            raise NotImplementedError(
                'class_mode="multi_output": a model has one output here; "raw" returns one column unchanged'
            )
        check_choice("class_mode", class_mode, ("categorical", "binary", "sparse", "input", "raw", None))
        self.directory, self.class_mode = directory or "", class_mode
        table = dataframe
        if validate_filenames:
            table = table[self._usable(table[x_col])]
        named = class_mode in ("categorical", "binary", "sparse")
        if named:
            table = self._number_classes(table, y_col, classes)
        if self.subset and named:
            labels = [str(label) for label in table[y_col]]
            cut = int(image_data_generator.validation_split * len(table))
            advice = (
                "Shuffle the rows first, table.sample(frac=1, random_state=1): the first are for validation"
            )
            checks.warn_if_sorted(labels[cut:], labels[:cut], advice, stacklevel=4)
        table = table.iloc[self.part(len(table))]
        self.filenames = table[x_col].tolist()
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.samples = len(self.filenames)
        if named:
            self.classes = [
                [self.class_indices[one] for one in label]
                if isinstance(label, list | tuple)
                else self.class_indices[label]
                for label in table[y_col]
            ]
        elif class_mode == "raw":
            self.classes = table[y_col].to_numpy()
        self.sample_weight = None if weight_col is None else table[weight_col].to_numpy()
        state = "validated" if validate_filenames else "non-validated"
        of = f" belonging to {len(self.class_indices)} classes" if named else ""
        print(f"Found {self.samples} {state} image filenames{of}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _usable(self, names: Iterable[str]) -> np.ndarray:
        """Return which names are those of image files; warn of the others."""
        paths = [os.path.join(self.directory, name) for name in names]
        usable = np.array([path.lower().endswith(SUFFIXES) and os.path.isfile(path) for path in paths], bool)
        if not usable.all():
            first = paths[int(usable.argmin())]
            warnings.warn(
                f"{(~usable).sum()} of {len(usable)} files are left out, such as {first}: "
                f"they do not exist, or do not end in {', '.join(SUFFIXES)}",
                stacklevel=5,
            )
        return usable

    def _number_classes(self, table: Any, y_col: str, classes: Sequence[str] | None) -> Any:
        """Number the classes; return the rows of the table that have one of them."""
        labels = [label if isinstance(label, list | tuple) else [label] for label in table[y_col]]
        names = {name for label in labels for name in label}
        wrong = [name for name in names if not isinstance(name, str)]
        if wrong:
            raise TypeError(
                f"column {y_col!r} holds {wrong[0]!r}, expected the names of classes: "
                f'table["{y_col}"].astype(str), or class_mode="raw"'
            )
        order = list(dict.fromkeys(classes)) if classes else sorted(names)
        self.class_indices = {name: number for number, name in enumerate(order)}
        table = table[[any(name in self.class_indices for name in label) for label in labels]].copy()
        table[y_col] = [
            [name for name in label if name in self.class_indices]
            if isinstance(label, list | tuple)
            else label
            for label in table[y_col]
        ]
        return table

    def targets(self, numbers: np.ndarray) -> np.ndarray:
        """Return y: for class_mode="raw" the column's values."""
        return self.classes[numbers] if self.class_mode == "raw" else super().targets(numbers)
