"""Folders, .zip and .tar(.gz) files behind one interface: files' names and content. Nothing is unpacked.

    with archives.open_source(path) as source:
        source.names                        {"fer2013/fer2013.csv": 301072766, …}
        source.open("fer2013/fer2013.csv")  a binary stream

The sizes that an archive declares may be false. So the unpacked bytes are counted while they are read, and
reading stops when there are more than in any form of FER2013.
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
from fer.errors import BadInput, expecting, short_message
from minicnn.saving import UnusableFile, regular

MAX_BYTES = 1 << 30  # that may be unpacked: three times fer2013.csv
MAX_FILES = 200_000  # the image folders hold 35,887
MAX_DEPTH = 5  # levels of folders
ZIP, GZIP = b"PK", b"\x1f\x8b"  # the first bytes
_PIECE_BYTES = 1 << 20
_TOO_MUCH = "that is more than any form of FER2013"


class Source(Protocol):
    """Files by name (relative, with /), each with its size in bytes."""

    names: dict[str, int]

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content."""


class Folder:
    """The files in a folder, to a depth of MAX_DEPTH; ``stats``: (name, size, time of change) of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, int] = {}
        self.stats: list[tuple[str, int, int]] = []
        for folder, folders, files in os.walk(path):
            inner = Path(folder).relative_to(path)
            folders[:] = sorted(child for child in folders if not _is_clutter(child))
            if len(inner.parts) >= MAX_DEPTH:
                folders.clear()
            for file in files:
                name = (inner / file).as_posix()
                try:
                    status = (path / name).stat()
                except OSError:  # a link to nothing, or to itself
                    status = (path / name).lstat()
                self.names[name] = status.st_size
                self.stats.append((name, status.st_size, status.st_mtime_ns))
            _check_count(len(self.names), f"the folder {path}")
        self.stats.sort()

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content."""
        with expecting("a file of the data"):
            return regular(self.path / name)


class Zip:
    """The files in a zip archive."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._archive, self._name = zipfile.ZipFile(file), name
        self.names = {info.filename: info.file_size for info in self._archive.infolist() if not info.is_dir()}
        _check_count(len(self.names), name)

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content; it ends at the declared size."""
        _check_size(self.names[name], f"{self._name}/{name}")
        return self._archive.open(name)


class Tar:
    """The files in a tar archive; a compressed archive is read completely to find its names."""

    def __init__(self, file: Any, name: str) -> None:
        self._archive, self._name = tarfile.open(fileobj=file, mode="r:"), name  # noqa: SIM115 (it only reads file)
        self._members = {}
        for count, member in enumerate(self._archive):
            _check_count(count, name)
            if member.isreg():
                self._members[member.name] = member
        self.names = {inner: member.size for inner, member in self._members.items()}

    def open(self, name: str) -> IO[bytes]:
        """Return a stream of a file's content; it ends at the declared size."""
        _check_size(self.names[name], f"{self._name}/{name}")
        stream = self._archive.extractfile(self._members[name])
        assert stream is not None  # it is a regular file
        return stream


def _check_count(count: int, name: str) -> None:
    if count > MAX_FILES:
        raise BadInput(f"{name} holds more than {MAX_FILES} files; {_TOO_MUCH}")


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise BadInput(f"{name} unpacks to {size >> 20} MB; {_TOO_MUCH}")


class LimitedStream(io.RawIOBase):
    """A stream that allocates only what it can read, and stops after 2·MAX_BYTES if it is compressed."""

    def __init__(self, file: Any, name: str, compressed: bool) -> None:
        self._file, self._name = file, name
        # Twice: once for the names, once for the content.
        self._left = 2 * MAX_BYTES if compressed else None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the present position."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; in a compressed stream all before it is read, and counted."""
        if self._left is None:
            return self._file.seek(offset, whence)
        if offset < self.tell():
            self._file.seek(0)
        while (ahead := offset - self.tell()) > 0 and self.read(min(ahead, _PIECE_BYTES)):
            pass
        return self.tell()

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes, or to the end, in pieces: a damaged header may ask for any number."""
        pieces = []
        while size != 0 and (piece := self._file.read(min(size, _PIECE_BYTES) if size > 0 else _PIECE_BYTES)):
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
            if self._left is not None:
                self._left -= len(piece)
                if self._left < 0:
                    raise BadInput(f"{self._name} unpacks to more than {MAX_BYTES >> 20} MB; {_TOO_MUCH}")
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer and return the number of bytes."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def is_tar(start: bytes) -> bool:
    """Return whether a file with these first bytes is a tar archive."""
    return start[257:262] == b"ustar"


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder, a zip, a tar or a tar.gz file.

    Raises:
        BadInput: the archive is damaged, or holds more than any form of FER2013.
        OSError: it cannot be opened or read.
    """
    if path.is_dir():
        yield Folder(path)
        return
    with naming_errors(str(path)), regular(path) as file, contextlib.ExitStack() as opened:
        start = file.read(sniff.START)
        file.seek(0)
        if start.startswith(ZIP):
            source: Source = Zip(file, str(path))
        else:
            compressed = start.startswith(GZIP)
            stream = opened.enter_context(gzip.open(file)) if compressed else file
            source = Tar(LimitedStream(stream, str(path), compressed), str(path))
        yield source


@contextlib.contextmanager
def naming_errors(name: str) -> Iterator[None]:
    """Turn the errors that readers of archives raise for damaged files into one that names the file."""
    try:
        yield
    except (BadInput, UnusableFile):
        raise
    except _ERRORS as error:
        # In a damaged archive the reader may seek to a position that does not exist: EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadInput(f"{name} is a damaged or unusual archive: {short_message(error)}") from None


# NotImplementedError: a compression that zipfile does not know; RuntimeError: a password; OSError: bzip2.
_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, LookupError,
    NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError,
)  # fmt: skip


def is_clutter(name: str) -> bool:
    """Return whether a file is not part of the data, but one that macOS or Windows adds to archives."""
    return any(_is_clutter(part) for part in name.split("/"))


def _is_clutter(part: str) -> bool:
    return part.startswith((".", "__MACOSX")) or part in ("Thumbs.db", "desktop.ini")
