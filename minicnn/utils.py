"""Helpers with Keras's names: seeds, labels, images, pictures of models; and ``open_shards``, data in several files."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import backend, random
from minicnn._base import keras_errors
from minicnn._base.messages import shown
from minicnn.backend import clear_session
from minicnn.models.datasets import PyDataset
from minicnn.models.sharded_files import ShardedArray, open_shards
from minicnn.preprocessing.files import array_to_img, img_to_array, load_img, save_img
from minicnn.preprocessing.image_dataset import image_dataset_from_directory, split_dataset
from minicnn.saving.checks import check_folder

__all__ = [
    "PyDataset",
    "Sequence",
    "ShardedArray",
    "array_to_img",
    "clear_session",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "open_shards",
    "plot_model",
    "save_img",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]

Sequence = PyDataset
keras_errors.add_getattr(__name__)


def set_random_seed(seed: int) -> None:
    """Seed all random numbers: of initial weights, shuffling, dropout and augmentation."""
    random.set_seed(seed)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return x with each vector along ``axis`` divided by its norm of ``order``; zero vectors stay zero."""
    array = np.asarray(x)
    lengths = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(lengths == 0, 1, lengths)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Return class numbers as one-hot rows: [0, 2] -> [[1, 0, 0], [0, 0, 1]], in the default float type.

    Args:
        x: integers from 0, (N,) or (N, 1); also as text, ["0", "2"].
        num_classes: length of the rows; by default the largest number + 1.

    Returns:
        (N, num_classes).

    Raises:
        ValueError: a number is negative, not an integer, or not below ``num_classes``.
    """
    numbers = np.asarray(x)
    if numbers.dtype.kind in "USO":
        try:
            numbers = numbers.astype("int64")
        except (ValueError, TypeError):
            raise ValueError(
                f"x={shown(x)}: expected integers; number names of classes first: "
                "names, x = np.unique(x, return_inverse=True)"
            ) from None
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if num_classes is None:
        num_classes = int(numbers.max()) + 1 if numbers.size else 0
    wrong = (numbers < 0) | (numbers >= num_classes) | (numbers != np.floor(numbers))
    if wrong.any():
        raise ValueError(
            f"x holds {numbers[wrong].flat[0]}, expected integers from 0 to num_classes - 1 = {num_classes - 1}"
        )
    return np.eye(num_classes, dtype=backend.floatx())[numbers.astype(int)]


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draw a model: a box for each layer, an arrow for each value that goes from one layer to another.

    Layers with weights are blue, layers with several inputs orange.

    Args:
        model: a built model.
        to_file: the file; its suffix is the format: .png, .svg, .pdf. None: no file.
        show_shapes, show_dtype: show the shape and type of each layer's output.
        show_layer_names, show_layer_activations, show_trainable: show these in each box, after the layer's
            class.
        rankdir: "TB", from top to bottom: the only direction.
        expand_nested: must be False: draw a nested model by itself, ``plot_model(model.get_layer(name))``.
        dpi: pixels per inch.

    Returns:
        the path; without ``to_file``, the matplotlib figure. A notebook shows the drawing for both; else nothing
        is shown on the screen.

    Raises:
        NotImplementedError: another rankdir, or expand_nested.
        ValueError: the model is not built.
        FileNotFoundError: the folder does not exist.
    """
    from minicnn._base.drawing import DrawnFile  # loads matplotlib, as the next line does
    from minicnn.models import plot

    if rankdir != "TB" or expand_nested:
        raise NotImplementedError(
            f'plot_model(rankdir={rankdir!r}, expand_nested={expand_nested!r}): expected rankdir="TB", from '
            "top to bottom, and expand_nested=False; draw a nested model by itself: "
            "plot_model(model.get_layer(name))"
        )

    def lines(symbol: Any) -> list[str]:
        layer = symbol.layer
        text = [type(layer).__name__]
        if show_layer_names:
            text.append(layer.name)
        if show_layer_activations and getattr(layer, "activation", None) is not None:
            text.append(f"activation: {layer.activation}")
        if show_shapes:
            text.append(str(symbol.shape))
        if show_dtype:
            text.append(symbol.dtype)
        if show_trainable and layer.weights:
            text.append("trainable" if layer.trainable else "frozen")
        return text

    figure = plot.diagram(model, lines)
    if to_file is None:
        return figure
    path = Path(to_file)
    check_folder(path)
    figure.savefig(path, dpi=min(dpi, plot.MOST_PIXELS / max(figure.get_size_inches())))
    return DrawnFile.of(path, figure)
