"""Predictions as lines of text, a part of them at a time."""

from collections.abc import Sequence
from typing import TextIO

from fer.emotions import indices_in
from fer.networks.predictor import Prediction
from minicnn.terminal import NAME, printable, say

PHOTO_SIDE = 96  # pixels; a larger picture may show more than a face


class Lines:
    """Prints a line for each face, and keeps what is said of all of them at the end.

    Args:
        file: where to print.
        most: of how many faces the predictions are kept, to draw them.
    """

    def __init__(self, file: TextIO, most: int) -> None:
        self.file, self.most = file, most
        self.kept: list[Prediction] = []
        self.faces = self.labelled = self.right = 0
        self.larger = False  # whether a picture may show more than the face that was cut out of it

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Print a line for each of some faces; their names have one width."""
        names = [printable(prediction.face.name, NAME) for prediction in predictions]
        width = max(map(len, names), default=0)
        for name, prediction in zip(names, predictions):
            face = prediction.face
            true = "" if face.true is None else f"   (true: {face.true})"
            score = "" if face.score is None else f"   (score {face.score:.2f})"
            say(f"{name:<{width}}  {prediction}{score}{true}", file=self.file)
            self.faces += 1
            self.labelled += face.true is not None
            self.right += face.true is not None and indices_in([prediction.emotion], [face.true]) == [0]
            self.larger |= face.box is not None and min(face.box.width, face.box.height) > PHOTO_SIDE
        self.kept += predictions[: self.most - len(self.kept)]

    def end(self, found: bool) -> None:
        """Print what is true of all: how many are as labelled; whether faces should have been searched.

        Args:
            found: whether they were.
        """
        if self.labelled:
            say(f"{self.right} of {self.labelled} are as labelled", file=self.file)
        if self.larger and not found:
            line = "The middle square of each picture was used; if the face is only a part of it: --detect"
            say(line, file=self.file)
