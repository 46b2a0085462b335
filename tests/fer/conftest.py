import numpy as np
import pytest

from fer.networks import operations


@pytest.fixture
def faces(rng):
    """Return a function: images of every digit count, labels and usages, ``count`` of each."""

    def make(count):
        largest = rng.choice([9, 99, 255], size=(count, 48, 48))
        images = rng.integers(0, largest + 1).astype(np.uint8)
        labels = rng.integers(0, 7, count).astype(np.uint8)
        usage = rng.choice(["Training", "PublicTest", "PrivateTest"], count)
        return images, labels, usage

    return make


@pytest.fixture
def no_default_data(monkeypatch):
    monkeypatch.delenv("FER2013_DATA", raising=False)


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("FER2013_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def numpy_answers(monkeypatch):
    """NumPy predicts the few faces of a test, and no thread compiles kernels meanwhile."""
    monkeypatch.setattr(operations, "ANSWERS", 0)
