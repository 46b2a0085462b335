"""Which figures predictions get: one for each picture; for tables and samples, sheets of 12 faces."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from fer import outputs
from fer.data import sources
from fer.data.sources import Face
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_boxes, prediction_plots
from minicnn.terminal import printable

FACES_PER_SHEET = 12  # half as many with maps
CAPTION = 26  # characters of a file's name under a face
MAX_SIDE = 900  # pixels of a photograph's longer side in a figure


def write(
    folder: Path,
    predictor: Predictor,
    predictions: Sequence[Prediction],
    explain: bool = False,
    sample: str = "",
) -> None:
    """Draw predictions into a folder; of photographs in which faces were searched also a copy with boxes.

    Args:
        folder: where the PNG files go, named after the sources.
        predictor: which made the predictions.
        predictions: those of one source follow each other.
        explain: also draw which pixels each prediction depends on.
        sample: the source of a random sample; its sheets are called sample.png.
    """
    taken: set[str] = set()

    def unused(names: Iterator[str]) -> str:
        name = next(name for name in names if outputs.same_name(name) not in taken)
        taken.add(outputs.same_name(name))
        return name

    for source, drawn in figures(predictor, predictions, explain):
        stem = "sample" if source == sample else outputs.file_name(Path(source).stem)
        name = unused(stem if number == 1 else f"{stem}_{number}" for number in count(1))
        outputs.write_figure(folder / f"{name}.png", drawn)
    for source, together in groupby(predictions, lambda prediction: prediction.face.source):
        if content := annotated(source, list(together)):
            stem = outputs.file_name(Path(source).stem)
            name = unused(f"{stem}_faces{number or ''}" for number in count())
            outputs.write_bytes(folder / f"{name}.jpg", content)


def annotated(source: str, predictions: Sequence[Prediction]) -> bytes | None:
    """Return a JPEG of a photograph with its faces that were found, at its own size; None if none was searched."""
    if predictions[0].face.score is None:
        return None
    try:
        photo, scale = sources.load_photo(source, None)
    except (OSError, BadInput):  # the file may have been moved or changed meanwhile
        return None
    texts = [
        (each.face.box, f"{each.emotion} {each.confidence:.0%}") for each in predictions if each.face.box
    ]
    file = io.BytesIO()
    Image.fromarray(prediction_boxes.annotated(photo, texts, scale)).save(file, "JPEG", quality=92)
    return file.getvalue()


def figures(
    predictor: Predictor, predictions: Sequence[Prediction], explain: bool = False
) -> Iterator[tuple[str, Figure]]:
    """Yield (source, figure): one for a picture, and one for each 12 rows of a table."""
    for source, together in groupby(predictions, lambda prediction: prediction.face.source):
        group = list(together)
        size = FACES_PER_SHEET // 2 if explain else FACES_PER_SHEET
        for start in range(0, len(group), size):
            yield source, figure(predictor, group[start : start + size], explain)


def figure(predictor: Predictor, predictions: Sequence[Prediction], explain: bool = False) -> Figure:
    """Draw predictions of faces from one source; if it is a picture larger than the face, the picture too."""
    faces = [prediction.face for prediction in predictions]
    photo: np.ndarray | None = None
    frames: list[prediction_plots.Frame] = []
    if faces[0].box is not None:
        with suppress(OSError, BadInput):  # the file may have been moved or changed meanwhile
            photo, scale = sources.load_photo(faces[0].source, MAX_SIDE)
    if photo is not None:
        for face in faces:
            if face.box is not None:
                left, top, width, height = (length * scale for length in face.box)
                text = "" if face.number is None else str(face.number)
                frames.append((left, top, width, height, text))
        photo = None if photo.shape[:2] == faces[0].image.shape else photo
    maps = None
    if explain:
        explanations = [predictor.explain(prediction) for prediction in predictions]
        maps = [(each.hires_cam, each.occlusion, each.input_gradient) for each in explanations]
    classes = tuple(predictions[0].probabilities)
    return prediction_plots.predictions(
        [face.image for face in faces],
        np.array([list(prediction.probabilities.values()) for prediction in predictions]),
        [None if face.true is None else indices_in([face.true], classes)[0] for face in faces],
        [_caption(face, photo is not None) for face in faces],
        title=Path(faces[0].source).name if faces[0].is_row or photo is not None else "",
        maps=maps,
        photo=photo,
        frames=frames,
        classes=classes,
    )


def _caption(face: Face, cut_out: bool) -> str:
    if face.number is None:
        if face.score is not None and cut_out:
            return f"what the network sees\nscore {face.score:.2f}"
        return "what the network sees" if cut_out else printable(Path(face.source).name, CAPTION)
    score = "" if face.score is None else f", score {face.score:.2f}"
    return f"{'row' if face.is_row else 'face'} {face.number}{score}"
