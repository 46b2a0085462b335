"""BackupAndRestore: a training that was interrupted continues from its last backup.

A backup holds all that the rest of the training depends on. The history and weights at the end are those of a
training without the interruption, to the bit:

    weights, moving statistics, the optimizer's moments and steps     as `model.save` writes them
    random generators        of dropout and augmentation; that of the shuffling as it was before this epoch's order
    position                 the epoch, and how many of its batches are done
    metrics                  the sums for the epoch's results so far
    callbacks                their state: History its epochs, EarlyStopping its patience

The order of an epoch's samples is not saved: the same generator draws it again, and the batches that are done
are skipped. A backup is one file, which is replaced in one step.
"""

import os
import time
import warnings
from pathlib import Path
from typing import Any

from minicnn import saving
from minicnn._base import schema
from minicnn.callbacks.base import Callback, Logs

FILE = "training.npz"

# what a backup adds to a model's file, as it is after unpack; see save
TRAINING = {
    "epoch": schema.Whole(),
    "step": schema.Whole(),
    "steps": (int, None),
    "data": Any,
    "stopped": bool,
    "results": ([{"sums": Any, "metric": ({str: Any}, None)}], None),
    "skipped_steps": schema.Whole(),
    "callbacks": [{"class_name": str, "state": {str: Any}}],
}


class BackupAndRestore(Callback):
    """Back up a training while it runs; at its beginning, continue from the backup if there is one.

        model.fit(x, y, epochs=50, callbacks=[BackupAndRestore("backup")])      # the same line starts and resumes

    Data, arguments and callbacks must be those of the interrupted training; only the number of epochs may
    differ. With arrays, and datasets with a state (preprocessing.image's), a training continues from any
    batch. Generators, other datasets and steps_per_epoch have no position that can be restored: they allow no
    backup inside an epoch. This callback runs after all others, at any place in the list.

    Args:
        backup_dir: a folder, made if there is none; or a file in a folder that exists, if it ends in .npz.
            The file is also a model that ``load_model`` reads.
        save_freq: "epoch", at the end of each; or a number of batches.
        delete_checkpoint: remove the backup at the end of the training.
        seconds: also back up inside an epoch, this long after the last backup (not in Keras).

    Raises:
        ValueError: save_freq is neither; when training begins: the backup is damaged, or of another training,
            or the data allow no backups inside an epoch.
    """

    runs_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        *,
        delete_checkpoint: bool = True,
        seconds: float | None = None,
        **others: Any,
    ) -> None:
        super().__init__(**others)
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq >= 1):
            raise ValueError(f'save_freq={save_freq!r}: expected "epoch" or a positive number of batches')
        if not str(backup_dir):
            raise ValueError(f'backup_dir={backup_dir!r}: expected the name of a folder, such as "backup"')
        self.backup_dir = Path(backup_dir)
        self.path = self.backup_dir if self.backup_dir.suffix == ".npz" else self.backup_dir / FILE
        self.save_freq, self.delete_checkpoint, self.seconds = save_freq, delete_checkpoint, seconds
        self._restored: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore, if there is a backup."""
        inside = self.save_freq != "epoch" or self.seconds is not None
        if inside and not self.model.training_batches.resumable:
            raise ValueError(
                f"save_freq={self.save_freq!r}, seconds={self.seconds!r}: inside an epoch the position "
                "in a generator, "
                'a dataset without get_state or steps_per_epoch cannot be saved: give save_freq="epoch", or arrays'
            )
        self._batches, self._saved_at = 0, time.monotonic()
        self._restored = None
        if self.path != self.backup_dir:
            self.backup_dir.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.restore()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Inside an epoch: undo what other callbacks did at its beginning; the backup was made after that."""
        if self._restored is not None and self.model.training_position.step:
            self.model.restore(*self._restored)
        self._restored = None

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Back up, if this is the time for it."""
        self._batches += 1
        if self.save_freq == self._batches or (
            self.seconds is not None and time.monotonic() - self._saved_at >= self.seconds
        ):
            self.save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Back up, if this is the time for it."""
        if self.save_freq == "epoch":
            self.save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the backup, unless it is to stay."""
        if self.delete_checkpoint and self.writes:
            self.path.unlink(missing_ok=True)

    def save(self) -> None:
        """Back up now: between two batches, in an epoch's validation, or between two epochs."""
        if not self.writes:
            return
        config, arrays = self.model.snapshot()
        position = self.model.training_position
        if position.step:
            config["random"][0] = position.generator  # the model's own, which shuffles, is the first
        training = {
            "epoch": position.epoch,
            "step": position.step,
            "steps": self.params["steps"],
            "data": self.model.training_batches.get_state(),
            "stopped": self.model.stop_training,
            "results": (position.sums or position.results.get_state()) if position.step else None,
            "skipped_steps": self.model.skipped_steps if position.step else 0,
            "callbacks": self.model.callback_list.get_state(),
        }
        config["training"] = saving.pack(training, arrays, "training")
        saving.write(self.path, config, arrays)
        self._batches, self._saved_at = 0, time.monotonic()

    def report_ended(self) -> None:
        """Say that nothing is left to train: a line; a warning if epochs are asked for that do not come."""
        done, epochs = self.model.training_position.epoch, self.params["epochs"]
        advice = "To train anew, remove the file; to train on from its weights, load it with load_model"
        if done < epochs:
            warnings.warn(
                f"{self.path}: a callback stopped this training after epoch {done}, so epochs={epochs} adds "
                f"none, and fit returns the history of then. {advice}",
                stacklevel=7,
            )
        elif self.params.get("verbose"):
            print(f"{self.path}: all {done} epochs of this training are done. {advice}", flush=True)

    def restore(self) -> None:
        """Restore model, metrics and callbacks from the backup."""
        config, arrays = saving.read(self.path)
        if "training" not in config:
            raise ValueError(f"{self.path}: a model, but no backup of a training")
        with saving.naming(self.path, "a damaged backup"):
            training = saving.unpack(config["training"], arrays)
            schema.check(training, TRAINING, "training")
        if training["step"] and (
            training["steps"] != self.params["steps"] or training["step"] > training["steps"]
        ):
            raise ValueError(
                f"{self.path}: the backup of a training of {training['steps']} batches an epoch, not of "
                f"{self.params['steps']}: give the data and the batch_size of its beginning"
            )
        with saving.naming(self.path, "the backup of another training"):
            self.model.callback_list.set_state(training["callbacks"])
            self.model.restore(config, arrays)
            self.model.training_batches.set_state(training["data"])
            # checks the optimizer's arrays now, not in the first step
            self.model.optimizer.build(self.model.trainable_weights)
            if training["step"]:
                self.model.compiled_metrics.set_state(training["results"])
        self._restored = config, arrays
        position = self.model.training_position
        position.epoch, position.step = training["epoch"], training["step"]
        self.model.stop_training = training["stopped"]
        if position.epoch >= self.params["epochs"] or self.model.stop_training:
            self.report_ended()
        self.model.skipped_steps = training["skipped_steps"]
        if position.step:
            position.sums = training["results"]
