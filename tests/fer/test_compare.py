import csv
import io
import itertools
import json
import math
import os

import numpy as np
import pytest

from fer import compare, train
from fer.data.dataset import FerDataset, Split
from fer.errors import BadInput
from fer.networks import architectures
from fer.reports import comparison
from tests.fer.test_own_classes import write_faces


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        # scipy.stats.binomtest(min, total, 0.5).pvalue, SciPy 1.17.1; no faces at all: 1
        (0, 0, 1.0),
        (5, 5, 1.0),
        (3, 0, 0.25),
        (2, 8, 0.109375),
        (10, 25, 0.016673847800120715),
        (101, 59, 0.0011229051962340462),
    ],
)
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second, p):
    assert comparison.mcnemar(only_first, only_second) == pytest.approx(p, rel=1e-12)
    assert comparison.mcnemar(only_second, only_first) == comparison.mcnemar(only_first, only_second)


def test_mcnemar_of_thousands_of_faces_is_a_number():
    # the normal approximation with its continuity correction: z = (|b - c| - 1) / √(b + c)
    p, z = comparison.mcnemar(2000, 1880), (120 - 1) / math.sqrt(3880)
    assert p == pytest.approx(math.erfc(z / math.sqrt(2)), rel=2e-3)


def test_a_pair_has_the_difference_and_its_standard_error(rng):
    a, b = rng.random(200) < 0.7, rng.random(200) < 0.6
    (pair,) = comparison.pairs({"a": a, "b": b})
    each = b.astype(float) - a
    assert pair.difference == pytest.approx(each.mean())
    assert pair.standard_error == pytest.approx(each.std() / math.sqrt(200))
    assert (pair.only_first, pair.only_second) == ((a & ~b).sum(), (b & ~a).sum())


def test_holm_s_factors():
    faces = np.arange(60)
    right = {"a": faces < 30, "b": faces < 36, "c": faces < 40}
    found = {(pair.first, pair.second): pair.p for pair in comparison.pairs(right)}
    # alone: a-b 2/2^6 = 0.03125, a-c 2/2^10, b-c 2/2^4 = 0.125
    assert found == {("a", "c"): 3 * 2 / 2**10, ("a", "b"): 2 * 0.03125, ("b", "c"): 0.125}
    verdicts = [pair.verdict for pair in comparison.pairs(right)]
    assert verdicts == ["may be luck", "c is better", "may be luck"]


@pytest.fixture
def models(tmp_path):
    """Two networks of other classes, whose last layer always answers the same."""
    for name, classes, answer in (("one", ("joy", "sad"), 0), ("two", ("Sad", "Happy", "bored"), 0)):
        model = architectures.build("simple", seed=1, classes=classes)
        kernel, bias = model.layers[-1].weights
        kernel.assign(np.zeros(kernel.shape, np.float32))
        bias.assign(np.eye(len(classes), dtype=np.float32)[answer])
        model.save(tmp_path / f"{name}.npz")
    return [tmp_path / "one.npz", tmp_path / "two.npz"]


def test_networks_are_compared_on_the_faces_that_all_know(models, tmp_path, capsys):
    data = write_faces(tmp_path / "mine", ("happiness", "sadness", "bored"), (3, 4, 6), each=6)
    folder, (pair,) = compare.run(models, data=data, out=tmp_path / "out")
    assert "Left out 6 faces of classes that not all of these networks know." in capsys.readouterr().out
    assert (pair.only_first, pair.only_second, pair.faces) == (6, 6, 12)
    with (folder / "differences.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    names = list(rows[0])[2:]
    assert [name.rpartition(os.sep)[2] for name in names] == ["one.npz", "two.npz"]
    assert {(row["true"], row[names[0]], row[names[1]]) for row in rows} == {
        ("Happy", "joy", "Sad"),
        ("Sad", "joy", "Sad"),
    }
    facts = json.loads((folder / "comparison.json").read_text())
    assert list(facts["accuracy"].values()) == [0.5, 0.5]
    assert facts["faces"] == 12
    files = {file.name for file in folder.iterdir()}
    assert {"accuracies.png", "differences.png", "comparison.txt"} <= files
    assert "curves.png" not in files


@pytest.mark.slow
def test_runs_have_their_curves_over_each_other(tmp_path, rng):
    images = rng.integers(0, 256, (60, 48, 48), dtype=np.uint8)
    split = Split(images, np.repeat(np.arange(3), 20).astype(np.uint8), ("a", "b", "c"))
    data = FerDataset(split, split, split, "noise")
    write_faces(tmp_path / "mine", ("a", "b", "c"), (0, 1, 2), each=4)
    folders = [
        train.run(train.Config(epochs=epochs, out=str(tmp_path / "runs")), data).run.folder
        for epochs in (1, 2)
    ]
    folder, _ = compare.run(folders, data=tmp_path / "mine", out=tmp_path / "out")
    assert (folder / "curves.png").exists()
    (folders[0] / "history.csv").write_text("epoch,val_loss\n0,x\n")
    with pytest.raises(BadInput, match=r"history\.csv is not the history of a run"):
        compare.run(folders, data=tmp_path / "mine", out=tmp_path / "out")


@pytest.mark.slow
def test_data_that_are_new_to_one_network_alone_are_said(tmp_path, capsys):
    mine, others = (
        write_faces(tmp_path / name, ("a", "b"), (3, 4), each=10, seed=i) for i, name in enumerate("mo")
    )
    settings = {"epochs": 1, "batch_size": 16, "out": str(tmp_path / "runs")}
    runs = [train.run(train.Config(data=str(data), **settings)).run.folder for data in (mine, others)]
    line = "002 was trained on other data: if these faces are among them, it looks better than it is."
    for data, said in (
        (None, True),
        (mine, True),
        (write_faces(tmp_path / "new", ("a", "b"), (3, 4), seed=7), False),
    ):
        capsys.readouterr()
        compare.run(runs, data=data, out=tmp_path / "out")
        out = capsys.readouterr().out
        assert (line in out) == said
        assert "001 was trained" not in out


def test_curves_hold_the_numbers():
    figure = comparison.curves(
        {"a": {"val_loss": [2, 1], "val_accuracy": [0.1, 0.2]}, "$x": {"val_loss": [3], "val_accuracy": [0]}}
    )
    assert [line.get_ydata().tolist() for line in figure.axes[1].lines] == [[0.1, 0.2], [0]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "a: best 1.000", r"\$x: best 3.000",
    ]  # fmt: skip
    assert figure.axes[1].get_legend().get_texts()[0].get_text() == "a: best 20.0%"


@pytest.mark.parametrize("count", [1, 7])
def test_faces_and_answers_stand_apart(count):
    answers = {
        name: ["Happy", "a long name of a class"] * 7 for name in ("a/long/name/of/a/run.npz", "b", "c")
    }
    images = np.zeros((count, 48, 48), np.uint8)
    figure = comparison.differing_faces(images, ["Happy"] * count, answers, "a title " * 20)
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    assert len(figure.axes) == count
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["a/long/…un.npz: Happy ✓", "b: Happy ✓", "c: Happy ✓"]
    boxes = [axes.get_window_extent() for axes in figure.axes]
    boxes += [text.get_window_extent() for axes in figure.axes for text in (axes.title, *axes.texts)]
    boxes += [text.get_window_extent() for text in figure.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(0 <= box.x0 <= box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)


@pytest.mark.parametrize("networks", [[], ["vgg"], ["vgg", "vgg"]])
def test_two_different_networks_are_needed(networks):
    with pytest.raises(BadInput, match="expected two or more different ones"):
        compare.run(networks)


def test_the_command_ends_in_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as caught:
        compare.main(["vgg", "tiny", "--data", str(tmp_path / "missing")])
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
