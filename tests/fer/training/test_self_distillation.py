import numpy as np
import pytest

from fer.data.dataset import Split
from fer.training import self_distillation
from fer.training.self_distillation import SelfDistillation, one_hot
from tests.fer.readers import confidence, face, reader

TRAIN = Split(
    np.stack([face(3), face(0), face(5)]), np.array([3, 4, 5])
)  # the second is labelled Sad, and looks Angry


@pytest.fixture
def refiner(monkeypatch):
    monkeypatch.setattr(self_distillation, "EPOCHS_PER_UPDATE", 2)
    refiner = SelfDistillation(TRAIN, 0.8)
    refiner.set_model(reader())
    refiner.set_params({"epochs": 8})
    return refiner


def test_at_first_the_targets_are_the_labels(refiner):
    np.testing.assert_array_equal(refiner.targets, np.eye(7)[[3, 4, 5]])
    refiner.on_epoch_end(0)
    np.testing.assert_array_equal(refiner.targets, one_hot(TRAIN.labels))


@pytest.mark.parametrize(("epoch", "share"), [(1, 0.2), (5, 0.6)])
def test_then_more_and_more_what_the_network_says(refiner, epoch, share):
    targets = refiner.targets
    refiner.on_epoch_end(epoch)
    assert refiner.targets is targets  # changed in place: training has this very array
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    rest = (1 - confidence()) / 6
    assert targets[0, 3] == pytest.approx(1 - share + share * confidence(), rel=1e-5)
    assert targets[1, 0] == pytest.approx(share * confidence(), rel=1e-5)
    assert targets[1, 4] == pytest.approx(1 - share + share * rest, rel=1e-5)


def test_it_goes_on_where_it_was(refiner):
    refiner.on_epoch_end(3)
    other = SelfDistillation(TRAIN, 0.8)
    targets = other.targets
    other.set_state(refiner.get_state())
    assert other.targets is targets
    np.testing.assert_array_equal(targets, refiner.targets)
