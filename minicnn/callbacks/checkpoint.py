"""ModelCheckpoint: save the model during training, each time or only when it is the best so far."""

import os
from pathlib import Path
from typing import Any

from minicnn import saving
from minicnn.callbacks.base import Logs
from minicnn.callbacks.monitor import Monitor


class ModelCheckpoint(Monitor):
    """Save the model after each epoch, or after a number of batches.

    Args:
        filepath: a file that ends in .npz, .keras, .h5 or .hdf5: see ``model.save``. It
            may contain the epoch (from 1), the batch and results in braces: "{epoch:02d}-{val_loss:.2f}.npz".
            Its folder is made if it does not exist.
        monitor: the result that says which model is best.
        verbose: 1 to print a line when it saves.
        save_best_only: save only when the result has improved.
        save_weights_only: write ``model.save_weights``, not ``model.save``.
        mode: "min", "max" or "auto", as for :class:`~minicnn.callbacks.EarlyStopping`.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the best result so far; only a better one is saved.

    Raises:
        ValueError: the file's name has another ending, or save_freq is neither.
    """

    state_names = ("best", "_batches")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        **others: Any,
    ) -> None:
        self.filepath = os.fspath(filepath)
        saving.checked_name(filepath)
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq >= 1):
            raise ValueError(f'save_freq={save_freq!r}: expected "epoch" or a positive number of batches')
        self.initial_value_threshold = initial_value_threshold
        self.verbose, self.save_freq = verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        super().__init__(monitor, mode, **others)

    def reset(self) -> None:
        """Forget the best result."""
        self.best = self.initial_value_threshold
        self._epoch = self._batches = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Keep the best result of an earlier training, as Keras does."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remember the epoch's number."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, if this is the time for it."""
        if not isinstance(self.save_freq, int):
            return
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(logs or {}, epoch=self._epoch + 1, batch=batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if this is the time for it."""
        if self.save_freq == "epoch":
            self._save(logs or {}, epoch=epoch + 1)

    def _save(self, logs: Logs, **counters: int) -> None:
        if self.save_best_only and not self._is_best(logs, counters["epoch"]):
            return
        try:
            path = Path(self.filepath.format(**{**logs, **counters}))
        except KeyError as error:
            known = sorted({**logs, **counters})
            raise KeyError(f"filepath={self.filepath!r}: there is no {error}, only {known}") from None
        if not self.writes:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            print(f"Epoch {counters['epoch']}: saved the model to {path}")

    def _is_best(self, logs: Logs, epoch: int) -> bool:
        value = self.value(logs)
        if value is None:
            return True  # as in Keras
        improved = self.improves(value, self.best)
        if self.verbose and self.writes:
            before = "" if self.best is None else f" (best so far: {self.best:.5f})"
            print(f"Epoch {epoch}: {self.monitor} {'improved to' if improved else 'is'} {value:.5f}{before}")
        if improved:
            self.best = value
        return improved
