"""Taking turns: work that must not be cut in two by another thread holds one lock, the turn.

    with minicnn.ops.turn():            # no other thread runs a step, a prediction or a kernel until the end
        loss, prediction = model.forward_loss(x, y, training=True)
        model.set_gradients()

Layers keep what the backward pass needs on themselves, and two models may share a layer. A kernel uses all
cores and memory that is used again. So one piece of work runs at a time in a process: a training step, the
forward pass of a batch, an explanation, a gradient check, a kernel. minicnn takes the turn for each of these;
a thread that has it may take it again. Data, callbacks and metrics run outside of it.
"""

import functools
import logging  # noqa: F401 (see register_at_fork below)
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LOCK: Any = threading.RLock()  # to be taken by turn(), except for a few lines
_gate = threading.Lock()  # held by the one that is next


def turn() -> Any:
    """Return the turn, for a ``with`` block: one thread at a time is inside; it may enter again.

    Threads come in one after the other. Without the gate, a thread that trains would take the lock again
    before a waiting one has woken up, and a prediction would wait until the end of the training.
    """
    if not LOCK._is_owned():
        with _gate, LOCK:
            pass
    return LOCK


def in_turn(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, which takes the turn for each call."""

    @functools.wraps(function)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        with turn():
            return function(*args, **kwargs)

    return whole


def _locks() -> list[Any]:
    """Return the locks that a child must not inherit from a thread that it does not have."""
    numba_lock = sys.modules.get("numba.core.compiler_lock")
    return [turn(), numba_lock.global_compiler_lock] if numba_lock else [turn()]


_held: list[Any] = []


def _before_fork() -> None:
    for lock in _locks():
        lock.acquire()
        _held.append(lock)


def _after_fork() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    global _gate
    _gate = threading.Lock()
    _after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    # A fork waits for the end of the step that another thread takes: the child gets whole weights and a free lock.
    # The last registered is called first, so that of logging comes after it: another thread may need its lock to
    # come to the end, when it imports Numba.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
