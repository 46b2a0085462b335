"""Small helpers."""

import numpy as np
import pytest

from minicnn import backend, utils


def test_to_categorical():
    np.testing.assert_array_equal(utils.to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(utils.to_categorical(np.array([[1], [0]]), 2), [[0, 1], [1, 0]])
    assert utils.to_categorical([1]).dtype == "float32"
    with pytest.raises(ValueError, match="holds 3, expected integers from 0 to num_classes - 1 = 2"):
        utils.to_categorical([0, 3], 3)
    with pytest.raises(ValueError, match="holds -1"):
        utils.to_categorical([-1, 3])


def test_floatx():
    assert backend.floatx() == "float32"
    backend.set_floatx("float64")
    try:
        assert utils.to_categorical([0]).dtype == "float64"
    finally:
        backend.set_floatx("float32")
    with pytest.raises(ValueError, match="float16"):
        backend.set_floatx("float16")
