"""What all kernels share: how they are compiled, and how their work is divided among the threads.

**The same bits for any number of threads.** A parallel loop runs over a fixed number of pieces
(:data:`CHUNKS`, or one that follows from the shapes), never over the number of threads; a sum over pieces is
taken afterwards, in order:

    for chunk in prange(CHUNKS):
        partial[chunk] = …items chunk·n//CHUNKS to (chunk + 1)·n//CHUNKS…
    total = partial[0] + partial[1] + …

**No thread is woken for small work.** A thread that has waited for longer than some 50 microseconds sleeps, and
to wake it takes 30 microseconds on an idle machine, and half a millisecond on one that is busy with other
things. So a kernel whose arrays are all small runs on the calling thread: see :data:`SMALL`. As the pieces are
the same, so are the bits.

**No NaN is lost.** Only those fast-math flags are set that keep NaN and infinity: the compiler may reorder a
sum, contract a·b + c to one FMA, and multiply by a reciprocal.
"""

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numba import config, get_num_threads, prange, set_num_threads, threading_layer

from minicnn.ops.kernels.memory import empty
from minicnn.ops.machine_code import MachineCode
from minicnn.ops.turns import LOCK, turn

CHUNKS = 16

# Entries of the largest array that a kernel gets, up to which it runs on the calling thread. A pass over 32,768
# entries takes 10 to 30 microseconds on one thread, about what it takes to wake another
# (``python -m minicnn.benchmark`` prints that for this machine).
SMALL = 2**15

FAST = {"contract", "reassoc", "arcp", "nsz"}
OPTIONS: dict[str, Any] = {"fastmath": FAST, "error_model": "numpy"}  # of numba.njit, for every kernel

_OPS = Path(__file__).parents[1]
_FROM_REFERENCE = ("dropout", "image", "updates")  # the files of the reference that kernels import from
SOURCES = [
    *(_OPS / "kernels").glob("*.py"),
    _OPS / "geometry.py",
    _OPS / "types.py",
    *(_OPS / "reference" / f"{name}.py" for name in _FROM_REFERENCE),
]
_CODE = MachineCode("minicnn-kernels", [Path(__file__), *SOURCES])


def compiled(work: Callable[..., int] | None = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return the decorator of every compiled function: ``numba.njit`` with :data:`OPTIONS`, kept on disk.

    ``@compiled()`` is for a helper inside one piece, ``@compiled(parallel=True)`` for a kernel that may use
    ``prange``. Kernels take turns: each uses all threads, and not every thread pool of Numba may be entered twice.

    Args:
        work: a function of the kernel's arguments that returns how many entries of a simple pass would take as
            long; by default the entries of its largest array.
        options: of ``numba.njit``.
    """
    compile_ = _CODE.compiled(**OPTIONS | options)
    if not options.get("parallel"):
        return compile_

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        kernel, amount = compile_(function), work or _largest
        label = f"{function.__module__.rpartition('.')[2]} {function.__name__.lstrip('_')}"

        @functools.wraps(function)
        def launch(*arguments: Any) -> Any:
            if _first.compile:
                _compile(kernel, arguments)
            with turn():
                start = time.perf_counter()
                # 1: as many as are set now, all or one
                threads = 1 if amount(*arguments) > SMALL else get_num_threads()
                if threads == 1:
                    result = kernel(*arguments)
                else:
                    set_num_threads(1)
                    try:
                        result = kernel(*arguments)
                    finally:
                        set_num_threads(threads)
                if _seconds is not None:
                    _seconds[label] = _seconds.get(label, 0.0) + time.perf_counter() - start
                return result

        return launch

    return decorate


def _largest(*arguments: Any) -> int:
    """Return the entries of the largest array; without an array, all threads run."""
    sizes = [array.size for array in arguments if isinstance(array, np.ndarray)]
    return max(sizes) if sizes else SMALL + 1


class _First(threading.local):
    compile = False


_first = _First()


@contextmanager
def compiled_first() -> Iterator[None]:
    """In this context, this thread compiles each kernel before it takes its turn: others need not wait for that.

    It uses no other thread. When the main thread has ended, the next kernel raises SystemExit.
    """
    start_threads()
    threads = get_num_threads()
    set_num_threads(1)
    _first.compile = True
    try:
        yield
    finally:
        _first.compile = False
        set_num_threads(threads)


def _compile(kernel: Any, arguments: tuple[Any, ...]) -> None:
    if not threading.main_thread().is_alive():
        raise SystemExit
    kernel.compile(tuple(map(kernel.typeof_pyval, arguments)))


_seconds: dict[str, float] | None = None  # while kernels are timed


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """In this context, add up the seconds of each kernel, by "file kernel"."""
    global _seconds
    outer, _seconds = _seconds, {}
    try:
        yield _seconds
    finally:
        _seconds = outer


@functools.cache
def start_threads() -> None:
    """Start Numba's threads, so that they wait for work without spinning for long.

    A waiting thread of GNU OpenMP, the pool that Numba takes on Linux, spins: it asks again and again
    whether there is work. On a machine that is busy with other things too, this takes the cores away
    from the work (measured: a step five times slower beside two busy processes). OpenMP reads how
    long to spin from the environment when its library is loaded, so the variable is set for that
    moment only. A user's own setting stays.

    Raises:
        RuntimeError: this process was forked from one that runs GNU OpenMP, whose threads it does not have.
    """
    if _without_threads:
        raise RuntimeError(
            "this process was forked after its parent had started the kernels' threads (GNU OpenMP), and cannot "
            'use them: start it with multiprocessing.get_context("spawn"), or fork before the first kernel runs, '
            'or compute in NumPy: minicnn.ops.use("reference"). NUMBA_THREADING_LAYER=workqueue survives a fork'
        )
    if config.DISABLE_JIT or {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        return
    with LOCK:
        os.environ["GOMP_SPINCOUNT"] = "10000"
        try:
            get_num_threads()  # starts them
        finally:
            os.environ.pop("GOMP_SPINCOUNT", None)


_without_threads = False


def _after_fork_in_child() -> None:
    """Note whether the parent had started threads that a child cannot use: Numba would end this process."""
    global _without_threads
    with suppress(ValueError, ImportError):  # it had started none
        if threading_layer() == "omp":
            from numba.np.ufunc import (
                omppool,
            )  # workqueue, TBB and other OpenMPs start new threads by themselves

            _without_threads = omppool.openmp_vendor == "GNU"
            start_threads.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def prepare(*arrays):
    """Return the arrays C-contiguous and of one dtype, float32 or float64; ``None`` stays ``None``.

    One layout means that each kernel is compiled once per dtype. One array is returned alone, several as a
    list. Every operation begins here, so the threads are started here, too.

    Raises:
        TypeError: an array is complex, or not of a floating-point type that the kernels know.
    """
    start_threads()
    dtype = None
    for array in arrays:
        if array is None:
            continue
        if array.dtype.kind == "c":
            raise TypeError(
                f"dtype {array.dtype}: the kernels compute in float32 and float64; for complex numbers use "
                'the definition: with minicnn.ops.use("reference"): …'
            )
        if array.dtype.char not in "fd":
            raise TypeError(
                f"dtype {array.dtype}: expected float32 or float64; convert with x.astype(np.float32)"
            )
        dtype = array.dtype if dtype is None else np.promote_types(dtype, array.dtype)
    ready = [None if array is None else np.ascontiguousarray(array, dtype) for array in arrays]
    return ready[0] if len(ready) == 1 else ready


@compiled()
def piece(array, chunk):
    """Return piece ``chunk`` of a flat array.

    A loop over its entries is vector code. A loop over places of the whole array is not: Numba has to ask at each
    place whether it is negative, which counts from the end.
    """
    return array[chunk * array.size // CHUNKS : (chunk + 1) * array.size // CHUNKS]


@compiled(parallel=True)
def _sum_pieces(partial, total):
    size = total.size
    for chunk in prange(CHUNKS):
        own = piece(total, chunk)
        for start in range(0, partial.size, size):  # outside, so that each is read in the order of memory
            more = piece(partial[start : start + size], chunk)
            for i in range(own.size):
                own[i] = own[i] + more[i] if start else more[i]


def sum_pieces(partial, shape):
    """Return partial[0] + partial[1] + …, in that order, in the given shape."""
    if len(partial) == 1:
        return partial.reshape(shape)
    total = empty(shape, partial.dtype)
    _sum_pieces(partial.reshape(-1), total.reshape(-1))
    return total
