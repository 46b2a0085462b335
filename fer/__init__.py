"""Recognise emotions in faces: FER2013 or faces drawn by code, a network of minicnn, a command for each step.

    fer explore      look at the data
    fer train        train a network
    fer evaluate     measure how good it is
    fer predict      ask it about a picture or video
    fer live         ask it about your camera         fer --help lists all commands, each with --help

``python -m fer.train`` and so on do the same.

The same from Python:

    data = fer.load("fer2013.csv")                    data.train.images (28709, 48, 48) uint8, .labels
    result = fer.train.run(fer.train.Config(data="fer2013.csv", epochs=3))
    prediction = fer.Predictor(result.run.folder).predict("photo.jpg")
    print(prediction.emotion, prediction.probabilities)

What these names need (NumPy, Numba, matplotlib) is imported when one is first used, not by ``import fer``.
"""

from typing import TYPE_CHECKING

from fer.emotions import EMOTIONS

__all__ = [
    "EMOTIONS",
    "Detector",
    "Prediction",
    "Predictor",
    "evaluate",
    "explore",
    "load",
    "predict",
    "to_frame",
    "train",
    "video",
]

if TYPE_CHECKING:  # what editors and type checkers see
    from fer import evaluate, explore, predict, train, video
    from fer.data.dataset import load
    from fer.data.detect import Detector
    from fer.networks.predictor import Prediction, Predictor
    from fer.reports.prediction_tables import to_frame
else:

    def __getattr__(name):
        """Import a public name when it is first used."""
        match name:
            case "evaluate":
                import fer.evaluate as found
            case "explore":
                import fer.explore as found
            case "predict":
                import fer.predict as found
            case "train":
                import fer.train as found
            case "video":
                import fer.video as found
            case "Detector":
                from fer.data.detect import Detector as found
            case "to_frame":
                from fer.reports.prediction_tables import to_frame as found
            case "load":
                from fer.data.dataset import load as found
            case "Prediction":
                from fer.networks.predictor import Prediction as found
            case "Predictor":
                from fer.networks.predictor import Predictor as found
            case _:
                raise AttributeError(
                    f"module 'fer' has no attribute {name!r}; there are {', '.join(__all__)}"
                )
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
