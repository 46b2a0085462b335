"""Data with classes of their own, from the folder to the last figure."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import fer
from fer import evaluate, explore, export, predict, train
from fer.data import dataset, synthetic
from fer.errors import BadInput
from fer.networks import architectures, inference
from minicnn.models import load_model

CLASSES = ("cheerful", "contempt", "gloomy")


def write_faces(folder, names=CLASSES, emotions=(3, 2, 4), each=12, seed=0):
    """Write drawn faces into a folder for each class."""
    for name, emotion in zip(names, emotions):
        place = folder / name
        place.mkdir(parents=True)
        for i, image in enumerate(synthetic.draw([emotion] * each, seed + emotion)):
            Image.fromarray(image).save(place / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    data = write_faces(folder / "mine")
    result = train.run(train.Config(data=str(data), epochs=1, batch_size=16, out=str(folder / "runs")))
    return data, result


def test_the_model_file_holds_its_classes(trained, tmp_path):
    _, result = trained
    assert load_model(result.run.path("model_best.npz")).metadata == {"classes": list(CLASSES)}
    export.write(result.run.folder, tmp_path / "small.npz")
    assert inference.open_run(tmp_path / "small.npz").classes == CLASSES
    config = json.loads(result.run.path("config.json").read_text())
    assert list(config["data"]["faces"]["train"]) == list(config["class_weights"]) == list(CLASSES)
    assert result.report.confusion.shape == (3, 3)
    with result.run.path("predictions.csv").open() as file:
        assert next(csv.reader(file)) == ["row", "true", "predicted", *CLASSES]


def test_a_prediction_has_the_classes(trained, tmp_path, capsys):
    data, result = trained
    predictor = fer.Predictor(result.run.folder)
    prediction = predictor.predict(data / "gloomy/00.png")
    assert tuple(prediction.probabilities) == predictor.classes == CLASSES
    assert predictor.explain(prediction, "Contempt").grad_cam.shape == (48, 48)
    predict.main([str(result.run.folder), "--sample", "2", "--seed", "0", "--out", str(tmp_path)])
    assert "of 2 are as labelled" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "001/predictions.csv").read_text().splitlines()))
    assert {row["true"] for row in rows} <= set(CLASSES)
    assert set(CLASSES) <= set(rows[0])


def test_the_same_pixels_under_other_names_are_other_data(trained, tmp_path):
    data, _ = trained
    write_faces(tmp_path / "renamed", ("angelic", "beastly", "cold"))
    renamed, own = dataset.load(tmp_path / "renamed"), dataset.load(data)
    np.testing.assert_array_equal(renamed.train.images, own.train.images)
    assert renamed.fingerprint() != own.fingerprint()


@pytest.mark.slow
def test_all_of_data_without_a_split_are_judged(trained, tmp_path):
    _, result = trained
    others = write_faces(tmp_path / "others", each=10, seed=9)
    folder, report = evaluate.run(result.run.folder, data=others)
    assert report.samples == 30
    assert folder.name == "evaluation_all_on_others"
    assert json.loads((folder / "report.json").read_text())["split"] == "all"
    with (folder / "predictions.csv").open() as file:  # in the order of the paths
        assert [row["true"] for row in csv.DictReader(file)] == [name for name in CLASSES for _ in range(10)]
    assert evaluate.run(result.run.folder, data=others, split="test", out=tmp_path / "e")[1].samples == 3


@pytest.mark.slow
def test_data_that_the_run_was_trained_on_keep_their_test_rows(trained):
    data, result = trained
    _, report = evaluate.run(result.run.folder, data=data)
    assert report.samples == result.report.samples < 36
    assert evaluate.run(result.run.folder, data=data, split="all")[1].samples == 36


def test_no_training_rows_are_needed(trained, tmp_path):
    _, result = trained
    write_faces(tmp_path / "data/test", each=2)
    assert evaluate.run(result.run.folder, data=tmp_path / "data")[1].samples == 6
    with pytest.raises(BadInput, match="data has no row whose Usage is Training"):
        dataset.load(tmp_path / "data")


def test_classes_are_compared_by_meaning_and_unknown_ones_left_out_aloud(tmp_path, capsys):
    write_faces(tmp_path / "mine", ("joy", "Sadness", "boredom"), (3, 4, 6), each=2)
    model = architectures.build("simple", seed=0)
    model.save(tmp_path / "seven.npz")
    report = evaluate.run(tmp_path / "seven.npz", data=tmp_path / "mine", out=tmp_path / "e")[1]
    assert capsys.readouterr().out == "Left out, because the network does not know their class: 2 boredom.\n"
    assert report.confusion.sum(axis=1).tolist() == [0, 0, 0, 2, 2, 0, 0]
    write_faces(tmp_path / "none", ("boredom", "contempt"), (0, 1), each=1)
    message = r"the classes are boredom, contempt, and the network knows Angry, .* none"
    with pytest.raises(BadInput, match=message):
        evaluate.run(tmp_path / "seven.npz", data=tmp_path / "none", out=tmp_path / "e")


def test_networks_of_other_classes_are_not_averaged(trained, tmp_path):
    _, result = trained
    with pytest.raises(BadInput, match="expected networks of the same classes"):
        evaluate.run([result.run.folder, "tiny"])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["a", "b"], "expected a network that takes"),
        (["a", "A", "c"], "two of one name"),
        ("abc", "expected a list of names"),
        ([1, 2, 3], "expected a list of names"),
    ],
)
def test_classes_that_do_not_fit_are_refused_in_a_line_that_names_the_file(tmp_path, classes, message):
    model = architectures.build("simple", seed=0, classes=CLASSES)
    model.metadata = {"classes": classes}
    model.save(tmp_path / "wrong.npz")
    with pytest.raises(BadInput, match=message) as caught:
        inference.open_run(tmp_path / "wrong.npz")
    assert str(caught.value).startswith(str(tmp_path / "wrong.npz"))


def test_explore_draws_any_classes_and_says_which_are_empty(tmp_path):
    labels = np.array([0, 1, 1, 3], np.uint8)
    faces = dataset.Split(synthetic.draw(labels), labels, ("a", "$b_1$", "c" * 60, "ü"))
    folder, result = explore.run(dataset.FerDataset(faces, None, None, "mine"), tmp_path)
    assert list(result.counts["train"]) == [1, 2, 0, 1]
    assert (folder / "mean_faces.png").exists()
    assert (folder / "examples.png").exists()
    assert "$b_1$" in (folder / "summary.txt").read_text()
