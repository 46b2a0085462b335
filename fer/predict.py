"""Predict the emotion of faces: ``python -m fer.predict photo.jpg``, or ``runs/003
photo.jpg`` for your own network.

The files go to a new folder predictions/001, predictions/002, …:

    photo.png                              the picture and its probabilities as bars; with --explain, which pixels the
                                           prediction depends on. Rows of a table and samples: 12 in a figure
    photo_faces.jpg                        with --detect: the photograph at its own size, with a box around each face
    video_1_clip.mp4 .csv .png             of a video: a copy with boxes, a table, the emotions over time
    predictions.csv  predictions.json      source, emotion, box, probabilities, and the true emotion if it is known
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import argparse
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from fer import errors, outputs, runs, video
from fer.command_line import new_parser
from fer.data import dataset, detect, sources, synthetic, video_files
from fer.data.detect import Detector
from fer.data.sources import Face, LoadedFaces
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.networks import inference, predict_times
from fer.networks.inference import TrainedNetwork
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_figures
from fer.reports.prediction_tables import to_csv, to_json
from minicnn.terminal import NAME, printable, say

CHUNK = 256  # faces predicted at once
MANY = 20  # pictures, from which on a bar shows the progress
_NO_PIXELS = np.empty((0, 0), np.uint8)
MAX_DRAWN = 24  # faces in figures, unless --figures says otherwise
PHOTO_SIDE = 96  # pixels; a larger picture may show more than a face
SAMPLE_SPLITS = ("test", "validation", "train")  # a sample comes from the first of these that the data have

EXAMPLES = """\
examples:
  python -m fer.predict photo.jpg                        any picture; its middle square is taken
  python -m fer.predict party.jpg --detect               each face in it
  python -m fer.predict clip.mp4 --every 5               a video; faces are searched in every fifth frame
  python -m fer.predict runs/003 photo.jpg               with your own network; runs: with your newest
  python -m fer.predict runs/003 holiday/ --json -       all pictures in a folder; JSON to the terminal
  python -m fer.predict runs/003 test.csv --csv out.csv  the rows of a table
  python -m fer.predict runs/003 --sample 9 --explain    nine random test faces, and which pixels count
"""


def sample(
    trained: TrainedNetwork, count: int, seed: int, data: str | os.PathLike[str] | None = None
) -> list[Face]:
    """Return ``count`` random faces of the test rows; without any, of the validation or the training rows.

    They come from ``data``, else from the run's own data, else from FER2013_DATA, else they are synthetic.
    """
    known = data is not None or trained.config or os.environ.get(dataset.ENV_VARIABLE)
    faces = trained.data(data) if known else synthetic.load()
    splits = faces.splits()
    name = next(name for name in SAMPLE_SPLITS if name in splits)
    split = splits[name]
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:count]).tolist()
    source = f"{faces.name}, {name}"
    return [
        Face(split.images[row], source, row, int(split.labels[row]), is_row=True, classes=split.classes)
        for row in rows
    ]


# ---- the command ----


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = new_parser(
        "predict",
        "[RUN] IMAGE|VIDEO|FOLDER|CSV ... [--sample N] [options]",
        "Predict which emotion faces show, with a trained network.",
        EXAMPLES,
    )
    add = result.add_argument
    add(
        "paths",
        metavar="RUN IMAGE|VIDEO|FOLDER|CSV",
        nargs="*",
        help="a run's folder, a model (.npz), vgg or tiny (default: vgg, which comes with fer); pictures, videos, "
        "folders of them, or tables in FER2013's forms, also without labels",
    )
    add("--sample", type=int, metavar="N", help="N random test faces of the data that the run was trained on")
    add("--seed", type=int, metavar="N", help="of the sample (default: a new one each time)")
    add("--data", metavar="PATH", help="the data to sample from (default: the run's)")
    add(
        "--detect",
        metavar="mtcnn|haar|yunet=FILE",
        help="find the faces in pictures; needs OpenCV (default where nothing follows: mtcnn if it is installed, "
        "else haar). In videos faces are always searched",
    )
    add("--min-face", type=int, metavar="PIXELS", help="with --detect: the least side of a face")
    add("--min-score", type=float, metavar="SCORE", help="with --detect: the least score, 0 to 1")
    add("--every", type=int, default=1, metavar="N", help="search every N-th frame of a video (default: 1)")
    add(
        "--explain",
        action="store_true",
        help="draw which pixels a prediction depends on: Grad-CAM and input gradient",
    )
    add(
        "--tta",
        choices=inference.TTA,
        default="none",
        help="flip: the mean of the probabilities for the face and its mirror image (default: %(default)s)",
    )
    add(
        "--model",
        choices=inference.MODELS,
        default="best",
        help="of the run's best epoch or its last one (default: %(default)s)",
    )
    add("--json", metavar="FILE", help="also write the predictions to this new file; - is the terminal")
    add("--csv", metavar="FILE", help="the same, as CSV")
    add(
        "--figures",
        type=int,
        metavar="N",
        default=MAX_DRAWN,
        help="draw at most the first N faces (default: %(default)s)",
    )
    add(
        "--out",
        metavar="FOLDER",
        default="predictions",
        help="where the numbered folder is created (default: %(default)s)",
    )
    add("--quiet", action="store_true", help="print errors only")
    add("--time", action="store_true", help="measure what a frame of 640x480 pixels takes, and write nothing")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line if nothing could be predicted."""
    with errors.one_line("fer.predict"):
        arguments = parser().parse_intermixed_args(_detect_alone(sys.argv[1:] if argv is None else argv))
        _check(arguments)
        _predict(arguments)


def _detect_alone(argv: Sequence[str]) -> list[str]:
    """Return the arguments in which a --detect that no detector follows is ``--detect=auto``."""
    names = [each.partition("=")[0] for each in [*argv[1:], ""]]
    alone = [word == "--detect" and name not in detect.NAMES for word, name in zip(argv, names)]
    return ["--detect=auto" if each else word for word, each in zip(argv, alone)]


def _detector(arguments: argparse.Namespace) -> Detector:
    """Return the detector that the arguments describe.

    Raises:
        BadInput: there is none of this name; a size or score cannot be used.
    """
    name, _, model = (arguments.detect or "").partition("=")
    if name not in ("", "auto", *detect.NAMES):
        raise BadInput(f"--detect {name}: expected one of {', '.join(detect.NAMES)}")
    return Detector("" if name == "auto" else name, arguments.min_face, arguments.min_score, model or None)


def _check(arguments: argparse.Namespace) -> None:
    """Check the arguments before any work is done.

    Raises:
        BadInput: one of them cannot be used.
    """
    if not arguments.paths and arguments.sample is None and not arguments.time:
        raise BadInput("nothing to predict: give pictures, folders or a CSV, or --sample 9")
    for name, least in (("sample", 1), ("seed", 0), ("figures", 0), ("every", 1), ("min_face", 1)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise BadInput(f"--{name.replace('_', '-')} {value}: expected {least} or more")
    if arguments.json == arguments.csv == "-":
        raise BadInput("--json - and --csv -: expected at most one of them on the terminal")
    for name in (arguments.json, arguments.csv):
        if name not in (None, "-") and os.path.lexists(name):
            raise BadInput(f"{name} exists already and is not overwritten: give another name")
        if name not in (None, "-") and not Path(name).parent.is_dir():
            raise BadInput(f"{name}: there is no folder {Path(name).parent}; create it first")
    if None not in (arguments.json, arguments.csv) and os.path.abspath(arguments.json) == os.path.abspath(
        arguments.csv
    ):
        raise BadInput(f"--json {arguments.json} and --csv {arguments.csv}: expected two files")
    if arguments.min_score is not None and not 0 <= arguments.min_score <= 1:
        raise BadInput(f"--min-score {arguments.min_score}: expected a number from 0 to 1")
    detector = _detector(arguments)
    if arguments.detect:
        detect.check_installed(detector)


def _predict(arguments: argparse.Namespace) -> None:
    run, paths = _split_run_and_paths(arguments.paths, arguments.sample is not None or arguments.time)
    trained = inference.open_run(run, arguments.model)
    predictor = Predictor(trained.model, tta=arguments.tta, detector=_detector(arguments))
    # If a table goes to the terminal, nothing else does: the messages go to the error stream.
    messages: TextIO = sys.stderr if "-" in (arguments.json, arguments.csv) else sys.stdout
    if arguments.quiet:
        messages = io.StringIO()
    lines = [f"Network: {trained.path}"]
    if arguments.time:
        picture = sources.open_picture(paths[0], whole=True) if paths else None
        say(*lines, *predict_times.lines(predictor, picture), file=messages)
        return
    loaded, sampled = LoadedFaces(), ""
    files = sources.list_files(paths, loaded, arguments.out)
    clips = [file for file in files if file.suffix.lower() in video_files.SUFFIXES]
    clips = [clip for clip in clips if _is_readable(clip, loaded)]
    predictions = _in_files(files, loaded, predictor, arguments)
    if arguments.sample is not None:
        seed = int(np.random.default_rng().integers(1_000_000)) if arguments.seed is None else arguments.seed
        faces = sample(trained, arguments.sample, seed, arguments.data)
        predictions += predictor.of(faces)
        sampled = faces[0].source
        lines.append(f"{len(faces)} random rows of {sampled}; --seed {seed} draws them again")
    _report_skipped(loaded, bool(predictions or clips or loaded.without))
    say(*lines, *(f"{printable(name, NAME)}: no face was found" for name in loaded.without), file=messages)

    tables = {
        "csv": to_csv(predictions),
        "json": to_json(predictions, loaded, str(trained.path), arguments.tta),
    }
    folder = runs.create(arguments.out).folder
    for form, text in tables.items():
        outputs.write_text(folder / f"predictions.{form}", text)
        chosen = getattr(arguments, form)
        if chosen == "-":
            print(text, end="")
        elif chosen is not None:
            outputs.write_text(Path(chosen), text)
    _print(predictions, messages)
    boxes = [each.face.box for each in predictions if each.face.box is not None]
    if not arguments.detect and any(min(box.width, box.height) > PHOTO_SIDE for box in boxes):
        say(
            "The middle square of each picture was used; if the face is only a part of it: --detect",
            file=messages,
        )
    some = predictions[: arguments.figures]
    prediction_figures.write(folder, predictor, some, arguments.explain, sampled)
    if len(predictions) > arguments.figures:
        say(
            f"Drew the first {arguments.figures} of {len(predictions)} faces; --figures N draws more.",
            file=messages,
        )
    for number, clip in enumerate(clips, 1):
        stem = f"video_{number}_{outputs.file_name(clip.stem)}"
        count = video.record(clip, predictor, folder, stem, arguments.every, arguments.quiet)
        say(f"{printable(clip, NAME)}: {count} frames", file=messages)
    say(outputs.listing(folder), file=messages)


def _in_files(
    files: Sequence[Path], loaded: LoadedFaces, predictor: Predictor, arguments: argparse.Namespace
) -> list[Prediction]:
    """Return the predictions of the faces in pictures and tables.

    They are made for CHUNK faces at a time, and only those that are drawn keep their face's pixels.
    """
    predictions: list[Prediction] = []
    waiting: list[Face] = []

    def predict_waiting() -> None:
        for prediction in predictor.of(waiting):
            if len(predictions) >= arguments.figures:
                prediction = replace(prediction, face=replace(prediction.face, image=_NO_PIXELS))
            predictions.append(prediction)
        waiting.clear()

    pictures = [file for file in files if file.suffix.lower() not in video_files.SUFFIXES]
    few = arguments.quiet or len(pictures) < MANY
    for file in tqdm(pictures, unit="picture", leave=False, disable=True if few else None):
        waiting += sources.load_file(file, loaded, predictor.detector if arguments.detect else None)
        if len(waiting) >= CHUNK:
            predict_waiting()
    predict_waiting()
    return predictions


def _is_readable(clip: Path, loaded: LoadedFaces) -> bool:
    """Return whether a file is a video; if not, note why."""
    try:
        with video_files.opened(clip):
            return True
    except (BadInput, OSError) as error:
        loaded.skipped.append((str(clip), errors.message(error)))
        return False


def _split_run_and_paths(paths: Sequence[str], sampled: bool) -> tuple[str, Sequence[str]]:
    """Return the run and what is to be predicted; if no run is named, it is the
    network that comes with fer.
    """
    if not paths or not (inference.is_run(paths[0]) or (sampled and len(paths) == 1)):
        # A misspelt name of a run must not be taken for a picture, and skipped.
        if paths and not Path(paths[0]).exists():
            raise BadInput(
                f"{paths[0]} does not exist: expected a run's folder, or a picture, folder or table"
            )
        return inference.BUNDLED[0], paths
    if len(paths) == 1 and not sampled:
        raise BadInput(f"nothing to predict with {paths[0]}: give pictures, folders or a CSV, or --sample 9")
    return paths[0], paths[1:]


def _report_skipped(loaded: LoadedFaces, some: bool) -> None:
    if not some and len(loaded.skipped) == 1:
        raise BadInput(loaded.skipped[0][1])
    for _, reason in loaded.skipped:
        say(f"skipped: {reason}", file=sys.stderr)
    if not some:
        raise BadInput(f"none of these {len(loaded.skipped)} files could be used")


def _print(predictions: Sequence[Prediction], messages: TextIO) -> None:
    names = [printable(prediction.face.name, NAME) for prediction in predictions]
    width = max(map(len, names), default=0)
    for name, prediction in zip(names, predictions):
        label = prediction.face.true
        true = "" if label is None else f"   (true: {label})"
        score = "" if prediction.face.score is None else f"   (score {prediction.face.score:.2f})"
        say(f"{name:<{width}}  {prediction}{score}{true}", file=messages)
    known = [each for each in predictions if each.face.label is not None]
    if known:
        right = sum(indices_in([each.emotion], [each.face.true or ""]) == [0] for each in known)
        say(f"{right} of {len(known)} are as labelled", file=messages)


if __name__ == "__main__":
    main()
