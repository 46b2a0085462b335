"""ImageDataGenerator: random changes of images and the scaling of their values, as old Keras scripts write them.

    image -> turned, moved, sheared, zoomed, mirrored -> channel shift -> brightness        get_random_transform
          -> preprocessing_function -> · rescale -> − mean, / deviation                      standardize

Keras keeps the class for such scripts; in a model, layers.RandomRotation and its like do the same. The equations are in
transforms.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minicnn import backend, random
from minicnn.preprocessing import transforms
from minicnn.preprocessing.files import check_choice, check_data_format
from minicnn.preprocessing.folders import DataFrameIterator, DirectoryIterator
from minicnn.preprocessing.iterators import NumpyArrayIterator

FILL_MODES = ("nearest", "reflect", "constant", "wrap")
# beside a deviation, so that a flat image does not divide by 0
TINY = 1e-6


class ImageDataGenerator:
    """Draw random changes for images, as Keras's class of this name.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the mean of the data (a number a channel) that
            :meth:`fit` has seen, divide by their deviation. The second implies the first.
        samplewise_center, samplewise_std_normalization: the same with each image's own mean and deviation.
        rotation_range: up to so many degrees, either way.
        width_shift_range, height_shift_range: sideways, up and down. A float below 1: up to that part of the width or
            height; a float from 1 on: up to so many pixels; an integer k: −(k − 1) … k − 1 pixels; a list: one of its
            values, either way. (Keras 3 has the two the wrong way round: its height_shift_range moves sideways.)
        brightness_range: (lowest, highest) factor.
        shear_range: up to so many degrees, either way.
        zoom_range: z draws factors from 1 − z to 1 + z, above 1 zooms out; or (lowest, highest). Height and width each
            get their own.
        channel_shift_range: add up to so much to all values of an image.
        fill_mode, cval: what lies beyond the edge: "nearest", "reflect", "wrap", or "constant", which is ``cval``.
        horizontal_flip, vertical_flip: mirror every second image.
        rescale: a factor for all values, 1 / 255 say.
        preprocessing_function: called with each image (height, width, channels) after the random changes.
        validation_split: the part that ``flow(subset="validation")`` gets: the *first* of the arrays, or the first
            files of each class.
        interpolation_order: 1 bilinear, 0 the nearest pixel.
        dtype: of the batches; by default the default float type.

    Raises:
        ValueError: an argument is none of the above.
        NotImplementedError: zca_whitening, channels first, or splines of a higher order.
    """

    def __init__(
        self, featurewise_center=False, samplewise_center=False, featurewise_std_normalization=False,
        samplewise_std_normalization=False, zca_whitening=False, zca_epsilon=1e-6, rotation_range=0,
        width_shift_range=0.0, height_shift_range=0.0, brightness_range=None, shear_range=0.0, zoom_range=0.0,
        channel_shift_range=0.0, fill_mode="nearest", cval=0.0, horizontal_flip=False, vertical_flip=False,
        rescale=None, preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None, data_format=None,
        validation_split=0.0, interpolation_order=1, dtype=None,
    ) -> None:  # fmt: skip
        check_data_format(data_format)
        check_choice("fill_mode", fill_mode, FILL_MODES)
        if zca_whitening:
            raise NotImplementedError(
                "zca_whitening=True is Keras's, but not in minicnn. Nearest: featurewise_std_normalization=True"
            )
        if interpolation_order not in (0, 1):
            raise NotImplementedError(
                f"interpolation_order={interpolation_order!r}: 1, bilinear, or 0, the nearest pixel, are here"
            )
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split={validation_split!r}: expected a part, from 0 to less than 1")
        self.featurewise_center = featurewise_center or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        number = isinstance(zoom_range, int | float)
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if number else _pair("zoom_range", zoom_range)
        self.brightness_range = (
            None if brightness_range is None else _pair("brightness_range", brightness_range)
        )
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format, self.validation_split = "channels_last", validation_split
        self.dtype = np.dtype(dtype or backend.floatx())
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self._rng = random.generator()

    # ---- batches --------------------------------------------------------------------------------------------------

    def flow(
        self, x, y=None, batch_size=32, shuffle=True, sample_weight=None, seed=None, save_to_dir=None,
        save_prefix="", save_format="png", ignore_class_split=False, subset=None,
    ):  # fmt: skip
        """Return changed batches of arrays, for fit: (x, y), (x, y, sample_weight) or x alone.

        Args:
            x: images (N, height, width, channels), uint8 or float.
            y, sample_weight: (N, …), handed on as they are.
            shuffle: a new order in each pass.
            seed: the same seed gives the same batches; by default a part of the global seed.
            save_to_dir, save_prefix, save_format: a folder to write the changed images to, to look at them.
            subset: "training" or "validation", if ``validation_split`` was set; ``ignore_class_split``: even if one of
                them lacks a class.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, save_to_dir, save_prefix, save_format, subset,
            ignore_class_split,
        )  # fmt: skip

    def flow_from_directory(
        self, directory, target_size=(256, 256), color_mode="rgb", classes=None, class_mode="categorical",
        batch_size=32, shuffle=True, seed=None, save_to_dir=None, save_prefix="", save_format="png", follow_links=False,
        subset=None, interpolation="nearest", keep_aspect_ratio=False,
    ):  # fmt: skip
        """Return changed batches of the images in a folder that has a folder for each class.

        Args:
            directory: the folder.
            target_size: (height, width) of the batches.
            color_mode: "rgb", "grayscale" or "rgba".
            classes: the classes' folders in the order of their numbers; by default all, in alphabetical order.
            class_mode: what y is: "categorical" one-hot, "sparse" or "binary" numbers, "input" the images, None not
                there.
            interpolation, keep_aspect_ratio: see :func:`load_img`. The other arguments: see :meth:`flow`.
        """
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, save_to_dir,
            save_prefix, save_format, follow_links, subset, interpolation, keep_aspect_ratio,
        )  # fmt: skip

    def flow_from_dataframe(
        self, dataframe, directory=None, x_col="filename", y_col="class", weight_col=None, target_size=(256, 256),
        color_mode="rgb", classes=None, class_mode="categorical", batch_size=32, shuffle=True, seed=None,
        save_to_dir=None, save_prefix="", save_format="png", subset=None, interpolation="nearest",
        validate_filenames=True,
    ):  # fmt: skip
        """Return changed batches of the images that a pandas table names.

        Args:
            dataframe: the table; column ``x_col`` holds file names below ``directory``, ``y_col`` the class's name
                (with class_mode "raw" the target itself), ``weight_col`` the sample's weight.
            validate_filenames: leave out, with a warning, what is no file with an image's ending.

        The other arguments: see :meth:`flow_from_directory`; of all files, the first part is for validation.
        """
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode,
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset, interpolation,
            validate_filenames,
        )  # fmt: skip

    def change(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return images (N, height, width, channels), each changed at random, and standardized."""
        count, height, width, _ = images.shape
        return self._standardized(self._apply(images, self._draw(count, height, width, rng)))

    # ---- random changes -------------------------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> dict[str, Any]:
        """Draw a change for an image (height, width, channels): a dictionary for :meth:`apply_transform`."""
        rng = self._rng if seed is None else np.random.default_rng(seed)
        drawn = self._draw(1, img_shape[0], img_shape[1], rng)
        return {name: None if values is None else values[0] for name, values in drawn.items()}

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return the image x (height, width, channels), changed.

        Args:
            transform_parameters: "theta" and "shear" in degrees, "tx" (sideways) and "ty" in pixels, "zx", "zy",
                "flip_horizontal", "flip_vertical", "channel_shift_intensity", "brightness": those that are wanted.
        """
        wanted = {name: value for name, value in transform_parameters.items() if value is not None}
        return self._apply(x[None], {name: np.array([value]) for name, value in wanted.items()})[0]

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Return the image x (height, width, channels), changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def _apply(self, images, parameters):
        images = images.astype(self.dtype)
        return transforms.apply(images, parameters, self.fill_mode, self.cval, self.interpolation_order)

    def _draw(self, count, height, width, rng):
        """Return parameters for ``count`` images, (count,) each, or None for what is not asked for."""

        def either_way(most):
            return rng.uniform(-most, most, count)

        def between(pair):
            return None if pair is None else rng.uniform(*pair, count)

        return {
            "theta": either_way(self.rotation_range),
            "tx": _shifts(self.width_shift_range, width, count, rng),
            "ty": _shifts(self.height_shift_range, height, count, rng),
            "shear": either_way(self.shear_range),
            "zx": between(self.zoom_range),
            "zy": between(self.zoom_range),
            "flip_horizontal": (rng.random(count) < 0.5) & bool(self.horizontal_flip),
            "flip_vertical": (rng.random(count) < 0.5) & bool(self.vertical_flip),
            "channel_shift_intensity": either_way(self.channel_shift_range)
            if self.channel_shift_range
            else None,
            "brightness": between(self.brightness_range),
        }

    # ---- scaling --------------------------------------------------------------------------------------------------

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return x, an image or a batch: preprocessing_function, rescale, mean and deviation, as far as asked for.

        As in Keras, an x of the batches' float type is changed itself.

        Raises:
            ValueError: a mean or deviation of the data is asked for, and :meth:`fit` has not seen them.
        """
        scaled = self._standardized(x)
        if scaled.dtype != x.dtype:
            return scaled
        x[...] = scaled
        return x

    def _standardized(self, x):
        if self.preprocessing_function is not None:
            one = self.preprocessing_function
            x = one(x) if x.ndim == 3 else np.stack([one(image) for image in x])
        x = np.asarray(x, self.dtype)
        if self.rescale:
            x = x * self.dtype.type(self.rescale)
        if self.samplewise_center:
            x = x - x.mean(axis=(-3, -2, -1), keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (x.std(axis=(-3, -2, -1), keepdims=True) + self.dtype.type(TINY))
        for wanted, known in (
            (self.featurewise_center, self.mean),
            (self.featurewise_std_normalization, self.std),
        ):
            if wanted and known is None:
                raise ValueError(
                    "featurewise_…: mean and deviation are not known yet; call fit(images) first"
                )
        if self.featurewise_center:
            x = x - self.mean
        if self.featurewise_std_normalization:
            x = x / (self.std + self.dtype.type(TINY))
        return x

    def fit(self, x, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn mean and deviation of each channel from images (N, height, width, channels), rescaled.

        Args:
            augment: learn them from randomly changed images, ``rounds`` times as many; drawn from ``seed``.
        """
        x = np.asarray(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"x has shape {x.shape}, expected (N, height, width, channels)")
        if self.rescale:
            x = x * self.dtype.type(self.rescale)
        if augment:
            rng = self._rng if seed is None else np.random.default_rng(seed)
            count, height, width, _ = x.shape
            x = np.concatenate([self._apply(x, self._draw(count, height, width, rng)) for _ in range(rounds)])
        if self.featurewise_center:
            self.mean = x.mean(axis=(0, 1, 2), dtype=np.float64).astype(self.dtype)
        if self.featurewise_std_normalization:
            self.std = x.std(axis=(0, 1, 2), dtype=np.float64).astype(self.dtype)


def _shifts(choice, length, count, rng):
    """Return ``count`` shifts in pixels: see ``width_shift_range`` for what may be chosen from."""
    if isinstance(choice, float | np.floating):
        drawn = rng.uniform(-choice, choice, count)
    else:
        values = np.arange(max(choice, 1)) if np.ndim(choice) == 0 else np.asarray(choice)
        drawn = rng.choice(values, count) * rng.choice([-1, 1], count)
    return drawn * length if np.max(choice) < 1 else drawn


def _pair(argument, given):
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{argument}={given!r}: expected a pair (lowest, highest)")
    return [float(given[0]), float(given[1])]
