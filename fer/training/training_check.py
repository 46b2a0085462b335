"""``python -m fer.train --check``: is all well with network, settings and data? In seconds, before the long training.

    initial loss           An untrained network knows nothing: the mean of −log p is near that of p = 1/7, ln 7 = 1.946.
                           Far above it, the weights or the normalisation of the images are wrong.
    gradients              Each weight gets one: finite, and not 0 throughout, or it would never move.
    one batch overfitted   Enough steps on the same few faces must bring the loss near 0: the gradient points downhill,
                           the learning rate fits the optimizer, and nothing in the network is in the way.

Dropout, augmentation, label smoothing and self-distillation are off, because they keep the loss of any network away
from 0.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.training import building
from fer.training.config import Config
from minicnn import layers
from minicnn.layers.base import Layer

LN7 = math.log(len(EMOTIONS))
TOLERANCE = 0.5  # in the initial loss: fresh weights are random
FACES = 28  # in the batch
STEPS = 150
OVERFITTED = 0.05  # the loss at which a batch counts as learned by heart


class Finding(NamedTuple):
    """One line of the table."""

    good: bool
    check: str
    expected: str
    found: str


def run(config: Config, train: Split) -> bool:
    """Check, print a table, and return whether all is well; nothing is left behind.

    Args:
        config: what would be trained.
        train: the training faces.
    """
    print(f"{'':6}{'check':24}{'expected':34}found")
    good = True
    for finding in findings(config, train):
        good &= finding.good
        print(
            f"{'ok' if finding.good else 'FAIL':6}{finding.check:24}{finding.expected:34}{finding.found}",
            flush=True,
        )
    return good


def findings(config: Config, train: Split) -> Iterator[Finding]:
    """Yield what each check finds."""
    plain = replace(
        config,
        augment="none",
        label_smoothing=0.0,
        self_distillation=0.0,
        ema=0.0,
        schedule="constant",
        batch_size=FACES,
    )
    faces = _some_of_each(train)
    x, y = faces.images[..., None].astype(np.float32), faces.labels
    with np.errstate(all="ignore"):  # what overflows is found and told
        model = building.compiled(plain, len(faces))
        _without_dropout(model)

        loss, _ = model.forward_loss(x, y, training=True)
        expected = f"{LN7:.3f} ± {TOLERANCE} (ln 7)"
        yield Finding(bool(abs(loss - LN7) <= TOLERANCE), "initial loss", expected, f"{loss:.3f}")

        model.set_gradients()
        gradients = {weight.path: np.asarray(weight.grad, float) for weight in model.trainable_weights}
        for check, is_good in (
            ("gradients finite", lambda gradient: np.isfinite(gradient).all()),
            ("gradients not 0", np.any),
        ):
            wrong = [path for path, gradient in gradients.items() if not is_good(gradient)]
            yield _of_gradients(check, len(gradients), wrong)

        losses = [float(loss)]
        while len(losses) <= STEPS and OVERFITTED <= losses[-1] < math.inf:
            losses.append(float(model.train_step(x, y)[0]))
        expected = f"loss < {OVERFITTED} within {STEPS} steps"
        found = f"{losses[-1]:.3f} after {len(losses) - 1} steps of {config.optimizer}, rate {config.learning_rate:g}"
        yield Finding(losses[-1] < OVERFITTED, f"batch of {len(faces)} overfitted", expected, found)


def _of_gradients(check: str, count: int, wrong: list[str]) -> Finding:
    found = f"{count - len(wrong)} of {count}" + (f": not {', '.join(wrong[:3])}" if wrong else "")
    return Finding(not wrong, check, "of every weight", found)


def _some_of_each(train: Split) -> Split:
    """Return a few faces of each emotion, as many of each as there are."""
    each = FACES // len(EMOTIONS)
    rows = np.concatenate([np.flatnonzero(train.labels == k)[:each] for k in range(len(EMOTIONS))])
    return Split(train.images[rows], train.labels[rows])


def _without_dropout(layer: Layer) -> None:
    if isinstance(layer, layers.Dropout):
        layer.rate = 0.0
    for inner in layer.sublayers:
        _without_dropout(inner)
