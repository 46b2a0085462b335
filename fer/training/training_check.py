"""``python -m fer.train --check``: tests network, settings and data in seconds, before the long training.

    initial loss           An untrained network predicts about p = 1/K for each of K classes, so that the mean of
                           −log p is about ln K: ln 7 = 1.946. If it is far above, the weights or the images'
                           normalisation are wrong.
    gradients              Each weight's gradient is finite, and not 0 everywhere: then it would never change.
    one batch overfitted   Enough steps on the same few faces must bring the loss near 0. Then the gradient is a
                           direction in which the loss decreases, and the learning rate fits the optimizer.

Dropout, augmentation, label smoothing and self-distillation are off, because with them the loss does not
reach 0.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fer.data.dataset import Split
from fer.training import components
from fer.training.config import Config
from minicnn import layers
from minicnn.layers.base import Layer

TOLERANCE = 0.5  # of the initial loss: the weights are random
BATCH_FACES = 28  # more if there are more classes: one each
STEPS = 150
OVERFIT_LOSS = 0.05  # a loss below this counts as overfitted


class CheckResult(NamedTuple):
    """One line of the table."""

    passed: bool
    check: str
    expected: str
    found: str


def run(config: Config, train: Split) -> bool:
    """Run all checks, print a table, and return whether all passed; no file is written.

    Args:
        config: what would be trained.
        train: the training faces.
    """
    print(f"{'':6}{'check':24}{'expected':34}found")
    passed = True
    for result in run_checks(config, train):
        passed &= result.passed
        status = "ok" if result.passed else "FAIL"
        print(f"{status:6}{result.check:24}{result.expected:34}{result.found}", flush=True)
    return passed


def run_checks(config: Config, train: Split) -> Iterator[CheckResult]:
    """Run the checks one after the other and yield their results."""
    plain = replace(
        config,
        augment="none",
        label_smoothing=0.0,
        self_distillation=0.0,
        ema=0.0,
        schedule="constant",
        freeze="",
        batch_size=BATCH_FACES,
    )
    faces = replace(_balanced_batch(train), targets=None)
    classes = len(faces.classes)
    x, y = faces.images[..., None].astype(np.float32), faces.labels
    with np.errstate(all="ignore"):  # an overflow fails a check
        model = components.compiled_model(plain, faces)
        _without_dropout(model)

        loss, _ = model.forward_loss(x, y, training=True)
        even = math.log(classes)
        expected = f"{even:.3f} ± {TOLERANCE} (ln {classes})"
        known = config.init is not None and loss <= even  # what goes on from a trained network may know more
        yield CheckResult(
            bool(known or abs(loss - even) <= TOLERANCE), "initial loss", expected, f"{loss:.3f}"
        )

        model.set_gradients()
        gradients = {weight.path: np.asarray(weight.grad, float) for weight in model.trainable_weights}
        for check, is_good in (
            ("gradients finite", lambda gradient: np.isfinite(gradient).all()),
            ("gradients not 0", np.any),
        ):
            wrong = [path for path, gradient in gradients.items() if not is_good(gradient)]
            yield _gradient_result(check, len(gradients), wrong)

        losses = [float(loss)]
        while len(losses) <= STEPS and OVERFIT_LOSS <= losses[-1] < math.inf:
            losses.append(float(model.train_step(x, y)[0]))
        expected = f"loss < {OVERFIT_LOSS} within {STEPS} steps"
        found = f"{losses[-1]:.3f} after {len(losses) - 1} steps of {config.optimizer}, rate {config.learning_rate:g}"
        yield CheckResult(losses[-1] < OVERFIT_LOSS, f"batch of {len(faces)} overfitted", expected, found)


def _gradient_result(check: str, count: int, wrong: list[str]) -> CheckResult:
    found = f"{count - len(wrong)} of {count}" + (f": not {', '.join(wrong[:3])}" if wrong else "")
    return CheckResult(not wrong, check, "of every weight", found)


def _balanced_batch(train: Split) -> Split:
    """Return the first faces of each emotion, the same number of each if there are enough."""
    classes = len(train.classes)
    each = max(BATCH_FACES // classes, 1)
    return train.rows(np.concatenate([np.flatnonzero(train.labels == k)[:each] for k in range(classes)]))


def _without_dropout(model: Layer) -> None:
    for layer in model.walk():
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
