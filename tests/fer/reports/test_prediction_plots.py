import io

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from fer.emotions import EMOTIONS
from fer.reports import plots, prediction_plots
from fer.reports.plots import BLUE, ORANGE, PALE
from tests.fer.readers import face


def draw(figure):
    """Draw a figure: what cannot be drawn warns, and so fails. Return its panels
    that hold bars, and the others.
    """
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    bars = [axes for axes in figure.axes if axes.patches and not axes.images]
    return bars, [axes for axes in figure.axes if axes.images]


def shares(emotion, share=0.7):
    result = np.full(7, (1 - share) / 6)
    result[emotion] = share
    return result


def colours(axes):
    names = {to_rgba(colour): colour for colour in (BLUE, ORANGE, PALE)}
    return [names[bar.get_facecolor()] for bar in axes.patches]


def test_bars_are_the_probabilities_and_say_whether_they_are_right():
    figure = prediction_plots.predictions(
        [face(3), face(3), face(3)], np.stack([shares(3)] * 3), [3, 4, None], ["a", "b", "c"], "a title"
    )
    bars, faces = draw(figure)
    assert [axes.get_title(loc="left") for axes in bars] == ["Happy ✓", "Happy, true: Sad", "Happy"]
    for axes, colour in zip(bars, (BLUE, ORANGE, BLUE)):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(shares(3))
        assert colours(axes) == [PALE] * 3 + [colour] + [PALE] * 3
        assert [text.get_text() for text in axes.texts] == ["5%", "5%", "5%", "70%", "5%", "5%", "5%"]
        assert [label.get_text() for label in axes.get_yticklabels()] == list(EMOTIONS)
    assert [axes.get_xlabel() for axes in faces] == ["a", "b", "c"]
    np.testing.assert_array_equal(faces[0].images[0].get_array(), face(3))
    bold = [[label.get_weight() == "bold" for label in axes.get_yticklabels()] for axes in bars]
    assert [np.flatnonzero(each).tolist() for each in bold] == [[3], [4], []]


def test_two_long_names_stand_in_two_lines_within_the_figure():
    classes = ("a very long name of a class", "another rather long name")
    figure = prediction_plots.predictions(
        [face(0)] * 3, np.tile([0.7, 0.3], (3, 1)), [1, 1, 0], classes=classes
    )
    bars, _ = draw(figure)
    titles = [axes.get_title(loc="left") for axes in bars]
    assert titles[:2] == ["a very … class,\ntrue: another…g name"] * 2
    assert titles[2] == "a very lon…f a class ✓"
    assert all(axes._left_title.get_window_extent().x1 <= figure.bbox.width for axes in bars)


def test_maps_stand_beside_the_face():
    cam, fall, slope = np.zeros((3, 48, 48), np.float32)
    cam[7, 9], fall[5, 6], fall[8, 8], slope[3, 4] = 2, 4, -3, -5
    figure = prediction_plots.predictions(
        [face(0)] * 3, np.stack([shares(0)] * 3), maps=[(cam, fall, slope)] * 3
    )
    bars, panels = draw(figure)
    assert len(bars) == 3
    assert [axes.get_xlabel() for axes in panels] == ["", "HiResCAM", "occlusion", "input gradient"] * 3
    for axes, expected in zip(panels[1:3], (cam / 2, np.maximum(fall, 0) / 4)):
        overlay = axes.images[1]
        np.testing.assert_allclose(overlay.get_array(), expected)
        np.testing.assert_array_equal(overlay.get_alpha() > 0, expected > 0)
    np.testing.assert_array_equal(panels[3].images[-1].get_array(), slope)


def test_any_file_s_name_can_stand_under_a_face():
    name = "$100_{sale.png$"
    figure = prediction_plots.predictions([face(0)], shares(0)[None], captions=[name], title=name)
    _, (picture,) = draw(figure)
    assert (picture.get_xlabel(), figure.get_suptitle()) == (name, name)


def test_maps_of_nothing_can_be_drawn():
    nothing = np.zeros((48, 48), np.float32)
    draw(prediction_plots.predictions([face(0)], shares(0)[None], maps=[(nothing, -nothing, nothing)]))
    draw(prediction_plots.predictions([face(0)], shares(0)[None], maps=[(nothing, nothing - 1, nothing)]))


def test_a_photograph_shows_where_the_faces_are():
    photo = np.zeros((60, 90, 3), np.uint8)
    frames = [(1, 2, 30, 40, "1"), (50, 5, 20, 20, "2")]
    figure = prediction_plots.predictions(
        [face(0), face(1)], np.stack([shares(0), shares(1)]), photo=photo, frames=frames
    )
    _, (picture, *_) = draw(figure)
    assert [(*frame.get_xy(), frame.get_width(), frame.get_height()) for frame in picture.patches] == [
        frame[:4] for frame in frames
    ]
    assert [text.get_text() for text in picture.texts] == ["1", "2"]


def test_mean_faces_of_some_emotions_can_be_drawn(rng):
    means = rng.uniform(0, 255, (7, 48, 48))
    means[1] = np.nan
    figure = plots.mean_faces(means, np.full((48, 48), 100.0), "a title")
    draw(figure)
    above, below = figure.axes[:7], figure.axes[7:14]
    assert [axes.get_title() for axes in above] == list(EMOTIONS)
    said = [[text.get_text() for text in axes.texts] for axes in (*above, *below)]
    assert said == [["no faces"] if k % 7 == 1 else [] for k in range(14)]
    np.testing.assert_allclose(below[2].images[0].get_array(), means[2] - 100)


def test_gray_values_are_drawn_as_shares():
    pixels = np.zeros(256, int)
    pixels[[0, 7]] = 1, 3
    figure = plots.gray_values({"train": pixels, "test": 5 * pixels})
    draw(figure)
    for line in figure.axes[0].lines:
        np.testing.assert_allclose(line.get_ydata()[[0, 7, 8]], [0.25, 0.75, 0])
