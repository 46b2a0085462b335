"""python -m minicnn.exercises, as a student and as a teacher use it. A few runs of the process that judges."""

import json
import os
import re

import pytest

from minicnn.exercises import LADDER, check
from minicnn.exercises.__main__ import main
from minicnn.exercises.grade import found
from minicnn.exercises.judge import judge, load
from minicnn.exercises.rungs import Unusable


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(capsys, *arguments):
    """Return the exit status and what was printed."""
    status = 0
    try:
        main(arguments)
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out + err


def write(path, name, *changes):
    """Write an exercise's start with these changes: what stands behind "… = None  # your code"."""
    text = LADDER[name].file()
    for variable, value in changes:
        old = f"{variable} = None  # your code"
        assert old in text
        text = text.replace(old, f"{variable} = {value}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_student_climbs_by_hints(capsys, empty_folder):
    status, text = command(capsys, "start", "relu")
    file = empty_folder / "exercises" / "relu.py"
    assert status == 0
    assert "check relu" in text
    assert command(capsys, "solution", "relu")[0] == 2  # not tried yet
    assert command(capsys, "start", "relu") == (
        2,
        f"minicnn.exercises: {os.path.join('exercises', 'relu.py')} is there already: it is yours, rename it to start "
        "again\n",
    )
    write(file, "relu", ("y", "np.maximum(x, 0); print('here')"), ("dx", "dy * (x >= 0)"))
    status, text = command(capsys, "check", "relu")
    assert text.startswith("your file printed:\n  | here\n")
    assert status == 1
    assert "relu: 2 of 3 rungs" in text
    assert re.search(r"dx\[\d, \d\]: yours is 1\.\d+, right is 0\n", text)
    assert "    stronger hint:" not in text
    rung = LADDER["relu"].rungs[2]
    status, text = command(capsys, "check", "relu", "--hint")
    assert f"stronger hint: {rung.more}" in text
    assert "read:" not in text
    status, text = command(capsys, "check", "relu", "--hint")
    assert "read: docs/backprop/activations.md" in text
    progress = json.loads((file.parent / "progress.json").read_text(encoding="utf-8"))
    assert progress["relu"]["attempts"] == 3
    assert progress["relu"]["passed"] == ["forward", "dx"]
    assert progress["relu"]["hints"] == {"at 0": 2}
    assert "2/3  relu" in command(capsys, "list")[1]
    status, text = command(capsys, "solution", "relu")
    assert (status, text) == (0, LADDER["relu"].file(solved=True))
    file.write_text(text, encoding="utf-8")
    status, text = command(capsys, "check", str(file))
    assert status == 0
    assert "Next: python -m minicnn.exercises start softmax_cross_entropy" in text
    assert "✓  relu" in command(capsys, "list")[1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True: pass", "stopped after 1 seconds at line 14, in relu_forward"),
        ("import ctypes; ctypes.string_at(0)", "crashed at line 14, in relu_forward"),
        ("import os; os._exit(0)", "ended without an answer"),
    ],
    ids=["endless", "crash", "exit"],
)
def test_what_does_not_end_well_is_one_line(capsys, empty_folder, code, words):
    if "ctypes" in code and os.name == "nt":
        words = "crashed"
    path = empty_folder / "exercises" / "relu.py"
    write(path, "relu")
    path.write_text(path.read_text(encoding="utf-8").replace("y = None  # your code", code), encoding="utf-8")
    status, text = command(capsys, "check", "relu", "--seconds", "1")
    assert status == 1
    assert words in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("y = maximum(x 0)", "SyntaxError|line 14: invalid syntax"),
        ("y = x.foo", "line 14, in relu_forward: y = x.foo  ->  AttributeError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("y = open('nowhere')", "FileNotFoundError"),
    ],
    ids=["syntax", "error", "sys.exit", "file"],
)
def test_errors_name_the_line(capsys, empty_folder, code, words):
    path = empty_folder / "exercises" / "relu.py"
    write(path, "relu")
    path.write_text(path.read_text(encoding="utf-8").replace("y = None  # your code", code), encoding="utf-8")
    try:
        text = judge(LADDER["relu"], load(path, "relu"))[0].cause
    except Unusable as error:
        text = str(error)
    assert "line 14" in text
    assert any(each in text for each in words.split("|")), text
    assert "\n" not in text


def test_a_teacher_grades_a_folder(capsys, empty_folder):
    good = LADDER["relu"].file(solved=True)
    folder = empty_folder / "handed in"
    for name, text in {
        "ada/relu.py": good,
        "eve-relu.py": f"import socket\nsocket.create_connection(('127.0.0.1', 9))\n{good}",
        "mallory/relu.py": f"open({str(folder / 'notes.py')!r}, 'w').write('gone')\n{good}",
        "notes.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    status, text = command(capsys, "grade", str(folder), "--json")
    result = json.loads(text)
    assert status == 0
    assert result["not_exercises"] == ["notes.py"]
    files = {each["file"]: each for each in result["files"]}
    assert files["ada/relu.py"]["rungs"] == {"forward": "passed", "dx": "passed", "at 0": "passed"}
    for name in ("eve-relu.py", "mallory/relu.py"):
        assert "not allowed in an exercise that is graded" in files[name]["cause"]
    assert (folder / "notes.py").read_text(encoding="utf-8") == ""
    assert command(capsys, "grade", "nowhere")[0] == 2


def test_the_table_of_grades(capsys, empty_folder):
    path = empty_folder / "class" / "bob" / "dense.py"
    path.parent.mkdir(parents=True)
    path.write_text(LADDER["dense"].file(solved=True).replace("dy @ W.T", "dy"), encoding="utf-8")
    text = command(capsys, "grade", "class")[1]
    assert text.startswith("bob/dense.py  ✓✓✓✗––  3/6  dx: ")


@pytest.mark.parametrize(
    ("name", "exercise"),
    [
        ("ada_conv2d.py", "conv2d"),
        ("conv2d-ada.py", "conv2d"),
        ("Ada Lovelace_12_file_max_pool.py", "max_pool"),
        ("DENSE.py", "dense"),
        ("condense.py", None),
    ],
)
def test_a_file_is_known_by_its_name(empty_folder, name, exercise):
    (empty_folder / name).touch()
    [(_, each)] = found(empty_folder)
    assert (each and each.name) == exercise


@pytest.mark.parametrize("name", LADDER)
def test_a_notebook_has_the_same_functions_and_checks(capsys, empty_folder, name):
    assert command(capsys, "start", name, "--notebook")[0] == 0
    book = json.loads((empty_folder / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    names = {}
    *cells, last = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        exec(cell, names)
    verdict = eval(last, names)  # as a notebook shows it
    assert repr(verdict) == str(check(name, names))
    assert repr(verdict).startswith(f"{name}: 0 of ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "dens"], "there is no"),
        (["start", "dens"], "exercise 'dens': expected one of scalars, dense"),
        (["start", "dense", "--layout", "nchw"], "dense has no images"),
        (["solution", "nothing"], "expected one of"),
        (["check", "dense", "--seconds", "-1"], "--seconds -1.0: expected a positive number"),
    ],
)
def test_what_cannot_be_used_is_one_line(capsys, arguments, words):
    status, text = command(capsys, *arguments)
    assert status == 2
    assert words in text
    assert text.count("\n") == 1


def test_of_a_notebook_alone_the_last_cell_checks(capsys):
    command(capsys, "start", "dense", "--notebook")
    assert "is a notebook: its last cell checks" in command(capsys, "check", "dense")[1]


def test_a_damaged_progress_file_is_named(capsys, empty_folder):
    write(empty_folder / "exercises" / "relu.py", "relu")
    (empty_folder / "exercises" / "progress.json").write_text("[1", encoding="utf-8")
    status, text = command(capsys, "list")
    assert status == 2
    assert "progress.json is damaged" in text


def test_names_must_stay():
    source = LADDER["dense"].file(solved=True)
    names = {}
    exec(source.replace("def dense_forward(x, W, b)", "def dense_forward(x, w, b)"), names)
    assert "its arguments must keep their names, dense_forward(x, W, b)" in str(check("dense", names))
    exec(source.replace("return y, (x, W)", "return y"), names := {})
    assert "dense_forward must return two things" in str(check("dense", names))
    exec(source.replace("def dense_backward", "def backward"), names := {})
    assert "there is no function dense_backward" in str(check("dense", names))


def test_the_layout_stands_in_the_file():
    names = {}
    exec(LADDER["conv2d"].file("nchw", solved=True).replace('"nchw"', '"hwcn"'), names)
    with pytest.raises(Exception, match='expected "nhwc" or "nchw"'):
        check("conv2d", names)
