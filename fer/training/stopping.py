"""How a run ends before its time: Ctrl-C, SIGTERM, a time budget.

A signal can arrive in the middle of a step, when half of the weights have moved. So within
:meth:`Stop.between_batches` it is only noted; training looks at :meth:`Stop.due` after each batch, and saves before it
stops. A second signal does not wait: the run goes on later from its last checkpoint.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(KeyboardInterrupt):
    """A run was stopped by a signal; ``status`` is the command's exit status, 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, message: str, status: int = 130) -> None:
        super().__init__(message)
        self.status = status


class OutOfTime(Exception):
    """The time budget is used up."""


class NothingToDo(Exception):
    """There is no result to give, and nothing is wrong; the message says why."""


class Stop:
    """Listens to signals and the clock, as a context manager.

    Args:
        budget: seconds, from now on; None: no limit.
    """

    def __init__(self, budget: float | None = None) -> None:
        self.deadline = None if budget is None else time.monotonic() + budget
        self.patient = False
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Stop":
        """Take over the signals, where Python lets us (in the main thread) and nobody chose to ignore them."""
        try:
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before != signal.SIG_IGN:
                    signal.signal(number, self._on_signal)
                    self._before[number] = before
        except ValueError:  # not in the main thread: signals stay whose they are
            pass
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first = self.signal is None
        self.signal = signal.Signals(number)
        if not (self.patient and first):
            self.raise_()
        # not print: a signal may have come in the middle of one
        os.write(2, b"\nstopping after this batch; once more stops at once\n")

    @contextmanager
    def between_batches(self) -> Iterator[None]:
        """While this lasts, note the first signal only; one that nobody has acted on stops at the end."""
        self.patient = True
        try:
            yield
        finally:
            self.patient = False
        if self.signal is not None:
            self.raise_()

    def due(self) -> bool:
        """Return whether to stop."""
        return self.signal is not None or (self.deadline is not None and time.monotonic() >= self.deadline)

    def raise_(self) -> None:
        """Stop.

        Raises:
            Stopped: a signal came.
            OutOfTime: none did, so it is for the clock.
        """
        if self.signal is None:
            raise OutOfTime
        raise Stopped(f"stopped by {SIGNALS[self.signal]}", 128 + self.signal)
