"""CheckpointCallback: writes the files of a run during training, and stops it when it should stop.

It writes the checkpoint (model_last.npz) at the end of each epoch and every half minute within one; after
each epoch also the model to keep, the history and the curves. It stops the training between two batches after a
signal or when the time is up, and when a number is no longer finite; then it names the layer where that
began.
"""

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np

from fer import outputs, runs
from fer.errors import BadInput
from fer.runs import Run
from fer.training import progress
from fer.training.config import Config
from fer.training.stopping import StopRequest
from minicnn import callbacks, random
from minicnn.models import first_nan
from minicnn.saving import schema

CHECKPOINT_SECONDS = 30.0  # between checkpoints inside an epoch; one takes about 20 ms for a million weights
CURVES_SECONDS = 120.0  # at least, between two drawings of the curves; one takes 0.3 s


def kept_epoch(history: Mapping[str, Sequence[float]], keep: str) -> int:
    """Return the epoch whose model is kept, counted from 1.

    Args:
        history: has "val_accuracy", a value for each epoch.
        keep: "best", the highest validation accuracy, of several the first; or "last".
    """
    accuracies = history["val_accuracy"]
    return len(accuracies) if keep == "last" else int(np.argmax(accuracies)) + 1


class CheckpointCallback(callbacks.BackupAndRestore):
    """Writes checkpoints into a run folder; see the module.

    Args:
        folder: the run's folder.
        images: the training faces (N, 48, 48), to run a batch of them again.
        targets: their labels (N,) or target probabilities (N, 7).
        config: the settings of the training.
        stop: knows when to stop.
    """

    def __init__(
        self,
        folder: Run,
        images: np.ndarray,
        targets: np.ndarray,
        config: Config,
        stop: StopRequest,
    ) -> None:
        super().__init__(folder.path(runs.MODEL_LAST), delete_checkpoint=False, seconds=CHECKPOINT_SECONDS)
        self.folder, self.images, self.targets = folder, images, targets
        self.config, self.stop = config, stop

    @property
    def history(self) -> dict[str, list[float]]:
        """The results of the finished epochs."""
        return self.model.callback_list.history.history

    def on_train_begin(self, logs=None) -> None:
        """Continue from the checkpoint, if there is one, and print where."""
        self._curves_drawn = -math.inf
        try:
            super().on_train_begin(logs)
            self._check_history()
        except ValueError as error:
            raise BadInput(f"{error}. To start a new run: --config {self.folder.path(runs.CONFIG)}") from None
        position, epochs = self.model.training_position, self.params["epochs"]
        if self.path.exists() and position.epoch < epochs and not self.model.stop_training:
            done = f", after batch {position.step} of {self.params['steps']}" if position.step else ""
            print(f"Resuming in epoch {position.epoch + 1} of {epochs}{done}", flush=True)
        if self.history and not position.step:
            self._write_results()  # the last process may have been killed before this

    def _check_history(self) -> None:
        """Check that the restored history has the results of all finished epochs."""
        schema.check(self.history, {str: [float]}, f"{self.path}: the history")
        epochs = self.model.training_position.epoch
        for name in ("loss", "accuracy", "val_loss", "val_accuracy") if epochs or self.history else ():
            if len(self.history.get(name, [])) != epochs:
                raise ValueError(f"{self.path}: the history of {name} is not that of {epochs} epochs")

    def on_train_batch_begin(self, batch, logs=None) -> None:
        """Remember the states of the random generators, to be able to run this batch again."""
        self._states = [random.state(generator) for generator in self.model.generators]

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Check the loss; write a checkpoint and stop if it is time to."""
        if not math.isfinite(logs["loss"]) or self.model.skipped_steps:
            raise BadInput(self._diagnosis(batch, logs["loss"]))
        super().on_train_batch_end(batch, logs)
        self._stop_if_due()

    def on_test_batch_end(self, batch, logs=None) -> None:
        """Stop if it is time to."""
        self._stop_if_due()

    def on_epoch_end(self, epoch, logs=None) -> None:
        """Write the checkpoint and the files that are made from it."""
        if not math.isfinite(logs["val_loss"]):
            raise BadInput(
                f"the validation loss became {logs['val_loss']} in epoch {epoch + 1}: {self._advice()}"
            )
        super().on_epoch_end(epoch, logs)
        self._write_results()
        more = self.model.training_position.epoch < self.params["epochs"] and not self.model.stop_training
        if more and self._is_due():
            self.stop.raise_stop()

    def report_ended(self) -> None:
        """Say nothing: train.py evaluates the finished run."""

    def save(self) -> None:
        """Write the checkpoint, of finite weights only.

        Raises:
            BadInput: a weight is not finite; the previous checkpoint stays.
            OSError: the file cannot be written; the previous checkpoint stays.
        """
        for weight in self.model.weights:
            if not np.isfinite(weight.value).all():
                raise BadInput(f"{weight.path} is no longer finite: {self._advice()}")
        super().save()

    def _stop_if_due(self) -> None:
        if self._is_due():
            self.save()
            self.stop.raise_stop()

    def _is_due(self) -> bool:
        """Return whether to stop now. Several processes tell each other with the next batch, and all stop there."""
        share = self.model.distribution
        if share is None:
            return self.stop.requested()
        share.request = self.stop.reason()
        return self.stop.agree(share.agreed)

    def _write_results(self) -> None:
        """Write the model to keep, the history and the curves of the finished epochs."""
        if not self.writes:
            return
        kept = kept_epoch(self.history, self.config.keep)
        if kept == len(self.history["loss"]):
            self.model.save(self.folder.path(runs.MODEL_BEST))
        self.folder.write_history(self.history)
        if time.monotonic() - self._curves_drawn > CURVES_SECONDS:
            figure = progress.curves(self.history, kept, self.config, len(self.images))
            outputs.write_figure(self.folder.path("curves.png"), figure)
            self._curves_drawn = time.monotonic()

    def _diagnosis(self, batch: int, loss: float) -> str:
        """Return a sentence that names the first layer where a number was not finite."""
        position = self.model.training_position
        rows = position.order[batch * self.config.batch_size : (batch + 1) * self.config.batch_size]
        for generator, state in zip(self.model.generators, self._states):
            random.restore(generator, state)
        found = first_nan.first_not_finite(self.model, self.images[rows, :, :, None], self.targets[rows])
        if found is None:
            where = "no layer's output or gradient is infinite, but the step would make a weight so"
        else:
            where = f"the first numbers that are not finite are the {found.what} of {found.where}"
        what = f"the loss became {loss}" if not math.isfinite(loss) else "there was no step"
        return f"{what} in epoch {position.epoch + 1}, batch {batch + 1}: {where}; {self._advice()}"

    def _advice(self) -> str:
        kept = "the last good model is" if self.path.exists() else "the run is"
        return f"try a learning rate below {self.config.learning_rate:g}; {kept} in {self.folder}"
