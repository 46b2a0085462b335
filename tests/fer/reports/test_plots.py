import io

import numpy as np
import pytest

from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.reports import plots

HISTORY = {
    "loss": [1.9, 1.5, 1.2],
    "accuracy": [0.2, 0.4, 0.5],
    "val_loss": [1.8, 1.4, 1.6],
    "val_accuracy": [0.25, 0.45, 0.4],
}


def drawn(figure):
    """Return the figure's texts, after drawing it: what cannot be drawn warns, and so fails."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.fixture
def split(rng):
    labels = np.repeat(np.arange(7, dtype=np.uint8), [5, 1, 3, 9, 0, 2, 4])
    return Split(
        rng.integers(0, 255, (len(labels), 48, 48)).astype(np.uint8), labels
    )  # below 255, the gaps' value


def test_curves_are_the_history_and_mark_the_best_epoch():
    figure = plots.curves(HISTORY, best_epoch=2)
    for axes, key in zip(figure.axes, ("loss", "accuracy")):
        training, validation, best = axes.lines
        assert training.get_xdata().tolist() == [1, 2, 3]
        assert list(training.get_ydata()) == HISTORY[key]
        assert list(validation.get_ydata()) == HISTORY[f"val_{key}"]
        assert list(best.get_xdata()) == [2, 2]
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["training", "validation", "kept: epoch 2"]
    assert drawn(figure) == ["45.0%"]


def test_one_epoch_without_validation_can_be_drawn():
    figure = plots.curves({"loss": [1.0], "accuracy": [0.5]}, best_epoch=1)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert drawn(figure) == []


def test_the_learning_rate_and_a_note_stand_beside_the_curves():
    figure = plots.curves(HISTORY, 2, [1e-3, 5e-4, 1e-4], "with dropout")
    drawn(figure)
    rate, best = figure.axes[2].lines
    np.testing.assert_allclose(rate.get_xydata(), [[1, 1e-3], [2, 5e-4], [3, 1e-4]])
    assert list(best.get_xdata()) == [2, 2]
    assert figure.get_supxlabel() == "with dropout"


def test_a_changed_face_stands_beside_its_original(rng):
    originals = rng.integers(0, 255, (2, 48, 48)).astype(np.uint8)
    changed = rng.integers(0, 255, (2, 3, 48, 48)).astype(np.uint8)
    figure = plots.augmented(originals, changed, ["Happy", "Sad"], "a title")
    drawn(figure)
    sheet = figure.axes[0].images[0].get_array()
    for row in range(2):
        tiles = [sheet[row * 51 : row * 51 + 48, column * 51 : column * 51 + 48] for column in range(4)]
        np.testing.assert_array_equal(tiles, [originals[row], *changed[row]])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["Happy", "Sad"]


def test_confusion_matrices_say_counts_and_shares(rng):
    confusion = rng.integers(0, 50, (7, 7))
    confusion[4] = 0  # no such face
    figure = plots.confusion_matrix(confusion, "a title")
    texts = drawn(figure)
    filled = confusion.any(axis=1, keepdims=True) & np.ones(7, bool)  # a row without faces is blank
    assert texts[:49] == [str(n) if some else "" for n, some in zip(confusion.ravel(), filled.ravel())]
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    expected = [f"{share:.0%}" if some else "" for share, some in zip(shares.ravel(), filled.ravel())]
    rest = texts[49:]
    assert [text for text in rest if text != "no faces"] == expected
    assert rest.count("no faces") == 2
    left, right = figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), confusion)
    np.testing.assert_allclose(right.images[0].get_array(), shares)
    assert [label.get_text() for label in left.get_yticklabels()] == list(EMOTIONS)
    assert [label.get_text() for label in left.get_xticklabels()] == list(EMOTIONS)


def test_class_bars_are_as_long_as_the_counts(split):
    figure = plots.class_bars({"train": split, "test": Split(split.images[:5], split.labels[:5])})
    texts = drawn(figure)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [5, 1, 3, 9, 0, 2, 4]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [5, 0, 0, 0, 0, 0, 0]
    assert texts[3] == "9  (37.5%)"
    assert [axes.get_title() for axes in figure.axes] == ["train: 24 faces", "test: 5 faces"]
    assert texts[4] == "no faces"
    (one,) = plots.class_bars({"train": Split(split.images[:1], split.labels[:1])}).axes
    assert one.get_title() == "train: 1 face"


def test_examples_are_faces_of_their_row_s_emotion(split):
    figure = plots.examples(split, columns=4, seed=1)
    drawn(figure)
    sheet = figure.axes[0].images[0].get_array()
    step = 48 + 3
    assert sheet.shape == (7 * step - 3, 4 * step - 3)
    for k in range(7):
        own = {face.tobytes() for face in split.images[split.labels == k]}
        tiles = [sheet[k * step : k * step + 48, c * step : c * step + 48] for c in range(4)]
        shown = [tile.tobytes() for tile in tiles if (tile < 255).any()]
        assert len(shown) == len(set(shown)) == min(4, len(own))
        assert set(shown) <= own
