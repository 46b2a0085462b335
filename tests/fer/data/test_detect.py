import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fer.data import detect
from fer.data.detect import Box
from fer.errors import BadInput


def opencv(found=(), empty=False):
    """Return a stand-in for OpenCV whose cascade finds these boxes, and notes the
    pictures that it was shown.
    """
    shown = []

    class Cascade:
        def __init__(self, path):
            assert path == "/data/haarcascade_frontalface_default.xml"

        def empty(self):
            return empty

        def detectMultiScale(self, gray, **_):
            shown.append(gray.shape)
            return found

    def resize(gray, size, fx, fy, interpolation):
        return np.zeros((round(gray.shape[0] * fy), round(gray.shape[1] * fx)))

    data = SimpleNamespace(haarcascades="/data/")
    return SimpleNamespace(
        CascadeClassifier=Cascade, data=data, resize=resize, INTER_AREA=0, shown=shown, __version__="4.0"
    )


def test_faces_come_from_left_to_right(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", opencv([(50, 1, 9, 9), (3, 70, 8, 8)]))
    assert detect.find_faces(np.zeros((100, 90), np.uint8)) == [Box(3, 70, 8, 8), Box(50, 1, 9, 9)]


def test_a_large_picture_is_searched_at_a_smaller_size(monkeypatch):
    cv2 = opencv([(10, 20, 30, 40)])
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    assert detect.find_faces(np.zeros((2000, 4000), np.uint8)) == [Box(40, 80, 120, 160)]
    assert cv2.shown == [(500, 1000)]


@pytest.mark.parametrize(
    "cv2",
    [
        None,
        opencv(empty=True),
        SimpleNamespace(__version__="5.0.0", data=SimpleNamespace(haarcascades="/data/")),
    ],
)
def test_without_opencv_it_says_how_to_get_it(monkeypatch, cv2):
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    with pytest.raises(BadInput, match='pip install "opencv-python-headless<5"') as raised:
        detect.check_installed()
    assert "\n" not in str(raised.value)


def test_opencv_itself():
    pytest.importorskip("cv2")
    assert detect.find_faces(np.full((200, 300), 128, np.uint8)) == []
