"""Files that are written completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[IO[bytes]]:
    """Give a new binary file to write to. When the block ends, the file gets the name ``path``.

    The file is written under a temporary name in the same folder, ``.NAME.….tmp``, flushed to the disk
    (``fsync``) and then renamed, which is one step. So ``path`` is always the complete old file or the
    complete new one, also after an error, a kill or a power cut. If the process is killed, the temporary file
    stays; otherwise it is removed. The new file's permissions are those of any new file (umask).

    Args:
        path: the file to write or to replace.
        sync: False does not wait for the disk. Only a power cut can then leave an
            incomplete file: for a cache.

    Raises:
        OSError: the file cannot be written; the error names ``path``, not the temporary file.
    """
    # A name may have 255 bytes, a character up to 4.
    temporary = str(path.with_name(f".{path.name[:50]}.{os.urandom(8).hex()}.tmp"))
    try:
        with open(temporary, "xb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
