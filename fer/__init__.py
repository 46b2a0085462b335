"""Recognise emotions in faces: FER2013 or faces drawn by code, a network of minicnn, a command for each step.

    python -m fer.explore      look at the data
    python -m fer.train        train a network
    python -m fer.evaluate     judge it
    python -m fer.predict      ask it about a picture           each has --help, with examples

The same from Python:

    data = fer.load("fer2013.csv")                              data.train.images (28709, 48, 48) uint8, .labels
    result = fer.train.run(fer.train.Config(data="fer2013.csv", epochs=3))
    prediction = fer.Predictor(result.run.folder).predict("photo.jpg")
    print(prediction.emotion, prediction.probabilities)

What these names need (NumPy, Numba, matplotlib) is imported when one is first used, not by ``import fer``.
"""

from typing import TYPE_CHECKING, Any

from fer.emotions import EMOTIONS

if TYPE_CHECKING:
    from fer import evaluate, explore, predict, train
    from fer.data.dataset import load
    from fer.networks.predictor import Prediction, Predictor

__all__ = ["EMOTIONS", "Prediction", "Predictor", "evaluate", "explore", "load", "predict", "train"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from fer.data.dataset import load

        return load
    if name in ("Prediction", "Predictor"):
        from fer.networks import predictor

        return getattr(predictor, name)
    if name in ("evaluate", "explore", "predict", "train"):
        import fer.evaluate
        import fer.explore
        import fer.predict
        import fer.train

        return vars(fer)[name]
    raise AttributeError(f"module 'fer' has no attribute {name!r}; there are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
