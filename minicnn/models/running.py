"""What belongs to one training that runs: its position, and how a fit inside another fit keeps out of its way.

A callback may call evaluate, predict or fit of the model that is trained. evaluate has sums of its own
(CompiledMetrics.used). A fit has all of its own that a training keeps in the model (:func:`own_training`); the
outer one then goes on with its own results, position and callbacks, and with the weights that the inner left.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.models.compiled_metrics import CompiledMetrics

# The attributes of a model that belong to one training.
OF_A_TRAINING = (
    "stop_training", "skipped_steps", "skip_reported", "training_position", "training_batches", "callback_list",
    "compiled_metrics", "history", "distribution",
)  # fmt: skip

# The models whose fit runs in this thread.
_running: ContextVar[tuple[Any, ...]] = ContextVar("_running", default=())


@dataclass
class TrainingPosition:
    """How far a training has come: ``step`` batches of ``epoch`` are done.

    Attributes:
        order: the numbers of the samples (of a dataset's batches) in the order of this epoch; None if not
            shuffled.
        generator: the state of the generator before this order was drawn.
        results: the running means of this epoch; None before its first batch.
        sums: their state once the epoch's batches are done, since the validation uses the same metrics; or
            that of a backup, to continue from.
    """

    epoch: int
    step: int = 0
    order: np.ndarray | None = None
    generator: dict[str, Any] | None = None
    results: CompiledMetrics | None = None
    sums: list[dict[str, Any]] | None = None


def is_training(model: Any) -> bool:
    """Return whether a fit of the model runs in this thread: whether this is one of its callbacks."""
    return any(each is model for each in _running.get())


@contextmanager
def own_training(model: Any) -> Iterator[None]:
    """In this context, a training of the model runs; one that ran before gets its attributes back after it."""
    nested = is_training(model)
    outer = {name: vars(model)[name] for name in OF_A_TRAINING if name in vars(model)}
    token = _running.set((*_running.get(), model))
    model.stop_training, model.skipped_steps, model.skip_reported = False, 0, False
    try:
        if nested:
            model.compiled_metrics = model.compiled_metrics.copy()
        yield
    finally:
        _running.reset(token)
        if nested:
            for name in OF_A_TRAINING:
                vars(model).pop(name, None)
            vars(model).update(outer)
