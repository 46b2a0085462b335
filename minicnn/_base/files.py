"""Files: those that a user names are opened here, and others written completely or not at all."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# Windows replaces no file that a program has open, and virus scanners open each new one for a moment.
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8) if os.name == "nt" else ()  # seconds, between tries
LARGEST = 1 << 32  # bytes
_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnusableFile(OSError, ValueError):
    """What a path names is not a regular file, or it is too large; the message names it."""


def regular(path: str | os.PathLike[str], most: int = LARGEST, buffering: int = -1) -> IO[bytes]:
    """Open a regular file for reading; links are followed.

    A pipe or a device may never end, and merely opening a pipe waits for its writer. So the kind is looked at
    before the file is opened, and again after it.

    Args:
        path: the file.
        most: its largest size in bytes.
        buffering: as for ``open``.

    Raises:
        UnusableFile: an OSError and a ValueError: it is a folder, a pipe, a device, or too large.
        OSError: it does not exist, or cannot be read.
    """

    def checked(opened: str, flags: int) -> int:
        check_regular(path, os.stat(opened), most)
        number = os.open(opened, flags | getattr(os, "O_NONBLOCK", 0))
        try:
            check_regular(path, os.fstat(number), most)
        except BaseException:
            os.close(number)
            raise
        return number

    try:
        return open(os.fspath(path), "rb", buffering, opener=checked)
    except UnusableFile:
        raise
    except ValueError as error:  # a NUL in the name
        raise UnusableFile(f"{os.fspath(path)!r}: not a file's name ({error})") from None


def check_regular(path: str | os.PathLike[str], status: os.stat_result, most: int = LARGEST) -> None:
    """Check that a file with this status is a regular one of at most ``most`` bytes.

    Raises:
        UnusableFile: it is not.
    """
    if not stat.S_ISREG(status.st_mode):
        if stat.S_ISDIR(status.st_mode):
            raise UnusableFile(f"{os.fspath(path)} is a folder")
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special")
        raise UnusableFile(f"{os.fspath(path)} is {kind}, which is not a regular file")
    if status.st_size > most:
        raise UnusableFile(f"{os.fspath(path)} is larger than {most >> 20} MB")


def walk(folder: str | os.PathLike[str], follow_links: bool = False) -> list[tuple[str, list[str]]]:
    """Return each folder in a folder, itself included, with the names of its files, sorted.

    With ``follow_links`` a folder that links reach several times, or that contains itself, is listed once.
    """
    found, met = [], set()
    for root, folders, names in os.walk(folder, followlinks=follow_links):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in met:
            folders.clear()
            continue
        met.add((status.st_dev, status.st_ino))
        folders.sort()
        found.append((root, sorted(names)))
    return sorted(found)


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[IO[bytes]]:
    """Give a new binary file to write to. When the block ends, the file gets the name ``path``.

    The file is written under a temporary name in the same folder, ``.NAME.….tmp``, flushed to the disk
    (``fsync``) and then renamed, which is one step. So ``path`` is always the complete old file or the
    complete new one, also after an error, a kill or a power cut. If the process is killed, the temporary file
    stays; otherwise it is removed. The new file's permissions are those of any new file (umask).
    A link stays, and the file that it points to is replaced.

    Args:
        path: the file to write or to replace; not a folder or a device.
        sync: False does not wait for the disk. Only a power cut can then leave an
            incomplete file: for a cache.

    Raises:
        OSError: the file cannot be written; the error names ``path``, not the temporary file.
    """
    given, path = path, Path(os.path.realpath(path))
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(given))
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "It is not a regular file", str(given))
    # A name may have 255 bytes, a character up to 4.
    temporary = str(path.with_name(f".{path.name[:50]}.{os.urandom(8).hex()}.tmp"))
    try:
        with open(temporary, "xb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        _replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, str(given)) from None
        raise


def _replace(temporary: str, path: Path) -> None:
    """Give a file its name; where another program has that file open, try again a few times."""
    for pause in (*PAUSES, None):
        try:
            os.replace(temporary, path)
            return
        except PermissionError as error:
            if pause is None:
                hint = "; is it open in another program?" if PAUSES else ""
                raise OSError(error.errno, f"{error.strerror}{hint}", temporary) from None
            time.sleep(pause)
