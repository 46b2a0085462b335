"""The command ``python -m minicnn.explain``: a page that explains one training step, of a model or of none."""

import argparse
import functools
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from minicnn import Input, Sequential, layers, losses, models, utils
from minicnn.explain import write
from minicnn.preprocessing.image import load_img

SIDE = 24  # of the images of the small net: few enough pixels to see each
EPOCHS = 8
COLOURS = {1: "grayscale", 3: "rgb", 4: "rgba"}
EXAMPLES = """\
examples:
  python -m minicnn.explain                                          a small net, trained for half a minute before
  python -m minicnn.explain model.npz --sample 3                     a net of yours, the fourth embedded test face
  python -m minicnn.explain model.npz --image me.jpg --label happy   on a picture
  python -m minicnn.explain model.npz --layers conv2d_2:dense        of a large net a part
"""


class Sample(NamedTuple):
    """The image (H, W, C) of the step, its true class, and a sentence if that was not given."""

    image: np.ndarray
    label: int
    note: str | None = None


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="python -m minicnn.explain",
        description="Write a page that explains every number of one training step: forward, loss, backward, update.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a file of model.save (default: train a small net on drawn faces)",
    )
    what = result.add_mutually_exclusive_group()
    what.add_argument("--image", metavar="FILE", help="a picture; it is cut and scaled to the net's size")
    what.add_argument("--sample", type=int, metavar="N", help="an embedded test face, from 0 (default: 0)")
    add(
        "--label",
        metavar="CLASS",
        help="its true class, name or number (default: the face's; the most probable)",
    )
    add("--optimizer", choices=["sgd", "adam"], help="a new one (default: the model's own, with its state)")
    add("--layers", metavar="A:B", help="only these layers, by name or number: for a large net")
    add("--out", type=Path, default=Path("explain.html"), metavar="FILE", help="(default: %(default)s)")
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the training, and of dropout (default: %(default)s)",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with 2 and one line for input that cannot be used."""
    arguments = parser().parse_args(argv)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", UserWarning)
            run(arguments)
        for warning in said:
            print(f"minicnn.explain: {warning.message}", file=sys.stderr)
    except (ValueError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        print(f"minicnn.explain: {' '.join(text.split())}", file=sys.stderr)
        raise SystemExit(2) from None


def run(arguments: argparse.Namespace) -> None:
    """Make the page that the arguments ask for."""
    out = arguments.out
    if out.exists():
        raise ValueError(f"{out} exists, and nothing is overwritten: delete it, or name another with --out")
    if arguments.seed < 0:
        raise ValueError(f"--seed {arguments.seed}: expected a number from 0")
    model = trained(arguments.seed) if arguments.model is None else models.load_model(arguments.model)
    classes = class_names(model)
    sample = picture(model, arguments.image) if arguments.image else face(model, arguments.sample or 0)
    if arguments.label is not None:
        sample = Sample(sample.image, label_of(arguments.label, classes, model.output_shape[-1]))
    path = write(
        model, sample.image, sample.label, out, classes=classes, optimizer=arguments.optimizer,
        layers=arguments.layers, notes=[sample.note] if sample.note else [], seed=arguments.seed,
    )  # fmt: skip
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; open it in a browser")


# ---- what is looked at -------------------------------------------------------------------------------------


def application() -> Any:
    """Return (the function that draws the embedded faces, the names of their emotions).

    They are the application's, of which the library otherwise knows nothing: this command alone uses them, where nobody
    names other data, and only when it is run.

    Raises:
        ValueError: the application is not installed.
    """
    try:
        from fer.data.synthetic import load
        from fer.emotions import EMOTIONS
    except ImportError as error:
        raise ValueError(
            f"the embedded faces are in the package fer, which cannot be imported ({error}): give a MODEL and --image"
        ) from None
    return load, EMOTIONS


@functools.cache
def faces() -> Any:
    """Return the embedded faces, which take some seconds to draw."""
    load, _ = application()
    return load()


def face(model: Any, number: int) -> Sample:
    """Return an embedded test face, in the model's size."""
    data, count = faces(), model.output_shape[-1]
    if not 0 <= number < len(data.test.images):
        raise ValueError(f"--sample {number}: expected a number from 0 to {len(data.test.images) - 1}")
    if count != len(application()[1]):
        raise ValueError(
            f"the model has {count} classes, and the embedded faces have others: give --image and --label"
        )
    return Sample(fitted(data.test.images[number], shape_of(model)), int(data.test.labels[number]))


def picture(model: Any, path: str) -> Sample:
    """Return a picture in the model's size and colours; its class is the most probable one, with a note."""
    height, width, channels = shape_of(model)
    if channels not in COLOURS:
        raise ValueError(f"the model takes images of {channels} channels, expected 1, 3 or 4 for a picture")
    opened = load_img(path, COLOURS[channels], (height, width), "lanczos", keep_aspect_ratio=True)
    # gray of 16 bits stays so when it is opened
    scale = 257 if opened.mode in ("I", "I;16") else 1
    image = np.asarray(opened).reshape(height, width, channels) / scale
    label = int(model.predict(image[None])[0].argmax())
    return Sample(
        image,
        label,
        "No label was given: the class that the net finds most probable stands for the true one.",
    )


def shape_of(model: Any) -> tuple[int, int, int]:
    """Return the (height, width, channels) that a model takes."""
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            f"the model takes inputs of shape {shape}, expected images of one size (None, 48, 48, 1)"
        )
    return shape[1:]


def fitted(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a gray image (H, W) in another size and with as many channels."""
    height, width, channels = shape
    if image.shape != (height, width):
        image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
    return np.repeat(image[..., None], channels, axis=2)


def class_names(model: Any) -> Sequence[str] | None:
    """Return the emotions for a net of as many classes, where they are known: a model's file holds no names."""
    try:
        _, emotions = application()
    except ValueError:
        return None
    return emotions if model.output_shape[-1] == len(emotions) else None


def label_of(text: str, classes: Sequence[str] | None, count: int) -> int:
    """Return the class of a name, in any case, or of a number."""
    known = [name.lower() for name in classes or ()]
    if text.lower() in known:
        return known.index(text.lower())
    if text.isdigit() and int(text) < count:
        return int(text)
    names = f"one of {', '.join(classes)}, or " if classes else ""
    raise ValueError(f"--label {text}: expected {names}a number from 0 to {count - 1}")


# ---- the small net -----------------------------------------------------------------------------------------


def trained(seed: int) -> Sequential:
    """Return a small net that has learned from the embedded faces, in half a minute or so."""
    data = faces()
    train, validation = (
        (np.stack([fitted(image, (SIDE, SIDE, 1)) for image in part.images]), part.labels)
        for part in (data.train, data.validation)
    )
    print(f"training a small net on {len(train[0])} drawn faces, {SIDE}×{SIDE} pixels each", flush=True)
    utils.set_random_seed(seed)
    model = small_net(len(application()[1]))
    model.compile("adam", losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(*train, epochs=EPOCHS, validation_data=validation, verbose=2)
    return model


def small_net(classes: int) -> Sequential:
    """Return a net of a few thousand weights, with one of each of the usual layers."""
    return Sequential(
        [
            Input((SIDE, SIDE, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ],
        name="small",
    )


if __name__ == "__main__":
    main()
