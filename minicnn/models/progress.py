"""What fit prints: a bar on a terminal, a line for each epoch elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from minicnn.callbacks import Callback
from minicnn.callbacks.base import Logs


def resolve(verbose: Any) -> int:
    """Return 0, 1 or 2 for Keras's ``verbose``: "auto" is 1 (a bar) on a terminal, 2 (a line) elsewhere.

    Raises:
        ValueError: another value.
    """
    if verbose == "auto":
        return 1 if sys.stdout.isatty() else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(
        f'verbose={verbose!r}: expected 0 (nothing), 1 (a bar), 2 (a line for each epoch) or "auto"'
    )


def callbacks(verbose: int) -> list[Callback]:
    """Return the callbacks that show progress: none for 0."""
    shown: tuple[list[Callback], ...] = ([], [Bar()], [Line()])
    return shown[verbose]


def describe(logs: Mapping[str, Any]) -> str:
    """Return "loss: 1.2345 - accuracy: 0.5678": four decimals, small numbers with an exponent."""

    def show(value: float) -> str:
        return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2e}"

    return " - ".join(f"{name}: {show(value)}" for name, value in logs.items() if isinstance(value, float))


class Line(Callback):
    """One line for each epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print number, time and results."""
        seconds = time.perf_counter() - self._start
        print(
            f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds:.1f}s - {describe(logs or {})}", flush=True
        )


class Bar(Line):
    """A bar while an epoch runs, with step, time left, loss and metrics so far; then a line."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the clock of the whole training."""
        self._began, self._steps = time.perf_counter(), 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Draw a bar: empty, unless a part of the epoch was done before the training was resumed."""
        super().on_epoch_begin(epoch, logs)
        self._epoch = epoch
        self._bar = tqdm(
            total=self.params["steps"],
            initial=self.model.training_position.step if self.model else 0,
            desc=f"Epoch {epoch + 1}/{self.params['epochs']}",
            leave=False,
            file=sys.stdout,
            dynamic_ncols=True,
            bar_format="{desc} {n_fmt}/{total_fmt} {bar:20} {elapsed}<{remaining}{postfix}",
        )

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move it by a step."""
        self._bar.set_postfix_str(f"{self._left(batch)}{describe(logs or {})}", refresh=False)
        self._bar.update()

    def _left(self, batch: int) -> str:
        """Return the time that is left for all epochs, by the mean of the steps so far, with validations."""
        self._steps += 1
        if self.params["epochs"] == 1:
            return ""
        steps = (self.params["epochs"] - self._epoch) * self.params["steps"] - (batch + 1)
        seconds = (time.perf_counter() - self._began) / self._steps * steps
        return f"{tqdm.format_interval(seconds)} to the end - "

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Close the bar and print the epoch's results."""
        self._bar.close()
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close a bar that an interruption left open."""
        if hasattr(self, "_bar"):
            self._bar.close()
