"""Put trained networks side by side, on the same faces: ``python -m fer.compare runs/001 runs/002``.

The files go to a new folder comparisons/001, comparisons/002, …:

    comparison.txt  comparison.json    accuracy with its standard error; of each pair, whether the difference may
                                       be luck (McNemar's test)
    accuracies.png                     the accuracies, with two standard errors to each side
    curves.png                         the validation curves of the runs over each other
    differences.png  differences.csv   faces on which the networks differ in being right
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fer import errors, outputs, runs
from fer.command_line import new_parser
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.networks import chosen_faces, inference
from fer.networks.inference import TrainedNetwork
from fer.reports import comparison
from fer.reports.comparison import Pair
from minicnn.terminal import printable, say

MAX_FACES = 24  # in a figure
EXAMPLES = """\
examples:
  python -m fer.compare runs/001 runs/002                    on the test rows of the first one's data
  python -m fer.compare vgg runs/001 --data my_pictures/     on your own pictures
  python -m fer.compare runs/001 runs/002 --split validation
"""


def run(
    networks: Sequence[str | os.PathLike[str]],
    data: str | os.PathLike[str] | None = None,
    split: str | None = None,
    tta: str = "none",
    which: str = "best",
    out: str | os.PathLike[str] = "comparisons",
    detect: str | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> tuple[Path, list[Pair]]:
    """Compare networks, write the files that the module lists, and return their folder and the pairs.

    Args:
        networks: two or more; each a run's folder, a model's file, "vgg" or "tiny".
        data: as for ``evaluate.run``; None: the data that the first one was trained on.
        split: likewise.
        tta: likewise.
        which: "best" or "last", of each run's models.
        out: the folder in which a numbered folder is created.
        detect: as for ``evaluate.run``.
        labels: likewise.

    Raises:
        BadInput: there are fewer than two networks, one is named twice, or one or the data cannot be used.
        OSError: a file cannot be read or written.
    """
    names = [os.fspath(network) for network in networks]
    if len(names) < 2 or len(set(names)) < len(names):
        raise BadInput(f"networks={' '.join(names) or 'none'}: expected two or more different ones")
    short = [str(Path(*Path(name).parts[-2:])) for name in names]
    names = short if len(set(short)) == len(names) else names
    opened = {name: inference.open_run(network, which) for name, network in zip(names, networks)}
    first = opened[names[0]]
    faces, chosen, split = chosen_faces.faces_of(first, data, split, detect, labels)
    prints = {name: network.config.get("data", {}).get("fingerprint") for name, network in opened.items()}
    if (own := faces.fingerprint()) == prints[names[0]]:  # not data that are new to all of them
        for name in (name for name, its in prints.items() if its not in (None, own)):
            say(
                f"{name} was trained on other data: if these faces are among them, it looks better than it is."
            )
    known = np.all([_knows(network, chosen.classes)[chosen.labels] for network in opened.values()], axis=0)
    if not known.any():
        raise BadInput(f"{faces.name}: no face is of a class that all of these networks know")
    if not known.all():
        say(f"Left out {np.sum(~known)} faces of classes that not all of these networks know.")
    chosen = chosen.rows(known)
    right, said = {}, {}
    for name, network in opened.items():
        judged, _ = chosen.in_classes(network.classes)
        answers = inference.probabilities(network.model, judged.images, tta).argmax(axis=1)
        right[name] = answers == judged.labels
        said[name] = [network.classes[answer] for answer in answers]
    title = f"{faces.name}, {split}, {len(chosen)} faces"
    folder = runs.create(out).folder
    found = comparison.pairs(right)
    outputs.write_text(folder / "comparison.txt", comparison.to_text(title, right))
    facts = {
        "data": faces.name,
        "split": split,
        "faces": len(chosen),
        "accuracy": {name: float(good.mean()) for name, good in right.items()},
        "pairs": [
            {**asdict(pair), "difference": pair.difference, "standard_error": pair.standard_error}
            for pair in found
        ],
    }
    outputs.write_json(folder / "comparison.json", facts)
    outputs.write_figure(folder / "accuracies.png", comparison.accuracies(right, title))
    histories = {name: history for name, network in opened.items() if (history := _history(network))}
    if histories:
        outputs.write_figure(folder / "curves.png", comparison.curves(histories))
    true = [chosen.classes[label] for label in chosen.labels]
    _write_differences(folder, chosen.images, true, right, said, title)
    return folder, found


def _knows(network: TrainedNetwork, classes: Sequence[str]) -> np.ndarray:
    return np.array([place is not None for place in indices_in(classes, network.classes)])


def _write_differences(
    folder: Path,
    images: np.ndarray,
    true: Sequence[str],
    right: dict[str, np.ndarray],
    said: dict[str, list[str]],
    title: str,
) -> None:
    """Write the faces that some of the networks have right and others not; the true class's name is that of
    the network that has it right.
    """
    together = np.stack(list(right.values()))
    rows = np.flatnonzero(together.any(axis=0) & ~together.all(axis=0)).tolist()
    outputs.write_csv(
        folder / "differences.csv",
        ("row", "true", *(printable(name) for name in said)),
        [
            (row, printable(true[row]), *(printable(answers[row]) for answers in said.values()))
            for row in rows
        ],
    )
    if rows:
        some = np.sort(np.random.default_rng(0).permutation(rows)[:MAX_FACES]).tolist()
        # one network may call "Angry" what the data call "anger"
        answers = {
            name: [true[row] if right[name][row] else words[row] for row in some]
            for name, words in said.items()
        }
        text = f"{title}: {len(rows)} on which the networks differ in being right"
        figure = comparison.differing_faces(images[some], [true[row] for row in some], answers, text)
        outputs.write_figure(folder / "differences.png", figure)


def _history(network: TrainedNetwork) -> dict[str, list[float]]:
    """Return the validation results of a network's run, epoch by epoch; {} if there are none."""
    if network.folder is None or not (network.folder / runs.HISTORY).is_file():
        return {}
    path = network.folder / runs.HISTORY
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return {name: [float(row[name]) for row in rows] for name in ("val_loss", "val_accuracy")}
    except (ValueError, KeyError, TypeError, csv.Error):
        raise BadInput(f"{path} is not the history of a run, as python -m fer.train writes it") from None


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "compare",
        "RUN RUN ... [--data PATH] [--split NAME] [options]",
        "Put trained networks side by side: accuracy, curves, whether a difference may be luck, on which faces they "
        "differ.",
        EXAMPLES,
    )
    add = result.add_argument
    add("networks", metavar="RUN", nargs="+", help="a run's folder, a model (.npz), vgg or tiny")
    chosen_faces.add_options(result)
    add("--out", metavar="FOLDER", default="comparisons", help="where a numbered folder is created")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with errors.one_line("fer.compare"):
        folder, _ = run(**vars(parser().parse_args(argv)))
        print((folder / "comparison.txt").read_text(encoding="utf-8"))
        say(outputs.listing(folder))


if __name__ == "__main__":
    main()
