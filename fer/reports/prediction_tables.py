"""Predictions as CSV, JSON and a pandas table."""

from collections.abc import Sequence
from typing import Any

from fer import outputs
from fer.data.detect import Box
from fer.data.sources import LoadedFaces
from fer.emotions import EMOTIONS
from fer.networks.predictor import Prediction
from minicnn.terminal import printable

# and a probability for each class
COLUMNS = ("source", "row", "face", "true", *Box._fields, "score", "emotion", "confidence")


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return a table with a row for each face: source, true and predicted emotion, box, score, probabilities.

    The source is printable, and no formula of a spreadsheet; the JSON has its exact name.
    """
    columns = _columns(predictions)
    return outputs.csv_text(columns, (_cells(prediction, columns) for prediction in predictions))


def _cells(prediction: Prediction, columns: Sequence[str]) -> list[Any]:
    values = row_of(prediction)
    source = printable(values["source"])
    # spreadsheets take a text that begins so for a formula; ./ changes nothing in a path
    values["source"] = f"./{source}" if source.startswith(("=", "+", "-", "@")) else source
    row = [values.get(name, "") for name in columns]
    return [f"{value:.9g}" if isinstance(value, float) else value for value in row]


def to_json(predictions: Sequence[Prediction], loaded: LoadedFaces, model: str, tta: str) -> str:
    """Return everything as JSON: the network, its predictions, pictures without a face, which files were
    skipped and why.
    """
    return outputs.json_text(
        {
            "model": model,
            "tta": tta,
            "predictions": [prediction.to_dict() for prediction in predictions],
            "without_faces": loaded.without,
            "skipped": [{"source": source, "reason": reason} for source, reason in loaded.skipped],
        }
    )


def to_frame(predictions: Sequence[Prediction]) -> Any:
    """Return predictions as a pandas table: a row for each, with the columns of predictions.csv."""
    import pandas

    return pandas.DataFrame([row_of(each) for each in predictions], columns=_columns(predictions))


def _columns(predictions: Sequence[Prediction]) -> list[str]:
    return [*COLUMNS, *(predictions[0].probabilities if predictions else EMOTIONS)]


def row_of(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as a row of predictions.csv; what is not known is missing."""
    values = prediction.to_dict()
    return values | values.pop("box", {}) | values.pop("probabilities")
