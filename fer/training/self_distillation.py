"""Self-distillation: a network learns from the labels and, increasingly, from its own predictions.

FER2013's labels are noisy: people agree with them two times in three. After every few epochs e of E the
targets become

    t = (1 − s·e/E)·label + s·e/E·p

where p are the network's present predictions for the training faces, without augmentation. A face whose
emotion the network finds unclear then has a smaller gradient, and the target of a face that shows two
emotions can hold both.

Source: Kim et al., "Self-Knowledge Distillation with Progressive Refinement of Targets", arXiv:2006.12000.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.networks import inference
from minicnn import callbacks, utils

EPOCHS_PER_UPDATE = 3  # predicting all training faces takes a third of the time of an epoch


def one_hot(labels: np.ndarray, classes: int = len(EMOTIONS)) -> np.ndarray:
    """Return labels (N,) as targets (N, classes)."""
    return utils.to_categorical(labels, classes)


def soft_targets(split: Split) -> np.ndarray:
    """Return the targets of a split, (N, classes): its own, or its labels as 0 and 1."""
    own = split.targets
    return one_hot(split.labels, len(split.classes)) if own is None else own


class SelfDistillation(callbacks.Callback):
    """Holds the targets of a training and changes them in place; see the module.

    Args:
        train: the training faces.
        share: s, the share of the network's own predictions at the end.
    """

    def __init__(self, train: Split, share: float) -> None:
        super().__init__()
        self.images, self.labels, self.share = train.images, soft_targets(train), share
        self.targets = self.labels.copy()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Mix the predictions in, if there is another epoch to train with them."""
        done, epochs = epoch + 1, self.params["epochs"]
        if done % EPOCHS_PER_UPDATE == 0 and done < epochs:
            share = self.share * done / epochs
            predicted = inference.probabilities(self.model, self.images)
            self.targets[...] = (1 - share) * self.labels + share * predicted

    def get_state(self) -> dict[str, Any]:
        """Return the targets, for the checkpoint."""
        return {"targets": self.targets}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue with the targets of a checkpoint."""
        self.targets[...] = state["targets"]
