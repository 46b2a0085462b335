"""What a process needs of the others: a small interface, with one process alone and with MPI behind it.

    Single()    no others
    MPI()       the processes that mpiexec (or srun) has started; needs mpi4py: pip install "minicnn-fer[mpi]"

mpi4py is imported by ``MPI()`` alone. Its import starts MPI.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

# set by the launchers of Open MPI; of MPICH, Intel MPI and their relatives; by srun with PMIx
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
TOGETHER_SECONDS = 3.0  # that a process which fails waits to see whether all have failed


class Single:
    """One process alone; the base class of what has others."""

    rank = 0
    size = 1
    waited = 0.0  # seconds, for others and for messages

    def allgather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in the order of their ranks."""
        return [value]

    def broadcast(self, value: Any) -> Any:
        """Return the value of process 0."""
        return value

    def start_exchange(
        self, pieces: Sequence[np.ndarray], counts: Sequence[int]
    ) -> Callable[[], list[np.ndarray]]:
        """Begin to send piece i to process i, and return a function that waits and returns what came from each.

        Args:
            pieces: arrays of one axis and one dtype.
            counts: how many entries come from each process.
        """
        return lambda: list(pieces)

    def join(self, piece: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """Return the pieces of all processes, of ``counts`` entries, one behind the other."""
        return piece

    def progress(self) -> None:
        """Give the messages on their way a moment of this process's time."""

    def local_size(self) -> int:
        """Return how many of the processes run on this machine."""
        return 1

    def all_failed(self) -> bool:
        """Return whether all processes call this, within seconds: then all have come to an end."""
        return True

    def abort(self, status: int) -> NoReturn:
        """End all processes."""
        raise SystemExit(status)


class MPI(Single):
    """The processes that a launcher of MPI has started.

    Args:
        communicator: one of mpi4py; None: a copy of that of all processes.

    Raises:
        ImportError: mpi4py is not installed, or finds no MPI.
    """

    def __init__(self, communicator: Any = None) -> None:
        try:
            from mpi4py import MPI as mpi
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                f'distributed="mpi" needs mpi4py and an MPI library ({error}): pip install "minicnn-fer[mpi]"'
            ) from None
        self._mpi, self._world = mpi, communicator or mpi.COMM_WORLD
        self._group = self._world.Dup()  # messages of others do not mix with ours
        self._ends = self._world.Dup()
        self.rank, self.size = self._group.Get_rank(), self._group.Get_size()
        self._requests: list[Any] = []

    def allgather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in the order of their ranks."""
        with self._waiting():
            return list(self._group.allgather(value))

    def broadcast(self, value: Any) -> Any:
        """Return the value of process 0."""
        return self._group.bcast(value, 0)

    def start_exchange(
        self, pieces: Sequence[np.ndarray], counts: Sequence[int]
    ) -> Callable[[], list[np.ndarray]]:
        """Begin to send piece i to process i, and return a function that waits and returns what came from each."""
        sent = np.concatenate(pieces)
        received = np.empty(sum(counts), sent.dtype)
        keep = [sent]  # until it has been sent
        request = self._group.Ialltoallv(
            self._parts(sent, [piece.size for piece in pieces]), self._parts(received, counts)
        )
        self._requests.append(request)

        def wait() -> list[np.ndarray]:
            with self._waiting():
                request.Wait()
            self._requests.remove(request)
            keep.clear()
            return np.split(received, np.cumsum(counts)[:-1])

        return wait

    def join(self, piece: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """Return the pieces of all processes, of ``counts`` entries, one behind the other."""
        whole = np.empty(sum(counts), piece.dtype)
        with self._waiting():
            self._group.Allgatherv([piece.view(np.uint8), self._mpi.BYTE], self._parts(whole, counts))
        return whole

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    def _parts(self, array: np.ndarray, counts: Sequence[int]) -> list[Any]:
        """Return an array in parts as MPI describes it, in bytes: so it takes every dtype."""
        lengths = [count * array.itemsize for count in counts]
        starts = [0, *np.cumsum(lengths[:-1]).tolist()]
        return [array.view(np.uint8), (lengths, starts), self._mpi.BYTE]

    def progress(self) -> None:
        """Give the messages on their way a moment of this process's time."""
        for request in self._requests:
            request.Test()

    def local_size(self) -> int:
        """Return how many of the processes run on this machine."""
        return self.allgather(platform.node()).count(platform.node())

    def all_failed(self) -> bool:
        """Return whether all processes call this, within seconds: then all have come to an end."""
        request, until = self._ends.Ibarrier(), time.monotonic() + TOGETHER_SECONDS
        while time.monotonic() < until:
            if request.Test():
                return True
            time.sleep(0.01)
        return False

    def abort(self, status: int) -> NoReturn:
        """End all processes."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._world.Abort(status)
        raise SystemExit(status)


def launched() -> bool:
    """Return whether a launcher of MPI has started this process, as one of several."""
    return any(os.environ.get(name, "1") not in ("", "1") for name in _SIZES) or (
        "PMIX_RANK" in os.environ and os.environ.get("SLURM_NTASKS", "1") != "1"
    )


def share_cores(processes: int) -> None:
    """Share the cores of this machine among its processes, unless the launcher or the user has done that."""
    if "NUMBA_NUM_THREADS" in os.environ:
        return
    import numba  # here: one process alone needs neither

    from minicnn.ops.kernels.parallel import start_threads

    start_threads()  # before numba does it: see docs/performance.md, "How threads wait"
    cores = os.cpu_count() or 1
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    threads = own if own < cores else max(1, cores // processes)
    numba.set_num_threads(min(threads, numba.get_num_threads()))


def get(given: Any) -> Single:
    """Return the communicator that is meant by None (one process), "mpi" or a communicator.

    Raises:
        ValueError: it is none of these.
    """
    if given is None:
        return Single()
    if given == "mpi":
        return MPI()
    if isinstance(given, Single):
        return given
    raise ValueError(f'communicator={given!r}: expected None, "mpi", or an object such as MPI()')
