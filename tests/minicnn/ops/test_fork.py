"""A forked process: it computes, or says at once what to do; it never hangs and is never ended from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn

ROOT = Path(minicnn.__file__).parents[1]
LIMIT = 120  # seconds, after which a process counts as hanging

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]

BEGIN = """
import multiprocessing, os, sys, threading, warnings
import numpy as np
from minicnn import ops
from minicnn.ops import turns

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of every fork beside threads
x, w = np.ones((64, 40)), np.ones((40, 30))

def compute(_=None):
    return float(ops.dense_forward(x, w)[0].sum())

def answer(_=None):
    try:
        return compute()
    except RuntimeError as error:
        return str(error)

def in_reference(_=None):
    with ops.use("reference"):
        return compute()

def forked(work):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, repr(work()).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 10_000).decode()
    print(os.waitpid(child, 0)[1], said, flush=True)
"""


def run(program, layer="omp"):
    """Run a program in a process group of its own; return its lines. All of it is killed if it hangs."""
    command = [sys.executable, "-c", BEGIN + program]
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"hung: {process.communicate()}")
    assert process.returncode == 0, errors
    assert "Terminating" not in errors
    return output.splitlines()


def says_what_to_do(line):
    return all(part in line for part in ('get_context("spawn")', 'ops.use("reference")', "before the first"))


needs_gnu = pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP is the threading layer on Linux")


@needs_gnu
def test_a_child_without_the_threads_says_what_to_do():
    lines = run(
        "compute(); forked(answer); forked(in_reference); forked(lambda: forked(answer)); print(compute())"
    )
    assert lines[0].startswith("0 ")
    assert says_what_to_do(lines[0])
    assert lines[1] == "0 76800.0"
    assert says_what_to_do(lines[2])  # a child's child
    assert lines[-1] == "76800.0"  # the parent goes on


@needs_gnu
def test_a_pool_raises_and_does_not_hang():
    lines = run(
        "compute()\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(*pool.map(answer, range(4)), sep='\\n')\n"
        "    print(pool.map(in_reference, range(2)))\n"
    )
    assert len(lines) == 5
    assert all(says_what_to_do(line) for line in lines[:4])
    assert lines[4] == "[76800.0, 76800.0]"


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_a_fork_before_the_first_kernel_works(layer):
    lines = run("forked(compute); forked(compute); print(compute())", layer)
    assert lines == ["0 76800.0", "0 76800.0", "76800.0"]


def test_workqueue_starts_its_threads_again():
    lines = run(
        "compute(); forked(compute)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(set(pool.map(compute, range(20))))\n"
        "print(compute())",
        "workqueue",
    )
    assert lines == ["0 76800.0", "{76800.0}", "76800.0"]


def test_a_fork_beside_a_working_thread_inherits_no_lock():
    """Threads compute without pause, and import the kernels first: their locks would keep a child waiting forever."""
    lines = run(
        """
stop = threading.Event()
def work():
    while not stop.is_set():
        compute()
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(10):
    forked(compute)
stop.set()
for thread in threads:
    thread.join()
print(compute())
""",
        "workqueue",
    )
    assert lines == ["0 76800.0"] * 10 + ["76800.0"]


def test_a_fork_waits_for_the_end_of_another_threads_work():
    """Otherwise a child may find weights that a step has half changed."""
    lines = run(
        """
entered, steps = threading.Event(), []
def work():
    with ops.turn():
        entered.set()
        for step in range(200_000):
            steps.append(step)
thread = threading.Thread(target=work)
thread.start()
entered.wait()
forked(lambda: len(steps))
thread.join()
""",
        "workqueue",
    )
    assert lines == ["0 200000"]


def test_a_fork_inside_of_the_turn_keeps_it_and_leaves_it():
    lines = run(
        """
def child():
    with ops.turn():
        compute()
    return turns.LOCK._is_owned()
with ops.turn():
    forked(child)                         # True: the block around it is still open
    forked(lambda: compute())
forked(child)
thread = threading.Thread(target=lambda: print(compute()))
thread.start()
thread.join()
""",
        "workqueue",
    )
    assert lines == ["0 True", "0 76800.0", "0 False", "76800.0"]


def test_a_child_can_compile():
    """Numba's own lock is free, too, whatever a thread of the parent was compiling."""
    lines = run(
        """
import numba
def other():
    while not stop.is_set():
        numba.njit(lambda x: x + 1)(1)
def child():
    return numba.njit(lambda x: x + 2)(1)
child()                                   # Numba is ready
stop = threading.Event()
thread = threading.Thread(target=other)
thread.start()
for _ in range(6):
    forked(child)
stop.set()
thread.join()
""",
        "workqueue",
    )
    assert lines == ["0 3"] * 6
