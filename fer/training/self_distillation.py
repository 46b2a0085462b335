"""Targets that get better: a network learns from the labels and, more and more, from its own answers.

FER2013's labels are noisy: people agree with them two times in three. After every few epochs e of E the targets become

    t = (1 − s·e/E)·label + s·e/E·p

where p are the answers that the network gives for the training faces by then, as they are, without augmentation. A face
that it finds undecided, whatever its label says, then pulls less, and one that shows two emotions may say so.

Source: Kim et al., "Self-Knowledge Distillation with Progressive Refinement of Targets", arXiv:2006.12000.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.networks import inference
from minicnn import callbacks, utils

EVERY = 3  # epochs; the answers for all training faces cost a third of an epoch


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return labels (N,) as targets (N, 7)."""
    return utils.to_categorical(labels, len(EMOTIONS))


class SelfDistillation(callbacks.Callback):
    """Keeps the targets of a training, which it changes in place; see the module.

    Args:
        train: the training faces.
        share: s, that of the network's own answers at the end.
    """

    def __init__(self, train: Split, share: float) -> None:
        super().__init__()
        self.images, self.labels, self.share = train.images, one_hot(train.labels), share
        self.targets = self.labels.copy()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Mix the answers in, if there is another epoch to train with them."""
        done, epochs = epoch + 1, self.params["epochs"]
        if done % EVERY == 0 and done < epochs:
            share = self.share * done / epochs
            answers = inference.probabilities(self.model, self.images)
            self.targets[...] = (1 - share) * self.labels + share * answers

    def get_state(self) -> dict[str, Any]:
        """Return the targets."""
        return {"targets": self.targets}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on with these targets."""
        self.targets[...] = state["targets"]
