"""Keras on its PyTorch backend, in the float type that a test asks for."""

import os

import pytest

import minicnn

os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture
def computing_in(monkeypatch):
    """Return a function that makes both libraries compute in "float32" or "float64"
    for the rest of the test.
    """
    keras = pytest.importorskip("keras")

    def choose(dtype):
        minicnn.backend.set_floatx(dtype)
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)

    def compute_in(dtype):
        # Keras on PyTorch turns float64 into float32 in matrix products, norms and
        # more, as JAX does: not here
        from keras.src.backend.common import dtypes

        monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
        # the gradient of PyTorch's own function has the float32 number nearest to 1/6, for float64 too
        from torch.nn import functional

        monkeypatch.setattr(functional, "hardsigmoid", lambda x: functional.relu6(x + 3) / 6)
        choose(dtype)

    yield compute_in
    choose("float32")
