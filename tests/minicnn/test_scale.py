"""``python -m minicnn.benchmark --scale``: the simulation, by hand."""

import pytest

from minicnn.benchmark import scale
from minicnn.benchmark.scale import Measured, Network

FOUND = Measured(start=0.5, face=0.25, gradients=1000, norms=3, channels=10)
NETWORK = Network(delay=0.01, byte=0.001)


def test_one_machine_sends_nothing():
    assert scale.step_seconds(FOUND, 1, 8, NETWORK) == 0.5 + 8 * 0.25


def test_a_step_by_hand():
    # 4 machines, 2 faces each: computing 1 s. Gradients: 2 · 3/4 · 1000 bytes and 2 · 2 delays, 1.54 s, of which ⅔ s
    # are hidden. Normalization: 2 passes · (3 layers · 2 delays + 10 channels · 2 numbers of 8 bytes · 4 machines).
    # Outputs: 2 delays, and 8 faces · 7 classes · 4 bytes
    expected = 1 + (1.54 - 2 / 3) + 2 * (0.06 + 0.64) + (0.02 + 0.224)
    assert scale.step_seconds(FOUND, 4, 2, NETWORK) == pytest.approx(expected, rel=1e-12)


def test_messages_can_be_hidden_whole_but_never_more():
    quick = Network(delay=0.0, byte=1e-9)
    assert scale.step_seconds(FOUND, 2, 8, quick) == pytest.approx(2.5, rel=1e-5)
    assert scale.step_seconds(FOUND, 2, 8, quick) > 2.5


def test_where_it_stops_paying():
    assert scale.stops_paying({1: 8.0, 2: 4.0, 4: 2.5, 8: 2.4, 16: 1.0}) == 4
    assert scale.stops_paying({1: 8.0, 2: 4.0}) == 2


def test_each_way_begins_with_the_speed_of_one_machine():
    for ways in scale.simulate(FOUND).values():
        assert ways["64 faces each"][1] == pytest.approx((0.5 + 64 * 0.25) / 64)
        assert ways["1,024 faces in all"][1] == pytest.approx((0.5 + 1024 * 0.25) / 1024)
        assert list(ways["64 faces each"]) == scale.PROCESSES
