"""How many threads a small prediction takes: one or all, whichever has been faster.

On a machine that does nothing else, another thread begins to work after some microseconds, and all together
are faster. If other programs keep the cores busy, it may get one only after a millisecond or more, and all
others wait for it. No threshold is right for both, so both are tried. The bits are the same for any number of
threads.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")

WINDOW = 5  # the last runs of each kind, whose median is compared
FIRST = 6  # runs at the beginning that take turns; the very first does not count: it prepares
EVERY = 32  # later, every so many-th run tries the kind that was slower
SELDOM = 256  # the same, if that took more than twice as long
LONG = 0.05  # seconds on all threads, from which on one thread is not tried


class OneOrAll:
    """Runs work on one thread or on all, and learns which is faster."""

    def __init__(self) -> None:
        self._runs = 0
        self._seconds: dict[bool, deque[float]] = {alone: deque(maxlen=WINDOW) for alone in (False, True)}

    def run(self, work: Callable[[], R], clock: Callable[[], float] = time.perf_counter) -> R:
        """Return ``work()``."""
        from numba import get_num_threads, set_num_threads  # imported here: it takes half a second

        threads = get_num_threads()
        if threads == 1:
            return work()
        number, self._runs = self._runs, self._runs + 1
        alone = self._alone(number)
        if alone:
            set_num_threads(1)
        try:
            start = clock()
            result = work()
            if number:
                self._seconds[alone].append(clock() - start)
        finally:
            if alone:
                set_num_threads(threads)
        return result

    def _alone(self, number: int) -> bool:
        one, all_ = (_median(self._seconds[alone]) for alone in (True, False))
        if number < 2 or all_ > LONG:
            return False
        if number < FIRST:
            return number % 2 == 0
        every = EVERY if max(one, all_) <= 2 * min(one, all_) else SELDOM
        return (one < all_) != (number % every == 0)


def _median(values: deque[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0
