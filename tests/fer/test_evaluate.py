import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer import evaluate, outputs
from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from fer.networks import inference
from fer.reports import measures
from tests.fer.kill import NO_PICTURES
from tests.fer.readers import confidence, face, reader, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")

# Six of eight right. The wrong ones: a Sad face taken for Happy, surely, and an Angry one for Fear, less so.
FACES = [(face(k, gray=200), k) for k in (3, 3, 4, 5, 6, 0)] + [(face(2, gray=120), 0), (face(3), 4)]


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(evaluate, "_write_figures", lambda *_: None)


@pytest.fixture
def unsaved_figures(monkeypatch):
    """Figures are drawn, but a few bytes are written in their place: rendering takes most of the time."""
    monkeypatch.setattr(outputs, "write_figure", NO_PICTURES[outputs, "write_figure"])


def split(faces=FACES):
    images, labels = zip(*faces)
    return Split(np.stack(images), np.array(labels, np.uint8))


@pytest.fixture
def run(tmp_path):
    data = write_data(tmp_path / "faces.npz", train=[(face(1), 1)], validation=FACES[:2], test=FACES)
    return write_run(tmp_path / "runs" / "001", data=data)


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_write_leaves_every_table_and_figure(tmp_path):
    report = evaluate.write(tmp_path, reader(), split(), "test", "eight faces", facts={"best_epoch": 3})
    assert sorted(child.name for child in tmp_path.iterdir()) == [
        "calibration.csv", "calibration.png", "confusion_matrix.csv", "confusion_matrix.png",
        "confusion_matrix_shares.csv", "features.png", "mistakes.png", "precision_recall.png", "predictions.csv",
        "predictions.png", "report.json", "report.txt", "scores.png",
    ]  # fmt: skip
    for figure in tmp_path.glob("*.png"):
        with Image.open(figure) as image:
            image.load()
    assert report.accuracy == 6 / 8
    saved = json.loads((tmp_path / "report.json").read_text())
    assert (saved["split"], saved["tta"], saved["best_epoch"], saved["accuracy"]) == ("test", "none", 3, 0.75)
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith("eight faces\n")
    for part in (
        "accuracy           75.00% ± 15.31% (8 faces)",
        "top-2",
        "calibration error",
        "macro average",
    ):
        assert part in text
    shares = table(tmp_path / "confusion_matrix_shares.csv")
    assert [float(share) for share in shares[1 + 4][1:]] == [0, 0, 0, 0.5, 0.5, 0, 0]  # Sad: once as Happy


@pytest.mark.usefixtures("no_figures")
def test_the_report_can_be_made_again_from_the_predictions(tmp_path):
    report = evaluate.write(tmp_path, reader(), split(), "test", "eight faces")
    header, *rows = table(tmp_path / "predictions.csv")
    assert header == ["row", "true", "predicted", *EMOTIONS]
    assert [int(row[0]) for row in rows] == list(range(8))
    labels = np.array([EMOTIONS.index(row[1]) for row in rows])
    shares = np.array([row[3:] for row in rows], np.float32)
    assert measures.measure(labels, shares).to_dict() == report.to_dict()
    assert [row[2] for row in rows] == [EMOTIONS[k] for k in shares.argmax(axis=1)]


def test_mistakes_come_surest_first():
    probabilities = np.eye(7)[[3, 2, 3, 0]] * np.array([[0.5], [0.6], [0.9], [1.0]])
    labels = np.array([3, 0, 4, 1])
    assert evaluate.confident_mistakes(labels, probabilities).tolist() == [3, 2, 1]
    assert evaluate.confident_mistakes(labels, probabilities, count=1).tolist() == [3]


@pytest.mark.usefixtures("unsaved_figures")
def test_without_mistakes_there_is_no_figure_of_them_not_even_an_old_one(tmp_path):
    (tmp_path / "mistakes.png").write_bytes(b"of an earlier judgement")
    evaluate.write(tmp_path, reader(), split(FACES[:6]), "test", "six faces")
    assert not (tmp_path / "mistakes.png").exists()
    assert (tmp_path / "predictions.png").exists()


@pytest.mark.usefixtures("no_figures")
def test_with_flip_the_answer_is_the_mean_with_the_mirror_image(tmp_path):
    faces = split([(face(3), 3)])
    evaluate.write(tmp_path, reader(), faces, "test", "one face", tta="flip")
    (row,) = table(tmp_path / "predictions.csv")[1:]
    # the mirror image shows seven gray pixels alike: one seventh for each emotion
    assert float(row[3 + 3]) == pytest.approx((confidence() + 1 / 7) / 2)
    assert json.loads((tmp_path / "report.json").read_text())["tta"] == "flip"


def test_another_way_of_prediction_is_refused_before_a_folder_is_made(run):
    with pytest.raises(ValueError, match="tta='crop': expected one of none, flip, shifts"):
        evaluate.run(run, tta="crop")
    assert not list(run.glob("evaluation*"))


@pytest.mark.usefixtures("unsaved_figures")
def test_several_networks_have_no_common_map_of_features(tmp_path):
    evaluate.write(tmp_path, inference.Ensemble([reader(), reader()]), split(), "test", "eight faces")
    assert not (tmp_path / "features.png").exists()
    assert (tmp_path / "scores.png").exists()


# ---- the command, most of it without the figures, which take a second --------------------------------------


@pytest.mark.usefixtures("unsaved_figures")
def test_the_command_judges_a_run_in_its_folder(run, capsys):
    evaluate.main([str(run)])
    printed = capsys.readouterr().out
    assert "Test accuracy 75.00% ± 15.31% (8 faces)." in printed
    assert f"In {run / 'evaluation_test'}: calibration.csv" in printed
    saved = json.loads((run / "evaluation_test" / "report.json").read_text())
    assert (saved["data"], saved["model"], saved["samples"]) == ("faces.npz", str(run / "model_best.npz"), 8)


@pytest.mark.usefixtures("no_figures")
def test_faces_that_are_in_training_too_are_told_apart(tmp_path, capsys):
    # FACES has Happy twice, the same in every pixel: both are copies, and both were right
    data = write_data(
        tmp_path / "faces.npz", train=[FACES[0], (face(1), 1)], validation=FACES[4:6], test=FACES
    )
    run = write_run(tmp_path / "runs" / "001", data=data)
    evaluate.main([str(run)])
    printed = capsys.readouterr().out
    assert "accuracy           75.00% ± 15.31% (8 faces)" in printed
    assert "without copies     66.67% ± 19.25% (6 faces); the others are in Training too" in printed
    evaluate.main([str(run), "--split", "train"])
    assert "without copies" not in capsys.readouterr().out


@pytest.mark.usefixtures("no_figures")
def test_judging_again_replaces_its_own_files_alone(run):
    evaluate.main([str(run), "--split", "test"])
    report = run / "evaluation_test" / "report.json"
    report.write_text("old")
    (run / "evaluation_test" / "mine.txt").write_text("of the user")
    evaluate.main([str(run), "--split", "test"])
    assert json.loads(report.read_text())["accuracy"] == 0.75
    assert (run / "evaluation_test" / "mine.txt").read_text() == "of the user"


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (["--split", "validation"], "evaluation_validation"),
        (["--tta", "flip"], "evaluation_test_flip"),
        (["--tta", "shifts"], "evaluation_test_shifts"),
        (["--model", "last", "--split", "train"], "evaluation_train_last"),
    ],
)
def test_each_kind_of_judgement_has_a_folder(run, options, folder, capsys):
    evaluate.main([str(run), *options])
    assert (run / folder / "report.json").is_file()
    said = capsys.readouterr().out
    assert ("a little too high" in said) == ("validation" in options)
    assert ("on these same faces" in said) == ("train" in options)


@pytest.mark.usefixtures("no_figures")
def test_a_model_by_itself_is_judged_in_a_new_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader().save("alone.npz")
    for _ in range(2):
        evaluate.main(["alone.npz", "--data", "faces.npz"])
    evaluate.main(["alone.npz", "--data", "faces.npz", "--out", "elsewhere"])
    assert all((tmp_path / name / "report.json").is_file() for name in ("evaluations/002", "elsewhere/001"))


@pytest.mark.usefixtures("no_figures")
def test_several_vote(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    undecided = reader()
    undecided.set_weights([0 * weight for weight in undecided.get_weights()])
    undecided.save("undecided.npz")
    evaluate.main([str(run), "undecided.npz", "undecided.npz"])
    saved = json.loads((tmp_path / "evaluations" / "001" / "report.json").read_text())
    assert (saved["accuracy"], saved["data"]) == (0.75, "faces.npz")
    assert saved["model"] == f"{run / 'model_best.npz'} + undecided.npz + undecided.npz"
    shares = pd.read_csv(tmp_path / "evaluations" / "001" / "predictions.csv")[list(EMOTIONS)].to_numpy()
    alone = inference.probabilities(reader(), np.stack([image for image, _ in FACES]))
    np.testing.assert_allclose(shares, (alone + 2 / 7) / 3, atol=1e-6)


@pytest.mark.usefixtures("no_figures")
def test_without_a_run_it_is_the_newest(run, monkeypatch):
    monkeypatch.chdir(run.parent.parent)
    assert evaluate.run()[0] == Path("runs/001/evaluation_test")


@pytest.mark.usefixtures("no_figures")
def test_other_data_can_judge_a_run(run, tmp_path):
    other = write_data(tmp_path / "o.npz", train=[(face(1), 1)], validation=[(face(1), 1)], test=FACES[:3])
    folder, report = evaluate.run(run, data=other)
    assert (folder, report.samples, report.accuracy) == (run / "evaluation_test", 3, 1)


def test_a_split_that_is_absent_is_said_and_what_to_use(run, tmp_path, capsys):
    data = write_data(tmp_path / "no_test.npz", train=[(face(1), 1)], validation=[(face(1), 1)])
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([str(run), "--data", str(data)])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "fer.evaluate: no_test.npz has no test rows (PrivateTest): use --split validation or --split train, "
        "or other --data\n"
    )
    assert not (run / "evaluation_test").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["{run}", "--data", "nowhere.csv"], "nowhere.csv does not exist"),
        (["{run}/config.json"], "is not a model that can be used"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([argument.format(run=run) for argument in arguments])
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main(["--help"])
    assert stopped.value.code == 0
    assert "python -m fer.evaluate runs/003 --split validation" in capsys.readouterr().out
