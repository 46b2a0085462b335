"""Look at a data set before training on it: ``python -m fer.explore --data fer2013.csv``.

The files go to a new folder explore/001, explore/002, …:

    summary.txt  summary.json          the numbers
    classes.png  classes.csv           how many faces each emotion has
    examples.png                       some faces of each emotion, chosen at random
    mean_faces.png                     the mean face of each emotion, and how it differs from the mean of all
    histogram.png  histogram.csv       how often each gray value occurs
    copies.csv                         images that occur more than once, and whether their labels agree
    blank.csv                          images in which all pixels are equal
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from fer import errors, outputs, runs
from fer.command_line import new_parser
from fer.data import dataset, ferplus, synthetic
from fer.data.dataset import FerDataset
from fer.errors import BadInput
from fer.reports import plots
from fer.reports.survey import Survey, mean_faces, survey
from minicnn.terminal import printable, say

EXAMPLES = """\
examples:
  python -m fer.explore                          synthetic faces, nothing to download
  python -m fer.explore --data fer2013.csv       the real ones
  python -m fer.explore --data archive.zip --out my_folder
"""


def run(data: FerDataset, out: str | os.PathLike[str] = "explore") -> tuple[Path, Survey]:
    """Look at a data set, write the files that the module lists, and return their folder and the numbers.

    Raises:
        OSError: a file cannot be written.
    """
    result = survey(data)
    folder = runs.create(out).folder
    outputs.write_text(folder / "summary.txt", result.to_text(data.name))
    outputs.write_json(folder / "summary.json", {"data": data.name, **result.to_dict()})
    _write_tables(folder, result)
    _write_figures(folder, data, result)
    return folder, result


def _write_figures(folder: Path, data: FerDataset, result: Survey) -> None:
    train = data.train
    overall = train.images.mean(axis=0)
    figures = {
        "classes": plots.class_bars(data.splits(), data.name),
        "examples": plots.examples(train, title=f"{data.name}: training faces"),
        "mean_faces": plots.mean_faces(
            mean_faces(train.images, train.labels, len(train.classes)),
            overall,
            f"{data.name}: mean training faces",
            train.classes,
        ),
        "histogram": plots.gray_values(result.histogram, f"{data.name}: gray values of the pixels"),
    }
    for name, figure in figures.items():
        outputs.write_figure(folder / f"{name}.png", figure)


def _write_tables(folder: Path, result: Survey) -> None:
    classes = [printable(name) for name in result.classes]
    outputs.write_csv(
        folder / "classes.csv",
        ("split", *classes),
        [(name, *counts.tolist()) for name, counts in result.counts.items()],
    )
    outputs.write_csv(
        folder / "histogram.csv",
        ("gray value", *result.histogram),
        zip(range(256), *(pixels.tolist() for pixels in result.histogram.values())),
    )
    outputs.write_csv(
        folder / "copies.csv",
        ("image", "split", "row", "emotion", "labels agree"),
        [
            (number, face.split, face.row, face.emotion, "no" if group in result.conflicts else "yes")
            for number, group in enumerate(result.copies)
            for face in group
        ],
    )
    outputs.write_csv(
        folder / "blank.csv",
        ("split", "row", "emotion"),
        [(face.split, face.row, face.emotion) for face in result.blank],
    )


def load(path: str | os.PathLike[str] | None, labels: str | os.PathLike[str] | None = None) -> FerDataset:
    """Return the faces at ``path``, else those that FER2013_DATA names, else
    synthetic ones, with a printed note; with ``labels``, those of FER+.
    """
    if path is not None or os.environ.get(dataset.ENV_VARIABLE):
        return dataset.load(path, labels=labels)
    if labels is not None:
        raise BadInput(f"--labels {labels}: they are for FER2013's faces; give these with --data fer2013.csv")
    print(
        "No data given: these are synthetic faces, drawn by code in the form of "
        f"FER2013.\n{dataset.WHERE_TO_GET}.\n",
        flush=True,
    )
    return synthetic.load()


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "explore",
        "[--data PATH] [--labels FILE] [--out FOLDER]",
        "Look at a data set: faces of each emotion, mean faces, gray values, copies, wrong labels.",
        EXAMPLES,
    )
    result.add_argument(
        "--data",
        metavar="PATH",
        help=f"fer2013.csv, its folder or archive (default: ${dataset.ENV_VARIABLE}, else synthetic faces)",
    )
    result.add_argument("--labels", **ferplus.option())
    result.add_argument(
        "--out",
        metavar="FOLDER",
        default="explore",
        help="where the numbered folder is created (default: %(default)s)",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with errors.one_line("fer.explore"):
        arguments = parser().parse_args(argv)
        data = load(arguments.data, arguments.labels)
        say(*data.notes)
        folder, result = run(data, arguments.out)
        print(result.to_text(data.name))
        say(outputs.listing(folder))


if __name__ == "__main__":
    main()
