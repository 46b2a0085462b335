"""One run by several processes: ``mpiexec -n 4 python -m fer.train …``.

Process 0 makes the run's folder, prints, draws and evaluates; the others only train. Each reads the data itself. All
end together: an error that all have is one line; one that a single process has ends the others too.
"""

import contextlib
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from fer.command_line import as_started
from fer.errors import BadInput, message
from fer.training.stopping import NothingToDo
from minicnn import callbacks, distributed
from minicnn.terminal import printable, say

T = TypeVar("T")
SLOW = 1.5  # times the usual seconds for an epoch: such a process is named
WORTH_SECONDS = 2.0  # more than the others, at least


class Processes:
    """The processes of this run: those that a launcher of MPI has started, or this one alone.

    Raises:
        BadInput: a launcher has started several, but mpi4py is missing.
    """

    def __init__(self) -> None:
        try:
            self.communicator = distributed.MPI() if distributed.launched() else distributed.Single()
        except ImportError as error:
            raise BadInput(f"several processes were started, but {error}") from None
        self.size, self.first = self.communicator.size, self.communicator.rank == 0
        if self.size > 1:
            distributed.share_cores(self.communicator.local_size())

    def by_first(self, function: Callable[[], T]) -> T:
        """Run a function in process 0 alone; its result, or an error of the user's input, is that of all."""
        result: Any = None
        error: Exception | None = None
        if self.first:
            try:
                result = function()
            except (BadInput, OSError, NothingToDo) as found:
                if self.size == 1:
                    raise
                error = found
        result, error = self.communicator.broadcast((result, error))
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def check_same(self, what: str, value: Any) -> None:
        """Check that a value is the same in all processes.

        Raises:
            BadInput: it is not; the message names the process.
        """
        for rank, other in enumerate(self.communicator.allgather(value)):
            if other != value:
                raise BadInput(
                    f"process {self.communicator.rank} and process {rank} have different {what}: expected the same "
                    "files, versions and options on all machines"
                )

    def describe(self, shards: int) -> None:
        """Print how many processes there are."""
        machines = len(set(self.communicator.allgather(platform.node())))
        if self.size > 1 and self.first:
            on = f" on {machines} machines" if machines > 1 else ""
            say(f"{self.size} processes{on}, a batch is cut into {shards} shards")

    @contextmanager
    def together(self, command: str) -> Iterator[None]:
        """Within this block only process 0 prints; if it ends by an error, all processes end.

        Args:
            command: its name, which begins the line: "fer.train".
        """
        if self.size == 1:
            yield
            return
        stderr = sys.stderr
        try:
            with self._quiet():
                yield
        except BaseException as error:
            if self.communicator.all_failed():
                if self.first:
                    raise
                # a status other than 0 lets the launcher end process 0, perhaps before it has said why
                raise SystemExit(0) from None
            expected = isinstance(error, BadInput | OSError | NothingToDo | KeyboardInterrupt)
            text = (
                message(error)
                if isinstance(error, Exception) and expected
                else (str(error) or type(error).__name__)
            )
            if not expected and not isinstance(error, SystemExit):
                traceback.print_exception(error, file=stderr)
            where = f"process {self.communicator.rank} of {self.size}, on {platform.node()}"
            print(
                printable(as_started(f"{command}: {where}: {text}; all processes end")),
                file=stderr,
                flush=True,
            )
            self.communicator.abort(_status(error) or 1)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        if self.first:
            yield
            return
        with (
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            yield


def _status(error: BaseException) -> int:
    if isinstance(error, NothingToDo):
        return 0
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt):
        return int(getattr(error, "status", 130))
    return 2 if isinstance(error, BadInput | OSError) else 1


class NameSlowProcess(callbacks.Callback):
    """Names a process that computes for longer than the others: all wait for it."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare the seconds that the processes have computed, without those that they have waited."""
        share = self.model.distribution
        if share.communicator.size == 1:
            return
        seconds, names = zip(*share.communicator.allgather((share.busy_seconds(), platform.node())))
        slowest = int(np.argmax(seconds))
        usual = float(np.median(np.delete(seconds, slowest)))
        if self.writes and seconds[slowest] > max(SLOW * usual, usual + WORTH_SECONDS):
            say(
                f"Process {slowest}, on {names[slowest]}, is slow: it computed {seconds[slowest]:.0f} seconds of this "
                f"epoch, the others about {usual:.0f}, and they wait for it"
            )
