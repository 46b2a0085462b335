"""The files of videos: their frames one by one, and a new file from frames. OpenCV decodes and encodes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import pictures
from fer.data.detect import HOW_TO_GET, INSTALL
from fer.errors import BadInput, expecting
from minicnn.saving import regular

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ogv", ".3gp")
FPS = 25.0  # of a video that does not say
# How the files of videos begin. Others, such as lists of addresses, are not given to the decoder.
_STARTS = (b"RIFF", b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"\x30\x26\xb2\x75", b"OggS")
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EXPECTED = "a video (MP4, MOV, AVI, MKV, WebM, MPEG or WMV)"


class Reader:
    """The frames of a video's file, (H, W, 3) RGB uint8 each; made by :func:`opened`."""

    def __init__(self, capture: Any, cv2: Any) -> None:
        self._capture, self._cv2 = capture, cv2
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.1 <= fps <= 1000 else FPS
        self.size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = int(count) if 0 < count < 1e9 else None  # what the file says; it may end earlier
        self.first = self._next() if self._fits() else None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames."""
        image = self.first
        while image is not None:
            yield image
            image = self._next()

    def _fits(self) -> bool:
        return self._capture.isOpened() and 0 < self.size[0] * self.size[1] <= pictures.MAX_PIXELS

    def _next(self) -> np.ndarray | None:
        with pictures.silent_stderr():
            there, image = self._capture.read()
        return self._cv2.cvtColor(image, self._cv2.COLOR_BGR2RGB) if there else None


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open a video's file, and close it after the block.

    Raises:
        BadInput: it is not a video, or damaged; OpenCV is not installed.
        OSError: it cannot be read.
    """
    with expecting(_EXPECTED), regular(path) as file:
        start = file.read(12)
    if not start.startswith(_STARTS) and start[4:8] not in _MP4:
        found = "is empty" if not start else "is not a video that can be read"
        raise BadInput(f"{os.fspath(path)} {found}; expected {_EXPECTED}")
    cv2 = _opencv(path)
    with pictures.silent_stderr():
        # an absolute path: FFmpeg takes a name such as http:x.mp4 for an address
        # one thread: others would write to the error stream at any time
        capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        reader = Reader(capture, cv2)
        width, height = reader.size
        if width * height > pictures.MAX_PIXELS:
            raise BadInput(
                f"{os.fspath(path)} has frames of {width}x{height} pixels, more than "
                f"{pictures.MAX_PIXELS // 1_000_000} million; make it smaller"
            )
        if reader.first is None:
            raise BadInput(
                f"{os.fspath(path)} is damaged: no frame of it can be decoded; expected {_EXPECTED}"
            )
        yield reader
    finally:
        with pictures.silent_stderr():
            capture.release()


@contextmanager
def writing(path: Path, size: tuple[int, int], fps: float) -> Iterator[Any]:
    """Give a function that writes a frame, (H, W, 3) RGB, into a new MP4; after an error there is no file.

    Raises:
        BadInput: OpenCV cannot write videos.
        OSError: the file cannot be written.
    """
    cv2 = _opencv(path)
    unfinished = path.with_name(f".{path.stem[:60]}.tmp.mp4")
    unfinished.touch()  # an OSError, where OpenCV would say nothing
    size = (size[0] + size[0] % 2, size[1] + size[1] % 2)  # the codec needs even numbers
    writer = cv2.VideoWriter(os.path.abspath(unfinished), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)

    def write(image: np.ndarray) -> None:
        height, width = image.shape[:2]
        if (width, height) != size:
            image = np.pad(
                image, ((0, max(size[1] - height, 0)), (0, max(size[0] - width, 0)), (0, 0)), "edge"
            )
            image = image[: size[1], : size[0]]
        writer.write(np.ascontiguousarray(image[..., ::-1]))

    try:
        if not writer.isOpened():
            raise BadInput(f"{path}: this OpenCV ({cv2.__version__}) cannot write MP4 files; {HOW_TO_GET}")
        yield write
        writer.release()
        os.replace(unfinished, path)
    finally:
        writer.release()
        unfinished.unlink(missing_ok=True)


def _opencv(path: str | os.PathLike[str]) -> Any:
    try:
        import cv2
    except ImportError:
        raise BadInput(f"{os.fspath(path)}: a video needs OpenCV 4: {INSTALL}") from None
    return cv2
