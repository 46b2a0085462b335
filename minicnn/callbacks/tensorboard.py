"""TensorBoard: the results as files that TensorBoard draws: ``tensorboard --logdir logs``.

The package tensorboardX, or tensorboard itself, writes the files: the extra ``tensorboard``.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.callbacks.base import Callback, Logs
from minicnn.saving.checks import install_command

BINS = 30  # of a histogram

Package = tuple[Any, Any, Any]  # EventFileWriter, and the modules of the messages Event and Summary


def _tensorboard() -> Package:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    return EventFileWriter, event_pb2, summary_pb2


def _tensorboardx() -> Package:
    from tensorboardX.event_file_writer import EventFileWriter
    from tensorboardX.proto import event_pb2, summary_pb2

    return EventFileWriter, event_pb2, summary_pb2


PACKAGES: dict[str, Callable[[], Package]] = {"tensorboard": _tensorboard, "tensorboardX": _tensorboardx}


def _installed() -> Package | None:
    """Return the first of them that can be imported, or None."""
    for package in PACKAGES.values():
        with suppress(ImportError):
            return package()
    return None


class TensorBoard(Callback):
    """Write losses, metrics, the learning rate and histograms of the weights for TensorBoard.

    Names are Keras's: "epoch_loss" in ``log_dir/train`` and ``log_dir/validation``, "epoch_learning_rate",
    "batch_loss", "evaluation_loss_vs_iterations".

    Args:
        log_dir: the folder, which is made.
        histogram_freq: after every so many epochs a histogram of each weight; 0: none.
        write_graph: changes nothing: no drawing of the model is written. See ``utils.plot_model``.
        update_freq: "epoch", "batch", or after how many batches results are written too.
        missing_ok: if no package can write the files, train without them. (Keras has no such argument.)
        others: for the error message: minicnn._base.keras_errors.

    Raises:
        ValueError: update_freq or histogram_freq is none of the above.
        ImportError: no package can write the files, and ``missing_ok`` is False.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        update_freq: str | int = "epoch",
        missing_ok: bool = False,
        **others: Any,
    ) -> None:
        super().__init__(**others)
        every: Any = {"epoch": 0, "batch": 1}.get(str(update_freq), update_freq)
        for name, value, given in (
            ("update_freq", every, update_freq),
            ("histogram_freq", histogram_freq, histogram_freq),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                words = '"epoch", "batch" or ' if name == "update_freq" else ""
                raise ValueError(f"{name}={given!r}: expected {words}an integer from 0")
        self.log_dir, self.histogram_freq, self.write_graph = Path(log_dir), histogram_freq, write_graph
        self.update_freq, self._every = update_freq, every
        self._package = _installed()
        if self._package is None and not missing_ok:
            raise ImportError(
                f"TensorBoard: neither tensorboardX nor tensorboard can be imported: {install_command('tensorboard')}; "
                "or TensorBoard(…, missing_ok=True) trains without its files"
            )
        self._files: dict[str, Any] = {}
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the results so far, if this is the time for it."""
        self._batches += 1
        if self._every and self._batches % self._every == 0:
            self._write("train", self._batches, {f"batch_{name}": v for name, v in (logs or {}).items()})

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of an evaluation, by the number of training steps."""
        steps = int(self.model.optimizer.iterations)
        results = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write("validation", steps, results)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the results of the epoch."""
        results = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        results["learning_rate"] = self.model.optimizer.learning_rate
        validation = {name[4:]: value for name, value in (logs or {}).items() if name.startswith("val_")}
        for part, values in (("train", results), ("validation", validation)):
            self._write(part, epoch, {f"epoch_{name}": value for name, value in values.items()})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write("train", epoch, {f"{w.path}/histogram": w.value for w in self.model.weights})
        for file in self._files.values():
            file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files; another training begins new ones."""
        while self._files:
            self._files.popitem()[1].close()

    def _write(self, part: str, step: int, values: dict[str, Any]) -> None:
        """Add an event for each value, a number or an array, to the file of a part, which the first one makes."""
        if not values or not self.writes or self._package is None:
            return
        writer, events, summaries = self._package
        if part not in self._files:
            self._files[part] = writer(str(self.log_dir / part))
        for tag, value in values.items():
            if np.ndim(value) == 0:
                content: dict[str, Any] = {"simple_value": float(value)}
            elif tag.endswith("/histogram"):
                content = {"histo": summaries.HistogramProto(**_histogram(value))}
            else:  # a metric with a number for each class
                continue
            summary = summaries.Summary(value=[summaries.Summary.Value(tag=tag, **content)])
            self._files[part].add_event(events.Event(step=step, wall_time=time.time(), summary=summary))


def _histogram(values: np.ndarray) -> dict[str, Any]:
    """Return the fields of a HistogramProto."""
    finite = values[np.isfinite(values)].astype(np.float64).ravel()
    counts, limits = np.histogram(finite, bins=BINS)
    return {
        "min": finite.min(initial=np.inf),
        "max": finite.max(initial=-np.inf),
        "num": finite.size,
        "sum": finite.sum(),
        "sum_squares": np.sum(finite**2),
        "bucket_limit": limits[1:],
        "bucket": counts,
    }
