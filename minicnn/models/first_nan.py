"""Where did the NaN come from? A batch is run once more, and all values of the step are checked.

A number that is not finite spreads: forward to all later layers, through the loss to every gradient, and with
the next step to every weight. Its source is where it appears first, in the order of computation:

    weights      made NaN by an earlier step with a gradient that was not finite; backward passes run from the last
                 layer to the first, so the last of these weights is the first in time
    outputs      layer by layer, first to last
    statistics   batch norm's moving ones: an infinite variance can hide behind finite outputs
    loss
    gradients    layer by layer, last to first; and of the regularizers

A training step in which one of them is not finite changes no weight and no statistic (`step.py`).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minicnn import ops, random
from minicnn.layers.base import Layer
from minicnn.layers.symbol import as_list
from minicnn.models.step import TrainingStep
from minicnn.models.whole_step import WholeStep


class NotFinite(NamedTuple):
    """The first NaN or infinity, such as NotFinite("output", "conv2d_3").

    Attributes:
        what: "input", "weight", "output", "statistic", "loss" or "gradient".
        where: the name of the layer, or the path of the weight.
    """

    what: str
    where: str


@ops.in_turn
def first_not_finite(model: TrainingStep, x: Any, y: Any, sample_weight: Any = None) -> NotFinite | None:
    """Return what is not finite first when a compiled model trains on a batch; None if all values are finite.

    Runs forward, loss and backward, but no update; weights, moving statistics and random generators are
    restored. Dropout and augmentation draw what the next training step would draw.

    Args:
        model: compiled and built.
        x, y, sample_weight: the batch, as for ``model.train_on_batch``.
    """
    share = model.distribution
    if share is not None:
        # other processes do not take part in this: a batch in full, or the rows of this one
        if len(x) < len(y):
            rows = share.rows(len(y))
            y, sample_weight = (None if each is None else each[rows] for each in (y, sample_weight))
        if not len(x):
            return None
        model.distribution = None
        try:
            return first_not_finite(model, x, y, sample_weight)
        finally:
            model.distribution = share
    x = [np.asarray(each).astype(model.dtype) for each in (x if model.multiple_inputs else [x])]
    if not all(np.isfinite(each).all() for each in x):
        return NotFinite("input", model.name)
    x = x if model.multiple_inputs else x[0]
    for weight in reversed(model.trainable_weights):
        if not np.isfinite(weight.value).all():
            return NotFinite("weight", weight.path)
    found: list[NotFinite] = []
    with _restored(model), np.errstate(all="ignore"), _watched(_computing(model), found):
        step = WholeStep(model)
        loss, _ = model.forward_loss(x, y, sample_weight, training=True)
        found += [NotFinite("statistic", path) for path in step.spoiled()]
        if not np.isfinite(loss):
            found.append(NotFinite("loss", model.name))
        if not found:
            model.set_gradients()
            for weight in reversed(model.trainable_weights):
                if weight.grad is not None and not np.isfinite(weight.grad).all():
                    found.append(NotFinite("gradient", weight.path))
    return found[0] if found else None


def warn(model: TrainingStep, where: str, x: Any, y: Any, sample_weight: Any, stacklevel: int) -> None:
    """Warn, the first time, that the step on a batch was not taken, and name what was not finite first.

    Args:
        model: was trained on the batch.
        where: the number of the batch.
        x, y, sample_weight: the batch.
        stacklevel: where the warning points to, as for `warnings.warn`.
    """
    if model.skip_reported:
        return
    model.skip_reported = True
    found = first_not_finite(model, x, y, sample_weight)
    what = "new weights" if found is None else f"{found.what} of {found.where}"
    warnings.warn(
        f"{where}: this step was not taken, because a number is not finite, first the {what}; weights stay as "
        "they were. skipped_steps, of the History or the model, counts such steps, and this message comes once. "
        "If there are many, look for NaN in the data, lower the learning rate, or clip the gradients (clipnorm=1.0)",
        stacklevel=stacklevel,
    )


def _computing(model: Layer) -> list[Layer]:
    """Return the layers that compute: those without sublayers."""
    return [layer for layer in model.walk() if not layer.sublayers]


@contextmanager
def _watched(layers: list[Layer], found: list[NotFinite]) -> Iterator[None]:
    """In this context, each layer adds to ``found`` its outputs and gradients that are not finite."""
    for layer in layers:
        _watch(layer, found)
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)["forward"], vars(layer)["backward"]


def _watch(layer: Layer, found: list[NotFinite]) -> None:
    forward, backward = layer.forward, layer.backward

    def note(arrays: Any, what: str, where: str) -> None:
        if any(array is not None and not np.isfinite(array).all() for array in as_list(arrays)):
            found.append(NotFinite(what, where))

    def watched_forward(*arguments: Any, **options: Any) -> Any:
        y = forward(*arguments, **options)
        note(y, "output", layer.name)
        return y

    def watched_backward(dy: Any) -> Any:
        dx = backward(dy)
        for weight in layer.trainable_weights:
            note(weight.grad, "gradient", weight.path)
        note(dx, "gradient", layer.name)
        return dx

    vars(layer).update(forward=watched_forward, backward=watched_backward)


@contextmanager
def _restored(model: TrainingStep) -> Iterator[None]:
    weights, states = model.get_weights(), [random.state(generator) for generator in model.generators]
    try:
        yield
    finally:
        model.set_weights(weights)
        for generator, state in zip(model.generators, states):
            random.restore(generator, state)
