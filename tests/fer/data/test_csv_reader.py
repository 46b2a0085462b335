import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer.data import csv_reader, loose_csv
from fer.data.csv_reader import parse_header, parse_row
from fer.data.table import USAGES
from fer.errors import BadInput
from tests.fer.csv_files import pixels_of, text_of, write

HEADERS = [
    "emotion,pixels,Usage",
    "emotion, Usage, pixels",
    "emotion,pixels",
    "pixels",
    "pixels,emotion",
    '"Usage","emotion","pixels"',
]
GRAY = " ".join(["128"] * 2304)


def read(path):
    with path.open("rb", buffering=0) as file:
        return csv_reader.read(file, str(path), path.stat().st_size)


@st.composite
def tables(draw):
    count = draw(st.integers(1, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    images = generator.integers(0, draw(st.sampled_from([10, 100, 256])), (count, 48, 48)).astype(np.uint8)
    images[0] = draw(arrays(np.uint8, (48, 48), elements=st.integers(0, 255)))
    labels = draw(arrays(np.uint8, count, elements=st.integers(0, 6)))
    usage = draw(st.lists(st.sampled_from(USAGES), min_size=count, max_size=count))
    return images, labels, usage


@given(tables(), st.sampled_from(HEADERS), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.data())
def test_what_was_written_is_read(tmp_path_factory, table, header, end, ended, data):
    images, labels, usage = table
    text = text_of(*table, header=header.replace('"', ""), end=end)
    text = header + text[text.index(end) :]
    if not ended:
        text = text.removesuffix(end)
    path = tmp_path_factory.mktemp("csv") / "faces.csv"
    path.write_text(text, newline="")
    longest_line = max(map(len, text.splitlines())) + len(end) + 1  # and one byte of the next
    with pytest.MonkeyPatch.context() as patch:  # a row may be cut anywhere by the buffer's end
        patch.setattr(csv_reader, "_BUFFER_BYTES", data.draw(st.integers(longest_line, 3 * longest_line)))
        rows = read(path)
    np.testing.assert_array_equal(rows.images, images)
    if "emotion" in header:
        np.testing.assert_array_equal(rows.labels, labels)
    else:
        assert rows.labels is None
    if "Usage" in header:
        assert [USAGES[use] for use in rows.usage] == list(usage)
    else:
        assert rows.usage is None


@st.composite
def mutated_files(draw):
    """A file of two rows, in which a few bytes were replaced, inserted or removed."""
    header = draw(st.sampled_from(HEADERS[:3]))
    images = np.full((2, 48, 48), draw(st.integers(0, 255)), np.uint8)
    text = bytearray(text_of(images, [3, 0], ["Training", "PublicTest"], header=header).encode())
    first = text.index(b"\n") + 1
    anywhere = st.integers(first, len(text) - 1)
    at_an_edge = st.sampled_from([i for i in range(first, len(text)) if text[i : i + 1] in b",\n"]).flatmap(
        lambda i: st.integers(max(i - 2, first), min(i + 2, len(text) - 1))
    )
    for _ in range(draw(st.integers(1, 3))):
        where = min(draw(anywhere | at_an_edge), len(text))
        new = draw(
            st.sampled_from(
                [b"", b"0", b"6", b"9", b" ", b",", b"\n", b"\r", b'"', b"\t", b"x", b"-", b"\xff"]
            )
        )
        text[where : where + draw(st.integers(0, 1))] = new
    return bytes(text)


@given(mutated_files())
def test_the_machine_accepts_what_the_definition_accepts(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("csv") / "faces.csv"
    path.write_bytes(content)
    lines = content.rstrip(b' \t\r"\n').split(b"\n")
    columns = parse_header(lines[0], str(path))
    text = lines[1].decode("latin-1") if len(lines) > 1 else ""
    # a first label in words makes it a file of other people: test_loose_csv.py
    assume(not loose_csv.has_words(text, ",", {csv_reader.COLUMNS[k]: i for i, k in enumerate(columns)}))
    fault = None
    try:
        expected = [parse_row(line, columns) for line in lines[1:]]
    except BadInput as error:
        fault = str(error)
    if fault is not None:
        with pytest.raises(BadInput) as caught:
            read(path)
        assert str(caught.value).removesuffix("; the file ends in this line: was it cut off?").endswith(fault)
    else:
        rows = read(path)
        np.testing.assert_array_equal(rows.images.reshape(-1, 2304), [pixels for _, pixels, _ in expected])
        assert rows.labels.tolist() == [label for label, _, _ in expected]
        if rows.usage is not None:
            assert rows.usage.tolist() == [use for _, _, use in expected]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"3,{GRAY[4:]},Training", "found 2303 pixels, expected 2304 (48x48)"),
        (f"3,{GRAY} 128,Training", "found 2305 pixels, expected 2304 (48x48)"),
        (f"3,12 {GRAY[4:-4]} 256,Training", "pixel 2304 is 256, expected 0 to 255"),
        (f"3,1234 {GRAY[4:]},Training", "pixel 1 is 1234, expected 0 to 255"),
        (f"3,1234 {GRAY[8:]},Training", "pixel 1 is 1234, expected 0 to 255"),
        (f"3,x {GRAY[4:]},Training", "pixel 1 is 'x', expected digits"),
        (f"3,-1 {GRAY[4:]},Training", "pixel 1 is '-1', expected digits"),
        (f"3,12  {GRAY[8:]},Training", "pixel 2 is '', expected digits"),
        (f"3,12 0.5 {GRAY[8:]},Training", "pixel 2 is '0.5', expected digits"),
        (f"7,{GRAY},Training", "emotion is 7, expected 0 to 6"),
        (f"0006,{GRAY},Training", "emotion is 0006, expected 0 to 6"),
        (f"happy,{GRAY},Training", "emotion is 'happy', expected digits"),
        (f",{GRAY},Training", "emotion is '', expected digits"),
        (f"3,{GRAY},Test", "Usage is 'Test', expected one of Training, PublicTest, PrivateTest"),
        (f"3,{GRAY},Traininx", "Usage is 'Traininx', expected one of Training, PublicTest, PrivateTest"),
        (f"3,{GRAY},Trainings", "Usage is 'Trainings', expected one of Training, PublicTest, PrivateTest"),
        (f"3,{GRAY}", "found 2 fields, expected 3 as in the header"),
        (f"3,{GRAY},Training,x", "found 4 fields, expected 3 as in the header"),
        ("3,128 128 12", "found 2 fields, expected 3 as in the header"),
        ("", "the line is empty; expected emotion,pixels,usage"),
        ("3,\0\0\0,Training", r"pixel 1 is '\x00\x00\x00', expected digits"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_its_fault(tmp_path, row, fault):
    good = f"0,{GRAY},Training\n"
    path = tmp_path / "faces.csv"
    path.write_text(f"emotion,pixels,Usage\n{good}{row}\n{good}")
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(caught.value) == f"{path}, line 3 (row 2 after the header): {fault}"


def test_a_file_that_was_cut_off_is_bad_in_its_last_row(tmp_path, faces):
    path = write(tmp_path / "faces.csv", *faces(3), header="pixels,emotion")
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(BadInput, match=r"line 4 .*found 1 field, expected 2 .*: was it cut off\?"):
        read(path)


def test_the_line_is_right_whatever_the_buffer(tmp_path, faces, monkeypatch):
    path = write(tmp_path / "faces.csv", *faces(6))
    path.write_bytes(path.read_bytes() + b"3," + GRAY.encode() + b",Nothing")
    monkeypatch.setattr(csv_reader, "_BUFFER_BYTES", 10_000)
    with pytest.raises(BadInput, match=r"line 8 \(row 7 after the header\): Usage is 'Nothing'"):
        read(path)


def test_a_line_without_end_is_an_error_not_a_memory_problem(tmp_path, monkeypatch):
    path = tmp_path / "faces.csv"
    path.write_bytes(b"emotion,pixels,Usage\n" + b"1 " * 40_000)
    monkeypatch.setattr(csv_reader, "_BUFFER_BYTES", 10_000)
    with pytest.raises(BadInput, match=r"line 2 .*found 1 field, expected 3"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"emotion,pixels,Usage\n", "has a header and no rows"),
        (b"emotion,pixels,Usage", "has a header and no rows"),
        (b"emotion,pixels,Usage\n\n\n", "has a header and no rows"),
        (b"<!doctype html>\n<html>", "is a web page (HTML), perhaps a log-in page; download"),
        (b"<HTML lang=de>", "is a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer, not the file itself"),
        ("emotion,pixels\n".encode("utf-16"), "is text in UTF-16; save it as UTF-8"),
        (b"emotion,pixels\0\0\n", "is not a text: it contains NUL bytes"),
        (b"PK\x03\x04", "is a zip archive; expected a CSV file"),
        (b"\xff" * 99, "begins with "),
        ("emotión,pixels".encode("latin-1"), "begins with "),
        (b"emotion,pixels,Usage,age\n", "begins with 'emotion,pixels,Usage,age'; expected a header"),
        (b"emotion,pixels,pixels\n", "begins with 'emotion,pixels,pixels'; expected a header"),
        (b"emotion,Usage\n3,Training\n", "begins with 'emotion,Usage'; expected a header"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG picture; expected a CSV file"),
        (b"3," + GRAY.encode(), "begins with '3,128 128"),
    ],
)
def test_what_is_no_table_of_faces_is_refused(tmp_path, content, message):
    path = tmp_path / "faces.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < len(str(path)) + 160


def test_a_byte_order_mark_and_blank_lines_at_the_end_are_harmless(tmp_path, faces):
    images, labels, usage = faces(2)
    path = tmp_path / "faces.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text_of(images, labels, usage).encode() + b"\r\n \n\n")
    np.testing.assert_array_equal(read(path).images, images)


def test_numbers_may_have_leading_zeros(tmp_path):
    path = tmp_path / "faces.csv"
    path.write_text(f"emotion,pixels\n006,007 {pixels_of(np.zeros(2303, int))}\n")
    rows = read(path)
    assert rows.labels.tolist() == [6]
    assert rows.images.ravel()[:2].tolist() == [7, 0]


def test_without_a_folder_for_machine_code_it_is_compiled_in_memory(tmp_path, faces):
    """A read-only installation with a read-only home: files stand where the folders would be made."""
    images, labels, usage = faces(2)
    path = write(tmp_path / "faces.csv", images, labels, usage)
    place = tmp_path / "installation"
    place.mkdir()
    (place / "reader.py").write_text(Path(csv_reader.__file__).read_text())
    (place / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    code = (
        f"import sys; sys.path.insert(0, {str(place)!r}); import reader\n"
        "print(len(reader.read(open(sys.argv[1], 'rb', 0), 'faces.csv')))"
    )
    nowhere = dict.fromkeys(["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"], str(tmp_path / "home"))
    environment = {**os.environ, **nowhere, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == "2\n", done.stderr
    assert [child.name for child in place.iterdir() if child.is_dir()] == []
