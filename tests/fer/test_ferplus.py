"""FER+ from the two files to the last figure: training, evaluation, comparison, prediction."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import minicnn
from fer import compare, evaluate, explore, predict, train
from fer.data import ferplus
from fer.data.dataset import Split
from fer.errors import BadInput
from fer.training import components
from fer.training.config import Config, from_file
from tests.fer.ferplus_files import write_both

pytestmark = pytest.mark.slow  # a training of each kind


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plus")
    data, labels, _, _ = write_both(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runs = {}
        for votes in ferplus.VOTES:
            settings = {"labels": "fer2013new.csv", "votes": votes, "out": str(folder / "runs")}
            runs[votes] = train.run(Config("fer2013.csv", **settings, epochs=1, batch_size=18))
    return data, labels, runs


@pytest.mark.parametrize("votes", ferplus.VOTES)
def test_a_run_has_the_eight_classes_and_remembers_its_labels(trained, votes):
    _, labels, runs = trained
    result = runs[votes]
    config = json.loads(result.run.path("config.json").read_text())
    assert config["arguments"]["labels"] == str(labels)
    assert config["arguments"]["votes"] == votes
    assert config["data"]["faces"]["train"]["Contempt"] == 1
    assert sum(config["data"]["faces"]["train"].values()) == (54 if votes == "majority" else 55)
    assert result.report.classes == ferplus.CLASSES
    assert result.report.samples == 19
    with result.run.path("predictions.csv").open() as file:
        assert next(csv.reader(file)) == ["row", "true", "predicted", *ferplus.CLASSES]
    for split in ("validation", "test", "train"):  # without --data: with the labels of the training
        folder, report = evaluate.run(result.run.folder, split=split)
        assert folder == result.run.path(f"evaluation_{split}")
        assert report.samples == sum(config["data"]["faces"][split].values())
    assert evaluate.run(result.run.folder)[1].accuracy == result.report.accuracy


def test_other_labels_are_used_only_if_they_are_named(trained, capsys):
    data, labels, runs = trained
    folder = runs["majority"].run.folder
    report = evaluate.run(folder, data=data, labels=labels)[1]
    assert report.confusion.sum(axis=1).tolist() == [2, 3, 3, 3, 2, 3, 2, 1]
    evaluate.main([str(folder), "--labels", str(labels), "--split", "all"])
    assert "Overall accuracy" in capsys.readouterr().out
    report = evaluate.run(folder, data=data)[1]  # FER2013's own
    assert report.confusion.sum(axis=1).tolist() == [3] * 7 + [0]
    evaluate.run("tiny", data=data, labels=labels, out=folder / "seven")
    assert "does not know their class: 1 Contempt." in capsys.readouterr().out


@pytest.mark.parametrize("votes", ferplus.VOTES)
def test_a_run_is_resumed_on_the_same_targets(trained, votes):
    folder = trained[2][votes].run
    config = from_file(folder.path("config.json"))
    fingerprint = folder.read_config()["data"]["fingerprint"]
    assert components.load_data(config).with_validation().fingerprint() == fingerprint
    other = replace(config, votes="soft" if votes == "majority" else "majority")
    assert components.load_data(other).with_validation().fingerprint() != fingerprint


def test_labels_that_have_moved_are_named_and_what_to_do(trained):
    _, labels, runs = trained
    moved = labels.rename(labels.with_name("moved.csv"))
    try:
        with pytest.raises(FileNotFoundError, match="give its present path with --labels PATH"):
            evaluate.run(runs["majority"].run.folder)
        assert evaluate.run(runs["majority"].run.folder, labels=moved)[1].samples == 19
    finally:
        moved.rename(labels)


def test_networks_are_compared_on_them(trained, tmp_path, capsys):
    _, labels, runs = trained
    names = [str(result.run.folder) for result in runs.values()]
    compare.main([*names, "--labels", str(labels), "--out", str(tmp_path)])
    assert "fer2013.csv (labels of fer2013new.csv), test, 19 faces" in capsys.readouterr().out


def test_a_sample_and_a_survey_have_them(trained, tmp_path, capsys):
    data, labels, runs = trained
    predict.main(
        [str(runs["soft"].run.folder), "--sample", "19", "--seed", "0", "--out", str(tmp_path / "p")]
    )
    rows = list(csv.DictReader((tmp_path / "p/001/predictions.csv").read_text().splitlines()))
    assert [row["true"] for row in rows].count("Contempt") == 1
    explore.main(["--data", str(data), "--labels", str(labels), "--out", str(tmp_path / "e")])
    rows = list(csv.DictReader((tmp_path / "e/001/classes.csv").read_text().splitlines()))
    assert [row["Contempt"] for row in rows] == ["1", "1", "1"]


def test_soft_votes_are_what_is_trained_on(trained, tmp_path, monkeypatch):
    data, labels, runs = trained
    config = Config(str(data), labels=str(labels), votes="soft", epochs=1, batch_size=18, out=str(tmp_path))
    fit, given = minicnn.Sequential.fit, {}

    def noting(self, x, y, **arguments):
        given.update(x=x, y=y.copy(), validation=arguments["validation_data"][1])
        return fit(self, x, y, **arguments)

    monkeypatch.setattr(minicnn.Sequential, "fit", noting)
    result = train.run(config)
    faces = components.load_data(config)
    np.testing.assert_array_equal(given["y"], faces.train.targets)
    np.testing.assert_array_equal(given["validation"], np.eye(8)[faces.validation.labels])
    # the same seed and data give the same bits
    assert result.history == runs["soft"].history
    assert result.history != runs["majority"].history


def test_the_loss_of_a_soft_target_is_its_cross_entropy():
    """−½·log p(Angry) − ½·log p(Sad), in float64."""
    image = np.full((1, 48, 48), 100, np.uint8)
    target = np.array([[0.5, 0, 0, 0, 0.5, 0, 0, 0]], np.float32)
    model = components.compiled_model(Config(dropout=0), Split(image, np.array([0]), ferplus.CLASSES, target))
    x = image[..., None].astype(np.float32)
    loss, _ = model.forward_loss(x, target, training=False)
    shares = np.asarray(model(x), np.float64)[0]
    assert float(loss) == pytest.approx(-0.5 * np.log(shares[0]) - 0.5 * np.log(shares[4]), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"votes": "soft"}, "votes=soft: expected together with labels"),
        ({"labels": "x.csv", "votes": "mean"}, "votes='mean': expected one of majority, soft"),
        ({"labels": "a\0b"}, "labels='a.x00b': expected a path"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(BadInput, match=message):
        Config("fer2013.csv", **settings)


@pytest.mark.usefixtures("no_default_data")
def test_drawn_faces_have_no_such_labels(trained, capsys):
    _, labels, _ = trained
    for command, arguments in (
        (train.main, []),
        (train.main, ["--data", "synthetic"]),
        (explore.main, []),
        (evaluate.main, ["tiny", "--data", "synthetic"]),
    ):
        with pytest.raises(SystemExit) as stopped:
            command([*arguments, "--labels", str(labels)])
        assert stopped.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
