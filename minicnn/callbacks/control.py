"""Callbacks that change training itself: the learning rate, averaged weights, an end when the loss is NaN."""

import inspect
import math
import numbers
from collections.abc import Callable
from typing import Any

from minicnn.callbacks.base import Callback, Logs

Schedule = Callable[[int, float], float] | Callable[[int], float]


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of each epoch.

    Args:
        schedule: a function of the epoch (from 0) and the current rate, or of the epoch alone; it returns the
            rate.
        verbose: 1 to print it.
    """

    def __init__(self, schedule: Schedule, verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose
        parameters = inspect.signature(schedule).parameters.values()
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._takes_rate = sum(parameter.kind in positional for parameter in parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate.

        Raises:
            TypeError: the optimizer has a schedule already, or the function does not return a number.
        """
        optimizer = self.model.optimizer
        schedule: Callable[..., float] = self.schedule
        rate = schedule(epoch, optimizer.learning_rate) if self._takes_rate else schedule(epoch)
        if not isinstance(rate, numbers.Real):
            raise TypeError(
                f"the schedule returned {rate!r} for epoch {epoch}: expected a learning rate, a number"
            )
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler sets the learning rate to {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add "learning_rate" to the results."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class TerminateOnNaN(Callback):
    """Stop as soon as the loss is NaN or infinite, or a step was not taken because another number was.

    Args:
        raise_error: raise a RuntimeError instead, which leaves ``fit`` at once.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss) and not getattr(self.model, "skipped_steps", 0):
            return
        what = "a gradient or a statistic is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        message = f"batch {batch}: {what}"
        if self.raise_error:
            raise RuntimeError(f"{message}: lower the learning rate, or clip the gradients (clipnorm=1.0)")
        print(f"{message}, training stops")
        self.model.stop_training = True


class SwapEMAWeights(Callback):
    """Evaluate with the averaged weights of an optimizer with ``use_ema=True``; train with the current ones.

    Args:
        swap_on_epoch: also have the averages in the model between epochs, for callbacks later in the list,
            such as ModelCheckpoint.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the averages out, to train."""
        self._put(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put them in, with ``swap_on_epoch``."""
        self._put(self.swap_on_epoch)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Put the averages in."""
        self._put(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Take them out."""
        self._put(False)

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _put(self, averages: bool) -> None:
        optimizer: Any = self.model.optimizer
        if optimizer.averages_in_model != averages:
            optimizer.build(self.model.trainable_weights)
            optimizer.swap_averages()
