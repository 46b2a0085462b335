"""What a process has of its machine: how many cores are its own."""

import os

import numba
import pytest

from minicnn.distributed import share_cores


@pytest.mark.parametrize(
    ("cores", "bound_to", "processes", "threads"),
    [
        (8, 8, 2, 4),
        (8, 8, 3, 2),
        (8, 8, 1, 8),
        (8, 8, 20, 1),
        (8, 2, 4, 2),  # the launcher has bound it: these are its own
        (8, 1, 2, 1),
        (8, None, 2, 4),  # a system that does not say
        (None, None, 2, 1),
        (64, 64, 2, 16),  # no more than Numba has
    ],
)
def test_cores_are_shared(monkeypatch, cores, bound_to, processes, threads):
    chosen = []
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    if bound_to is not None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(bound_to)), raising=False)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 16)
    monkeypatch.setattr(numba, "set_num_threads", chosen.append)
    share_cores(processes)
    assert chosen == [threads]


def test_what_the_user_has_set_stays(monkeypatch):
    chosen = []
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    monkeypatch.setattr(numba, "set_num_threads", chosen.append)
    share_cores(2)
    assert chosen == []
