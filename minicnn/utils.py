"""Small helpers, under Keras's names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import backend, random
from minicnn._base import keras_errors
from minicnn.backend import clear_session
from minicnn.models.datasets import PyDataset
from minicnn.preprocessing.files import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "img_to_array",
    "load_img",
    "normalize",
    "plot_model",
    "save_img",
    "set_random_seed",
    "to_categorical",
]

Sequence = PyDataset
if not TYPE_CHECKING:  # a type checker reports unknown names itself
    __getattr__ = keras_errors.names_of(__name__)


def set_random_seed(seed: int) -> None:
    """Make all that is random a function of ``seed``: initial weights, shuffling, dropout, augmentation."""
    random.set_seed(seed)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return x with the vectors along ``axis`` scaled to length 1, by the norm of ``order``; those of zeros stay."""
    array = np.asarray(x)
    lengths = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(lengths == 0, 1, lengths)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Return class numbers as one-hot rows: [0, 2] -> [[1, 0, 0], [0, 0, 1]], in the default float type.

    Args:
        x: integers from 0, (N,) or (N, 1).
        num_classes: length of the rows; by default the largest number + 1.

    Raises:
        ValueError: a number is negative, not whole, or not below ``num_classes``.
    """
    numbers = np.asarray(x)
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
    to_file: str | os.PathLike | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draw a model: a box a layer, an arrow for each value that goes from one to another.

    Boxes of layers with weights are blue, of layers that join several values orange.

    Args:
        model: a built model.
        to_file: where to; its ending says how: .png, .svg, .pdf. None: nowhere.
        show_shapes, show_dtype: of each layer's output.
        show_layer_names, show_layer_activations, show_trainable: in each box, beside the layer's class.
        rankdir: "TB", from top to bottom: the only way.
        expand_nested: must be False: draw a model inside the model by itself, ``plot_model(model.get_layer(name))``.
        dpi: pixels an inch.

    Returns:
        the path; without ``to_file``, the matplotlib figure. Nothing is shown.

    Raises:
        NotImplementedError: another rankdir, or expand_nested.
        ValueError: the model is not built.
        FileNotFoundError: there is no such folder.
    """
    from minicnn.models import plot  # loads matplotlib

    if rankdir != "TB" or expand_nested:
        raise NotImplementedError(
            f"plot_model(rankdir={rankdir!r}, expand_nested={expand_nested!r}): only from top to bottom, "
            'rankdir="TB", and a model inside the model by itself: plot_model(model.get_layer(name))'
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
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
    figure.savefig(path, dpi=min(dpi, plot.MOST_PIXELS / max(figure.get_size_inches())))
    return path
