"""Look at a data set before training on it: ``python -m fer.explore --data fer2013.csv``.

What is written, into a new folder explore/001, explore/002, …:

    summary.txt  summary.json          the numbers
    classes.png  classes.csv           how many faces each emotion has
    examples.png                       some of each, drawn at random
    mean_faces.png                     each emotion's mean face, and how it differs from the mean of all
    histogram.png  histogram.csv       how often each gray value occurs
    copies.csv                         images that occur more than once, and whether their labels agree
    blank.csv                          images of one gray value all over
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from fer import errors, outputs, runs
from fer.data import dataset, synthetic
from fer.data.dataset import FerDataset
from fer.emotions import EMOTIONS
from fer.reports import plots
from fer.reports.survey import Survey, mean_faces, survey

EXAMPLES = """\
examples:
  python -m fer.explore                          synthetic faces, nothing to download
  python -m fer.explore --data fer2013.csv       the real ones
  python -m fer.explore --data archive.zip --out looked_at
"""


def run(data: FerDataset, out: str | os.PathLike[str] = "explore") -> tuple[Path, Survey]:
    """Look at a data set, write what the module's text lists, and return the folder and the numbers.

    Raises:
        OSError: a file cannot be written.
    """
    found = survey(data)
    folder = runs.create(out).folder
    outputs.write_text(folder / "summary.txt", found.to_text(data.name))
    outputs.write_json(folder / "summary.json", {"data": data.name, **found.to_dict()})
    _write_tables(folder, found)
    _write_figures(folder, data, found)
    return folder, found


def _write_figures(folder: Path, data: FerDataset, found: Survey) -> None:
    train = data.train
    overall = train.images.mean(axis=0)
    figures = {
        "classes": plots.class_bars(data.splits(), data.name),
        "examples": plots.examples(train, title=f"{data.name}: training faces"),
        "mean_faces": plots.mean_faces(
            mean_faces(train.images, train.labels), overall, f"{data.name}: mean training faces"
        ),
        "histogram": plots.gray_values(found.histogram, f"{data.name}: gray values of the pixels"),
    }
    for name, figure in figures.items():
        outputs.write_figure(folder / f"{name}.png", figure)


def _write_tables(folder: Path, found: Survey) -> None:
    outputs.write_csv(
        folder / "classes.csv",
        ("split", *EMOTIONS),
        [(name, *counts.tolist()) for name, counts in found.counts.items()],
    )
    outputs.write_csv(
        folder / "histogram.csv",
        ("gray value", *found.histogram),
        zip(range(256), *(pixels.tolist() for pixels in found.histogram.values())),
    )
    outputs.write_csv(
        folder / "copies.csv",
        ("image", "split", "row", "emotion", "labels agree"),
        [
            (number, place.split, place.row, place.emotion, "no" if group in found.conflicts else "yes")
            for number, group in enumerate(found.copies)
            for place in group
        ],
    )
    outputs.write_csv(
        folder / "blank.csv",
        ("split", "row", "emotion"),
        [(place.split, place.row, place.emotion) for place in found.blank],
    )


def load(path: str | os.PathLike[str] | None) -> FerDataset:
    """Return the faces at ``path``, or those that FER2013_DATA names, or synthetic ones, and say so."""
    if path is not None or os.environ.get(dataset.VARIABLE):
        return dataset.load(path)
    print(
        f"No data given: these are synthetic faces, drawn by code in the form of FER2013.\n{dataset.WHERE_TO_GET}.\n",
        flush=True,
    )
    return synthetic.load()


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="fer.explore",
        usage="python -m fer.explore [--data PATH] [--out FOLDER]",
        description="Look at a data set: faces of each emotion, mean faces, gray values, copies, wrong labels.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data",
        metavar="PATH",
        help=f"fer2013.csv, its directory or archive (default: ${dataset.VARIABLE}, or else synthetic faces)",
    )
    result.add_argument(
        "--out",
        metavar="FOLDER",
        default="explore",
        help="where the numbered folder is made (default: %(default)s)",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    arguments = parser().parse_args(argv)
    with errors.one_line("fer.explore"):
        data = load(arguments.data)
        for note in data.notes:
            print(note)
        folder, found = run(data, arguments.out)
        print(found.to_text(data.name))
        print(f"In {folder}: {', '.join(sorted(child.name for child in folder.iterdir()))}")


if __name__ == "__main__":
    main()
