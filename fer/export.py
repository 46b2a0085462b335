"""Write a trained network as one small file: ``python -m fer.export runs/003 vgg.npz``.

The file holds the network and its weights, rounded to float16, but not what further training would need: a
sixth of model_best.npz. Every command accepts it in place of a run. The networks that come with fer are such
files: ``fer/weights/vgg.npz`` and ``tiny.npz``.

A name that ends in .onnx gives an ONNX file, in float32, for other programs; that needs the package onnx. Its
metadata say what it takes ("input") and the names of its classes ("classes", as JSON).
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer import errors
from fer.command_line import new_parser
from fer.errors import BadInput
from fer.networks import inference
from minicnn import saving
from minicnn.terminal import say

ONNX_INPUT = "gray faces, values 0 to 255, shape (N, 48, 48, 1)"
EXAMPLES = """\
examples:
  python -m fer.export runs/003 mine.npz        then: python -m fer.predict mine.npz photo.jpg
  python -m fer.export runs/003 mine.onnx       for other programs
"""


def write(
    run: str | os.PathLike[str], path: str | os.PathLike[str], which: str = "best"
) -> inference.TrainedNetwork:
    """Write the network of a run to a new file, and return the network itself, not rounded.

    Args:
        run: a run's folder, a model's file or the name of a network that comes with fer.
        path: the new file, .npz or .onnx.
        which: "best" or "last", of the run's models.

    Raises:
        BadInput: the run cannot be used, the file exists already, its name has another ending, the package
            onnx is missing, or a weight is too large for float16.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".onnx"):
        raise BadInput(f"{path}: expected a name that ends in .npz or .onnx")
    if os.path.lexists(path):  # also a link to nowhere
        raise BadInput(f"{path} exists already and is not overwritten: give another name")
    trained = inference.open_run(run, which)
    if path.suffix == ".onnx":
        model = trained.model
        model.metadata = {**model.metadata, "classes": list(trained.classes), "input": ONNX_INPUT}
        try:
            saving.export_onnx(model, path)
        except ImportError as error:
            raise BadInput(str(error)) from None
        return trained
    config, arrays = trained.model.snapshot()
    with np.errstate(over="ignore"):
        small = {name: array.astype(np.float16) for name, array in arrays.items()}
    for name, array in small.items():
        if not np.isfinite(array).all():
            raise BadInput(
                f"{trained.path}: {name} has numbers up to {np.abs(arrays[name]).max():.3g}; "
                "the largest in float16 is 65504"
            )
    saving.write(path, config, small)
    return trained


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    parser = new_parser(
        "export",
        "RUN FILE.npz|FILE.onnx [--model last]",
        "Write a trained network as one small file.",
        EXAMPLES,
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder, or a model (.npz)")
    parser.add_argument("file", metavar="FILE", help="the new file")
    parser.add_argument("--model", **inference.option())
    with errors.one_line("fer.export"):
        arguments = parser.parse_args(argv)
        trained = write(arguments.run, arguments.file, arguments.model)
        say(f"Wrote {trained.path} to {arguments.file}, {os.path.getsize(arguments.file):,} bytes.")


if __name__ == "__main__":
    main()
