"""Which figures a set of predictions gives: one for each picture, sheets for the rows of tables and for samples."""

from collections.abc import Iterator, Sequence
from itertools import count, groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fer import outputs
from fer.data import sources
from fer.data.sources import Face
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_plots

SHEET = 12  # faces; half as many with maps
LARGEST = 900  # pixels of a photograph's longer side in a figure


def write(
    folder: Path,
    predictor: Predictor,
    predictions: Sequence[Prediction],
    explain: bool = False,
    sample: str = "",
) -> None:
    """Draw predictions into a folder.

    Args:
        folder: where the PNG files go, named after the sources.
        predictor: whose predictions they are.
        predictions: those of one source together.
        explain: draw where the network looked, too.
        sample: the source that was a random sample; its sheets are called sample.png.
    """
    taken: set[str] = set()
    for source, drawn in figures(predictor, predictions, explain):
        stem = "sample" if source == sample else Path(source).stem
        names = (stem if number == 1 else f"{stem}_{number}" for number in count(1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        outputs.write_figure(folder / f"{name}.png", drawn)


def figures(
    predictor: Predictor, predictions: Sequence[Prediction], explain: bool = False
) -> Iterator[tuple[str, Figure]]:
    """Yield (source, figure): one for a picture, and sheets of a dozen for the rows of a table."""
    for source, together in groupby(predictions, lambda prediction: prediction.face.source):
        group = list(together)
        size = SHEET // 2 if explain else SHEET
        for start in range(0, len(group), size):
            yield source, figure(predictor, group[start : start + size], explain)


def figure(predictor: Predictor, predictions: Sequence[Prediction], explain: bool = False) -> Figure:
    """Draw predictions of faces from one source; where that is a picture that is more than the face, it too."""
    faces = [prediction.face for prediction in predictions]
    photo: np.ndarray | None = None
    frames: list[prediction_plots.Frame] = []
    if faces[0].box is not None:
        photo, scale = sources.photo(faces[0].source, LARGEST)
        for face in faces:
            if face.box is not None:
                left, top, width, height = (length * scale for length in face.box)
                text = "" if face.number is None else str(face.number)
                frames.append((left, top, width, height, text))
        photo = None if photo.shape == faces[0].image.shape else photo
    maps = None
    if explain:
        explanations = [predictor.explain(prediction) for prediction in predictions]
        maps = [(each.grad_cam, each.input_gradient) for each in explanations]
    return prediction_plots.predictions(
        [face.image for face in faces],
        np.array([list(prediction.probabilities.values()) for prediction in predictions]),
        [face.label for face in faces],
        [_caption(face, photo is not None) for face in faces],
        title=Path(faces[0].source).name if faces[0].is_row else "",
        maps=maps,
        photo=photo,
        frames=frames,
    )


def _caption(face: Face, cut_out: bool) -> str:
    if face.number is None:
        return "what the network sees" if cut_out else Path(face.source).name
    return f"{'row' if face.is_row else 'face'} {face.number}"
