"""The figures of a training."""

import io
import math

import numpy as np
import pytest

from fer.data.dataset import Split
from fer.networks import architectures
from fer.training import progress
from fer.training.config import Config
from minicnn import random


def test_the_rates_are_those_of_the_schedule():
    # 100 faces in batches of 30 are 4 steps, 5 epochs are 20
    config = Config(epochs=5, batch_size=30, learning_rate=0.02)
    expected = [0.01 * (1 + math.cos(math.pi * step / 20)) for step in (0, 4, 8)]
    assert progress.rates(config, 100, 3) == pytest.approx(expected)
    assert progress.rates(Config(schedule="constant", learning_rate=0.3), 100, 2) == [0.3, 0.3]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "with dropout and class weights; validation after it, without: it may look better"),
        ({"augment": "light"}, "with dropout, augmentation and class weights; validation"),
        ({"dropout": 0.0}, "with class weights; validation"),
        ({"dropout": 0.0, "class_weight": "none"}, "while the weights change; validation after it."),
    ],
)
def test_the_note_says_what_differs(settings, words):
    assert words in progress.note(Config(**settings))


def test_changed_faces_are_those_of_the_network_s_layers(rng):
    labels = np.array([2, 0, 0, 2], np.uint8)
    train = Split(rng.integers(0, 255, (4, 48, 48)).astype(np.uint8), labels, ("a", "b", "c"))
    model = architectures.build("simple", seed=0, classes=train.classes, augment="light")
    states = [random.state(generator) for generator in model.generators]
    figure = progress.augmented(train, model, "a title")
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    assert [random.state(generator) for generator in model.generators] == states
    assert len(states) > 1
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c"]  # b has no faces
    sheet = axes.images[0].get_array()
    for row, label in enumerate((0, 2)):
        original = sheet[row * 51 : row * 51 + 48, :48]
        assert any(np.array_equal(original, image) for image in train.images[labels == label])
        # a flip and a shift of up to two pixels: most columns are those of the face, in some order
        others = [
            sheet[row * 51 : row * 51 + 48, c * 51 : c * 51 + 48] for c in range(1, progress.CHANGED + 1)
        ]
        assert len({one.tobytes() for one in others}) > 3
        for one in others:
            assert abs(one.mean() - original.mean()) < 5


def test_the_next_generator_is_the_same_with_and_without_the_figure(rng):
    train = Split(rng.integers(0, 255, (2, 48, 48)).astype(np.uint8), np.array([0, 1], np.uint8), ("a", "b"))
    drawn = []
    for figure in (True, False):
        model = architectures.build("simple", seed=5, classes=2, augment="full")
        if figure:
            progress.augmented(train, model)
        drawn.append(random.generator().random())
    assert drawn[0] == drawn[1]
