"""Read FER2013's CSV files: compiled, in one pass over the bytes, with exact errors for the first bad row.

    emotion,pixels,Usage                    columns in any order, blanks around names and values,
    0,70 80 82 72 … 106,Training            Usage and emotion may be missing
    6,4 0 170 118 … 174,PublicTest

A row has 48·48 = 2304 pixels, each a decimal number from 0 to 255. There are two parsers. :func:`parse_row`
is the definition: plain Python, which names the error in a row. :func:`_parse_rows` is the fast one:
compiled. It stops at a bad row, and then the definition says what is wrong. The file is read through one
buffer of a few MB; it is never in memory as a whole.
"""

from pathlib import Path
from typing import Any

import numpy as np

from fer import emotions
from fer.data import loose_csv, sniff, table
from fer.data.table import PIXELS, SIDE, USAGES, Rows
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from minicnn.ops.machine_code import MachineCode

# compiled from this file, with constants of the other two
_CODE = MachineCode("fer-csv", [Path(__file__), Path(table.__file__), Path(emotions.__file__)])

COLUMNS = ("emotion", "pixels", "usage")

# Allowed around a value: icml_face_data.csv has spaces, files from Windows have \r,
# some programs write quotes.
_BLANKS = b' \t\r"'
_MIN_ROW_BYTES = 2 * PIXELS  # bytes: one digit a pixel, a space or a line end after each
_BUFFER_BYTES = 1 << 22
_LOOKAHEAD = 16  # bytes after the last row that the fast parser may look at
_MAX_INITIAL_ROWS = 1 << 17  # rows to allocate at the beginning
_EMOTION, _PIXELS, _USAGE = range(3)  # indices into COLUMNS
_NAMES = np.array(USAGES, "S").view(np.uint8).reshape(len(USAGES), -1)  # (3, 11), short names end in zeros
_LENGTHS = np.count_nonzero(_NAMES, axis=1)
_SPACE, _COMMA, _LINE_END = b" ,\n"


def read(file: Any, name: str, size: int = 0) -> Rows:
    """Read faces from an open CSV file.

    Args:
        file: a binary stream: anything with ``readinto``.
        name: of the file, for messages.
        size: of the file in bytes, if known; so many rows are allocated at the beginning.

    Raises:
        BadInput: names the file, the line, what was found there and what was expected.
        OSError: the file cannot be read.
    """
    buffer = bytearray(_BUFFER_BYTES + _LOOKAHEAD)
    data = np.frombuffer(buffer, np.uint8)
    filled = _fill(file, memoryview(buffer)[:_BUFFER_BYTES])
    if filled == 0:
        raise BadInput(f"{name} is empty; expected a CSV file whose first line is emotion,pixels,Usage")
    found = sniff.describe(bytes(buffer[: min(filled, sniff.START)]))
    if found:
        raise BadInput(f"{name} is {found}; expected a CSV file whose first line is emotion,pixels,Usage")
    start = buffer.find(b"\n", 0, filled) + 1 or filled
    header = bytes(buffer[:start]).decode("utf-8-sig", errors="replace")
    if _is_loose(header, bytes(buffer[start : min(filled, start + 32 * PIXELS)])):
        return loose_csv.read(file, name, bytes(buffer[:filled]), header)
    columns = parse_header(bytes(buffer[:start]), name)
    # Allocating too much costs nothing: pages that are not used take no memory.
    capacity = min(size // _MIN_ROW_BYTES + 1, _MAX_INITIAL_ROWS)
    images = np.empty((capacity, PIXELS), np.uint8)
    labels = np.empty(capacity, np.uint8)
    usage = np.empty(capacity, np.uint8)
    row, more = 0, True
    while more:
        # The last row in the buffer is not complete: move it to the front and read more behind it.
        rest = filled - start
        buffer[:rest] = buffer[start:filled]
        got = _fill(file, memoryview(buffer)[rest:_BUFFER_BYTES])
        filled, more = rest + got, got > 0
        start = _whole_rows(buffer, filled, more)
        needed = row + start // _MIN_ROW_BYTES + 1
        if needed > len(images):
            for array in (images, labels, usage):
                array.resize((2 * needed, *array.shape[1:]), refcheck=False)
        row, bad = _parse_rows(data, 0, start, columns, images, labels, usage, row)
        if start == 0 and filled == _BUFFER_BYTES:
            bad = 0  # a row longer than the buffer
        if bad >= 0:
            is_last = not more and buffer.find(b"\n", bad, filled) < 0
            _explain(bytes(buffer[bad : bad + 32 * PIXELS]), columns, name, row, is_last)
    if row == 0:
        raise BadInput(f"{name} has a header and no rows; expected a row a face")
    images.resize((row, SIDE, SIDE), refcheck=False)
    return Rows(
        images,
        labels[:row].copy() if _EMOTION in columns else None,
        usage[:row].copy() if _USAGE in columns else None,
    )


def _is_loose(header: str, rest: bytes) -> bool:
    """Return whether a file is one of other people: other columns than FER2013's, or labels in words."""
    found = loose_csv.columns_of(header)
    if found is None:
        return False
    separator, places, others = found
    first = rest.split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if not first.strip():
        return False
    names = {name.strip(_BLANKS.decode()).lower() for name in header.strip().split(",")}
    own = separator == "," and not others and names <= set(COLUMNS)
    return not own or loose_csv.has_words(first, separator, places)


def _fill(file: Any, view: memoryview) -> int:
    """Read until the view is full or the file ends: a compressed stream returns less than asked for."""
    done = 0
    while done < len(view):
        got = file.readinto(view[done:])
        if not got:
            break
        done += got
    return done


def parse_header(line: bytes, name: str) -> np.ndarray:
    """Return the file's columns, in its order, as indices into COLUMNS.

    Raises:
        BadInput: the column pixels is missing, or there is another column than these three, or one twice.
    """
    text = line.decode("utf-8-sig", errors="replace").strip()
    names = [column.strip(_BLANKS.decode()).lower() for column in text.split(",")]
    if "pixels" not in names or len(set(names)) < len(names) or not set(names) <= set(COLUMNS):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise BadInput(f"{name} begins with {shown!r}; expected a header such as emotion,pixels,Usage")
    return np.array([COLUMNS.index(column) for column in names])


def parse_row(line: bytes, columns: np.ndarray) -> tuple[int, np.ndarray, int]:
    """Parse one row: return (label, pixels (2304,) uint8, usage), with 0 for a missing column.

    Raises:
        BadInput: names what was found and what was expected.
    """
    if not line.strip(_BLANKS + b"\n"):
        raise BadInput("the line is empty; expected " + ",".join(COLUMNS[column] for column in columns))
    fields = [field.strip(_BLANKS) for field in line.rstrip(b"\n").split(b",")]
    if len(fields) != len(columns):
        raise BadInput(f"found {_count(len(fields), 'field')}, expected {len(columns)} as in the header")
    label, pixels, usage = 0, np.zeros(PIXELS, np.uint8), 0
    for column, field in zip(columns, fields):
        if column == _EMOTION:
            label = _number(field, "emotion", len(EMOTIONS) - 1)
        elif column == _PIXELS:
            values = field.split(b" ")
            numbers = [_number(value, f"pixel {i + 1}", 255) for i, value in enumerate(values[:PIXELS])]
            if len(values) != PIXELS:
                raise BadInput(f"found {_count(len(values), 'pixel')}, expected {PIXELS} ({SIDE}x{SIDE})")
            pixels[:] = numbers
        else:
            name = field.decode("ascii", errors="replace")
            if name not in USAGES:
                raise BadInput(f"Usage is {name[:40]!r}, expected one of {', '.join(USAGES)}")
            usage = USAGES.index(name)
    return label, pixels, usage


def _number(text: bytes, name: str, largest: int) -> int:
    """Return a number of one to three decimal digits, between 0 and ``largest``."""
    if not text.isdigit():
        raise BadInput(f"{name} is {text[:20].decode('ascii', errors='replace')!r}, expected digits")
    if len(text) > 3 or int(text) > largest:
        raise BadInput(f"{name} is {text[:20].decode('ascii')}, expected 0 to {largest}")
    return int(text)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


def _explain(start: bytes, columns: np.ndarray, name: str, row: int, is_last: bool) -> None:
    """Raise the error of the definition for a row that the fast parser refused."""
    try:
        parse_row(start.split(b"\n", 1)[0], columns)
    except BadInput as fault:
        hint = "; the file ends in this line: was it cut off?" if is_last else ""
        raise BadInput(f"{name}, line {row + 2} (row {row + 1} after the header): {fault}{hint}") from None
    raise BadInput(f"{name}, line {row + 2}: cannot be read; did the file change meanwhile?")


def _whole_rows(buffer: bytearray, filled: int, more: bool) -> int:
    """Return where the last complete row of buffer[:filled] ends; blank lines may
    follow it at the end of the file.
    """
    last = filled
    while last > 0 and buffer[last - 1] in _BLANKS + b"\n":
        last -= 1
    if more:
        return buffer.rfind(b"\n", 0, last) + 1
    if last > 0:
        buffer[last] = _LINE_END  # the file's last line may lack it; the look-ahead leaves room
        last += 1
    return last


@_CODE.compiled(nogil=True)
def _parse_rows(data, i, stop, columns, images, labels, usage, row):
    """Parse the rows of data[i:stop], which ends in a line end, into images[row], images[row + 1], …

    Returns (next row, -1), or (row, where it starts in data) for the first bad row.
    """
    while i < stop:
        row_start = i
        if row == len(images):
            return row, row_start
        for c in range(len(columns)):
            i = _skip_blanks(data, i)
            if columns[c] == _PIXELS:
                i = _parse_pixels(data, i, images[row])
            elif columns[c] == _EMOTION:
                labels[row], i = _parse_label(data, i)
            else:
                usage[row], i = _parse_usage(data, i)
            if i < 0:
                return row, row_start
            i = _skip_blanks(data, i)
            if data[i] != (_COMMA if c + 1 < len(columns) else _LINE_END):
                return row, row_start
            i += 1
        row += 1
    return row, -1


@_CODE.compiled()
def _skip_blanks(data, i):
    while data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == 34:  # space, tab, \r, "
        i += 1
    return i


@_CODE.compiled()
def _parse_pixels(data, i, image):
    """Fill image (2304,) from data[i:]; return the next index, or -1."""
    for p in range(len(image)):
        a, b, c = _digit(data, i), _digit(data, i + 1), _digit(data, i + 2)
        if b > 9:
            value, i = a, i + 1
        elif c > 9:
            value, i = 10 * a + b, i + 2
        else:
            value, i = 100 * a + 10 * b + c, i + 3
        if a > 9 or value > 255:
            return -1
        image[p] = value
        if _byte(data, i) == _SPACE:
            i += 1
        elif p + 1 < len(image):
            return -1
    return i


@_CODE.compiled()
def _byte(data, i):
    """Return data[i], i >= 0. An unsigned index needs no check whether it is
    negative: a third of the time less.
    """
    return data[np.uint64(i)]


@_CODE.compiled()
def _digit(data, i):
    """Return the digit at data[i], or a number above 9 if it is none."""
    return np.int64(np.uint8(_byte(data, i) - 48))


@_CODE.compiled()
def _parse_label(data, i):
    """Return (label, next index), or (0, -1)."""
    start = i
    while i < start + 2 and _digit(data, i) == 0 and _digit(data, i + 1) <= 9:  # 003 is 3
        i += 1
    label = _digit(data, i)
    return (label, i + 1) if label < len(EMOTIONS) else (0, -1)


@_CODE.compiled()
def _parse_usage(data, i):
    """Return (index into USAGES, next index), or (0, -1)."""
    for usage in range(len(_NAMES)):
        same = True
        for k in range(_LENGTHS[usage]):
            same &= data[i + k] == _NAMES[usage, k]
        if same:
            return usage, i + _LENGTHS[usage]
    return 0, -1
