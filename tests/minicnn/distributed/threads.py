"""A communicator whose processes are threads: what is sent is seen without MPI, and without starting processes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from minicnn.distributed import Single


class Group:
    """What the threads of one group share."""

    def __init__(self, size):
        self.size, self.board, self.barrier = size, {}, threading.Barrier(size, timeout=60)

    def run(self, function):
        """Return function(communicator) of each thread, in the order of their ranks."""

        def run_one(rank):
            try:
                return function(Member(self, rank))
            except Exception:
                self.barrier.abort()  # the others do not wait for it
                raise

        with ThreadPoolExecutor(self.size) as pool:
            return list(pool.map(run_one, range(self.size)))


class Member(Single):
    """The communicator of one thread."""

    def __init__(self, group, rank):
        self.group, self.rank, self.size = group, rank, group.size
        self.events = []  # "exchange", "join", "progress", in their order

    def allgather(self, value):
        self.group.board[self.rank] = value
        self.group.barrier.wait()
        values = [self.group.board[rank] for rank in range(self.size)]
        self.group.barrier.wait()
        return values

    def broadcast(self, value):
        return self.allgather(value)[0]

    def start_exchange(self, pieces, counts):
        self.events.append("exchange")
        came = [pieces_of_one[self.rank].copy() for pieces_of_one in self.allgather(pieces)]
        assert [piece.size for piece in came] == list(counts)
        return lambda: came

    def join(self, piece, counts):
        self.events.append("join")
        pieces = self.allgather(piece)
        assert [each.size for each in pieces] == list(counts)
        return np.concatenate(pieces)

    def progress(self):
        self.events.append("progress")
