"""Ask a trained network about faces: ``python -m fer.predict photo.jpg``, or ``runs/003 photo.jpg`` for your own.

What is written, into a new folder predictions/001, predictions/002, …:

    photo.png                              the picture and its probabilities as bars; with --explain, where the network
                                           looked. Rows of a table and samples stand on sheets of twelve
    predictions.csv  predictions.json      source, emotion, probabilities, and the true emotion where it is known
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from fer import errors, outputs, runs
from fer.data import dataset, detect, sources, synthetic
from fer.data.sources import Face, Found
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.networks import inference
from fer.networks.inference import Trained
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_figures

DRAWN = 24
PHOTO = 96  # pixels: what is larger may show more than a face
SPLITS = ("test", "validation", "train")  # where a sample comes from: the first that there is

EXAMPLES = """\
examples:
  python -m fer.predict photo.jpg                        any picture; its middle square is taken
  python -m fer.predict party.jpg --detect               each face in it
  python -m fer.predict runs/003 photo.jpg               by a network of your own; runs: by your newest
  python -m fer.predict runs/003 holiday/ --json -       all pictures in a folder; JSON to the terminal
  python -m fer.predict runs/003 test.csv --csv out.csv  the rows of a table
  python -m fer.predict runs/003 --sample 9 --explain    nine random test faces, and where the network looked
"""


def sample(trained: Trained, count: int, seed: int, data: str | os.PathLike[str] | None = None) -> list[Face]:
    """Return ``count`` random faces: test rows, or else validation rows, or else training's.

    They come from ``data``, or what the run was trained on, or else FER2013_DATA, or else synthetic faces.
    """
    known = data is not None or trained.config or os.environ.get(dataset.VARIABLE)
    faces = trained.data(data) if known else synthetic.load()
    splits = faces.splits()
    name = next(name for name in SPLITS if name in splits)
    split = splits[name]
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:count]).tolist()
    source = f"{faces.name}, {name}"
    return [Face(split.images[row], source, row, int(split.labels[row]), is_row=True) for row in rows]


# ---- tables ---------------------------------------------------------------------------------------------------------


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return a row a face: where it is from, predicted and true emotion, the probabilities."""
    header = ("source", "row", "face", "true", "emotion", *EMOTIONS)
    rows = []
    for prediction in predictions:
        values = prediction.to_dict()
        shares = [f"{share:.9g}" for share in prediction.probabilities.values()]
        rows.append([*(values.get(name, "") for name in header[:5]), *shares])
    return outputs.csv_text(header, rows)


def to_json(predictions: Sequence[Prediction], found: Found, model: str, tta: str) -> str:
    """Return everything as JSON: which network, its predictions, what was skipped and why."""
    return outputs.json_text(
        {
            "model": model,
            "tta": tta,
            "predictions": [prediction.to_dict() for prediction in predictions],
            "skipped": [{"source": source, "reason": reason} for source, reason in found.skipped],
        }
    )


# ---- the command ----------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="fer.predict",
        usage="python -m fer.predict [RUN] IMAGE|FOLDER|CSV ... [--sample N] [options]",
        description="Ask a trained network which emotion faces show.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "paths",
        metavar="RUN IMAGE|FOLDER|CSV",
        nargs="*",
        help="a run's folder, a model (.npz), vgg or tiny (default: vgg, which comes with fer); pictures, folders of "
        "pictures, or tables in FER2013's forms, also without labels",
    )
    add("--sample", type=int, metavar="N", help="N random test faces of the data that the run was trained on")
    add("--seed", type=int, metavar="N", help="of the sample (default: another one each time)")
    add("--data", metavar="PATH", help="where the sample is drawn from, if not from the run's data")
    add("--detect", action="store_true", help="find the faces in pictures; needs OpenCV")
    add("--explain", action="store_true", help="draw where the network looked: Grad-CAM and input gradient")
    add(
        "--tta",
        choices=inference.TTA,
        default="none",
        help="flip: the mean of the answers to the face and to its mirror image (default: %(default)s)",
    )
    add(
        "--model",
        choices=inference.MODELS,
        default="best",
        help="of the run's best epoch or its last (default: %(default)s)",
    )
    add("--json", metavar="FILE", help="write the predictions to this new file too; - is the terminal")
    add("--csv", metavar="FILE", help="the same, as CSV")
    add(
        "--figures",
        type=int,
        metavar="N",
        default=DRAWN,
        help="draw the first N faces at most (default: %(default)s)",
    )
    add(
        "--out",
        metavar="FOLDER",
        default="predictions",
        help="where the numbered folder is made (default: %(default)s)",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line if nothing could be predicted."""
    arguments = parser().parse_args(argv)
    with errors.one_line("fer.predict"):
        _check(arguments)
        _predict(arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what would fail later, before any work is done."""
    if not arguments.paths and arguments.sample is None:
        raise BadInput("nothing to predict: give pictures, folders or a CSV, or --sample 9")
    for name, least in (("sample", 1), ("seed", 0), ("figures", 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise BadInput(f"--{name} {value}: expected {least} or more")
    if arguments.json == arguments.csv == "-":
        raise BadInput("--json - and --csv -: expected at most one of them on the terminal")
    for name in (arguments.json, arguments.csv):
        if name not in (None, "-") and Path(name).exists():
            raise BadInput(f"{name} exists already, and nothing is overwritten: give another name")
        if name not in (None, "-") and not Path(name).parent.is_dir():
            raise BadInput(f"{name}: there is no folder {Path(name).parent}; make it first")
    if arguments.detect:
        detect.require()


def _predict(arguments: argparse.Namespace) -> None:
    run, paths = _run_and_paths(arguments.paths, arguments.sample is not None)
    trained = inference.open_run(run, arguments.model)
    # Where a table goes to the terminal, it is all that does: what is for people goes to the error stream.
    people = sys.stderr if "-" in (arguments.json, arguments.csv) else sys.stdout
    lines = [f"Network: {trained.path}"]
    found, sampled = sources.gather(paths, arguments.detect), ""
    if arguments.sample is not None:
        seed = int(np.random.default_rng().integers(1_000_000)) if arguments.seed is None else arguments.seed
        faces = sample(trained, arguments.sample, seed, arguments.data)
        found.faces += faces
        sampled = faces[0].source
        lines.append(f"{len(faces)} random rows of {sampled}; --seed {seed} draws them again")
    _report_skipped(found)
    print("\n".join(lines), file=people)

    predictor = Predictor(trained.model, tta=arguments.tta)
    predictions = predictor.of(found.faces)
    tables = {
        "csv": to_csv(predictions),
        "json": to_json(predictions, found, str(trained.path), arguments.tta),
    }
    folder = runs.create(arguments.out).folder
    for form, text in tables.items():
        outputs.write_text(folder / f"predictions.{form}", text)
        chosen = getattr(arguments, form)
        if chosen == "-":
            print(text, end="")
        elif chosen is not None:
            outputs.write_text(Path(chosen), text)
    _print(predictions, people)
    if not arguments.detect and any(
        face.box is not None and min(face.box[2:]) > PHOTO for face in found.faces
    ):
        print(
            "Of each picture the middle square was taken; where the face is only a part of it: --detect",
            file=people,
        )
    some = predictions[: arguments.figures]
    prediction_figures.write(folder, predictor, some, arguments.explain, sampled)
    if len(predictions) > arguments.figures:
        print(
            f"Drew the first {arguments.figures} of {len(predictions)} faces; --figures N draws more.",
            file=people,
        )
    print(f"In {folder}: {', '.join(sorted(child.name for child in folder.iterdir()))}", file=people)


def _run_and_paths(paths: Sequence[str], sampled: bool) -> tuple[str, Sequence[str]]:
    """Tell the run, if one is named, from what is to be predicted; without a name it is the one that comes with fer."""
    if not paths or not (inference.is_run(paths[0]) or (sampled and len(paths) == 1)):
        # A run's name that is misspelt must not become a picture that is skipped.
        if paths and not Path(paths[0]).exists():
            raise BadInput(
                f"{paths[0]} does not exist: expected a run's folder, or a picture, folder or table"
            )
        return inference.IN_THE_BOX[0], paths
    if len(paths) == 1 and not sampled:
        raise BadInput(f"nothing to predict with {paths[0]}: give pictures, folders or a CSV, or --sample 9")
    return paths[0], paths[1:]


def _report_skipped(found: Found) -> None:
    if not found.faces and len(found.skipped) == 1:
        raise BadInput(found.skipped[0][1])
    for _, reason in found.skipped:
        print(f"skipped: {reason}", file=sys.stderr)
    if not found.faces:
        raise BadInput(f"none of these {len(found.skipped)} files could be used")


def _print(predictions: Sequence[Prediction], people: TextIO) -> None:
    width = max(len(prediction.face.name) for prediction in predictions)
    for prediction in predictions:
        label = prediction.face.label
        true = "" if label is None else f"   (true: {EMOTIONS[label]})"
        print(f"{prediction.face.name:<{width}}  {prediction}{true}", file=people)
    known = [each for each in predictions if each.face.label is not None]
    if known:
        right = sum(each.emotion == EMOTIONS[each.face.label or 0] for each in known)
        print(f"{right} of {len(known)} as labelled", file=people)


if __name__ == "__main__":
    main()
