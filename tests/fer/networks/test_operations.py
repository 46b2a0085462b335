"""NumPy answers first, the kernels as soon as they are compiled: the same numbers to rounding, and nobody waits."""

import threading

import numpy as np
import pytest

from fer.networks import architectures, inference, operations
from minicnn import ops
from minicnn.models import compile_ahead
from minicnn.ops.kernels import parallel
from minicnn.ops.turns import LOCK
from tests.fer.readers import reader


@pytest.fixture
def answers(monkeypatch):
    """A function that predicts faces; ``answers.by`` are the operations that computed each prediction."""
    monkeypatch.setattr(operations, "ANSWERS", 2)

    def predict(model, faces=1):
        images = np.random.default_rng(faces).integers(0, 256, (faces, 48, 48)).astype(np.uint8)
        return inference.probabilities(model, images)

    predict.by = []
    real = inference.Sequential.predict
    monkeypatch.setattr(
        inference.Sequential, "predict", lambda *a, **b: predict.by.append(ops.active()) or real(*a, **b)
    )
    return predict


def compilers():
    return [each for each in threading.enumerate() if each.name == "fer: compiles the kernels"]


def wait():
    for thread in compilers():
        thread.join()


def test_numpy_answers_until_the_kernels_are_compiled(answers):
    model = architectures.build("tiny", seed=0)
    first = answers(model)
    assert compilers() == []
    answers(model)
    wait()
    last = answers(model)
    np.testing.assert_allclose(last, first, rtol=0, atol=1e-5)
    assert answers.by == ["reference", "reference", "kernels"]


def test_few_faces_are_predicted_by_the_kernels_once_many_were(answers):
    model = architectures.build("tiny", seed=0)
    few = answers(model, operations.FEW_FACES)
    many = answers(model, operations.FEW_FACES + 1)
    assert many.shape == (operations.FEW_FACES + 1, 7)
    np.testing.assert_allclose(answers(model, operations.FEW_FACES), few, rtol=0, atol=1e-5)
    assert answers.by == ["reference", "kernels", "kernels"]
    assert compilers() == []


def test_each_network_has_kernels_of_its_own(answers):
    models = reader(), reader()
    operations.wait_for_kernels(models[0])
    for model in models:
        answers(model)
    assert answers.by == ["kernels", "reference"]


def test_each_member_of_a_vote_gets_kernels(answers):
    vote = inference.Ensemble([reader(), reader()])
    for _ in range(2):
        answers(vote)
    wait()
    answers(vote)
    assert answers.by == ["reference"] * 4 + ["kernels"] * 2


def test_who_chose_the_reference_keeps_it(answers):
    model = reader()
    operations.wait_for_kernels(model)
    with ops.use("reference"):
        answers(model)
        answers(model, operations.FEW_FACES + 1)
    assert answers.by == ["reference"] * 2


def test_faces_are_predicted_while_a_kernel_is_being_compiled(answers, monkeypatch):
    """The compiling thread has no turn, so that a prediction need not wait for its end."""
    begun, go_on, turns = threading.Event(), threading.Event(), []
    real = parallel._compile

    def slow(*arguments):
        turns.append(LOCK._is_owned())
        begun.set()
        go_on.wait()
        real(*arguments)

    monkeypatch.setattr(parallel, "_compile", slow)
    model = architectures.build("tiny", seed=0)
    for _ in range(2):
        answers(model)
    begun.wait()
    try:
        answers(model)
        answers(model)
    finally:
        go_on.set()
        wait()
    answers(model)
    assert answers.by == ["reference"] * 4 + ["kernels"]
    assert set(turns) == {False}


def test_without_kernels_numpy_goes_on(answers, monkeypatch):
    def refuse(*_):
        raise RuntimeError("NUMBA_DISABLE_JIT is set")

    monkeypatch.setattr(operations, "compile_ahead", refuse)
    model = reader()
    for _ in range(4):
        answers(model)
        wait()
    assert answers.by == ["reference"] * 4


def test_the_end_of_the_program_ends_the_thread(answers, monkeypatch):
    """After the main thread, it begins with no other kernel, and says nothing."""

    class Ended:
        def is_alive(self):
            return False

    launched = []
    monkeypatch.setattr(parallel.threading, "main_thread", lambda: Ended())
    monkeypatch.setattr(parallel, "turn", lambda: launched.append(1))
    with pytest.raises(SystemExit):
        compile_ahead.compile_ahead(reader(), np.zeros((1, 48, 48, 1), np.float32))
    assert launched == []
    monkeypatch.undo()


def test_the_weights_of_a_network_that_changes_are_those_of_the_moment(answers):
    model = reader()
    operations.wait_for_kernels(model)
    before = answers(model)
    model.weights[1].value[3] += 5
    assert answers(model)[0, 3] > before[0, 3] + 0.1
    with ops.use("reference"):
        expected = answers(model)
    np.testing.assert_allclose(answers(model), expected, rtol=0, atol=1e-5)
