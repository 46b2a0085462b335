"""The files that commands write: text, JSON, CSV and figures. Each is written completely or not at all.

JSON is strict: a NaN is an error here, not a file that other programs refuse.
"""

import csv
import io
import json
import re
import shutil
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.errors import quiet
from minicnn.saving import replacing
from minicnn.terminal import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]")
_RARE = re.compile("[^\n -~]")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        OSError: it cannot be written; the error names the file.
    """
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write indented JSON.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    write_text(path, json_text(value))


def json_text(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return strict JSON, indented, with a newline at the end.

    Characters that are not printable are written as numbers, such as \\u202e, and read as they were. So are
    the bytes of a file's name that are not UTF-8: \\udcff, which Python reads as the same name.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return _RARE.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def write_csv(path: Path, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table."""
    write_text(path, csv_text(header, rows))


def csv_text(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV; fields that hold a comma or a quote are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def copy(path: Path, to: str | None) -> None:
    """Copy a text to another file, to the terminal ("-"), or nowhere (None)."""
    if to is None:
        return
    with path.open("rb") as file:
        if to == "-":
            for line in file:
                print(line.decode("utf-8"), end="")
            return
        with replacing(Path(to)) as copied:
            shutil.copyfileobj(file, copied)


def listing(folder: Path) -> str:
    """Return a line with a folder and the files in it, apart from hidden ones."""
    names = sorted(child.name for child in folder.iterdir() if not child.name.startswith("."))
    return f"In {folder}: {', '.join(names)}"


def file_name(text: str) -> str:
    """Return a text as a file's name that every system takes: Windows forbids some characters and names."""
    name = _FORBIDDEN.sub("_", printable(text, most=60).replace("…", "...")).strip(" .") or "_"
    # in UTF-8 a letter has up to four bytes, and a name up to 255
    return f"_{name}" if _RESERVED.fullmatch(name.partition(".")[0].strip()) else name


def same_name(name: str) -> str:
    """Return what two names have in common if macOS or Windows takes them for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG."""
    content = io.BytesIO()
    with quiet("Glyph .* missing from font"):  # letters of a file's name are then drawn as boxes
        figure.savefig(content, format="png", dpi=DPI)
    write_bytes(path, content.getvalue())
