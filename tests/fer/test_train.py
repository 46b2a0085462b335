import contextlib
import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import minicnn
from fer import train
from fer.data import dataset, synthetic
from fer.data.dataset import FerDataset, Split
from fer.errors import BadInput
from fer.train import Config, main
from fer.training import components
from fer.training.config import CLASS_WEIGHTS, OPTIMIZERS
from fer.training.recipes import RECIPES
from minicnn import layers
from minicnn.models import load_model
from tests.fer.csv_files import write
from tests.fer.kill import NO_PICTURES

pytestmark = pytest.mark.usefixtures("no_default_data")

HUNDRED = Split(np.zeros((100, 48, 48), np.uint8), np.zeros(100, np.uint8))


@pytest.fixture(scope="module")
def faces_data():
    return synthetic.load(140)


@pytest.fixture(scope="module")
def npz(faces_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "faces.npz"
    splits = list(faces_data.splits().values())
    np.savez(
        path,
        images=np.concatenate([split.images for split in splits]),
        labels=np.concatenate([split.labels for split in splits]),
        usage=np.repeat(["Training", "PublicTest", "PrivateTest"], [len(split) for split in splits]),
    )
    return path


@pytest.fixture(scope="module")
def finished(npz, tmp_path_factory):
    """Run the whole command once; return what it printed and its folder."""
    out = tmp_path_factory.mktemp("out") / "runs"
    printed = io.StringIO()
    arguments = ["--data", str(npz), "--epochs", "3", "--batch-size", "28", "--seed", "4", "--out", str(out)]
    with contextlib.redirect_stdout(printed):
        main(arguments)
    return SimpleNamespace(folder=out / "001", printed=printed.getvalue(), arguments=arguments)


@pytest.fixture
def no_pictures(monkeypatch):
    for (module, name), stub in NO_PICTURES.items():
        monkeypatch.setattr(module, name, stub)


@pytest.fixture
def history(finished):
    with (finished.folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_what_runs_promises(finished):
    assert sorted(child.name for child in finished.folder.iterdir()) == [
        ".lock", "calibration.csv", "calibration.png", "classes.png", "config.json", "confusion_matrix.csv",
        "confusion_matrix.png", "confusion_matrix_shares.csv", "curves.png", "examples.png", "features.png",
        "history.csv", "mistakes.png", "model_best.npz", "model_last.npz", "precision_recall.png", "predictions.csv",
        "predictions.png", "report.json", "report.txt", "result.json", "scores.png",
    ]  # fmt: skip
    for name in finished.folder.glob("*.png"):
        with Image.open(name) as image:
            image.load()
            assert min(image.size) > 200


def test_the_configuration_says_everything_needed_to_repeat_the_run(finished, npz, faces_data):
    config = json.loads((finished.folder / "config.json").read_text())
    assert Config(**config["arguments"]) == Config(
        data=str(npz), epochs=3, batch_size=28, seed=4, out=str(finished.folder.parent)
    )
    assert config["data"]["name"] == "faces.npz"
    assert list(config["data"]["faces"]["train"].values()) == faces_data.train.counts().tolist()
    assert config["versions"]["minicnn"] == minicnn.__version__
    assert config["versions"]["numpy"] == np.__version__


def test_the_learning_rate_falls_to_0_over_all_steps(finished):
    optimizer = load_model(finished.folder / "model_last.npz").optimizer
    assert optimizer.iterations == 3 * 112 / 28
    assert optimizer.learning_rate == pytest.approx(0, abs=1e-12)
    optimizer.iterations //= 2
    assert optimizer.learning_rate == pytest.approx(1e-3 / 2)


def test_the_history_has_a_line_an_epoch(history):
    assert [row["epoch"] for row in history] == ["0", "1", "2"]
    for row in history:
        assert 0 <= float(row["val_accuracy"]) <= 1
        assert np.isfinite(float(row["loss"]))
        assert np.isfinite(float(row["val_loss"]))


def test_the_report_is_that_of_the_best_model_on_the_test_rows(finished, history, faces_data):
    report = json.loads((finished.folder / "report.json").read_text())
    test = faces_data.test
    model = load_model(finished.folder / "model_best.npz")
    right = model.predict(test.images[..., None]).argmax(axis=1) == test.labels
    assert report["split"] == "test"
    assert report["accuracy"] == right.mean()
    assert [row["support"] for row in report["classes"]] == test.counts().tolist()
    scores = [float(row["val_accuracy"]) for row in history]
    assert report["best_epoch"] == 1 + scores.index(max(scores))
    validation = faces_data.validation
    again = (model.predict(validation.images[..., None]).argmax(axis=1) == validation.labels).mean()
    assert again == pytest.approx(max(scores))


def test_the_last_model_is_that_of_the_last_epoch(finished, history, faces_data):
    model = load_model(finished.folder / "model_last.npz")
    validation = faces_data.validation
    loss = model.evaluate(validation.images[..., None], validation.labels, verbose=0)[0]
    assert loss == pytest.approx(float(history[-1]["val_loss"]), rel=1e-4)


def test_the_end_says_the_accuracy_and_where_things_are(finished):
    *_, accuracy, where = finished.printed.splitlines()
    report = json.loads((finished.folder / "report.json").read_text())
    assert accuracy == (
        f"Test accuracy {report['accuracy']:.2%} ± {report['standard_error']:.2%} (14 faces), "
        f"with the model of epoch {report['best_epoch']}."
    )
    assert where.startswith(f"In {finished.folder}: ")
    assert "synthetic" not in finished.printed


def test_the_same_seed_gives_the_same_run(faces_data, tmp_path, no_pictures):
    few = FerDataset(
        Split(faces_data.train.images[:32], faces_data.train.labels[:32]), *[faces_data.test] * 2, "few"
    )
    config = {"epochs": 1, "batch_size": 16, "augment": "full", "out": str(tmp_path)}
    first, again, other = (train.run(Config(seed=seed, **config), few) for seed in (1, 1, 2))
    assert first.history == again.history
    assert all(np.array_equal(a, b) for a, b in zip(first.model.get_weights(), again.model.get_weights()))
    assert first.history != other.history
    assert [result.run.folder.name for result in (first, again, other)] == ["001", "002", "003"]


def test_the_last_epoch_is_kept_if_asked_for(faces_data, tmp_path, no_pictures):
    few = FerDataset(*[faces_data.test] * 3, "few")
    # so small steps that no prediction changes: of equal epochs the first is the best
    config = {"epochs": 3, "learning_rate": 1e-9, "out": str(tmp_path)}
    best, last = (train.run(Config(keep=keep, **config), few) for keep in ("best", "last"))
    assert (best.best_epoch, last.best_epoch) == (1, 3)
    assert json.loads((last.run.folder / "report.json").read_text())["best_epoch"] == 3
    kept, at_the_end = (load_model(last.run.folder / f"model_{name}.npz") for name in ("best", "last"))
    assert all(
        np.array_equal(a, b) for a, b in zip(kept.get_weights(), at_the_end.get_weights(), strict=True)
    )


def test_without_data_it_trains_on_synthetic_faces_and_says_so(
    faces_data, tmp_path, monkeypatch, capsys, no_pictures
):
    monkeypatch.setattr(synthetic, "load", lambda: faces_data)
    main(["--epochs", "1", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    for part in ("synthetic faces", "https://www.kaggle.com/", "--data fer2013.csv", "FER2013_DATA"):
        assert part in printed.split("Epoch")[0]
    assert f"Data: {faces_data.name}, 112 train, 14 validation, 14 test" in printed


def test_data_without_test_rows_are_judged_by_validation_and_said_so(
    faces_data, tmp_path, monkeypatch, capsys, no_pictures
):
    columns = faces_data.validation.images, faces_data.validation.labels
    usage = ["Training"] * 7 + ["PublicTest"] * 7
    monkeypatch.setenv("FER2013_DATA", str(write(tmp_path / "faces.csv", *columns, usage)))
    main(["--epochs", "1", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "faces.csv has no PrivateTest rows" in printed
    assert printed.splitlines()[-2].startswith("Validation accuracy ")
    assert json.loads((tmp_path / "001" / "report.json").read_text())["split"] == "validation"


def test_without_validation_rows_a_tenth_is_held_out_with_copies_on_one_side(
    faces_data, tmp_path, capsys, no_pictures
):
    images, labels = (
        np.concatenate([array] * 2) for array in (faces_data.train.images, faces_data.train.labels)
    )
    data = FerDataset(Split(images, labels), None, faces_data.test, "copies").with_validation()
    assert data.name == "copies (a tenth of its Training rows held out for validation)"
    assert len(data.train) + len(data.validation) == len(labels)
    assert 0.05 < len(data.validation) / len(labels) < 0.2
    kept, held_out = ({image.tobytes() for image in split.images} for split in (data.train, data.validation))
    assert not kept & held_out
    assert data.test is faces_data.test
    few = FerDataset(Split(images[:60], labels[:60]), None, None, "few")
    train.run(Config(epochs=1, out=str(tmp_path)), few)
    assert "few (a tenth of its Training rows held out for validation)" in capsys.readouterr().out
    again = few.with_validation()  # the same ones
    assert np.array_equal(few.with_validation().validation.images, again.validation.images)


def test_data_too_small_to_hold_any_out_are_refused_before_a_folder_is_made(faces_data, tmp_path):
    one = Split(faces_data.train.images[:1], faces_data.train.labels[:1])
    with pytest.raises(BadInput, match="one has no PublicTest rows to choose the best epoch by, and too few"):
        train.run(Config(out=str(tmp_path)), FerDataset(one, None, None, "one"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data", "nowhere.csv"],
            "nowhere.csv does not exist. FER2013 is available at https://www.kaggle.com/",
        ),
        (["--epochs", "0"], "epochs=0: expected 1 or more"),
        (["--batch-size", "-3"], "batch_size=-3: expected 1 or more"),
        (["--learning-rate", "0"], "learning_rate=0.0: expected a positive number"),
        (["--learning-rate", "nan"], "learning_rate=nan: expected a positive number"),
        (["--seed", "-1"], "seed=-1: expected 0 or more"),
        (["--early-stopping", "-1"], "early_stopping=-1: expected 0 or more"),
        (["--label-smoothing", "1"], "label_smoothing=1.0: expected a share below 1"),
        (["--weight-decay", "-1"], "weight_decay=-1.0: expected 0 or a small number"),
        (["--ema", "1"], "ema=1.0: expected 0, or a number a little below 1"),
        (["--dropout", "-0.5"], "dropout=-0.5: expected a factor for the network's own rates"),
        (
            ["--recipe", "vgg", "--config", "c.json"],
            "--config c.json --recipe vgg: expected at most one of them",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith(f"fer.train: {message}")
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_output_folder_is_one_line_and_status_2(npz, tmp_path, capsys):
    (tmp_path / "runs").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["--data", str(npz), "--out", str(tmp_path / "runs")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("arch", "resnet"), ("optimizer", "magic"), ("schedule", "wave"), ("class_weight", "some")],
)
def test_names_are_checked_in_python_too(field, value):
    with pytest.raises(BadInput, match=f"{field}='{value}': expected one of "):
        Config(**{field: value})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_settings_reach_the_model(optimizer):
    config = Config(optimizer=optimizer, weight_decay=0.01, label_smoothing=0.2, schedule="constant")
    model = components.compiled_model(config, HUNDRED)
    assert model.loss.label_smoothing == 0.2
    assert model.optimizer.weight_decay == 0.01
    decaying = {weight.name for weight in model.trainable_weights if model.optimizer.decays(weight)}
    assert decaying == {"kernel"}
    assert components.compiled_model(Config(optimizer="adamw"), HUNDRED).optimizer.weight_decay == 0.004
    assert not components.compiled_model(Config(), HUNDRED).optimizer.weight_decay


def test_dropout_and_batch_norm_can_be_left_out():
    def kinds(**settings):
        model = components.compiled_model(Config(arch="vgg", **settings), HUNDRED)
        rates = [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)]
        return rates, sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)

    assert kinds() == ([0.1] * 4 + [0.4], 8)
    assert kinds(dropout=0.5, batch_norm=False) == ([0.05] * 4 + [0.2], 0)
    bare = components.compiled_model(Config(arch="tiny", batch_norm=False), HUNDRED)
    assert {weight.name for weight in bare.weights} == {"kernel", "bias"}


def test_averaged_weights_are_what_is_judged_and_kept(faces_data, tmp_path, no_pictures):
    config = Config(arch="simple", epochs=2, batch_size=28, ema=0.9, out=str(tmp_path), schedule="constant")
    result = train.run(config, faces_data)
    last = load_model(result.run.path("model_last.npz"))
    averages = last.get_weights()
    validation = faces_data.validation
    shares = last.predict(validation.images[..., None])
    accuracy = (shares.argmax(axis=1) == validation.labels).mean()
    assert accuracy == pytest.approx(result.history["val_accuracy"][-1])
    last.optimizer.build(last.trainable_weights)
    last.optimizer.swap_averages()
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(averages, last.get_weights()))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_settings_that_options_change(name, monkeypatch):
    begun = []
    monkeypatch.setattr(train, "run", lambda config, **_: begun.append(config))
    main(["--recipe", name, "--seed", "7", "--epochs", "3"])
    assert begun == [Config(**{**RECIPES[name], "seed": 7, "epochs": 3})]
    assert begun[0].arch == name


def test_faulty_rows_are_left_out_when_asked_to(faces_data, monkeypatch):
    asked = []
    monkeypatch.setattr(dataset, "load", lambda path, **options: asked.append((path, options)) or faces_data)
    for drop in (False, True):
        components.load_data(Config(data="x.csv", drop_faulty=drop))
    assert asked == [
        ("x.csv", {"drop_faulty": False, "detect": None, "labels": None, "votes": "majority"}),
        ("x.csv", {"drop_faulty": True, "detect": None, "labels": None, "votes": "majority"}),
    ]


def test_class_weights_of_fer2013():
    labels = np.repeat(np.arange(7), [3995, 436, 4097, 7215, 4830, 3171, 4965])
    split = Split(np.zeros((len(labels), 0)), labels)
    weights = components.class_weights(split, "sqrt")
    assert [round(weight, 3) for weight in weights.values()] == [
        1.058,
        3.203,
        1.045,
        0.787,
        0.962,
        1.188,
        0.949,
    ]
    balanced = components.class_weights(split, "balanced")
    assert balanced[1] == pytest.approx(28709 / (7 * 436))
    assert components.class_weights(split, "none") == dict.fromkeys(range(7), pytest.approx(1))


@pytest.mark.parametrize("kind", CLASS_WEIGHTS)
def test_class_weights_keep_the_mean_and_need_not_meet_every_emotion(kind):
    labels = np.array([0, 0, 0, 5], np.uint8)
    weights = components.class_weights(Split(np.zeros((4, 0)), labels), kind)
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1)
    assert weights[1] == 1
    assert weights[5] / weights[0] == pytest.approx(3 ** CLASS_WEIGHTS[kind])


def test_help_shows_examples_and_where_data_come_from(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for part in (
        "examples:",
        "python -m fer.train --data fer2013.csv",
        dataset.ENV_VARIABLE,
        "residual blocks",
    ):
        assert part in text
