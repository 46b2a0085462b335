"""Predictions as CSV, JSON and a pandas table.

predictions.csv has a row for each face: source, true and predicted emotion, box, score, probabilities; its sources are
printable, and no formulas of a spreadsheet. predictions.json has their exact names, and also the network, the pictures
without a face, and which files were skipped and why.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer import outputs
from fer.data.detect import Box
from fer.data.sources import LoadedFaces
from fer.emotions import EMOTIONS
from fer.networks.predictor import Prediction
from minicnn.saving import replacing
from minicnn.terminal import printable

# and a probability for each class
COLUMNS = ("source", "row", "face", "true", *Box._fields, "score", "emotion", "confidence")


@contextmanager
def writing(
    folder: Path, classes: Sequence[str], network: dict[str, str], loaded: LoadedFaces
) -> Iterator[Callable[[Prediction], None]]:
    """Yield a function that adds a prediction to predictions.csv and predictions.json in a folder.

    None is kept in memory. The files are there when the block ends, and not at all if it fails.

    Args:
        folder: the folder.
        classes: those of the network.
        network: entries of the JSON at its beginning: the network's file, ….
        loaded: what was skipped, at the end of the block.
    """
    columns = [*COLUMNS, *classes]
    between = "\n"
    with replacing(folder / "predictions.csv") as table, replacing(folder / "predictions.json") as document:

        def add(prediction: Prediction) -> None:
            nonlocal between
            table.write(outputs.csv_text(_cells(prediction, columns), ()).encode())
            text = outputs.json_text(prediction.to_dict()).rstrip().replace("\n", "\n    ")
            document.write(f"{between}    {text}".encode())
            between = ",\n"

        table.write(outputs.csv_text(columns, ()).encode())
        document.write(outputs.json_text(network).removesuffix("\n}\n").encode())
        document.write(b',\n  "predictions": [')
        yield add
        document.write(b"],\n" if between == "\n" else b"\n  ],\n")
        skipped = [{"source": source, "reason": reason} for source, reason in loaded.skipped]
        rest = {"without_faces": loaded.without, "skipped": skipped}
        document.write(outputs.json_text(rest).removeprefix("{\n").encode())


def _cells(prediction: Prediction, columns: Sequence[str]) -> list[Any]:
    values = row_of(prediction)
    source = printable(values["source"])
    # spreadsheets take a text that begins so for a formula; ./ changes nothing in a path
    values["source"] = f"./{source}" if source.startswith(("=", "+", "-", "@")) else source
    row = [values.get(name, "") for name in columns]
    return [f"{value:.9g}" if isinstance(value, float) else value for value in row]


def to_frame(predictions: Sequence[Prediction]) -> Any:
    """Return predictions as a pandas table: a row for each, with the columns of predictions.csv."""
    import pandas

    columns = [*COLUMNS, *(predictions[0].probabilities if predictions else EMOTIONS)]
    return pandas.DataFrame([row_of(each) for each in predictions], columns=columns)


def row_of(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as a row of predictions.csv; what is not known is missing."""
    values = prediction.to_dict()
    return values | values.pop("box", {}) | values.pop("probabilities")
