"""Make a network's confidence as high as its accuracy: ``python -m fer.calibrate runs/003``.

It fits one number, the temperature, to the validation rows, for each of the ways of prediction (``--tta``), and
saves it in the model's file; every command uses it from then on. Which emotion is predicted does not change. See
:mod:`fer.networks.temperature`.

The calibration error on the rows that chose the temperature looks a little too small. So it is also printed for
rows that did not: the test rows, if the data have them, and halves of the validation rows, each at the
temperature of the other half.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer import errors, runs
from fer.command_line import new_parser
from fer.data import dataset, synthetic
from fer.data.dataset import Split
from fer.errors import BadInput
from fer.networks import inference, temperature
from fer.networks.inference import TrainedNetwork
from fer.networks.views import TTA
from fer.reports.calibration import calibrate
from minicnn import Sequential, saving
from minicnn.terminal import say

EXAMPLES = """\
examples:
  python -m fer.calibrate runs/003                                   with the run's own validation rows
  python -m fer.calibrate vgg --data fer2013.csv --out mine.npz      into a new file
"""


@dataclass(frozen=True)
class Fit:
    """The temperature for one way of prediction, and what it does to the calibration error.

    Attributes:
        tta: the way: "none", "flip", "shifts".
        temperature: T.
        standard_error: of T.
        before: the calibration error of the validation rows at T = 1.
        after: at T.
        crossed: each half of the rows at the temperature of the other half.
        test: before and after, on the test rows; None if there are none.
    """

    tta: str
    temperature: float
    standard_error: float
    before: float
    after: float
    crossed: float
    test: tuple[float, float] | None


def run(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    which: str = "best",
    out: str | os.PathLike[str] | None = None,
) -> tuple[Path, list[Fit]]:
    """Fit the temperatures of a network, save them, and return the file and the numbers.

    Args:
        run: a run's folder, a model's file, "vgg" or "tiny".
        data: a path for :func:`fer.load`; None: the data that the run was trained on.
        which: "best" or "last", of the run's models.
        out: a new file, .npz; None: the network's own file is replaced.

    Raises:
        BadInput: the run or the data cannot be used, or no temperature fits.
        OSError: a file cannot be read or written.
    """
    trained = inference.open_run(run, which)
    if out is None and trained.path.parent == inference.WEIGHTS and not Path(run).exists():
        raise BadInput(f"{run} comes with fer and is not changed: give a new file, --out mine.npz")
    if out is not None and (os.path.lexists(out) or Path(out).suffix != ".npz"):
        raise BadInput(f"{out}: expected a new file, whose name ends in .npz")
    faces = synthetic.load() if str(data) == synthetic.NAME else trained.data(data)
    validation, test = _in_classes(faces.validation, trained), _in_classes(faces.test, trained)
    if validation is None:
        raise BadInput(f"{faces.name} has no validation rows")
    fits = [_fit(tta, trained.model, validation, test) for tta in TTA]
    path = trained.path if out is None else Path(out)
    folder = trained.folder if out is None else None
    with runs.Run(folder).locked() if folder is not None else nullcontext():
        config, arrays = saving.read(trained.path)
        found = {each.tta: round(each.temperature, 4) for each in fits}
        config["metadata"] = {**config.get("metadata", {}), "temperature": found}
        saving.write(path, config, arrays)
    return path, fits


def _in_classes(split: Split | None, trained: TrainedNetwork) -> Split | None:
    return None if split is None else split.in_classes(trained.classes)[0]


def _fit(tta: str, model: Sequential, validation: Split, test: Split | None) -> Fit:
    shares, labels = inference.raw_probabilities(model, validation.images, tta), validation.labels
    found, standard_error = temperature.fit(shares, labels)
    halves = np.array_split(np.random.default_rng(0).permutation(len(labels)), 2)
    crossed = np.empty_like(shares)
    for half, other in (halves, halves[::-1]):
        crossed[half] = temperature.applied(shares[half], temperature.fit(shares[other], labels[other])[0])
    judged = None
    if test is not None:
        unseen = inference.raw_probabilities(model, test.images, tta)
        judged = _error(unseen, test.labels), _error(temperature.applied(unseen, found), test.labels)
    after = temperature.applied(shares, found)
    return Fit(
        tta,
        found,
        standard_error,
        _error(shares, labels),
        _error(after, labels),
        _error(crossed, labels),
        judged,
    )


def _error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return calibrate(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels).error


def lines(fits: Sequence[Fit]) -> list[str]:
    """Return the numbers as a table."""
    test = any(each.test for each in fits)
    found = [
        f"{'':8}temperature      calibration error: before  after  other half{'  test: before  after' * test}"
    ]
    for each in fits:
        of_test = "" if each.test is None else f"{each.test[0]:14.2%}{each.test[1]:7.2%}"
        found.append(
            f"{each.tta:8}{each.temperature:.3f} ± {each.standard_error:.3f}{each.before:27.2%}{each.after:7.2%}"
            f"{each.crossed:12.2%}{of_test}"
        )
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    parser = new_parser(
        "calibrate",
        "RUN [--data PATH] [--out FILE.npz]",
        "Make a network's confidence as high as its accuracy: fit a temperature to the validation rows.",
        EXAMPLES,
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="a run's folder, a model (.npz), vgg or tiny")
    where = f"faces to fit it to (default: those that the run was trained on, else ${dataset.ENV_VARIABLE})"
    add("--data", metavar="PATH", help=where)
    add("--model", dest="which", **inference.option())
    add("--out", metavar="FILE.npz", help="a new file (default: the network's own file is replaced)")
    with errors.one_line("fer.calibrate"):
        path, fits = run(**vars(parser.parse_args(argv)))
        say(*lines(fits), f"Saved in {path}.")


if __name__ == "__main__":
    main()
