"""Batches: every sample once, in order, cast when used; and the split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.models import data


@given(samples=st.integers(1, 20), batch_size=st.integers(1, 25), shuffled=st.booleans())
def test_every_sample_comes_once_in_the_given_order(samples, batch_size, shuffled):
    x = np.arange(samples, dtype=np.uint8)[:, None]
    order = np.random.default_rng(0).permutation(samples) if shuffled else None
    batches = data.Batches(x, x[:, 0], np.arange(samples), batch_size=batch_size, dtype="float64")
    parts = list(batches.iterate(order))
    assert len(parts) == len(batches)
    assert all(len(part[0]) == batch_size for part in parts[:-1])
    expected = np.arange(samples) if order is None else order
    for column in range(3):
        np.testing.assert_array_equal(np.concatenate([part[column] for part in parts]).ravel(), expected)
    assert parts[0][0].dtype == "float64"
    assert batches.x is x  # not copied: images stay uint8 until a batch is cut


def test_a_batch_is_a_copy():
    x = np.zeros((4, 2), "float32")
    for batch, _, _ in data.Batches(x, batch_size=2).iterate():
        batch += 1
    assert not x.any()


@pytest.mark.parametrize("targets", [[0, 2, 1, 2], [[0], [2], [1], [2]], np.eye(3)[[0, 2, 1, 2]]])
def test_class_weights_multiply_sample_weights(targets):
    x = np.zeros((4, 1))
    batches = data.Batches(x, targets, [1, 2, 3, 4], class_weight={0: 1, 1: 10, 2: 100}, batch_size=3)
    for order in (None, np.arange(4)):
        weights = [weight for _, _, weight in batches.iterate(order)]
        np.testing.assert_array_equal(np.concatenate(weights), [1, 200, 30, 400])
        assert {weight.dtype for weight in weights} == {np.dtype("float32")}


def test_split_cuts_the_end_off():
    (x, y, none), (x2, y2, none2) = data.split(0.3, np.arange(10), np.arange(10) * 2, None)
    np.testing.assert_array_equal(x, np.arange(7))
    np.testing.assert_array_equal(y2, [14, 16, 18])
    assert len(y) == 7
    assert len(x2) == 3
    assert none is none2 is None


@pytest.mark.parametrize("part", [0.999, -0.1, 1.0])
def test_split_that_leaves_nothing(part):
    with pytest.raises(ValueError, match="validation_split"):
        data.split(part, np.arange(3))


def test_text_is_no_data():
    with pytest.raises(TypeError, match="expected numbers"):
        data.Batches(np.array(["a", "b"]))


def test_batches_from_one_on_are_those_of_the_whole():
    batches = data.Batches(np.arange(10.0), np.arange(10), np.arange(10), batch_size=3)
    order = np.array([5, 2, 9, 0, 1, 8, 3, 4, 7, 6])
    whole = list(batches.iterate(order))
    assert len(whole) == 4
    for first in range(5):
        rest = list(batches.iterate(order, first))
        assert len(rest) == 4 - first
        for a, b in zip(rest, whole[first:]):
            for one, other in zip(a, b):
                np.testing.assert_array_equal(one, other)
