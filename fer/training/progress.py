"""The figures of a training: its curves, with the learning rate and what their numbers include, and faces as the
augmentation changes them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from fer.data.dataset import Split
from fer.reports import plots
from fer.training import components
from fer.training.config import Config
from minicnn import Sequential
from minicnn.layers.augmentation import Augmentation

MOST_ROWS = 10  # of the sheet of changed faces
CHANGED = 8  # for each face


def curves(history: Mapping[str, Sequence[float]], best_epoch: int, config: Config, faces: int) -> Figure:
    """Draw them.

    Args:
        history: as for ``plots.curves``.
        best_epoch: likewise.
        config: the settings.
        faces: how many training faces there are.
    """
    return plots.curves(history, best_epoch, rates(config, faces, len(history["loss"])), note(config))


def augmented(train: Split, model: Sequential, title: str = "") -> Figure:
    """Draw a face of each class, and beside it how the network's first layers change it in training.

    Copies of these layers, with generators of their own, draw the changes: the training does not notice.
    """
    generator = np.random.default_rng(0)
    rows = [
        int(generator.choice(own))
        for k in range(len(train.classes))
        if len(own := np.flatnonzero(train.labels == k))
    ][:MOST_ROWS]
    faces = np.repeat(train.images[rows, :, :, None].astype(np.float32), CHANGED, axis=0)
    for layer in model.layers:
        if isinstance(layer, Augmentation):
            faces = type(layer).from_config({**layer.get_config(), "seed": 0})(faces, training=True)
    changed = np.clip(np.rint(faces[..., 0]), 0, 255).astype(np.uint8)
    return plots.augmented(
        train.images[rows],
        changed.reshape(len(rows), CHANGED, *changed.shape[1:]),
        [train.classes[train.labels[row]] for row in rows],
        title,
    )


def rates(config: Config, faces: int, epochs: int) -> list[float]:
    """Return the learning rate at the first step of each of so many epochs."""
    rate, steps = components.learning_rate(config, faces), -(-faces // config.batch_size)
    return [rate(epoch * steps) if callable(rate) else rate for epoch in range(epochs)]


def note(config: Config) -> str:
    """Return a sentence on why the two curves of a figure differ in more than the faces."""
    parts = {
        "dropout": config.dropout > 0,
        "augmentation": config.augment != "none",
        "class weights": config.class_weight != "none",
    }
    found = [name for name, used in parts.items() if used]
    if not found:
        return "Training is measured during an epoch, while the weights change; validation after it."
    listed = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
    return (
        f"Training is measured during an epoch, with {listed}; validation after it, without: it may look better than "
        "training."
    )
