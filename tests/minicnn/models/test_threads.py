"""Eight threads at once, with models of their own and with one for all: the same bits as one thread alone.

Each threading layer of Numba has a process of its own; .ci/run lets them predict more often.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import ops
from minicnn.layers import Conv2D, Dense, Flatten
from tests.minicnn.models import threads

ROOT = Path(minicnn.__file__).parents[1]


@pytest.mark.parametrize("name", threads.SCENARIOS)
def test_threads_get_what_they_get_alone(name):
    total, wrong = threads.SCENARIOS[name](25)
    assert total >= threads.THREADS
    assert wrong == 0


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        ("omp", "1"),
        ("workqueue", "2"),
        pytest.param(
            "tbb",
            "2",
            marks=pytest.mark.skipif(
                threads.library_of_tbb() is None, reason="needs the package tbb; .ci/run installs it"
            ),
        ),
    ],
)
def test_every_threading_layer(layer, count):
    command = [sys.executable, "-m", "tests.minicnn.models.threads", layer, "10"]
    environment = {**os.environ, "NUMBA_NUM_THREADS": count}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines.pop() == f"{layer} {count}"
    assert [line.split(maxsplit=2)[2] for line in lines] == list(threads.SCENARIOS)


def test_one_model_is_built_once():
    """The first data build a model: eight threads that bring them at once get one set of weights."""
    model = minicnn.Sequential([Conv2D(4, 3, activation="relu"), Flatten(), Dense(3)])
    x = threads.samples(0)
    outputs = threads.at_once(lambda _: model.predict(x).tobytes())
    assert len(model.weights) == 4
    assert set(outputs) == {model.predict(x).tobytes()}


def test_every_layer_has_a_name_and_a_seed_of_its_own():
    layers = [each for made in threads.at_once(lambda _: [Dense(1) for _ in range(500)]) for each in made]
    assert len({layer.name for layer in layers}) == len(layers)
    draws = threads.at_once(lambda _: [minicnn.random.generator().random() for _ in range(300)])
    assert len({draw for each in draws for draw in each}) == threads.THREADS * 300


def test_weights_are_read_and_set_whole():
    """Half of the threads exchange all weights, the others predict and read them: never a mixture of two sets."""
    model, x = threads.model_of(0), threads.samples(0, 4)
    sets = [model.get_weights(), threads.model_of(1).get_weights()]
    expected = set()
    for weights in sets:
        model.set_weights(weights)
        expected.add(model.predict(x).tobytes())
    assert len(expected) == 2

    def work(number):
        found = []
        for turn in range(60):
            if number % 2:
                model.set_weights(sets[turn % 2])
            else:
                read = [weight.tobytes() for weight in model.get_weights()]
                found.append((model.predict(x).tobytes(), read))
        return found

    seen = [pair for each in threads.at_once(work) for pair in each]
    assert {prediction for prediction, _ in seen} <= expected
    whole = [[weight.tobytes() for weight in weights] for weights in sets]
    assert all(read in whole for _, read in seen)


def test_a_step_by_hand_takes_the_turn():
    """forward_loss and set_gradients belong together: within ops.turn(), others wait."""
    model, x, y = threads.model_of(0), threads.samples(0, 8), np.arange(8) % 7

    def gradients():
        model.forward_loss(x, y)
        model.set_gradients()
        return [weight.grad.tobytes() for weight in model.trainable_weights]

    alone = gradients()

    def work(number):
        if number % 2:
            return all(model.predict(x[:3]) is not None for _ in range(40))
        found = []
        for _ in range(40):
            with ops.turn():
                found.append(gradients() == alone)
        return all(found)

    assert all(threads.at_once(work))


def test_steps_of_a_train_step_of_ones_own_are_whole():
    """A subclass may define train_step anew; fit takes the turn for it, too."""

    class Own(minicnn.Sequential):
        inside = 0

        def train_step(self, x, y, sample_weight=None):
            assert Own.inside == 0
            Own.inside += 1
            result = super().train_step(x, y, sample_weight)
            Own.inside -= 1
            return result

    models = []
    for _ in range(threads.THREADS):
        models.append(Own([minicnn.Input((4,)), Dense(3)]))
        models[-1].compile("sgd", "mse")
    x, y = np.ones((64, 4), np.float32), np.ones((64, 3), np.float32)
    threads.at_once(lambda number: models[number].fit(x, y, batch_size=4, epochs=2, verbose=0))
