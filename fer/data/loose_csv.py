"""CSV files of other people: labels in words, other columns, another separator, other names of the splits.

    ;index;label;pixels;split           separated by , ; or tabs; other columns are left out
    0;0;happiness;70 80 82 … 106;train

:mod:`fer.data.csv_reader` reads FER2013's own files, compiled; this is plain Python, ten times slower. Labels in
words are classes as the names of folders are (:mod:`fer.emotions`); the numbers 0 to 6 are FER2013's codes, and
other numbers are classes of their own.
"""

import csv
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from fer.data.table import PIXELS, SIDE, SPLITS, USAGES, Rows
from fer.emotions import EMOTIONS, MOST_CLASSES, classes_of
from fer.errors import BadInput
from minicnn.saving import shown
from minicnn.terminal import printable

NAMES = {
    "pixels": ("pixels", "pixel"),
    "emotion": ("emotion", "emotions", "label", "labels", "class", "expression"),
    "usage": ("usage", "split", "set"),
}
LONGEST = 1 << 16  # bytes of a line
MOST_ROWS = 1 << 19
_EXPECTED = "a header such as emotion,pixels,Usage"


def columns_of(header: str) -> tuple[str, dict[str, int], list[str]] | None:
    """Return the separator, the place of each known column, and the other columns; None: not such a file."""
    separator = max(",;\t", key=header.count)
    names = [name.strip(' \t\r\n"').lower() for name in header.split(separator)]
    places: dict[str, int] = {}
    for what, words in NAMES.items():
        found = [i for i, name in enumerate(names) if name in words]
        if len(found) > 1:
            return None
        if found:
            places[what] = found[0]
    others = [name for i, name in enumerate(names) if i not in places.values()]
    return (separator, places, others) if "pixels" in places and len(set(names)) == len(names) else None


def has_words(line: str, separator: str, places: dict[str, int]) -> bool:
    """Return whether a row's label is a word, or its split has another name than FER2013's."""
    try:
        fields = _fields(line, separator)
    except csv.Error:
        return False
    if len(fields) <= max(places.values()):
        return False
    label = fields[places["emotion"]] if "emotion" in places else ""
    use = fields[places["usage"]] if "usage" in places else USAGES[0]
    return re.search(r"[^\W\d_]{2}", label) is not None or (use not in USAGES and use.lower() in SPLITS)


def read(file: Any, name: str, start: bytes, header: str) -> Rows:
    """Read the rows of a file whose first bytes are ``start``; its header is one of :func:`columns_of`.

    Raises:
        BadInput: names the file, the line, what was found there and what was expected.
        OSError: the file cannot be read.
    """
    found = columns_of(header)
    assert found is not None
    separator, places, others = found
    images, words, uses = [], [], []
    for number, text in enumerate(_lines(file, start, name), 1):
        if number == 1 or not text.strip():
            continue
        where = f"{name}, line {number}"
        if number > MOST_ROWS:
            raise BadInput(f"{where}: more than {MOST_ROWS:,} rows; that is more than any form of FER2013")
        try:
            fields = _fields(text, separator)
        except csv.Error:
            raise BadInput(f"{where}: cannot be read as CSV") from None
        if len(fields) <= max(places.values()):
            raise BadInput(f"{where}: found {len(fields)} fields, expected more, as in the header")
        images.append(_pixels(fields[places["pixels"]], where))
        if "emotion" in places:
            word = fields[places["emotion"]]
            if not word or len(word) > 100:
                raise BadInput(f"{where}: emotion is {shown(word)}, expected a name or a number")
            words.append(word)
        if "usage" in places:
            use = fields[places["usage"]]
            if use.lower() not in SPLITS:
                raise BadInput(
                    f"{where}: Usage is {shown(use)}, expected {', '.join(USAGES)}, or train, val, test"
                )
            uses.append(SPLITS[use.lower()])
    if not images:
        raise BadInput(f"{name} has a header and no rows; expected a row a face")
    labels, classes = labels_of(words, name) if words else (None, EMOTIONS)
    left_out = ", ".join(printable(other, 20) or "without a name" for other in others[:5])
    notes = [f"{name}: columns left out: {left_out}"] if others else []
    usage = np.array(uses, np.uint8) if uses else None
    return Rows(np.stack(images).reshape(-1, SIDE, SIDE), labels, usage, tuple(notes), classes)


def labels_of(words: list[str], name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the label of each word, (N,) uint8, and the classes.

    Raises:
        BadInput: there are too many different words.
    """
    codes = {str(code) for code in range(len(EMOTIONS))}
    if set(words) <= codes:
        return np.array(words).astype(np.uint8), EMOTIONS
    classes, index = classes_of(words)
    if len(classes) > MOST_CLASSES:
        raise BadInput(f"{name} has {len(classes)} different labels, expected at most {MOST_CLASSES}")
    return np.array([index[word] for word in words], np.uint8), classes


def _fields(line: str, separator: str) -> list[str]:
    """Return the fields of a line; a field in quotes may have separators in it.

    Raises:
        csv.Error: it is no line of a CSV file.
    """
    return [field.strip(" \t\r\n\"'") for field in next(csv.reader([line], delimiter=separator), [])]


def _pixels(text: str, where: str) -> np.ndarray:
    values = text.strip("[]").replace(",", " ").split()
    if len(values) != PIXELS:
        raise BadInput(f"{where}: found {len(values)} pixels, expected {PIXELS} ({SIDE}x{SIDE})")
    wrong = next(
        (value for value in values if not (value.isdecimal() and value.isascii() and len(value) <= 3)), None
    )
    numbers = np.array(values, np.int64) if wrong is None else np.zeros(1, np.int64)
    if wrong is not None or numbers.max() > 255:
        raise BadInput(f"{where}: a pixel is {shown(wrong or int(numbers.max()))}, expected 0 to 255")
    return numbers.astype(np.uint8)


def _lines(file: Any, start: bytes, name: str) -> Iterator[str]:
    """Yield the lines of a file of which some bytes have been read."""
    rest, more = start, True
    piece = bytearray(1 << 20)
    while more:
        got = file.readinto(piece)
        more = bool(got)
        *lines, rest = (rest + bytes(piece[: got or 0])).split(b"\n")
        if not more:
            lines.append(rest)
        if len(rest) > LONGEST or any(len(line) > LONGEST for line in lines):
            raise BadInput(
                f"{name} has a line of more than {LONGEST:,} bytes; expected {PIXELS} pixels a row"
            )
        yield from (line.decode("utf-8-sig", errors="replace") for line in lines)
