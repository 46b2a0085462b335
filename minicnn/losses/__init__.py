"""Losses: one number for the errors of the predictions, and its gradient.

Every loss gives one value ℓₙ for each sample; training minimises

    L = Σ wₙ·ℓₙ / N          so          dL/dŷₙ = (wₙ / N) · dℓₙ/dŷₙ

with the sample (or class) weights wₙ, 1 by default, and N the batch's size: Keras's "sum_over_batch_size".
The division by N is what hand-written code forgets most often. reduction="sum" has no division,
"mean_with_sample_weight" divides by Σ wₙ.

    with t the target, p the prediction (a probability), K classes                                   dℓ/dp
    categorical cross-entropy   −Σ t·log p                                                           −t/p
    … of logits                 −Σ t·log softmax(z), which softmax and cross-entropy make together   softmax(z) − t
    binary cross-entropy        −mean(t·log p + (1−t)·log(1−p))                                      (p−t) / (p·(1−p)·K)
    mean squared error          mean (p − t)²                                                        2·(p − t) / K
    mean absolute error         mean |p − t|                                                         sign(p − t) / K
    Huber                       mean of e²/2, e = p − t; δ·|e| − δ²/2 where |e| > δ                  clip(e, −δ, δ) / K
    Kullback-Leibler            Σ t·log(t/p)                                                         −t/p
    focal                       cross-entropy of each entry times (1 − its probability)^γ            by the product rule
    categorical hinge           max(0, 1 + max((1−t)·p) − Σ t·p)                                     +1 at largest, −t

Label smoothing s trains towards t·(1 − s) + s/K. Shapes: targets and predictions (N, K), or
(N, …, K) for maps; sparse targets (N,) or (N, 1), for maps (N, …) or (N, …, 1).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn._base import keras_errors
from minicnn._base.registry import Registry
from minicnn._base.registry import serialize as serialize
from minicnn.losses.base import EPSILON, REDUCTIONS, Loss
from minicnn.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from minicnn.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from minicnn.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError

keras_errors.add_getattr(__name__)

__all__ = [
    "EPSILON",
    "REDUCTIONS",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "Huber",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "deserialize",
    "get",
    "huber",
    "kl_divergence",
    "kld",
    "mae",
    "mean_absolute_error",
    "mean_squared_error",
    "mse",
    "serialize",
    "sparse_categorical_crossentropy",
]


def _function(kind: type[Loss]) -> Callable[..., np.ndarray]:
    """Return Keras's function for a class: each sample's loss, with the class's options."""

    def losses(y_true: Any, y_pred: Any, **options: Any) -> np.ndarray:
        loss, y_pred = kind(**options), np.asarray(y_pred)
        return loss.losses(loss.targets(y_true, y_pred), y_pred)[0]

    losses.__name__ = losses.__qualname__ = kind().name.removesuffix("_loss")
    losses.__doc__ = f"Return each sample's loss, as `{kind.__name__}`, whose options it takes."
    return losses


categorical_crossentropy = _function(CategoricalCrossentropy)
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy)
binary_crossentropy = _function(BinaryCrossentropy)
mean_squared_error = mse = _function(MeanSquaredError)
mean_absolute_error = mae = _function(MeanAbsoluteError)
categorical_hinge = _function(CategoricalHinge)
huber = _function(Huber)
kl_divergence = kld = _function(KLDivergence)
binary_focal_crossentropy = _function(BinaryFocalCrossentropy)
categorical_focal_crossentropy = _function(CategoricalFocalCrossentropy)

_CLASSES = [
    *(CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryCrossentropy),
    *(MeanSquaredError, MeanAbsoluteError, CategoricalHinge, Huber, KLDivergence),
    *(BinaryFocalCrossentropy, CategoricalFocalCrossentropy),
]
_registry = Registry(
    "loss", _CLASSES, aliases={"mse": MeanSquaredError, "mae": MeanAbsoluteError, "kld": KLDivergence}
)
_of_function = {globals()[kind().name.removesuffix("_loss")]: kind for kind in _CLASSES}


def get(loss: Any) -> Loss:
    """Return the loss of a name, a dictionary, a class, an object, or a function: categorical_crossentropy.

    Raises:
        ValueError: there is no such loss.
        NotImplementedError: Keras has it, minicnn has not; or it is your own function.
    """
    if callable(loss) and not isinstance(loss, Loss | type):
        if loss not in _of_function:
            raise NotImplementedError(
                f"loss={loss!r}: the gradient of your own function is not known. Nearest: a subclass of "
                "losses.Loss with losses() and gradient()"
            )
        return _of_function[loss]()
    found = _registry.get(loss)
    if not isinstance(found, Loss):
        raise ValueError(f"loss={loss!r}: expected the name of a loss, or an instance of losses.Loss")
    return found


deserialize = get
