"""FER2013's files by their MD5: a note says whether a file is one of them, that is, complete."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from minicnn.saving import regular

KNOWN = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv, the original file",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv of the Kaggle competition",
    "3f0dfb3d3fd99c811a1299cb947e3131": "train.csv of the Kaggle competition",
    "b02c2298636a634e8c2faabbf3ea9a23": "test.csv of the Kaggle competition",
}
# Read at a time. MD5 runs without the interpreter's lock: large pieces leave the interpreter to the parser.
_CHUNK_BYTES = 1 << 24


def note(name: str, digest: str) -> str:
    """Return a line that says which file of FER2013 has this MD5."""
    if digest in KNOWN:
        return f"{name}: recognised, {KNOWN[digest]} (MD5 {digest})"
    return f"{name}: none of the {len(KNOWN)} known files of FER2013 (MD5 {digest}), read all the same"


class Recogniser:
    """Computes the MD5 of files while they are parsed.

    A file on the disk is hashed in a second thread, because MD5 takes longer (0.5 s for fer2013.csv) than
    reading and parsing, and both release the interpreter's lock. A file in an archive is hashed while it is
    unpacked.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._stopped = False
        self._digests: list[tuple[str, Callable[[], str]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self._thread.shutdown(cancel_futures=True)

    def hash_file(self, path: Path) -> None:
        """Start to hash a file."""
        self._digests.append((path.name, self._thread.submit(self._md5, path).result))

    def hash_stream(self, stream: Any, name: str) -> Any:
        """Return a stream of the same content that is hashed while it is read."""
        hashed = _HashedStream(stream)
        self._digests.append((name, hashed.md5.hexdigest))
        return hashed

    def notes(self) -> tuple[str, ...]:
        """Wait for the thread, then return a line about each file."""
        return tuple(note(name, digest()) for name, digest in self._digests)

    def _md5(self, path: Path) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        buffer = bytearray(_CHUNK_BYTES)
        with regular(path, buffering=0) as file:
            while not self._stopped and (count := file.readinto(buffer)):  # type: ignore[attr-defined]
                md5.update(memoryview(buffer)[:count])
        return md5.hexdigest()


class _HashedStream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.md5 = hashlib.md5(usedforsecurity=False)

    def readinto(self, buffer: memoryview) -> int:
        count = self._stream.readinto(buffer)
        self.md5.update(buffer[:count])
        return count
