"""How kernels are launched: small work on the calling thread, and the time of each kernel."""

import numba
import numpy as np
import pytest

from minicnn.ops import kernels
from minicnn.ops.kernels import parallel


@pytest.fixture
def asked(monkeypatch):
    """The numbers of threads that a launch sets."""
    numbers, real = [], parallel.set_num_threads
    monkeypatch.setattr(parallel, "get_num_threads", lambda: 5)
    monkeypatch.setattr(
        parallel, "set_num_threads", lambda count: numbers.append(count) or real(min(count, before))
    )
    before = numba.get_num_threads()
    return numbers


def test_small_work_runs_on_the_calling_thread(asked):
    kernels.relu_forward(np.ones(parallel.SMALL, np.float32))
    assert asked == [1, 5]  # and the number is what it was
    kernels.relu_forward(np.ones(parallel.SMALL + 1, np.float32))
    assert asked == [1, 5]
    kernels.average_update(np.zeros(3), np.ones(3), 0.5)
    assert asked == [1, 5, 1, 5]


def test_the_largest_array_counts():
    few, many = np.empty(3), np.empty((4, 5))
    assert parallel._largest(few, 7, many, None, True) == 20
    assert parallel._largest(1.0) > parallel.SMALL


def test_an_error_in_a_kernel_leaves_the_number_of_threads_as_it_was():
    before = numba.get_num_threads()
    with pytest.raises(numba.TypingError):
        parallel._sum_pieces(np.zeros(2, "U1"), np.zeros(1))
    assert numba.get_num_threads() == before


def test_a_kernel_may_say_how_much_work_it_is(asked):
    kernel = parallel.compiled(work=lambda x, products: x.size * products, parallel=True)(_twice)
    for products, expected in ((1, [1, 5]), (parallel.SMALL, [])):
        asked.clear()
        x = np.ones(4)
        kernel(x, products)
        np.testing.assert_array_equal(x, 2)
        assert asked == expected


def _twice(x, products):
    for i in numba.prange(x.size):
        x[i] *= 2


def test_each_kernel_is_timed_by_its_name_inside_the_block_only():
    x = np.ones((1, 4, 4, 2), np.float32)
    with parallel.timed() as outer:
        with parallel.timed() as inner:
            kernels.max_pool2d_forward(x)
            kernels.max_pool2d_forward(x)
        kernels.squared_norm(x)
    kernels.relu_forward(x)
    assert list(inner) == ["pooling_2x2 forward"]
    assert list(outer) == ["updates squares"]
    assert inner["pooling_2x2 forward"] > 0


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100])
def test_the_pieces_are_the_array_in_order(size):
    array = np.arange(size)
    pieces = [parallel.piece(array, chunk) for chunk in range(parallel.CHUNKS)]
    np.testing.assert_array_equal(np.concatenate(pieces), array)
    sizes = [len(each) for each in pieces]
    assert max(sizes) - min(sizes) <= 1
    assert all(np.shares_memory(each, array) for each in pieces if len(each))


@pytest.mark.parametrize("size", [1, 17, 40_000])
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_the_sum_of_pieces_is_taken_in_their_order(pieces, size, rng):
    partial = rng.standard_normal((pieces, size), dtype=np.float32)
    exact = partial[0].copy()
    for more in partial[1:]:
        exact += more
    np.testing.assert_array_equal(parallel.sum_pieces(partial, (size,)), exact)
