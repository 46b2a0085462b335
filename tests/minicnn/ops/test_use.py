"""The choice of the implementation: it holds for one thread or task, and blocks may overlap and end in any order."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minicnn import ops


@pytest.fixture(autouse=True)
def run_in_a_context_of_its_own():
    """What a test chooses "from now on" ends with it."""
    before = ops.active()
    yield
    ops.use(before)


def in_a_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_a_call_holds_from_now_on_in_this_thread_alone():
    assert ops.active() == "kernels"
    ops.use("reference")
    assert ops.active() == "reference"
    assert in_a_thread(ops.active) == "kernels"
    ops.use("kernels")
    assert ops.active() == "kernels"


def test_blocks_nest():
    with ops.use("reference"):
        with ops.use("kernels"):
            assert ops.active() == "kernels"
            with ops.use("kernels"):
                pass
            assert ops.active() == "kernels"
        assert ops.active() == "reference"
        with pytest.raises(ValueError, match="expected"), ops.use("numpy"):
            pass
        assert ops.active() == "reference"
    assert ops.active() == "kernels"


def test_a_call_in_a_block_holds_until_its_end():
    with ops.use("reference"):
        ops.use("kernels")
        assert ops.active() == "kernels"
    assert ops.active() == "kernels"
    ops.use("reference")
    with ops.use("kernels"):
        ops.use("reference")
        ops.use("kernels")
    assert ops.active() == "reference"


def test_a_block_ends_after_an_error():
    with pytest.raises(ZeroDivisionError), ops.use("reference"):
        1 / 0  # noqa: B018
    assert ops.active() == "kernels"


def test_one_object_serves_several_blocks():
    chosen = ops.use("reference")
    for _ in range(2):
        with chosen:
            assert ops.active() == "reference"
            with chosen:
                assert ops.active() == "reference"
            assert ops.active() == "reference"
        assert ops.active() == "kernels"
    ops.use("kernels")
    with chosen:
        assert ops.active() == "reference"
    assert ops.active() == "kernels"


def test_an_object_that_was_replaced_restores_what_was_there():
    chosen = ops.use("reference")
    ops.use("kernels")
    ops.use("reference")
    with chosen:
        ops.use("kernels")
    assert ops.active() == "reference"


@pytest.mark.parametrize("names", [("reference", "kernels"), ("kernels", "reference")])
def test_blocks_that_end_out_of_order(names):
    first, second = (ops.use(name) for name in names)
    ops.use("kernels")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert ops.active() == names[1]  # the one that is still open
    second.__exit__(None, None, None)
    assert ops.active() == "kernels"
    second.__exit__(None, None, None)  # a second time: nothing
    assert ops.active() == "kernels"


def test_generators_that_end_out_of_order():
    def steps():
        with ops.use("reference"):
            yield ops.active()

    first, second = steps(), steps()
    assert {next(first), next(second)} == {"reference"}
    first.close()
    second.close()
    assert ops.active() == "kernels"


def test_overlapping_blocks_of_threads_do_not_meet():
    """Two threads enter, one after the other leaves: in the order in which a global would stay on "reference"."""
    seen, turns = [], [threading.Event() for _ in range(4)]

    def one():
        with ops.use("reference"):
            turns[0].set()
            assert turns[1].wait(30)
            seen.append(ops.active())
        seen.append(ops.active())
        turns[2].set()

    def two():
        assert turns[0].wait(30)
        with ops.use("reference"):
            turns[1].set()
            assert turns[2].wait(30)
            seen.append(ops.active())
        seen.append(ops.active())

    threads = [threading.Thread(target=work) for work in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["reference", "kernels", "reference", "kernels"]
    assert ops.active() == "kernels"


def test_one_object_in_two_threads():
    chosen = ops.use("reference")
    ops.use("kernels")
    with chosen:

        def other():
            before = ops.active()
            with chosen:
                inside = ops.active()
            return before, inside, ops.active()

        assert in_a_thread(other) == ("kernels", "reference", "kernels")
        assert ops.active() == "reference"
    assert ops.active() == "kernels"


def test_tasks_have_their_own_choice():
    seen = []

    async def task(name, here, there):
        with ops.use(name):
            for _ in range(3):
                here.set()
                await there.wait()
                there.clear()
                seen.append(ops.active() == name)
            here.set()

    async def both():
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(task("reference", *events), task("kernels", *reversed(events)))
        return ops.active()

    assert in_a_thread(lambda: asyncio.run(both())) == "kernels"
    assert seen == [True] * 6


def test_a_copied_context_takes_the_choice_along():
    x = np.array([-1.0, 2.0], complex)  # which only the reference takes
    with ops.use("reference"):
        context = contextvars.copy_context()
    assert in_a_thread(lambda: context.run(ops.relu_forward, x))[0].tolist() == [0, 2]
    with pytest.raises(TypeError, match="complex"):
        in_a_thread(lambda: ops.relu_forward(x))
