"""The command that explains a training step, in parts: for ``python -m minicnn.explain`` and others like it.

An application adds its own networks, images and class names, as ``python -m fer.explain`` does.
"""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minicnn.explain import write
from minicnn.preprocessing.files import fitted, opened_image, upright
from minicnn.saving.checks import check_folder
from minicnn.terminal import say

COLOURS = {1: "grayscale", 3: "rgb", 4: "rgba"}


class Sample(NamedTuple):
    """The image (H, W, C) of the step, its true class, and a sentence for the page if no class was given."""

    image: np.ndarray
    label: int
    note: str | None = None


def add_options(parser: argparse.ArgumentParser, *, label: str, seed: str) -> None:
    """Add the options for the step, and for where the page goes; ``label`` and ``seed`` are help texts."""
    add = parser.add_argument
    add("--label", metavar="CLASS", help=label)
    add("--optimizer", choices=["sgd", "adam"], help="a new one (default: the model's own, with its state)")
    add("--layers", metavar="A:B", help="only these layers, by name or number: for a large net")
    add("--out", type=Path, default=Path("explain.html"), metavar="FILE", help="(default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help=f"{seed} (default: %(default)s)")


def check(arguments: argparse.Namespace) -> None:
    """Refuse what would fail later, before any work is done.

    Raises:
        ValueError: the page exists already, or the seed is below 0.
        FileNotFoundError: there is no folder for it.
    """
    out, seed = arguments.out, arguments.seed
    if os.path.lexists(out):  # also a link to nowhere
        raise ValueError(f"{out} exists, and nothing is overwritten: delete it, or name another with --out")
    check_folder(out)
    if seed < 0:
        raise ValueError(f"--seed {seed}: expected a number from 0")


@contextmanager
def own_layers_in_python(path: object, *errors: type[Exception]) -> Iterator[None]:
    """In this context, an error about a layer that is not minicnn's, in a model's file, says what to do in Python:
    a command has no place for the layer's code.

    Args:
        path: of the file.
        errors: what is raised about it; by default ValueError.
    """
    kinds = errors or (ValueError,)
    try:
        yield
    except kinds as error:
        own = re.search(r"unknown layer '(\w+)'", str(error))
        if own is None:
            raise
        name = own[1]
        raise type(error)(
            f"{path}: has a layer of your own, {name}, whose code a command cannot know. Write the page in Python: "
            f"model = minicnn.models.load_model({str(path)!r}, custom_objects={{'{name}': {name}}}), then "
            "minicnn.explain.write(model, image, label, 'explain.html')"
        ) from None


def picture(model: Any, path: str) -> Sample:
    """Return a picture in the model's size and colours, upright as its EXIF data say.

    Its class is the most probable one, with a note.

    Raises:
        ValueError: the model takes no images of one size, or the file holds no image.
        OSError: the file cannot be read.
    """
    height, width, channels = shape_of(model)
    if channels not in COLOURS:
        raise ValueError(f"the model takes images of {channels} channels, expected 1, 3 or 4 for a picture")
    opened = fitted(upright(opened_image(path)), COLOURS[channels], (height, width), "lanczos", True)
    # a gray picture of 16 bits is opened as it is
    scale = 257 if opened.mode in ("I", "I;16") else 1
    image = np.asarray(opened).reshape(height, width, channels) / scale
    label = int(model.predict(image[None])[0].argmax())
    note = "No label was given: the class that the net finds most probable is used as the true one."
    return Sample(image, label, note)


def shape_of(model: Any) -> tuple[int, int, int]:
    """Return the (height, width, channels) that a model takes.

    Raises:
        ValueError: it takes something else than images of one size.
    """
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            f"the model takes inputs of shape {shape}, expected images of one size (None, 48, 48, 1)"
        )
    return shape[1:]


def label_of(text: str, classes: Sequence[str] | None, count: int) -> int:
    """Return the class of a name, in any case, or of a number.

    Raises:
        ValueError: there is no such class.
    """
    known = [name.lower() for name in classes or ()]
    if text.lower() in known:
        return known.index(text.lower())
    if text.isdecimal() and int(text) < count:
        return int(text)
    names = f"one of {', '.join(classes)}, or " if classes else ""
    raise ValueError(f"--label {text}: expected {names}a number from 0 to {count - 1}")


def write_page(
    arguments: argparse.Namespace, model: Any, sample: Sample, classes: Sequence[str] | None = None
) -> None:
    """Write the page that the options ask for, and print where it is.

    Raises:
        ValueError: the label, the layers or the model cannot be used, or the page would be too large.
        OSError: it cannot be written.
    """
    if arguments.label is not None:
        sample = Sample(sample.image, label_of(arguments.label, classes, model.output_shape[-1]))
    path = write(
        model,
        sample.image,
        sample.label,
        arguments.out,
        classes=classes,
        optimizer=arguments.optimizer,
        layers=arguments.layers,
        notes=[sample.note] if sample.note else [],
        seed=arguments.seed,
    )
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB; open it in a browser")


@contextmanager
def warnings_in_one_line(command: str) -> Iterator[None]:
    """Print each warning to the error stream at the end, as one line that begins with the command's name."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in given:
        say(f"{command}: {warning.message}", file=sys.stderr)
