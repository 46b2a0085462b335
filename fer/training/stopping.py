"""How a run stops early: by Ctrl-C, SIGTERM, SIGUSR1 or a time budget.

A signal can arrive in the middle of a step, when half of the weights have changed. So within
:meth:`StopRequest.between_batches` it is only noted. Training calls :meth:`StopRequest.requested` after each
batch, and saves before it stops. A second signal stops at once: the run is resumed later from its last
checkpoint.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

TIME_IS_UP = 1  # as a reason to stop; signals are by their numbers
SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
if hasattr(signal, "SIGUSR1"):  # not on Windows. mpiexec hands it on to its processes, and lives on
    SIGNALS[signal.SIGUSR1] = "SIGUSR1"


class Stopped(KeyboardInterrupt):
    """A run was stopped by a signal; ``status`` is the command's: 130 Ctrl-C, 143 SIGTERM, 138 SIGUSR1."""

    def __init__(self, message: str, status: int = 130) -> None:
        super().__init__(message)
        self.status = status


class OutOfTime(Exception):
    """The time budget is used."""


class NothingToDo(Exception):
    """There is no result, and no error either; the message says why."""


class StopRequest:
    """Receives signals and looks at the clock, as a context manager.

    Args:
        budget: seconds from now; None: no limit.
    """

    def __init__(self, budget: float | None = None) -> None:
        self.deadline = None if budget is None else time.monotonic() + budget
        self.deferring = self.quiet = False
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopRequest":
        """Handle the signals, if Python allows it (in the main thread) and they are not ignored already."""
        try:
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before != signal.SIG_IGN:
                    signal.signal(number, self._on_signal)
                    self._before[number] = before
        except ValueError:  # not in the main thread: the handlers stay as they are
            pass
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Restore the previous handlers."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first = self.signal is None
        self.signal = signal.Signals(number)
        if not (self.deferring and first):
            self.raise_stop()
        if self.quiet:  # another process says it
            return
        # not print: the signal may have interrupted one; and no error, in the middle of a step, if stderr is closed
        with suppress(OSError):
            os.write(2, b"\nstopping after this batch; a second signal stops at once\n")

    @contextmanager
    def between_batches(self) -> Iterator[None]:
        """Within this block only note the first signal; stop at its end, if training has not."""
        self.deferring = True
        try:
            yield
        finally:
            self.deferring = False
        if self.signal is not None:
            self.raise_stop()

    def requested(self) -> bool:
        """Return whether to stop now."""
        return self.reason() != 0

    def reason(self) -> int:
        """Return why to stop now: the number of a signal, TIME_IS_UP, or 0."""
        if self.signal is not None:
            return int(self.signal)
        return TIME_IS_UP if self.deadline is not None and time.monotonic() >= self.deadline else 0

    def agree(self, reason: int) -> bool:
        """Take the reason on which several processes have agreed for one's own; return whether to stop now."""
        if reason > TIME_IS_UP:
            self.signal = signal.Signals(reason)
        return reason != 0

    def raise_stop(self) -> None:
        """Stop.

        Raises:
            Stopped: there was a signal.
            OutOfTime: there was none, so the time is up.
        """
        if self.signal is None:
            raise OutOfTime
        raise Stopped(f"stopped by {SIGNALS[self.signal]}", 128 + self.signal)
