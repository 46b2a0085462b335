"""How a run stops early: by Ctrl-C, SIGTERM or a time budget.

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

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(KeyboardInterrupt):
    """A run was stopped by a signal; ``status`` is the command's exit status, 130
    for Ctrl-C, 143 for SIGTERM.
    """

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
        self.deferring = False
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
        # not print: the signal may have interrupted one; and no error, in the middle of a step, if stderr is closed
        with suppress(OSError):
            os.write(2, b"\nstopping after this batch; a second signal stops at once\n")

    @contextmanager
    def between_batches(self) -> Iterator[None]:
        """Within this block only note the first signal; if training has not stopped
        for it, stop at the end.
        """
        self.deferring = True
        try:
            yield
        finally:
            self.deferring = False
        if self.signal is not None:
            self.raise_stop()

    def requested(self) -> bool:
        """Return whether to stop now."""
        return self.signal is not None or (self.deadline is not None and time.monotonic() >= self.deadline)

    def raise_stop(self) -> None:
        """Stop.

        Raises:
            Stopped: there was a signal.
            OutOfTime: there was none, so the time is up.
        """
        if self.signal is None:
            raise OutOfTime
        raise Stopped(f"stopped by {SIGNALS[self.signal]}", 128 + self.signal)
