"""ImageDataGenerator: random changes of images and scaling of their values, for older Keras scripts.

    image -> rotated, shifted, sheared, zoomed, flipped -> channel shift -> brightness    get_random_transform
          -> preprocessing_function -> · rescale -> − mean, / deviation                    standardize

In a model, layers such as layers.RandomRotation do the same. The equations are in transforms.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minicnn import backend, random
from minicnn.preprocessing import transforms
from minicnn.preprocessing.files import check_choice, check_data_format
from minicnn.preprocessing.folders import DataFrameIterator, DirectoryIterator
from minicnn.preprocessing.iterators import Folder, NumpyArrayIterator

FILL_MODES = ("nearest", "reflect", "constant", "wrap", "mirror")
TINY = 1e-6  # added to a deviation, so that nothing is divided by 0


class ImageDataGenerator:
    """Change images at random, as Keras's class of the same name.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the mean of each channel, which
            :meth:`fit` computes from the data, and divide by the standard deviation. The second implies the
            first.
        samplewise_center, samplewise_std_normalization: the same with each image's own mean and deviation.
        rotation_range: the largest angle in degrees, in both directions.
        width_shift_range, height_shift_range: the largest shift, horizontal and vertical, in both directions.
            A float below 1 is a fraction of the width or height; a float from 1 on counts pixels. An integer
            k gives whole pixels, −(k − 1) … k − 1; a list gives one of its values, with either sign. (Keras 3
            confuses the two: its height_shift_range shifts horizontally.)
        brightness_range: (lowest, highest) factor.
        shear_range: the largest angle in degrees, in both directions.
        zoom_range: z draws factors from 1 − z to 1 + z; or (lowest, highest). A factor above 1 zooms out.
            Height and width have a factor each.
        channel_shift_range: the largest number that is added to all values of an image, or subtracted.
        fill_mode, cval: what lies beyond the edge: "nearest", "reflect", "mirror", "wrap", or "constant", which is
            ``cval``.
        horizontal_flip, vertical_flip: flip each image with probability 1/2.
        rescale: a factor for all values, such as 1 / 255.
        preprocessing_function: called with each image (height, width, channels) after the random changes.
        validation_split: the fraction for ``flow(subset="validation")``: the *first* samples of the arrays,
            the first files of each class, or the first rows of a table.
        interpolation_order: 1 bilinear, 0 the nearest pixel.
        dtype: of the batches; by default the default float type.

    Raises:
        ValueError: an argument is none of the above.
        NotImplementedError: zca_whitening, channels first, or splines of a higher order.
    """

    def __init__(
        self, featurewise_center: bool = False, samplewise_center: bool = False,
        featurewise_std_normalization: bool = False, samplewise_std_normalization: bool = False,
        zca_whitening: bool = False, zca_epsilon: float = 1e-6, rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0, height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None, shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0, channel_shift_range: float = 0.0, fill_mode: str = "nearest",
        cval: float = 0.0, horizontal_flip: bool = False, vertical_flip: bool = False,
        rescale: float | None = None, preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None, validation_split: float = 0.0, interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        check_data_format(data_format)
        check_choice("fill_mode", fill_mode, FILL_MODES)
        if zca_whitening:
            raise NotImplementedError(
                "zca_whitening=True is Keras's, but not in minicnn. Nearest: "
                "featurewise_std_normalization=True"
            )
        if interpolation_order not in (0, 1):
            raise NotImplementedError(
                f"interpolation_order={interpolation_order!r}: expected 1, bilinear, or 0, the nearest pixel"
            )
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split={validation_split!r}: expected a fraction, from 0 to below 1")
        self.featurewise_center = featurewise_center or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        if isinstance(zoom_range, int | float):
            zoom_range = 1 - zoom_range, 1 + zoom_range
        self.zoom_range = _pair("zoom_range", zoom_range)
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

    # ---- batches ------------------------------------------------------------------------------------------

    def flow(
        self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None,
        seed: int | None = None, save_to_dir: Folder | None = None, save_prefix: str = "",
        save_format: str = "png", ignore_class_split: bool = False, subset: str | None = None,
    ) -> NumpyArrayIterator:  # fmt: skip
        """Return changed batches of arrays, for fit: (x, y), (x, y, sample_weight) or x alone.

        Args:
            x: images (N, height, width, channels), uint8 or float.
            y, sample_weight: (N, …), returned unchanged.
            shuffle: draw a new order for each pass.
            seed: the same seed gives the same batches; by default it is drawn from the global generator.
            save_to_dir, save_prefix, save_format: a folder to write the changed images to, for inspection.
            subset: "training" or "validation", if ``validation_split`` was set.
            ignore_class_split: accept subsets that do not have the same classes.

        Raises:
            ValueError: x is not (N, height, width, channels), y or sample_weight has another length,
                ``subset`` is another word, or its classes differ from those of the other subset.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, save_to_dir, save_prefix, save_format, subset,
            ignore_class_split,
        )  # fmt: skip

    def flow_from_directory(
        self, directory: Folder, target_size: Sequence[int] = (256, 256), color_mode: str = "rgb",
        classes: Sequence[str] | None = None, class_mode: str | None = "categorical", batch_size: int = 32,
        shuffle: bool = True, seed: int | None = None, save_to_dir: Folder | None = None, save_prefix: str = "",
        save_format: str = "png", follow_links: bool = False, subset: str | None = None,
        interpolation: str = "nearest", keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:  # fmt: skip
        """Return changed batches of the images in a folder that has a folder for each class.

        Args:
            directory: the folder.
            target_size: (height, width) of the batches.
            color_mode: "rgb", "grayscale" or "rgba".
            classes: the classes' folders in the order of their numbers; by default all, in alphabetical
                order.
            class_mode: what y is: "categorical" one-hot, "sparse" or "binary" class numbers, "input" the
                images; None: the batches have no y.
            interpolation, keep_aspect_ratio: see :func:`load_img`. The other arguments: see :meth:`flow`.

        Raises:
            FileNotFoundError: the folder, or that of one of ``classes``, does not exist.
            ValueError: an argument is none of the above.
        """
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, save_to_dir,
            save_prefix, save_format, follow_links, subset, interpolation, keep_aspect_ratio,
        )  # fmt: skip

    def flow_from_dataframe(
        self, dataframe: Any, directory: Folder | None = None, x_col: str = "filename", y_col: str = "class",
        weight_col: str | None = None, target_size: Sequence[int] = (256, 256), color_mode: str = "rgb",
        classes: Sequence[str] | None = None, class_mode: str | None = "categorical", batch_size: int = 32,
        shuffle: bool = True, seed: int | None = None, save_to_dir: Folder | None = None, save_prefix: str = "",
        save_format: str = "png", subset: str | None = None, interpolation: str = "nearest",
        validate_filenames: bool = True,
    ) -> DataFrameIterator:  # fmt: skip
        """Return changed batches of the images that a pandas table names.

        Args:
            dataframe: the table. Column ``x_col`` holds file names below ``directory``, ``y_col`` the class's
                name (with class_mode "raw" the target itself), ``weight_col`` the sample's weight.
            validate_filenames: leave out, with a warning, names that are not those of image files.

        The other arguments: see :meth:`flow_from_directory`. The first rows are for validation.

        Raises:
            TypeError: a class's name is not a string.
            ValueError, NotImplementedError: an argument is none of the above.
        """
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode,
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset, interpolation,
            validate_filenames,
        )  # fmt: skip

    def change(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return images (N, height, width, channels), each changed at random by ``rng``, and standardized."""
        count, height, width, _ = images.shape
        return self._standardized(self._apply(images, self._draw(count, height, width, rng)))

    # ---- random changes -----------------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> dict[str, Any]:
        """Draw the change of an image (height, width, channels): a dictionary for :meth:`apply_transform`."""
        rng = self._rng if seed is None else np.random.default_rng(seed)
        drawn = self._draw(1, img_shape[0], img_shape[1], rng)
        return {name: None if values is None else values[0] for name, values in drawn.items()}

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return the image x (height, width, channels), changed.

        Args:
            transform_parameters: any of "theta" and "shear" in degrees, "tx" (horizontal) and "ty" in pixels,
                "zx", "zy", "flip_horizontal", "flip_vertical", "channel_shift_intensity" and "brightness".
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
        """Return the parameters of ``count`` images, (count,) each; None for those that are switched off."""

        def symmetric(largest):
            return rng.uniform(-largest, largest, count)

        def between(pair):
            return None if pair is None else rng.uniform(*pair, count)

        return {
            "theta": symmetric(self.rotation_range),
            "tx": _shifts(self.width_shift_range, width, count, rng),
            "ty": _shifts(self.height_shift_range, height, count, rng),
            "shear": symmetric(self.shear_range),
            "zx": between(self.zoom_range),
            "zy": between(self.zoom_range),
            "flip_horizontal": (rng.random(count) < 0.5) & bool(self.horizontal_flip),
            "flip_vertical": (rng.random(count) < 0.5) & bool(self.vertical_flip),
            "channel_shift_intensity": symmetric(self.channel_shift_range)
            if self.channel_shift_range
            else None,
            "brightness": between(self.brightness_range),
        }

    # ---- scaling ------------------------------------------------------------------------------------------

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return x, an image or a batch, after preprocessing_function, rescale, mean and deviation.

        As in Keras, an x of the batches' float type is changed in place.

        Raises:
            ValueError: featurewise mean or deviation are needed, and :meth:`fit` was not called.
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

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute the mean and deviation of each channel of images (N, height, width, channels), rescaled.

        Args:
            augment: use randomly changed images instead, ``rounds`` times as many, drawn from ``seed``.

        Raises:
            ValueError: x has another shape.
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
    """Return ``count`` shifts in pixels; ``choice`` is a width_shift_range."""
    if isinstance(choice, float | np.floating):
        drawn = rng.uniform(-choice, choice, count)
    else:
        values = np.arange(max(choice, 1)) if np.ndim(choice) == 0 else np.asarray(choice)
        drawn = rng.choice(values, count) * rng.choice([-1, 1], count)
    return drawn * length if np.max(choice) < 1 else drawn


def _pair(argument: str, given: Any) -> list[float]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{argument}={given!r}: expected a pair (lowest, highest)")
    return [float(given[0]), float(given[1])]
