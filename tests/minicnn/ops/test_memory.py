"""Kept memory: who gets which buffer, when it is used again, where arrays begin; and
what kernels are handed.
"""

import subprocess

import numba
import numpy as np
import pytest

from minicnn.ops.kernels import memory, squared_norm
from minicnn.ops.kernels.parallel import prepare

LARGE = memory.SMALL  # the first size that comes from a kept buffer


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def no_buffers(monkeypatch):
    """Each test begins without buffers, and the others' stay."""
    monkeypatch.setattr(memory, "_buffers", [])
    monkeypatch.setattr(memory, "_scratch", {})


def bytes_of(*sizes):
    return [memory.empty((size,), np.uint8) for size in sizes]


def kept():
    return [buffer.nbytes for buffer in memory._buffers]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("rows", [3, 1000])
def test_an_array_is_what_was_asked_for(rows, dtype):
    array = memory.empty((rows, 7, 11), dtype)
    assert (array.shape, array.dtype) == ((rows, 7, 11), dtype)
    assert array.flags.c_contiguous
    array[...] = 1  # all of it is memory
    like = memory.empty_like(array)
    assert (like.shape, like.dtype) == (array.shape, array.dtype)
    assert not np.shares_memory(like, array)


def test_only_large_arrays_are_cut_from_kept_buffers():
    small, large = bytes_of(LARGE - 1, LARGE)
    assert kept() == [LARGE]
    assert small.base is None
    assert large.base is not None


def test_large_arrays_begin_at_a_cache_line():
    arrays = bytes_of(*range(LARGE, LARGE + 40, 8))
    assert {address(array) % memory.LINE for array in arrays} == {0}


def test_a_buffer_is_used_again_once_nothing_of_it_lives():
    (one,) = bytes_of(LARGE)
    where, part = address(one), one[5:9]
    del one
    (two,) = bytes_of(LARGE)
    assert address(two) != where  # a part of the first lives
    del part
    (three,) = bytes_of(LARGE)
    assert address(three) == where
    assert kept() == [LARGE, LARGE]


@pytest.mark.parametrize(
    ("free", "wanted", "taken"),
    [
        ([LARGE], LARGE, LARGE),
        ([2 * LARGE], LARGE, 2 * LARGE),  # at most twice as large
        ([2 * LARGE + 1], LARGE, None),
        ([LARGE], LARGE + 1, None),
        ([3 * LARGE, 2 * LARGE], 2 * LARGE, 2 * LARGE),  # the smallest that fits
        ([2 * LARGE, 3 * LARGE], 2 * LARGE, 2 * LARGE),
    ],
)
def test_which_buffer_is_taken(free, wanted, taken):
    arrays = bytes_of(*free)
    places = {size: address(array) for size, array in zip(free, arrays)}
    del arrays
    (array,) = bytes_of(wanted)
    assert kept() == sorted([*free, *([] if taken else [wanted])])
    if taken:
        assert address(array) == places[taken]


@pytest.mark.parametrize("between", [4, 5])
def test_a_free_buffer_goes_when_it_was_not_needed_for_long(between, monkeypatch):
    monkeypatch.setattr(memory, "RECENT", 5)
    used, old = bytes_of(LARGE, 3 * LARGE)
    del old
    for _ in range(between):
        bytes_of(6 * LARGE)  # the first time a new one: too early for the other to go
    (new,) = bytes_of(13 * LARGE)
    there = [used.nbytes, 6 * LARGE, new.nbytes]
    assert kept() == sorted([*there, 3 * LARGE] if between == 4 else there)


def test_a_training_step_of_many_sizes_allocates_once(monkeypatch):
    """However large it is: every step needs all of them again."""
    sizes = [LARGE * 3**k for k in range(6)]

    def step():
        arrays = bytes_of(*sizes)
        while arrays:
            bytes_of(arrays.pop().nbytes)

    step()
    monkeypatch.setattr(memory, "_Buffer", None)  # there is no new one
    step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_working_memory_has_a_row_for_each_thread(dtype):
    rows = memory.scratch(dtype, 37)
    size = -(-37 * rows.itemsize // memory.LINE) * memory.LINE // rows.itemsize  # whole lines
    assert (rows.shape, rows.dtype) == ((numba.config.NUMBA_NUM_THREADS, size), dtype)
    assert {address(row) % memory.LINE for row in rows} == {0}
    rows[...] = 1
    assert memory.scratch(dtype, size) is rows
    assert memory.scratch(dtype, 5) is rows
    assert memory.scratch(np.dtype(dtype).name, 5) is rows
    larger = memory.scratch(dtype, size + 1)
    assert larger.shape[1] == size + memory.LINE // rows.itemsize
    assert memory.scratch(dtype, 5) is larger


# ---- what kernels are handed -------------------------------------------------------------------------------


def test_what_is_prepared_is_contiguous_and_of_one_type():
    single, double = np.ones((2, 3), np.float32), np.full((3, 2), 1 / 3).T
    one, nothing, two = prepare(single, None, double)
    assert nothing is None
    assert one.dtype == two.dtype == np.float64
    assert two.flags.c_contiguous
    assert np.array_equal(two, double)
    assert {array.dtype for array in prepare(double, single)} == {np.dtype(float)}
    assert prepare(single) is single
    same, other = prepare(single, single[::-1])
    assert same is single
    assert other.dtype == np.float32


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    ("dtype", "message"), [(complex, "for complex numbers"), (int, "expected float32 or float64")]
)
def test_every_array_is_checked(place, dtype, message):
    arrays = [np.ones(2)] * 3
    arrays[place] = np.ones(2, dtype)
    with pytest.raises(TypeError, match=message):
        prepare(*arrays)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 20_000])
def test_the_squared_norm_of_any_number_of_entries(size, rng):
    dw = rng.standard_normal(size)
    for array in (dw, dw.astype(np.float32), dw[::-1]):
        assert squared_norm(array) == pytest.approx(float((array.astype(float) ** 2).sum()), rel=1e-12)


# ---- the size of a cache -----------------------------------------------------------------------------------


def caches(folder, *rows):
    for i, (level, size, sharers) in enumerate(rows):
        (folder / f"index{i}").mkdir(parents=True)
        for name, text in (("level", level), ("size", size), ("shared_cpu_list", sharers)):
            (folder / f"index{i}" / name).write_text(f"{text}\n")
    return folder


@pytest.mark.parametrize(
    ("size", "sharers", "exact"),
    [
        ("512K", "0", 524_288),
        ("2M", "0", 2_097_152),
        ("1024K", "0,8", 524_288),  # two threads of a core
        ("2048K", "0-3", 524_288),
        ("3072K", "0-1,4", 1_048_576),
        ("4096", "0", 4096),
    ],
)
def test_what_linux_tells_of_the_second_level(size, sharers, exact, tmp_path, monkeypatch):
    rows = [(1, "32K", "0"), (1, "32K", "0"), (2, size, sharers), (3, "32M", "0-15")]
    monkeypatch.setattr(memory.platform, "system", lambda: "Linux")
    monkeypatch.setattr(memory, "_CACHES", caches(tmp_path, *rows))
    assert memory.second_level_cache() == exact


@pytest.mark.parametrize("rows", [[], [(1, "32K", "0")], [(2, "much", "0")], [(2, "", "0")], [(2, "1M", "")]])
def test_where_linux_does_not_tell(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(memory.platform, "system", lambda: "Linux")
    monkeypatch.setattr(memory, "_CACHES", caches(tmp_path, *rows))
    assert memory.second_level_cache() == 2**20


@pytest.mark.parametrize(
    ("answer", "exact"), [("12582912\n4\n", 3 * 2**20), ("", 2**20), ("unknown oid\n", 2**20)]
)
def test_what_macos_tells(answer, exact, monkeypatch):
    monkeypatch.setattr(memory.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(
        memory.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, answer, "")
    )
    assert memory.second_level_cache() == exact


def test_macos_without_its_command(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(memory.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(memory.subprocess, "run", missing)
    assert memory.second_level_cache() == 2**20
