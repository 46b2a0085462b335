import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import fer
from fer.data.detect import Box, Found
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.networks.predictor import Predictor, gray_levels
from minicnn.models.saliency import grad_cam, hires_cam, input_gradient
from tests.fer.readers import confidence, convolving_reader, face, reader, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture
def predictor():
    return Predictor(reader())


def emotions(predictions):
    return [prediction.emotion for prediction in predictions]


# ---- one picture -------------------------------------------------------------------------------------------


def test_a_prediction_says_everything(predictor):
    prediction = predictor.predict(face(3))
    assert prediction.emotion == "Happy"
    assert prediction.confidence == prediction.probabilities["Happy"] == pytest.approx(confidence())
    assert list(prediction.probabilities) == list(EMOTIONS)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    np.testing.assert_array_equal(prediction.face.image, face(3))
    first, *rest = str(prediction).split(", ")
    assert first == f"Happy {confidence():.1%}"
    assert len(rest) == 6


FORMS = {
    "gray": lambda image: image,
    "gray, one channel": lambda image: image[..., None],
    "RGB": lambda image: np.stack([image] * 3, axis=-1),
    "RGBA": lambda image: np.stack([image, image, image, np.full_like(image, 255)], axis=-1),
    "integers": lambda image: image.astype(np.int64),
    "floats to 255": lambda image: image.astype(np.float32),
    "floats to 1": lambda image: image / 255,
    "nested lists in an array": lambda image: np.array(image.tolist()),
    "Pillow": Image.fromarray,
    "larger": lambda image: image.repeat(3, axis=0).repeat(3, axis=1),
    "wider": lambda image: np.pad(image, ((0, 0), (30, 31))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_picture_is_the_same_picture(predictor, form):
    prediction = predictor.predict(FORMS[form](face(3)))
    assert prediction.emotion == "Happy"
    if form != "larger":
        np.testing.assert_array_equal(prediction.face.image, face(3))


def test_a_file_is_read_and_turned_as_its_exif_data_say(predictor, tmp_path):
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(face(5)).rotate(180).save(path, exif=exif)
    for given in (path, str(path), Image.open(path)):
        prediction = predictor.predict(given)
        assert prediction.emotion == "Surprise"
    assert predictor.predict(path).face.source == str(path)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (np.zeros((5,)), r"shape \(5,\); expected \(height, width\)"),
        (np.zeros((9, 9, 2)), r"shape \(9, 9, 2\)"),
        (np.zeros((0, 9)), r"shape \(0, 9\)"),
        (np.full((9, 9), -1), "values from -1 to -1; expected 0 to 255"),
        (np.full((9, 9), 256), "values from 256 to 256"),
        (np.full((9, 9), np.nan), "values from nan to nan"),
        (np.full((9, 9), 1.5), "values up to 1.5: expected 0 to 1 or 0 to 255"),
        (np.ones((9, 9), bool), "array of bool"),
    ],
)
def test_what_is_no_picture_is_refused(predictor, what, message):
    with pytest.raises(BadInput, match=message):
        predictor.predict(what)


def test_a_stack_of_floats_is_scaled_as_a_whole():
    stack = np.stack([np.full((48, 48), 200.0), np.full((48, 48), 1.0)])
    np.testing.assert_array_equal(gray_levels(stack), stack)
    np.testing.assert_array_equal(gray_levels(stack[1:]), 255 * stack[1:])
    np.testing.assert_array_equal(gray_levels(np.zeros((2, 2))), np.zeros((2, 2)))


def test_a_missing_or_bad_file_is_named(predictor, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        predictor.predict("nowhere.jpg")
    with pytest.raises(BadInput, match=r"text\.jpg"):
        predictor.predict(tmp_path / "text.jpg")


# ---- several -----------------------------------------------------------------------------------------------


def test_stacks_and_lists_give_lists(predictor, tmp_path):
    images = np.stack([face(0), face(6), face(1)])
    expected = ["Angry", "Neutral", "Disgust"]
    assert emotions(predictor.predict(images)) == expected
    assert emotions(predictor.predict(images[..., None])) == expected
    assert emotions(predictor.predict(images[..., None].repeat(3, axis=3))) == expected
    Image.fromarray(face(6)).save(tmp_path / "six.png")
    assert emotions(predictor.predict([images[0], tmp_path / "six.png", images[2]])) == expected
    assert predictor.predict([]) == []


def test_a_folder_gives_its_pictures_and_warns_of_the_rest(predictor, tmp_path):
    (tmp_path / "b").mkdir()
    for name, emotion in (("b/1.png", 4), ("a.png", 2)):
        Image.fromarray(face(emotion)).save(tmp_path / name)
    (tmp_path / ".hidden").write_text("no picture")
    assert emotions(predictor.predict(tmp_path)) == ["Fear", "Sad"]
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.warns(UserWarning, match=r"skipped: .*notes\.txt"):
        assert len(predictor.predict(tmp_path)) == 2


def test_a_table_gives_its_rows_with_their_labels(predictor, tmp_path):
    np.savez(tmp_path / "t.npz", images=np.stack([face(2), face(5)]), labels=np.array([2, 4]))
    first, second = predictor.predict(tmp_path / "t.npz")
    assert (first.face.label, second.face.label, second.face.number) == (2, 4, 1)
    assert second.face.name == f"{tmp_path / 't.npz'} row 1"
    (tmp_path / "test.csv").write_text("pixels\n" + " ".join(map(str, face(2).ravel())) + "\n")
    (only,) = predictor.predict(tmp_path / "test.csv")
    assert (only.emotion, only.face.label) == ("Fear", None)


# ---- which network, and why --------------------------------------------------------------------------------


def test_a_run_can_be_named_or_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "007")
    for given in ("runs/007", tmp_path / "runs" / "007" / "model_last.npz", "runs"):
        assert Predictor(given).predict(face(3)).emotion == "Happy"
    assert Predictor().model.name == "vgg"  # left out, it is the one that comes with fer
    with pytest.raises(FileNotFoundError):
        Predictor("runs/008")
    with pytest.raises(BadInput, match="tta='crop'"):
        Predictor(tta="crop")


def test_flip_asks_about_the_mirror_image_too():
    prediction = Predictor(reader(), tta="flip").predict(face(3))
    assert prediction.confidence == pytest.approx((confidence() + 1 / 7) / 2)


def test_an_explanation_is_the_library_s_maps():
    model = convolving_reader()
    predictor = Predictor(model)
    image = face(3)
    image[0, 4] = 50
    prediction, x = predictor.predict(image), image[None, :, :, None]
    found = predictor.explain(prediction)
    np.testing.assert_array_equal(found.input_gradient, input_gradient(model, x, 3)[0, ..., 0])
    np.testing.assert_allclose(found.grad_cam, grad_cam(model, x, 3)[0], rtol=1e-6)
    np.testing.assert_allclose(found.hires_cam, hires_cam(model, x, 3)[0], rtol=1e-6)
    # a score is one pixel times a constant: its gradient is that constant, at that pixel alone
    assert np.flatnonzero(found.input_gradient).tolist() == [3]
    assert np.flatnonzero(predictor.explain(prediction, "Sad").input_gradient).tolist() == [4]
    # covered by gray, that pixel loses (255 − mean)·5/255; two of four squares of 8, a step of 4, would not reach 4
    assert found.occlusion[:4, :4] == pytest.approx((255 - image.mean()) * 5 / 255, rel=1e-5)
    assert found.occlusion[:4, 4:8] == pytest.approx((255 - image.mean()) * 5 / 255 / 2, rel=1e-5)
    assert not found.occlusion[8:].any()
    with pytest.raises(ValueError, match="name='boredom' is not an emotion"):
        predictor.explain(prediction, "boredom")


def test_faces_can_be_found_in_pictures(predictor, tmp_path, monkeypatch):
    photo = np.full((100, 200), 9, np.uint8)
    photo[10:58, 20:68], photo[30:78, 120:168] = face(1), face(6)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    boxes = [Box(20, 10, 48, 48), Box(120, 30, 48, 48)]
    predictor.detector = lambda picture: [
        Found(box, 0.75) for box in boxes if picture.shape == (*photo.shape, 3)
    ]
    monkeypatch.setattr(fer.data.sources.detect, "check_installed", lambda _: None)
    for given in (photo, Image.fromarray(photo), tmp_path / "photo.png"):
        found = predictor.predict(given, find_faces=True)
        assert emotions(found) == ["Disgust", "Neutral"]
        assert [each.face.box for each in found] == boxes
        assert [each.face.number for each in found] == [1, 2]
        assert [each.to_dict()["score"] for each in found] == [0.75, 0.75]
    Image.fromarray(photo[:50]).save(tmp_path / "none.png")
    for given in (photo[:50], tmp_path / "none.png", [photo[:50]]):
        assert predictor.predict(given, find_faces=True) == []


def test_boxes_of_one_s_own_keep_their_order(predictor, tmp_path):
    photo = np.full((100, 200, 3), 9, np.uint8)
    photo[10:58, 20:68], photo[30:78, 120:168] = face(1)[..., None], face(6)[..., None]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    boxes = np.array([[120, 30, 48, 48], [30, 10, 28, 48]])
    for given in (photo, Image.fromarray(photo), tmp_path / "photo.png"):
        found = predictor.predict(given, boxes=boxes)
        assert emotions(found) == ["Neutral", "Disgust"]
        assert [each.face.box for each in found] == [(120, 30, 48, 48), (20, 10, 48, 48)]
    assert predictor.predict(photo, boxes=[]) == []
    with pytest.raises(BadInput, match="boxes are those of one picture"):
        predictor.predict([photo], boxes=boxes)


def test_predictions_as_a_table(predictor):
    one, two = predictor.predict([face(3), face(5)])
    table = fer.to_frame([one, two])
    assert list(table["emotion"]) == ["Happy", "Surprise"]
    assert table["Happy"][0] == table["confidence"][0] == one.confidence
    assert table["left"].isna().all()
    assert list(fer.to_frame([]).columns) == list(table.columns)


# ---- the package's public names ----


def test_the_package_imports_nothing_until_it_is_asked():
    code = "import sys, fer; print([m for m in ('numpy', 'numba', 'matplotlib', 'PIL') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_package_has_what_it_lists():
    assert {name: getattr(fer, name) is not None for name in fer.__all__} == dict.fromkeys(fer.__all__, True)
    assert fer.load is fer.data.dataset.load
    assert callable(fer.train.run)
    assert set(fer.__all__) <= set(dir(fer))
    with pytest.raises(AttributeError, match="'fer' has no attribute 'nothing'"):
        _ = fer.nothing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_that_was_standardised_is_refused_with_its_own_range(dtype):
    image = np.linspace(-2.125, 0.75, 48 * 48, dtype=dtype).reshape(48, 48)
    with pytest.raises(
        ValueError, match=r"values from -2\.125 to 0\.75: expected 0 to 1 or 0 to 255; .*undo that"
    ):
        Predictor(reader()).predict(image)
