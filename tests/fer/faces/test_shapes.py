import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.faces.shapes import cover, ellipse, groove, hill, paint, segment

coordinates = st.floats(-30, 30, width=32)
points = st.tuples(coordinates, coordinates)


def test_cover_is_a_ramp_as_wide_as_the_edge():
    inside = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(cover(inside, edge=2.0), [0, 0, 0.5, 0.75, 1, 1])
    np.testing.assert_array_equal(cover(inside), [0, 0, 0.5, 1, 1, 1])


def test_paint_mixes_in_place():
    canvas = np.array([0.2, 0.2, 0.2])
    paint(canvas, 1.0, np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(canvas, [0.2, 0.6, 1.0])


@given(angle=st.floats(0, 2 * np.pi), a=st.floats(0.5, 9), b=st.floats(0.5, 9))
def test_an_ellipse_is_zero_on_its_outline_positive_inside_and_negative_outside(angle, a, b):
    x, y = a * np.cos(angle), b * np.sin(angle)
    assert ellipse(x, y, a, b) == pytest.approx(0, abs=1e-9)
    assert ellipse(0.9 * x, 0.9 * y, a, b) > 0 > ellipse(1.1 * x, 1.1 * y, a, b)
    assert hill(x, y, a, b) == pytest.approx(0, abs=1e-9)
    assert 0 < hill(0.5 * x, 0.5 * y, a, b) < hill(0.0, 0.0, a, b) == 1


@given(point=points, start=points, end=points)
def test_the_distance_to_a_segment_is_that_to_its_nearest_point(point, start, end):
    if np.hypot(end[0] - start[0], end[1] - start[1]) < 0.1:
        return
    t = np.linspace(0, 1, 2001)
    along = np.outer(1 - t, start) + np.outer(t, end)
    nearest = np.hypot(*(along - point).T).min()
    assert segment(*point, start, end) == pytest.approx(nearest, abs=0.05)


def test_a_groove_is_deepest_on_its_line_and_level_beyond_its_width():
    y = np.array([0.0, 0.5, 2.0, 7.0])
    np.testing.assert_allclose(groove(0.0, y, (-3.0, 0.0), (3.0, 0.0), 2.0), [1, 0.75, 0, 0])
