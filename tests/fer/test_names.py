"""Names of files may hold anything: nothing fails, nothing but text reaches the terminal, and the tables are safe."""

import csv
import json
import os
import unicodedata

import pytest
from PIL import Image

from fer import dataset, evaluate, explore, outputs, predict
from fer.errors import BadInput
from fer.reports import plots
from tests.fer.readers import convolving_reader, face, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")

NAMES = {
    b"plain.png": "plain",
    b"a\xff.png": "a_xff",  # not UTF-8
    b"b\nfer.predict: all is well.png": "b_nfer.predict_ all is well",
    b"c\x1b[2J\r.png": "c_x1b[2J_r",
    "d\u202egnp.png".encode(): "d_u202egnp",
    b"=1+1.png": "=1+1",
    b"-x.png": "-x",
    b"$x$_{.png": "$x$_{",
    b"CON.png": "_CON",
    b"com1.old.png": "_com1.old",
    b"e.png": "e",
    b"E.png": "E",  # the same file on macOS and Windows
    "顔.png".encode(): "顔",
    b"f" * 240 + b".png": "f" * 30 + "..." + "f" * 29,
}


def names():
    """Return the names that this system takes."""
    if os.name == "nt":
        return [b"plain.png", b"=1+1.png", b"-x.png", b"$x$_{.png", b"e.png"]
    return list(NAMES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in names():
        try:
            Image.fromarray(face(3)).resize((60, 50)).save(os.fsdecode(b"in/" + name), "PNG")
        except OSError:  # macOS takes UTF-8 only
            continue
    return tmp_path / "in"


def check_printed(text):
    for letter in text.replace("\n", ""):
        assert letter.isprintable() or unicodedata.category(letter) == "Zs", text


@pytest.mark.slow
def test_a_folder_of_such_pictures(folder, capsys):
    """With figures; warnings, such as matplotlib's of a layout that has no room, are errors."""
    there = sorted(folder.iterdir())
    write_run(folder.parent / "run", convolving_reader())
    predict.main(["run", "in", "--explain", "--figures", "99"])
    printed = capsys.readouterr()
    check_printed(printed.out + printed.err)
    assert "\nfer.predict: all is well" not in printed.out
    (longest,) = (line for line in printed.out.splitlines() if "fff" in line and "%" in line)
    assert longest.startswith(f"in/{'f' * 27}…{'f' * 25}.png  ")
    made = folder.parent / "predictions" / "001"
    table = json.loads((made / "predictions.json").read_text(encoding="utf-8"))["predictions"]
    assert [row["source"] for row in table] == [str(path.relative_to(folder.parent)) for path in there]
    check_printed((made / "predictions.json").read_text(encoding="utf-8"))
    check_printed((made / "predictions.csv").read_text(encoding="utf-8"))
    figures = {child.name.lower() for child in made.glob("*.png")}
    assert len(figures) == len(there)
    expected = {f"{NAMES[os.fsencode(path.name)]}.png".lower() for path in there}
    assert figures == expected | (
        {"e_2.png"} if "e.png" in expected and "E.png" in os.listdir(folder) else set()
    )


def test_sources_that_begin_like_a_formula_are_paths_in_the_table(folder, monkeypatch, capsys):
    write_run(folder.parent / "run")
    monkeypatch.chdir(folder)
    predict.main(["../run", "=1+1.png", "./-x.png", "--csv", "../t.csv", "--figures", "0", "--out", "../p"])
    with open("../t.csv", encoding="utf-8", newline="") as file:
        sources = [row["source"] for row in csv.DictReader(file)]
    assert sources == ["./=1+1.png", "./-x.png"]
    assert all(os.path.exists(source) for source in sources)
    capsys.readouterr()


@pytest.mark.parametrize("name", [b"\x1b[31m\n\xff.npz", "\u202e$x.npz".encode()])
def test_data_of_such_a_name(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(name)
    faces = [(face(k), k) for k in range(7)]
    try:
        with open(path, "wb") as file:
            write_data(file, train=faces, validation=faces, test=faces)
    except OSError:
        pytest.skip("this system takes no such name")
    write_run(tmp_path / "run")
    for command in (
        lambda: dataset.main([path]),
        lambda: explore.main(["--data", path]),
        lambda: evaluate.main(["run", "--data", path]),
    ):
        command()
        printed = capsys.readouterr()
        check_printed(printed.out + printed.err)
    for text in tmp_path.glob("*/**/*.txt"):
        check_printed(text.read_text(encoding="utf-8"))
    os.unlink(path)
    for main, arguments in (
        (dataset.main, [path]),
        (explore.main, ["--data", path]),
        (evaluate.main, ["run", "--data", path]),
        (predict.main, [path]),
        (predict.main, ["run", path]),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        line = capsys.readouterr().err
        check_printed(line)
        assert line.count("\n") == 1


def test_errors_and_titles_are_printable_too():
    assert str(BadInput("a\x1b\n")) == r"a\x1b\n"
    figure = plots.new_figure(5, 2)
    plots.headline(figure, "a\x1b\n\udcff")
    assert figure.get_suptitle() == r"a\x1b\n\xff"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.b", "a.b"), ('<>:"/\\|?*', "_" * 9), (" .a. ", "a"), ("...", "_"), ("", "_"), ("nul", "_nul"),
        ("Com1", "_Com1"), ("com0.x", "_com0.x"), ("con .x", "_con .x"), ("LPT²", "_LPT²"), ("conin$", "_conin$"),
        ("console", "console"), ("\x00", "_x00"),
    ],
)  # fmt: skip
def test_names_that_every_system_takes(text, name):
    assert outputs.file_name(text) == name


def test_the_longest_name_has_room_for_a_number_and_an_ending():
    assert len(f"{outputs.file_name('𝒳' * 300)}_1000000.png".encode()) <= 255


@pytest.mark.parametrize("value", ["\x1b", "\u202e", "\u2028", "\udcff", "\U000e0041", "é顔😀", 'a"\\\n'])
def test_json_is_printable_and_reads_as_it_was(value):
    text = outputs.json_text({"name": value})
    check_printed(text)
    assert json.loads(text) == {"name": value}
    text.encode("utf-8")
