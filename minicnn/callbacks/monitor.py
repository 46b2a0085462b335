"""Callbacks that watch one result for improvement: EarlyStopping and ReduceLROnPlateau.

With mode "min", a result is an improvement if result + min_delta < best; with "max", if result − min_delta >
best. The first result is always an improvement; NaN never is.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn import metrics
from minicnn.callbacks.base import Logs, Resumable

LARGER_IS_BETTER = ("acc", "precision", "recall", "f1", "auc", "top_k")


class Monitor(Resumable):
    """Base class: compare results with the best so far.

    Args:
        monitor: the name of a result, such as "val_loss".
        mode: "min", "max", or "auto": by the metric's ``direction``, or by its name.
        min_delta: how much better a result must be to count.

    Raises:
        ValueError: there is no such mode; when training begins: the result is not one number.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0, **unknown: Any
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode={mode!r}: expected "auto", "min" or "max"')
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.best: float | None = None
        super().__init__(**unknown)

    def set_model(self, model: Any) -> None:
        """Set ``model``, and check that its metric that is watched gives one number."""
        super().set_model(model)
        compiled = getattr(model, "compiled_metrics", None)
        if compiled is not None:
            given = [metric for group in compiled.given for metric in group]
            metric = dict(zip(compiled.names[1:], given)).get(self.monitor.removeprefix("val_"))
            self._refuse_several(getattr(metrics.get(metric) if metric else None, "average", "one") is None)

    def _refuse_several(self, several: bool) -> None:
        if several:
            raise ValueError(
                f"{type(self).__name__}(monitor={self.monitor!r}): this result is several numbers, such as one for "
                'each class, and only one can be watched: give the metric an average, such as F1Score("macro"), '
                "or watch another result"
            )

    def value(self, logs: Logs | None) -> float | None:
        """Return the result that is watched; None, with a warning, if there is none."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, but the results are {sorted(logs)}",
                stacklevel=3,
            )
        self._refuse_several(np.ndim(logs.get(self.monitor, 0)) > 0)
        return logs.get(self.monitor)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned.

        Raises:
            ValueError: it is not the state of such a callback.
        """
        super().set_state(state)
        if not isinstance(self.best, int | float | None):
            raise ValueError(
                f"the best result in the state is a {type(self.best).__name__}: expected a number"
            )

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether ``value`` is better than ``reference`` by more than ``min_delta``."""
        if math.isnan(value) or reference is None:
            return not math.isnan(value)
        if self._direction() == "down":
            return bool(value + self.min_delta < reference)
        return bool(value - self.min_delta > reference)

    def _direction(self) -> str:
        if self.mode != "auto":
            return {"min": "down", "max": "up"}[self.mode]
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "down"
        for metric in getattr(self.model, "metrics", None) or []:
            if getattr(metric, "name", None) == name and hasattr(metric, "direction"):
                return metric.direction
        if any(word in name for word in LARGER_IS_BETTER):
            return "up"
        raise ValueError(
            f'monitor={self.monitor!r}: is larger better, or smaller? Give mode="max" or mode="min"'
        )


class EarlyStopping(Monitor):
    """Stop when a result has not improved for ``patience`` epochs.

    Args:
        monitor, min_delta, mode: what to watch, as for :class:`Monitor`.
        patience: end the training after this many epochs in a row without improvement.
        verbose: 1 to print a line when it acts.
        baseline: an epoch that does not beat this counts as one without improvement.
        restore_best_weights: restore the weights of the best epoch at the end of training.
        start_from_epoch: ignore the epochs before this one.
    """

    state_names = ("best", "best_epoch", "wait", "stopped_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
        **others: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta, **others)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def reset(self) -> None:
        """Forget all epochs."""
        self.best = None
        self.best_epoch = self.wait = self.stopped_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the result; stop after ``patience`` epochs without improvement."""
        value = self.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        improved = self.improves(value, self.best)
        if self.restore_best_weights and (improved or self.best_weights is None):
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if improved:
            self.best, self.best_epoch = value, epoch
            if self.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights, if asked to."""
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        """Return the state, and the best weights as "best_weights/0", …"""
        weights = {f"best_weights/{i}": weight for i, weight in enumerate(self.best_weights or [])}
        return super().get_state() | weights

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned."""
        super().set_state(state)
        count = sum(key.startswith("best_weights/") for key in state)
        self.best_weights = [state[f"best_weights/{i}"] for i in range(count)] or None
        own = [np.shape(weight) for weight in self.model.get_weights()] if self.best_weights else []
        if [np.shape(weight) for weight in self.best_weights or []] != own:
            raise ValueError("the best weights in the state are those of another model")


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by ``factor`` when a result has not improved for ``patience`` epochs.

    Args:
        monitor, min_delta, mode: what to watch, as for :class:`Monitor`.
        factor: below 1.
        patience: lower the rate after this many epochs in a row without improvement.
        verbose: 1 to print a line when it acts.
        cooldown: epochs to wait after that before counting again.
        min_lr: the rate does not go below this.

    Raises:
        ValueError: the factor is not between 0 and 1.
        TypeError: when the rate is to be lowered: the optimizer follows a schedule.
    """

    state_names = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **others: Any,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"factor={factor!r}: expected a number between 0 and 1")
        super().__init__(monitor, mode, min_delta, **others)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr

    def reset(self) -> None:
        """Forget all epochs."""
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the result; lower the rate after ``patience`` epochs; add "learning_rate" to the logs."""
        value = self.value(logs)
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._lower_rate(epoch)

    def _lower_rate(self, epoch: int) -> None:
        rate = self.model.optimizer.learning_rate
        if rate > self.min_lr:
            lower = max(rate * self.factor, self.min_lr)
            self.model.optimizer.learning_rate = lower
            self.cooldown_counter, self.wait = self.cooldown, 0
            if self.verbose:
                print(f"Epoch {epoch + 1}: ReduceLROnPlateau sets the learning rate to {lower:g}")
