"""Go on from a trained network: ``--init vgg``, ``--freeze 'conv2d*'``, ``--init-rate 0.1``.

The new network has the layers and weights of the trained one, with the augmentation that the settings ask for. Its
last layer is new, unless the trained network knows each of the classes: then it has their weights, in the order of
the data.

What was trained learns with a lower rate: it has features that a few faces should change only a little, and the new
last layer starts from nothing. For every optimizer here a step is proportional to its rate r, so that

    w ← w + f·(step(w) − w)

is the step with rate f·r. Frozen layers take no step, and a frozen batch normalization keeps its moving statistics.
"""

import fnmatch
from typing import Any

import numpy as np

from fer.data.dataset import Split
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.networks import architectures, inference
from minicnn import Sequential, callbacks, layers, utils
from minicnn.layers.serialization import deserialize, serialize
from minicnn.saving import shown

_AUGMENTATION = tuple(
    type(layer) for kind in architectures.AUGMENTATIONS for layer in architectures.augmentation(kind)
)


def network(init: str, train: Split, freeze: str = "", augment: str = "none", seed: int = 0) -> Sequential:
    """Return a network that goes on from a trained one, not yet compiled.

    Args:
        init: a run's folder, a model's file, "vgg" or "tiny".
        train: the training faces, for their classes.
        freeze: names of layers that do not learn, with commas between; * stands for any letters.
        augment: as for ``architectures.build``.
        seed: likewise.

    Raises:
        BadInput: the trained network cannot be used, or has no layer of such a name.
        FileNotFoundError: it does not exist.
    """
    trained = inference.open_run(init)
    old = trained.model
    body = [each for each in old.layers[:-1] if not isinstance(each, (layers.InputLayer, *_AUGMENTATION))]
    last: Any = old.layers[-1]
    if not isinstance(last, layers.Dense):
        raise BadInput(
            f"init={init}: its last layer is {last.name}, expected a Dense layer, to make a new one"
        )
    utils.set_random_seed(seed)
    copies = [deserialize(serialize(each)) for each in body]
    model = Sequential(
        [
            layers.Input(architectures.INPUT_SHAPE),
            *architectures.augmentation(augment),
            *copies,
            architectures.output_layer(len(train.classes)),
        ],
        name=old.name,
    )
    for copy, each in zip(copies, body):
        copy.set_weights(each.get_weights())
    places = [place for place in indices_in(train.classes, trained.classes) if place is not None]
    if len(places) == len(train.classes):
        model.layers[-1].set_weights(
            [np.ascontiguousarray(weight[..., places]) for weight in last.get_weights()]
        )
    model.metadata = {"classes": list(train.classes)}
    _freeze(copies, freeze)
    return model


def _freeze(body: list[Any], freeze: str) -> None:
    for pattern in filter(None, (part.strip() for part in freeze.split(","))):
        named = [layer for layer in body if fnmatch.fnmatchcase(layer.name, pattern)]
        if not named:
            known = ", ".join(layer.name for layer in body if layer.weights)
            raise BadInput(f"freeze={shown(pattern)}: there is no such layer; there are {known}")
        for layer in named:
            layer.trainable = False


class LowerRate(callbacks.Callback):
    """Makes the steps of all layers but the last smaller; see the module.

    Args:
        factor: f, of their rate.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = np.float32(factor)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Keep the weights as they are before the step."""
        weights = [weight for layer in self.model.layers[:-1] for weight in layer.trainable_weights]
        self._before = [(weight, weight.value.copy()) for weight in weights]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Go back a part of the step."""
        for weight, before in self._before:
            weight.assign(before + self.factor * (weight.value - before))
