"""Dropout: the published hash, the right share of entries, and the same mask
forward, backward and everywhere.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops

GAMMA = 0x9E3779B97F4A7C15  # 2⁶⁴ divided by the golden ratio

both = pytest.mark.usefixtures("implementation")


def splitmix64(state):
    """The next output of Steele, Lea and Flood's generator, in plain Python integers."""
    word = (1 << 64) - 1
    z = state & word
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & word
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & word
    return z ^ (z >> 31)


def test_the_hash_is_splitmix64():
    """The first outputs for seed 1234567, as Rosetta Code's and other published tests have them."""
    outputs = [splitmix64(1234567 + i * GAMMA) for i in (1, 2, 3)]
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@both
@pytest.mark.parametrize("key", [0, 42, -1, 2**80 + 5])
def test_the_mask_is_what_the_equations_say(key):
    bits = [splitmix64(splitmix64(key) + i * GAMMA) >> 40 for i in range(1, 61)]
    expected = np.reshape([b >= 0.3 * 2**24 for b in bits], (3, 4, 5))
    assert np.array_equal(ops.dropout_mask(key, (3, 4, 5), 0.3), expected)
    y, _ = ops.dropout_forward(np.ones((3, 4, 5)), 0.3, key)
    assert np.array_equal(y != 0, expected)


@both
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_stays(rate):
    n = 200_000
    kept = ops.dropout_mask(3, (n,), rate).mean()
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n)  # five standard errors
    y, _ = ops.dropout_forward(np.full(n, 2.0), rate, key=3)
    assert set(np.unique(y)) == {0.0, 2 / (1 - rate)}


@both
@given(st.integers(), st.integers())
def test_keys_do_not_repeat_each_other(a, b):
    """Neighbouring keys give unrelated masks: they agree in about half of the entries, shifted or not."""
    if a == b:
        return
    one, two = (ops.dropout_mask(key, (4096,), 0.5) for key in (a, b))
    if (a - b) % 2**64:
        assert 0.4 < (one == two).mean() < 0.6
        assert 0.4 < (one[1:] == two[:-1]).mean() < 0.6


@both
def test_backward_uses_the_mask_of_forward():
    x = np.random.default_rng(0).standard_normal((4, 6, 6, 3))
    for spatial in (False, True):
        y, cache = ops.dropout_forward(x, 0.4, key=9, spatial=spatial)
        assert np.array_equal(ops.dropout_backward(x, cache), y)


@both
def test_spatial_dropout_silences_whole_maps():
    y, _ = ops.dropout_forward(np.ones((8, 5, 5, 16)), 0.5, key=1, spatial=True)
    assert np.array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert np.array_equal(y[:, :1, :1] != 0, ops.dropout_mask(1, (8, 1, 1, 16), 0.5))
    assert 0 < y.mean() < 2


@both
def test_rate_zero_changes_nothing():
    x = np.random.default_rng(0).standard_normal((4, 7)).astype(np.float32)
    assert np.array_equal(ops.dropout_forward(x, 0.0, key=5)[0], x)


@both
@pytest.mark.parametrize("rate", [1, 1.5, -0.1])
def test_a_rate_that_is_no_fraction_is_an_error(rate):
    with pytest.raises(ValueError, match=f"rate={rate}: expected"):
        ops.dropout_forward(np.ones((2, 2)), rate, key=1)
