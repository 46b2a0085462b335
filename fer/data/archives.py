"""Folders, .zip and .tar(.gz) files seen alike: names of files and their content. Nothing is unpacked on the disk.

    with archives.open_source(path) as source:
        source.names                        {"fer2013/fer2013.csv": 301072766, …}
        source.open("fer2013/fer2013.csv")  a binary stream

What an archive declares is not believed: the bytes that come out of it are counted, and more than any form of
FER2013 has are refused while they come, not after.
"""

import contextlib
import errno
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from fer.data import sniff
from fer.errors import BadInput

LARGEST = 1 << 30  # bytes that may come out of an archive: three times fer2013.csv
MOST_FILES = 200_000  # the image folders hold 35,887
DEEPEST = 5  # folders below the one named
ZIP, GZIP = b"PK", b"\x1f\x8b"  # the first bytes
_PIECE = 1 << 20
_TOO_MUCH = "that is more than any form of FER2013"


class Source(Protocol):
    """Files by name (relative, with /), each with its size in bytes."""

    names: dict[str, int]

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content."""


class Folder:
    """A folder's files, a few levels down; ``marks`` tells from each file's size and time whether it changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, int] = {}
        self.marks: list[tuple[str, int, int]] = []
        for folder, folders, files in os.walk(path):
            inner = Path(folder).relative_to(path)
            folders[:] = sorted(child for child in folders if not _is_clutter(child))
            if len(inner.parts) >= DEEPEST:
                folders.clear()
            for file in files:
                name = (inner / file).as_posix()
                status = (path / name).stat()
                self.names[name] = status.st_size
                self.marks.append((name, status.st_size, status.st_mtime_ns))
            _check_count(len(self.names), f"the folder {path}")
        self.marks.sort()

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content."""
        return (self.path / name).open("rb")


class Zip:
    """The files in a zip archive."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._archive, self._name = zipfile.ZipFile(file), name
        self.names = {info.filename: info.file_size for info in self._archive.infolist() if not info.is_dir()}
        _check_count(len(self.names), name)

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content; it ends at the size that was declared."""
        _check_size(self.names[name], f"{self._name}/{name}")
        return self._archive.open(name)


class Tar:
    """The files in a tar archive; a compressed one is read through once for its names."""

    def __init__(self, file: Any, name: str) -> None:
        self._archive, self._name = tarfile.open(fileobj=file, mode="r:"), name  # noqa: SIM115 (it only reads file)
        self._members = {}
        for count, member in enumerate(self._archive):
            _check_count(count, name)
            if member.isreg():
                self._members[member.name] = member
        self.names = {inner: member.size for inner, member in self._members.items()}

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content; it ends at the size that was declared."""
        _check_size(self.names[name], f"{self._name}/{name}")
        stream = self._archive.extractfile(self._members[name])
        assert stream is not None  # it is a regular file
        return stream


def _check_count(count: int, name: str) -> None:
    if count > MOST_FILES:
        raise BadInput(f"{name} holds more than {MOST_FILES} files; {_TOO_MUCH}")


def _check_size(size: int, name: str) -> None:
    if size > LARGEST:
        raise BadInput(f"{name} unpacks to {size >> 20} MB; {_TOO_MUCH}")


class Limited(io.RawIOBase):
    """A stream that makes no room for more than is there and, if compressed, gives only so many bytes in all."""

    def __init__(self, file: Any, name: str, compressed: bool) -> None:
        self._file, self._name = file, name
        # Once for the names, once for the content.
        self._left = 2 * LARGEST if compressed else None

    def readable(self) -> bool:
        """Return True: it is there to be read."""
        return True

    def seekable(self) -> bool:
        """Return True: as the stream below."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; in a compressed stream that is to read all before it, and counts."""
        if self._left is None:
            return self._file.seek(offset, whence)
        if offset < self.tell():
            self._file.seek(0)
        while (ahead := offset - self.tell()) > 0 and self.read(min(ahead, _PIECE)):
            pass
        return self.tell()

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or to the end, piece by piece: a damaged header may ask for any number."""
        pieces = []
        while size != 0 and (piece := self._file.read(min(size, _PIECE) if size > 0 else _PIECE)):
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
            if self._left is not None:
                self._left -= len(piece)
                if self._left < 0:
                    raise BadInput(f"{self._name} unpacks to more than {LARGEST >> 20} MB; {_TOO_MUCH}")
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the stream goes."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def is_tar(start: bytes) -> bool:
    """Say whether a file that begins so is a tar archive."""
    return start[257:262] == b"ustar"


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder, a zip, a tar or a tar.gz file.

    Raises:
        BadInput: it is damaged, or it holds more than any form of FER2013.
        OSError: it cannot be opened or read.
    """
    if path.is_dir():
        yield Folder(path)
        return
    with errors_named(str(path)), path.open("rb") as file, contextlib.ExitStack() as opened:
        start = file.peek(sniff.START)
        if start.startswith(ZIP):
            source: Source = Zip(file, str(path))
        else:
            compressed = start.startswith(GZIP)
            stream = opened.enter_context(gzip.open(file)) if compressed else file
            source = Tar(Limited(stream, str(path), compressed), str(path))
        yield source


@contextlib.contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Turn what the readers of archives raise at damaged ones into a line that names the file."""
    try:
        yield
    except BadInput:
        raise
    except _ERRORS as error:
        # A damaged archive sends its reader to places that do not exist: EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadInput(f"{name} is a damaged or unusual archive: {sniff.in_a_line(error)}") from None


# NotImplementedError: a compression or a feature that zipfile has not; RuntimeError: a password; OSError: bzip2.
_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, LookupError,
    NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError,
)  # fmt: skip


def is_clutter(name: str) -> bool:
    """Say whether a file is none of the data: macOS and Windows leave some in every archive."""
    return any(_is_clutter(part) for part in name.split("/"))


def _is_clutter(part: str) -> bool:
    return part.startswith((".", "__MACOSX")) or part in ("Thumbs.db", "desktop.ini")
