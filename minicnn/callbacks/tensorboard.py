"""TensorBoard: the results as files that TensorBoard draws: ``tensorboard --logdir logs``.

The files are written here; the package tensorboard is needed only to look at them. A file is a row of records,
each an event in the protocol-buffer format: a time, a step, and one value with its name ("tag"):

    record     length (8 bytes), CRC of these, event, CRC of it; both CRCs are CRC-32C, masked
    event      1: time, double    2: step    3: text "brain.Event:2", in the first event    5: summary
    summary    1: value           value      1: tag    2: a number, float    5: a histogram
"""

import functools
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.callbacks.base import Callback, Logs


class TensorBoard(Callback):
    """Write losses, metrics, the learning rate and histograms of the weights for TensorBoard.

    Names are Keras's: "epoch_loss" in ``log_dir/train`` and ``log_dir/validation``, "epoch_learning_rate",
    "batch_loss", "evaluation_loss_vs_iterations".

    Args:
        log_dir: the folder, which is made.
        histogram_freq: after every so many epochs a histogram of each weight; 0: none.
        write_graph: changes nothing: no drawing of the model is written. See ``utils.plot_model``.
        update_freq: "epoch", "batch", or after how many batches results are written too.
        others: for the error message: minicnn._base.keras_errors.

    Raises:
        ValueError: update_freq or histogram_freq is none of the above.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        update_freq: str | int = "epoch",
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
        self._files: dict[str, Path] = {}
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the results so far, if this is the time for it."""
        self._batches += 1
        if self._every and self._batches % self._every == 0:
            self._write_numbers(
                "train", self._batches, {f"batch_{name}": v for name, v in (logs or {}).items()}
            )

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of an evaluation, by the number of training steps."""
        steps = int(self.model.optimizer.iterations)
        results = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write_numbers("validation", steps, results)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the results of the epoch."""
        results = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        results["learning_rate"] = self.model.optimizer.learning_rate
        validation = {name[4:]: value for name, value in (logs or {}).items() if name.startswith("val_")}
        for part, values in (("train", results), ("validation", validation)):
            self._write_numbers(part, epoch, {f"epoch_{name}": value for name, value in values.items()})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = self.model.weights
            self._write(
                "train", epoch, [(f"{w.path}/histogram", _message(5, _histogram(w.value))) for w in weights]
            )

    def _write_numbers(self, part: str, step: int, results: Logs) -> None:
        numbers = {name: float(value) for name, value in results.items() if np.ndim(value) == 0}
        self._write(
            part, step, [(name, b"\x15" + struct.pack("<f", value)) for name, value in numbers.items()]
        )

    def _write(self, part: str, step: int, values: list[tuple[str, bytes]]) -> None:
        """Add an event for each (tag, encoded value) to the file of a part, which is made with its first event."""
        if not values or not self.writes:
            return
        now = b"\x09" + struct.pack("<d", time.time())
        events = [
            now + b"\x10" + _varint(step) + _message(5, _message(1, _message(1, tag.encode()) + value))
            for tag, value in values
        ]
        if part not in self._files:
            name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
            self._files[part] = self.log_dir / part / name
            self._files[part].parent.mkdir(parents=True, exist_ok=True)
            events.insert(0, now + _message(3, b"brain.Event:2"))
        with open(self._files[part], "ab") as file:
            for event in events:
                length = struct.pack("<Q", len(event))
                file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _varint(number: int) -> bytes:
    """Return a whole number from 0 in seven bits a byte, lowest first; all bytes but the last begin with 1."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def _message(field: int, content: bytes) -> bytes:
    """Return a field that holds bytes: a text, or another message."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _histogram(values: np.ndarray) -> bytes:
    """Return a histogram: 1 least, 2 largest, 3 number, 4 sum, 5 sum of squares, 6 upper limits, 7 counts."""
    finite = values[np.isfinite(values)].astype(np.float64).ravel()
    counts, limits = np.histogram(finite, bins=30)
    facts = (
        finite.min(initial=np.inf),
        finite.max(initial=-np.inf),
        finite.size,
        finite.sum(),
        np.sum(finite**2),
    )
    first = b"".join(
        bytes([field << 3 | 1]) + struct.pack("<d", fact) for field, fact in enumerate(facts, start=1)
    )
    return (
        first + _message(6, limits[1:].astype("<f8").tobytes()) + _message(7, counts.astype("<f8").tobytes())
    )


@functools.cache
def _crc_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [
            each >> 1 ^ (0x82F63B78 if each & 1 else 0) for each in table
        ]  # Castagnoli's polynomial, mirrored
    return table


def _masked_crc(content: bytes) -> bytes:
    """Return the CRC-32C, rotated by 15 bits and shifted, so that a CRC of data with CRCs is none of them."""
    crc, table = 0xFFFFFFFF, _crc_table()
    for byte in content:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
