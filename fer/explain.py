"""Explain one training step of a network on a face, as a page: ``python -m fer.explain tiny --sample 3``.

The page shows every number of the step, and what it is computed from: see docs/explain.md. Without a network,
a small one is trained on the embedded faces first.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image

from fer import errors
from fer.command_line import new_parser
from fer.data import synthetic
from fer.data.dataset import Split
from fer.emotions import EMOTIONS, indices_in
from fer.errors import BadInput
from fer.networks import inference
from minicnn import Input, Sequential, layers, losses, utils
from minicnn.explain import command
from minicnn.explain.command import Sample
from minicnn.models import Model, load_model

SIDE = 24  # of the images of the small network: few enough pixels to see each
EPOCHS = 8
EXAMPLES = """\
examples:
  python -m fer.explain                                         a small network, trained first, half a minute
  python -m fer.explain tiny --sample 3                         one that comes with fer, the fourth embedded test face
  python -m fer.explain runs/003 --image me.jpg --label happy   one of yours, on a picture
  python -m fer.explain vgg --layers conv2d:conv2d_1            a section of a large network
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "explain",
        "[RUN] [--image FILE|--sample N] [options]",
        "Write a page that explains every number of one training step: forward, loss, backward, update.",
        EXAMPLES,
    )
    result.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help="a run's folder, a model (.npz), vgg or tiny (default: train a small network on the embedded faces)",
    )
    what = result.add_mutually_exclusive_group()
    what.add_argument("--image", metavar="FILE", help="a picture; it is cut and scaled to the network's size")
    what.add_argument("--sample", type=int, metavar="N", help="an embedded test face, from 0 (default: 0)")
    command.add_options(
        result,
        label="its emotion, name or number (default: that of the face; for a picture the most probable one)",
        seed="of the training, and of dropout's masks",
    )
    result.add_argument("--model", **inference.option())
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with (
        errors.one_line("fer.explain"),
        command.warnings_in_one_line("fer.explain"),
        _value_errors_as_bad_input(),
    ):
        run(parser().parse_args(argv))


def run(arguments: argparse.Namespace) -> None:
    """Make the page that the arguments ask for.

    Raises:
        ValueError: the arguments or the files cannot be used.
        OSError: a file cannot be read or written.
    """
    command.check(arguments)
    if arguments.run is None:
        model: Model = trained(arguments.seed)
    else:
        # open_run finds and checks it; here its optimizer is needed too
        with command.own_layers_in_python(arguments.run, ValueError, BadInput):
            model = load_model(inference.open_run(arguments.run, arguments.model).path)
    if arguments.image is not None:
        sample = command.picture(model, arguments.image)
    else:
        sample = face(arguments.sample or 0, command.shape_of(model))
        emotion = EMOTIONS[sample.label]
        label = indices_in([emotion], inference.classes_of(model))[0]
        note = f"The network does not know the class {emotion} of this face; the step is that of its first class."
        sample = Sample(sample.image, label or 0, note if label is None else sample.note)
    command.write_page(arguments, model, sample, inference.classes_of(model))


@contextmanager
def _value_errors_as_bad_input() -> Iterator[None]:
    """Let the library's errors about a model, a picture or an argument be the user's to mend."""
    try:
        yield
    except ValueError as error:
        raise BadInput(" ".join(str(error).split())) from None


# ---- the embedded faces ------------------------------------------------------------------------------------


@functools.cache
def faces() -> Mapping[str, Split]:
    """Return the splits of the embedded faces, which take some seconds to draw."""
    return synthetic.load().splits()


def face(number: int, shape: tuple[int, int, int]) -> Sample:
    """Return an embedded test face in the size (height, width, channels) that a network takes.

    Raises:
        ValueError: there is no face of this number.
    """
    test = faces()["test"]
    if not 0 <= number < len(test):
        raise ValueError(f"--sample {number}: expected a number from 0 to {len(test) - 1}")
    height, width, channels = shape
    image = _resized(test.images[number], height, width)
    return Sample(np.repeat(image[..., None], channels, axis=2), int(test.labels[number]))


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a gray image (H, W) in another size."""
    if image.shape == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


# ---- the small network -------------------------------------------------------------------------------------


def trained(seed: int) -> Sequential:
    """Return a small network that has learned from the embedded faces, in half a minute or so."""

    def arrays(part: Split) -> tuple[np.ndarray, np.ndarray]:
        return np.stack([_resized(image, SIDE, SIDE) for image in part.images])[..., None], part.labels

    x, y = arrays(faces()["train"])
    print(f"training a small network on {len(x)} drawn faces, {SIDE}×{SIDE} pixels each", flush=True)
    utils.set_random_seed(seed)
    model = small_network()
    model.compile("adam", losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(x, y, epochs=EPOCHS, validation_data=arrays(faces()["validation"]), verbose=2)
    return model


def small_network() -> Sequential:
    """Return a network of a few thousand weights, with one of each of the usual layers."""
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
            layers.Dense(len(EMOTIONS), activation="softmax"),
        ],
        name="small",
    )


if __name__ == "__main__":
    main()
