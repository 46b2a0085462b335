"""Measure how good a trained network is: ``python -m fer.evaluate runs/003``, ``evaluate.run("runs/003")``.

The files go to a folder of their own in the run's folder, such as evaluation_test,
evaluation_validation_flip or, with other data than the run's own, evaluation_test_on_NAME (for several runs,
or a model's file elsewhere, to a new folder evaluations/001). The same evaluation again replaces its files;
another one never does: faces are compared, not names.

    report.txt  report.json                 accuracy with its standard error, also without the faces that have a copy in
                                            Training; top-2, calibration error, macro averages, precision, recall
                                            and F1 of each emotion
    confusion_matrix.png  .csv              how many faces of each emotion are predicted as which
    confusion_matrix_shares.csv             the same, each row divided by its sum
    scores.png                              F1, precision and recall of each emotion
    precision_recall.png                    both at every threshold, and the average precision
    calibration.png  .csv                   of the faces with 80 % confidence, are 80 % right?
    features.png                            what the last layer sees of the faces, as a map
    predictions.csv                         row, true and predicted emotion, the seven probabilities
    predictions.png  mistakes.png           faces chosen at random; the mistakes with the highest confidence
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer import errors, outputs, runs
from fer.command_line import new_parser
from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.networks import chosen_faces, inference, views
from fer.networks.inference import Ensemble, TrainedNetwork
from fer.reports import features, plots, prediction_plots, score_plots
from fer.reports.measures import Report, measure
from minicnn import Sequential
from minicnn.terminal import printable, say

MAX_FACES = 12  # in a figure
MAX_POINTS = 1500  # in the map of features

WARNINGS = {
    "validation": "If these faces also chose the epoch or the settings, the accuracy is a little too high.",
    "train": "The network was trained on these same faces; on new ones it is worse.",
}

EXAMPLES = """\
examples:
  python -m fer.evaluate runs/003                        on the test rows of the data that it was trained on
  python -m fer.evaluate runs/003 --split validation     where there are no test rows
  python -m fer.evaluate runs/003 --tta flip             the mean of each face and its mirror image
  python -m fer.evaluate runs/003 --data fer2013.csv     on other data
  python -m fer.evaluate vgg --data my_pictures/         on all of your own pictures, in a folder for each class
  python -m fer.evaluate runs/003 runs/004 runs/005      the three of them, averaged
  python -m fer.evaluate vgg --data fer2013.csv          the network that comes with fer
"""


def run(
    run: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    data: str | os.PathLike[str] | None = None,
    split: str | None = None,
    tta: str = "none",
    which: str = "best",
    out: str | os.PathLike[str] | None = None,
    detect: str | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> tuple[Path, Report]:
    """Evaluate a network, write the files that the module lists, and return their folder and the numbers.

    Args:
        run: a run's folder, a model's file, "vgg" or "tiny"; or several of these: then the mean of their
            probabilities is evaluated. None: the newest run in runs/.
        data: a path for :func:`fer.load`; None: the data that the run was trained on.
        split: "test", "validation", "train" or "all"; None: "all" of ``data`` that carry no split, of which a
            random tenth would be the test rows, else "test".
        tta: "none", or what the probabilities are the mean of: see :mod:`fer.networks.views`.
        which: "best" or "last", of the run's models.
        out: the folder in which a numbered folder is created; None: the run's folder.
        detect: the detector that cuts the face out of each picture in ``data``; None: the run's own, if any.
        labels: FER+'s fer2013new.csv, with labels for ``data``; None: the run's own, where ``data`` is None.

    Raises:
        BadInput: the run or the data cannot be used, or the data do not have this split.
        OSError: a file cannot be read or written.
    """
    if tta not in views.TTA:
        raise BadInput(f"tta={tta!r}: expected one of {', '.join(views.TTA)}")
    asked = [run] if isinstance(run, str | os.PathLike) else list(run or ())
    networks = [inference.open_run(one, which) for one in asked or [inference.newest()]]
    _check_classes(networks)
    faces, chosen, split = chosen_faces.faces_of(networks[0], data, split, detect, labels)
    chosen, line = chosen.in_classes(networks[0].classes)
    say(*([line] if line else []))
    fingerprint = faces.fingerprint()
    folder = _folder(networks, split, tta, out, faces.name, fingerprint)
    names = " + ".join(f"{network.path.parent.name}/{network.path.name}" for network in networks)
    facts = {
        "data": faces.name,
        "fingerprint": fingerprint,
        "model": " + ".join(str(network.path) for network in networks),
    }
    models = [network.model for network in networks]
    model = models[0] if len(models) == 1 else inference.Ensemble(models)
    return folder, write(
        folder,
        model,
        chosen,
        split,
        f"{faces.name}, {split}, {names}{views.TITLES[tta]}",
        tta,
        facts,
        faces.train,
    )


def write(
    folder: Path,
    model: Sequential | Ensemble,
    split: Split,
    name: str,
    title: str,
    tta: str = "none",
    facts: Mapping[str, Any] | None = None,
    train: Split | None = None,
) -> Report:
    """Evaluate a network on a split, write the files that the module lists, and return the numbers.

    Args:
        folder: where the files go; those of an earlier evaluation are replaced.
        model: takes gray values (N, 48, 48, 1), gives probabilities (N, 7).
        split: the faces, with the network's classes.
        name: the split's name: "test", "validation" or "train".
        title: data, split and model: "fer2013.csv, test, model of epoch 12".
        tta: what the probabilities are the mean of.
        facts: further entries of report.json.
        train: the training faces; the report then also holds the accuracy without the
            faces that have a copy in them.
    """
    probabilities = inference.probabilities(model, split.images, tta)
    copies = None if train is None else split.copies_in(train)
    report = measure(split.labels, probabilities, copies, split.classes)
    outputs.write_text(folder / "report.txt", report.to_text(title))
    outputs.write_json(
        folder / "report.json", {"split": name, "tta": tta, **(facts or {}), **report.to_dict()}
    )
    outputs.write_text(folder / "confusion_matrix.csv", report.confusion_csv())
    outputs.write_text(folder / "confusion_matrix_shares.csv", report.shares_csv())
    outputs.write_text(folder / "calibration.csv", report.calibration_csv())
    outputs.write_csv(
        folder / "predictions.csv", *prediction_table(split.labels, probabilities, split.classes)
    )
    _write_figures(folder, split, probabilities, report, title, model)
    return report


def _write_figures(
    folder: Path,
    split: Split,
    probabilities: np.ndarray,
    report: Report,
    title: str,
    model: Sequential | Ensemble,
) -> None:
    matrix = plots.confusion_matrix(report.confusion, f"{title}: accuracy {report}", report.classes)
    outputs.write_figure(folder / "confusion_matrix.png", matrix)
    for draw in (score_plots.calibration, score_plots.scores, score_plots.precision_recall):
        outputs.write_figure(folder / f"{draw.__name__}.png", draw(report, title))
    if isinstance(model, Sequential):  # several networks have no features in common
        some = np.random.default_rng(0).permutation(len(split))[:MAX_POINTS]
        maps = features.maps(inference.features(model, split.images[some]))
        figure = score_plots.feature_map(
            maps, split.labels[some], split.classes, f"{title}: what the last layer sees"
        )
        outputs.write_figure(folder / "features.png", figure)
    some = np.random.default_rng(0).permutation(len(split))[:MAX_FACES]
    _write_faces(folder / "predictions.png", split, probabilities, some, f"{title}: faces chosen at random")
    mistakes = confident_mistakes(split.labels, probabilities)
    if len(mistakes):
        text = f"{title}: the mistakes with the highest confidence"
        _write_faces(folder / "mistakes.png", split, probabilities, mistakes, text)
    else:
        (folder / "mistakes.png").unlink(missing_ok=True)


def prediction_table(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str] = EMOTIONS
) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of predictions.csv; the rows of the split are numbered from 0."""
    predicted, names = probabilities.argmax(axis=1), [printable(name) for name in classes]
    rows = [
        [i, names[labels[i]], names[predicted[i]], *(f"{share:.9g}" for share in probabilities[i])]
        for i in range(len(labels))
    ]
    return ["row", "true", "predicted", *names], rows


def confident_mistakes(labels: np.ndarray, probabilities: np.ndarray, count: int = MAX_FACES) -> np.ndarray:
    """Return the indices of the wrong predictions with the highest confidence, (at most ``count``,)."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


def _write_faces(path: Path, split: Split, probabilities: np.ndarray, chosen: np.ndarray, title: str) -> None:
    figure = prediction_plots.predictions(
        split.images[chosen],
        probabilities[chosen],
        split.labels[chosen],
        [f"row {row}" for row in chosen],
        title,
        classes=split.classes,
    )
    outputs.write_figure(path, figure)


def _check_classes(networks: Sequence[TrainedNetwork]) -> None:
    for other in networks[1:]:
        if other.classes != networks[0].classes:
            raise BadInput(
                f"{other.path} knows {', '.join(other.classes)}, and {networks[0].path} knows "
                f"{', '.join(networks[0].classes)}: expected networks of the same classes"
            )


def _folder(
    networks: Sequence[TrainedNetwork],
    split: str,
    tta: str,
    out: str | os.PathLike[str] | None,
    data: str,
    fingerprint: str,
) -> Path:
    """Return the folder for an evaluation on data of this name and fingerprint; it exists."""
    trained = networks[0]
    if out is not None or trained.folder is None or len(networks) > 1:
        return runs.create("evaluations" if out is None else out).folder
    parts = ["evaluation", split]
    parts += [] if tta == "none" else [tta]
    parts += [] if trained.path.name == runs.MODEL_BEST else [trained.path.stem.removeprefix("model_")]
    own = trained.config.get("data", {}).get("fingerprint")
    if own not in (None, fingerprint):
        parts += ["on", outputs.file_name(data.split(" (")[0]).partition(".")[0]]
    name = "_".join(parts)
    for number in itertools.count(1):
        folder = trained.folder / (name if number == 1 else f"{name}_{number}")
        folder.mkdir(exist_ok=True)
        if _data_of(folder) in (None, fingerprint, data):
            break
    return folder


def _data_of(folder: Path) -> str | None:
    """Return the fingerprint of the data whose evaluation a folder holds (their name, if an earlier version
    wrote it); None if it holds none, or half of one.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return str(report.get("fingerprint") or report["data"])
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        return None


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "evaluate",
        "[RUN ...] [--data PATH] [--split NAME] [--tta flip] [options]",
        "Measure how good a trained network is: accuracy, each emotion, confusions, calibration, mistakes.",
        EXAMPLES,
    )
    add = result.add_argument
    add(
        "run",
        metavar="RUN",
        nargs="*",
        help="a run's folder, a model (.npz), vgg or tiny, which come with fer (default: the newest in runs/); of "
        "several, the probabilities are averaged",
    )
    chosen_faces.add_options(result)
    add("--out", metavar="FOLDER", help="where a numbered folder is created (default: in the run's folder)")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with errors.one_line("fer.evaluate"):
        arguments = parser().parse_args(argv)
        folder, report = run(**vars(arguments))
        print((folder / "report.txt").read_text(encoding="utf-8"))
        split = json.loads((folder / "report.json").read_text(encoding="utf-8"))["split"]
        say(f"{'Overall' if split == 'all' else split.capitalize()} accuracy {report}.")
        if split in WARNINGS:
            say(WARNINGS[split])
        say(outputs.listing(folder))


if __name__ == "__main__":
    main()
