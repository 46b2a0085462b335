"""Predict the emotion of faces: ``python -m fer.predict photo.jpg``; ``runs/003 photo.jpg`` for your network.

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
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np
from tqdm import tqdm

from fer import errors, outputs, runs, video
from fer.command_line import new_parser
from fer.data import detect, pictures, sources, video_files
from fer.data.detect import Detector
from fer.data.sources import Face, LoadedFaces
from fer.errors import BadInput
from fer.networks import chosen_faces, inference, predict_times, views
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_figures, prediction_tables
from fer.reports.prediction_lines import Lines
from minicnn.terminal import NAME, printable, say

CHUNK = 256  # faces predicted at once
MANY = 20  # pictures, from which on a bar shows the progress
MAX_DRAWN = 24  # faces in figures, unless --figures says otherwise

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
        help="draw which pixels a prediction depends on: HiResCAM, occlusion, input gradient",
    )
    add("--tta", choices=views.TTA, default="none", help=views.HELP)
    add("--model", **inference.option())
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
    """Return the arguments in which a --detect that no detector follows is ``--detect=auto``.

    A word that is nothing else either, such as a misspelt name, is a detector's.
    """
    following = [*argv[1:], ""]
    alone = [word == "--detect" and not _may_be_detector(name) for word, name in zip(argv, following)]
    return ["--detect=auto" if each else word for word, each in zip(argv, alone)]


def _may_be_detector(word: str) -> bool:
    if word.partition("=")[0] in detect.NAMES:
        return True
    return word.isalnum() and not Path(word).exists() and not inference.is_run(word)


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
        picture = pictures.open_picture(paths[0], whole=True) if paths else None
        say(*lines, *predict_times.lines(predictor, picture), file=messages)
        return
    loaded, sampled = LoadedFaces(), ""
    files = sources.list_files(paths, loaded, arguments.out)
    clips = [file for file in files if file.suffix.lower() in video_files.SUFFIXES]
    clips = [clip for clip in clips if _is_readable(clip, loaded)]
    parts = _in_files(files, loaded, predictor, arguments)
    if arguments.sample is not None:
        seed = int(np.random.default_rng().integers(1_000_000)) if arguments.seed is None else arguments.seed
        faces = chosen_faces.sample(trained, arguments.sample, seed, arguments.data)
        parts = itertools.chain(parts, [predictor.of(faces)])
        sampled = faces[0].source
        lines.append(f"{len(faces)} random rows of {sampled}; --seed {seed} draws them again")
    first = next(parts, [])
    if not (first or clips or loaded.without):
        _refuse(loaded)
    say(*lines, file=messages)
    folder = runs.create(arguments.out).folder
    printed = Lines(messages, arguments.figures)
    network = {"model": str(trained.path), "tta": arguments.tta}
    with prediction_tables.writing(folder, predictor.classes, network, loaded) as add:
        for part in itertools.chain([first], parts):
            with tqdm.external_write_mode(messages):
                printed.add(part)
            for prediction in part:
                add(prediction)
    say(*(f"skipped: {reason}" for _, reason in loaded.skipped), file=sys.stderr)
    say(*(f"{printable(name, NAME)}: no face was found" for name in loaded.without), file=messages)
    printed.end(found=bool(arguments.detect))
    for form in ("csv", "json"):
        outputs.copy(folder / f"predictions.{form}", getattr(arguments, form))
    prediction_figures.write(folder, predictor, printed.kept, arguments.explain, sampled)
    if printed.faces > arguments.figures:
        drawn = f"Drew the first {arguments.figures} of {printed.faces} faces; --figures N draws more."
        say(drawn, file=messages)
    for number, clip in enumerate(clips, 1):
        stem = f"video_{number}_{outputs.file_name(clip.stem)}"
        count = video.record(clip, predictor, folder, stem, arguments.every, arguments.quiet)
        say(f"{printable(clip, NAME)}: {count} frames", file=messages)
    say(outputs.listing(folder), file=messages)


def _in_files(
    files: Sequence[Path], loaded: LoadedFaces, predictor: Predictor, arguments: argparse.Namespace
) -> Iterator[list[Prediction]]:
    """Yield the predictions of the faces in pictures and tables, of about CHUNK faces at a time."""
    waiting: list[Face] = []
    pictures = [file for file in files if file.suffix.lower() not in video_files.SUFFIXES]
    few = arguments.quiet or len(pictures) < MANY
    for file in tqdm(pictures, unit="picture", leave=False, disable=True if few else None):
        waiting += sources.load_file(file, loaded, predictor.detector if arguments.detect else None)
        while len(waiting) >= CHUNK:
            yield predictor.of(waiting[:CHUNK])
            del waiting[:CHUNK]
    if waiting:
        yield predictor.of(waiting)


def _is_readable(clip: Path, loaded: LoadedFaces) -> bool:
    """Return whether a file is a video; if not, note why."""
    try:
        with video_files.opened(clip):
            return True
    except (BadInput, OSError) as error:
        loaded.skipped.append((str(clip), errors.message(error)))
        return False


def _split_run_and_paths(paths: Sequence[str], sampled: bool) -> tuple[str, Sequence[str]]:
    """Return the run and what is to be predicted; without a name, the network that comes with fer."""
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


def _refuse(loaded: LoadedFaces) -> NoReturn:
    """Say of each file why it cannot be used.

    Raises:
        BadInput: always.
    """
    if len(loaded.skipped) == 1:
        raise BadInput(loaded.skipped[0][1])
    say(*(f"skipped: {reason}" for _, reason in loaded.skipped), file=sys.stderr)
    raise BadInput(f"none of these {len(loaded.skipped)} files could be used")


if __name__ == "__main__":
    main()
