"""The votes of FER+. The rows are ones of fer2013new.csv; what becomes of them is worked out by hand."""

import numpy as np
import pytest

from fer import dataset as command
from fer.data import dataset, ferplus
from fer.data.table import Rows
from fer.errors import BadInput
from tests.fer.csv_files import pixels_of
from tests.fer.ferplus_files import HEADER, USAGES, votes_for, write_both, write_votes

ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL, CONTEMPT = range(8)
UNKNOWN, NO_FACE = 8, 9


@pytest.mark.parametrize(
    ("votes", "label", "shares"),
    [
        # V = 9 without the single one: 4 is not more than 4.5. 4 + 3 is more than 6.75.
        ("4,0,0,1,3,2,0,0,0,0", None, {NEUTRAL: 4 / 7, ANGRY: 3 / 7}),
        ("6,0,1,1,0,0,0,0,2,0", NEUTRAL, {NEUTRAL: 1}),  # V = 8: 6 are ¾
        ("0,10,0,0,0,0,0,0,0,0", HAPPY, {HAPPY: 1}),
        ("0,0,6,0,0,0,4,0,0,0", SURPRISE, {SURPRISE: 0.6, FEAR: 0.4}),
        ("0,5,5,0,0,0,0,0,0,0", None, {HAPPY: 0.5, SURPRISE: 0.5}),
        (
            "2,1,2,1,0,0,4,0,0,0",
            None,
            {FEAR: 0.5, NEUTRAL: 0.25, SURPRISE: 0.25},
        ),  # V = 8: 4 is not more than 4
        ("0,0,3,0,3,0,3,0,1,0", None, {SURPRISE: 1 / 3, ANGRY: 1 / 3, FEAR: 1 / 3}),
        ("5,0,0,0,1,0,0,4,0,0", NEUTRAL, {NEUTRAL: 5 / 9, CONTEMPT: 4 / 9}),
        ("6,0,0,0,0,0,0,0,4,0", NEUTRAL, {NEUTRAL: 1}),  # what comes after unknown does not count
        ("0,2,0,3,2,2,0,0,1,0", None, {}),  # 3 and three times 2: four classes
        ("3,0,2,1,1,0,0,0,3,0", None, {}),  # V = 8; unknown is reached, with 3 at most 4
        ("1,0,0,0,1,0,0,2,6,0", None, {}),  # unknown is first
        ("5,0,0,0,0,0,0,0,5,0", None, {}),  # half is not more than half
        ("0,0,0,0,0,0,0,0,0,10", None, {}),
        ("1,1,1,1,1,1,1,1,1,1", None, {}),  # nobody shares a vote
        ("0,0,0,0,0,0,0,0,0,0", None, {}),
    ],
)
def test_what_becomes_of_the_votes(tmp_path, votes, label, shares):
    (tmp_path / "new.csv").write_text(f"{HEADER}\nTraining,fer0000000.png,{votes}\n")
    usage, counts = ferplus.read(tmp_path / "new.csv")
    assert usage.tolist() == [0]
    assert ferplus.majority(counts).tolist() == [-1 if label is None else label]
    expected = np.zeros((1, 8))
    expected[0, list(shares)] = list(shares.values())
    np.testing.assert_allclose(ferplus.soft(counts), expected, rtol=1e-6)


def test_the_labels_of_the_majority_take_the_place_of_fer2013_s(tmp_path):
    path, labels, _, _ = write_both(tmp_path)
    own, data = dataset.load(path), dataset.load(path, labels=labels)
    assert data.classes == ferplus.CLASSES
    assert data.name == "fer2013.csv (labels of fer2013new.csv)"
    for name, count in (("train", 8), ("validation", 3), ("test", 3)):
        split, before = data.splits()[name], own.splits()[name]
        assert split.targets is None
        expected = np.repeat(np.arange(7), count)
        expected[-1] = CONTEMPT
        kept = np.delete(
            np.arange(7 * count), [0, 4 * count]
        )  # the one without agreement, the one that is no face
        np.testing.assert_array_equal(split.labels, expected[kept])
        np.testing.assert_array_equal(split.images, before.images[kept])
    assert data.notes[-1] == (
        "fer2013new.csv: majority; 6 of 98 rows are left out, 3 of them as unknown or no face, 3 because people do "
        "not agree"
    )
    assert own.fingerprint() != data.fingerprint()


def test_soft_votes_are_targets_of_the_training_rows_alone(tmp_path):
    path, labels, _, _ = write_both(tmp_path)
    hard, data = dataset.load(path, labels=labels), dataset.load(path, labels=labels, votes="soft")
    assert len(data.train) == len(hard.train) + 1  # half angry, half sad: a face to learn from
    np.testing.assert_allclose(data.train.targets[0], [0.5, 0, 0, 0, 0.5, 0, 0, 0])
    assert data.train.targets[1].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]  # 8 of 10 are more than ¾
    assert data.train.targets[-1].tolist() == [0] * 7 + [1]
    assert data.train.targets.dtype == np.float32
    for name in ("validation", "test"):
        split, same = data.splits()[name], hard.splits()[name]
        np.testing.assert_array_equal(split.images, same.images)
        np.testing.assert_array_equal(split.labels, same.labels)
        np.testing.assert_array_equal(split.targets, np.eye(8)[same.labels])
    assert data.fingerprint() != hard.fingerprint()


def test_the_targets_go_with_their_rows(tmp_path):
    path, labels, _, _ = write_both(tmp_path)
    train = dataset.load(path, labels=labels, votes="soft").train
    some = train.rows(np.array([3, 0]))
    np.testing.assert_array_equal(some.targets, train.targets[[3, 0]])


def test_a_part_of_the_usages_is_enough(tmp_path):
    path, labels, _, _ = write_both(tmp_path)
    rows = dataset.read(path)
    part = rows.usage < 2
    some = Rows(rows.images[part], rows.labels[part], rows.usage[part])
    found = ferplus.relabel(some, "some.npz", labels)
    assert found.usage.tolist() == [0] * 54 + [1] * 19
    without = Rows(rows.images, None, None)  # the votes have labels and Usages
    assert ferplus.relabel(without, "faces.csv", labels).usage.tolist() == [0] * 54 + [1] * 19 + [2] * 19


def test_other_rows_or_another_order_are_one_line(tmp_path):
    path, labels, uses, rows = write_both(tmp_path)

    def refused(uses, rows):
        write_votes(labels, uses, rows)
        with pytest.raises(BadInput) as caught:
            dataset.load(path, labels=labels)
        return str(caught.value).replace(str(tmp_path), "")

    assert refused(uses[:-1], rows[:-1]).startswith(
        "/fer2013new.csv has 97 rows, and /fer2013.csv 98 faces: expected one for each face, in the order of"
    )
    other = uses.copy()
    other[[55, 56]] = other[[56, 55]]
    assert refused(other, rows).startswith(
        "/fer2013new.csv, row 56: Usage is PublicTest, and that of face 56 in /fer2013.csv is Training: expected"
    )
    assert refused(uses, rows[20:56] + rows[:20] + rows[56:]).startswith(
        "/fer2013new.csv: its labels are those of /fer2013.csv for 3"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected FER+'s fer2013new.csv"),
        ("<!DOCTYPE html>", "is a web page (HTML), perhaps a log-in page"),
        ("emotion,pixels,Usage\n", "begins with 'emotion,pixels,usage'; expected FER+'s"),
        (HEADER.replace("contempt", "sadness"), "begins with 'usage,image name"),
        (HEADER, "has a header and no rows"),
        (f"{HEADER}\nTraining,x,1,2\n", "line 2: found 4 fields, expected 12"),
        (f"{HEADER}\nholiday,x" + ",1" * 10, "line 2: Usage is 'holiday', expected one of Training"),
        (f"{HEADER}\n\nTraining,x,ten" + ",1" * 9, "line 3: neutral is 'ten', expected a number of votes"),
        (f"{HEADER}\nTraining,x,-1" + ",1" * 9, "line 2: neutral is '-1'"),
        (f"{HEADER}\nTraining,x,9999999999" + ",1" * 9, "line 2: neutral is '9999999999'"),
        (f'{HEADER}\nTraining,"{"x" * 200_000}",1', "line 2: cannot be read as CSV: field larger"),
    ],
)
def test_another_file_is_refused_in_a_line(tmp_path, text, message):
    path, _, _, _ = write_both(tmp_path, (1, 1, 1))
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(BadInput) as caught:
        dataset.load(path, labels=tmp_path / "x.csv")
    assert str(caught.value).startswith(f"{tmp_path}/x.csv")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_an_unknown_choice_and_labels_of_nothing_are_refused(tmp_path):
    path, labels, uses, rows = write_both(tmp_path)
    with pytest.raises(BadInput, match="is a folder; expected FER"):
        dataset.load(path, labels=tmp_path)
    with pytest.raises(BadInput, match="votes='mean': expected one of majority, soft"):
        dataset.load(path, labels=labels, votes="mean")
    write_votes(labels, uses, [votes_for((UNKNOWN, 10))] * len(rows))
    with pytest.raises(BadInput, match="people agree on no face"):
        dataset.load(path, labels=labels)


def test_columns_in_any_order_and_names_of_other_splits(tmp_path, faces):
    images, _, _ = faces(1)
    (tmp_path / "fer2013.csv").write_text(f"emotion,pixels\n3,{pixels_of(images[0])}\n")
    header = "NF,unknown,Happiness,contempt,fear,disgust,anger,sadness,surprise,neutral,usage"
    (tmp_path / "new.csv").write_text(f"{header}\r\n0,1,7,0,0,0,0,0,2,0,train\r\n")
    data = dataset.load(tmp_path / "fer2013.csv", labels=tmp_path / "new.csv")
    assert data.train.labels.tolist() == [HAPPY]


def test_the_command_that_describes_a_file_knows_them(tmp_path, capsys):
    path, labels, _, _ = write_both(tmp_path)
    command.main([str(path), "--labels", str(labels)])
    lines = capsys.readouterr().out.splitlines()
    assert "majority; 6 of 98 rows are left out" in lines[1] + lines[2]
    assert lines[-5].split() == [*ferplus.CLASSES, "total"]
    assert lines[-4].split() == ["Training", "7", "8", "8", "8", "7", "8", "7", "1", "54"]
    assert USAGES[0] == "Training"
