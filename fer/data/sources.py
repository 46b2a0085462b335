"""Faces to be predicted, from pictures, folders of pictures, and tables such as test.csv.

    picture          the square in its middle is the face; with detection, each face that is found in it
    folder           every file in it and in the folders below, sorted by name; hidden files are left out
    .csv .npz .zip   the faces of its rows, with their labels if it has them

Files that cannot be used are listed with the reason; the others are used.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fer.data import dataset, detect, formats, pictures
from fer.data.detect import Box, Detector
from fer.emotions import EMOTIONS
from fer.errors import BadInput

TABLES = (".csv", ".csv.gz", ".npz", *formats.ARCHIVES)


@dataclass(frozen=True)
class Face:
    """One face, as the network's input.

    Attributes:
        image: (48, 48) uint8.
        source: the file that it comes from, or another name.
        number: of this face in its file: the row (from 0) of a table, the face (from
            1) of a photograph; or None.
        label: the index of the true emotion in ``classes``, if it is known.
        box: where it is in its picture; None for a row of a table or an array.
        is_row: whether it comes from a table.
        score: how sure the detector is that this is a face, 0 to 1; None without detection.
        classes: of the data that it comes from.
    """

    image: np.ndarray = field(repr=False)
    source: str
    number: int | None = None
    label: int | None = None
    box: Box | None = None
    is_row: bool = False
    score: float | None = None
    classes: tuple[str, ...] = EMOTIONS

    @property
    def true(self) -> str | None:
        """The name of the true emotion, if it is known."""
        return None if self.label is None else self.classes[self.label]

    @property
    def name(self) -> str:
        """The face's name: "photo.jpg", "photo.jpg face 2", "test.csv row 17"."""
        if self.number is None:
            return self.source
        return f"{self.source} {'row' if self.is_row else 'face'} {self.number}"


@dataclass
class LoadedFaces:
    """The faces of some sources, (source, reason) of those that could not be used, and photographs without faces."""

    faces: list[Face] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


def load_faces(
    paths: Iterable[str | os.PathLike[str]], find_faces: bool = False, detector: Detector | None = None
) -> LoadedFaces:
    """Return the faces of files and folders, in their order.

    Args:
        paths: pictures, folders of pictures, tables.
        find_faces: cut out all faces in each picture, instead of the square in its middle.
        detector: which finds them.

    Raises:
        BadInput: ``find_faces``, but OpenCV is not installed.
    """
    loaded = LoadedFaces()
    for file in list_files(paths, loaded):
        loaded.faces += load_file(file, loaded, detector or Detector() if find_faces else None)
    return loaded


def list_files(
    paths: Iterable[str | os.PathLike[str]],
    loaded: LoadedFaces,
    left_out: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Return the files in paths; empty folders go to ``loaded``. A folder ``left_out`` below them is not entered."""
    return [file for path in paths for file in _files(Path(path), loaded, left_out)]


def load_file(path: Path, loaded: LoadedFaces, detector: Detector | None = None) -> list[Face]:
    """Return the faces in one file. If it cannot be used or shows none, note that in ``loaded``.

    Raises:
        BadInput: the detector is not installed.
    """
    if detector is not None:
        detect.check_installed(detector)
    try:
        faces = _faces_in_file(path, detector)
    except (BadInput, OSError) as error:
        loaded.skipped.append((str(path), _reason(error, path)))
        return []
    if not faces:
        loaded.without.append(str(path))
    return faces


def detect_faces(
    picture: Image.Image | np.ndarray,
    source: str,
    detector: Detector | None = None,
    boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
) -> list[Face]:
    """Return the faces in a picture, from left to right; numbered if there are several, [] if there are none.

    Args:
        picture: as for :func:`fer.data.pictures.gray`.
        source: its name.
        detector: which finds the faces.
        boxes: where they are, (left, top, width, height) each; then nothing is searched, and they keep their order.

    Raises:
        BadInput: OpenCV is not installed; a box cannot be used.
    """
    gray = pictures.gray(picture)
    found: list[tuple[Box, float | None]] = []
    if boxes is None:
        found += (detector or Detector())(pictures.colours(picture))
    else:
        found += [(box, None) for box in detect.own_boxes(boxes, gray.shape[::-1])]
    factor = pictures.reduction(picture) if isinstance(picture, Image.Image) else 1
    return [
        Face(
            _crop(gray, box),
            source,
            number if len(found) > 1 else None,
            box=_enlarged(box, factor),
            score=score,
        )
        for number, (box, score) in enumerate(found, 1)
    ]


def load_photo(path: str | os.PathLike[str], longest: int | None) -> tuple[np.ndarray, float]:
    """Return a picture, (H, W, 3), reduced to at most ``longest`` pixels a side, and its scale.

    With None, it has its own size; then only a JPEG of more than pictures.MAX_PIXELS is reduced.
    """
    picture = pictures.open_picture(path, whole=longest is None)
    width = picture.width * pictures.reduction(picture)
    picture = Image.fromarray(pictures.colours(picture))
    if longest is not None:
        picture.thumbnail((longest, longest))
    return np.asarray(picture), picture.width / width


def center_square(size: tuple[int, int]) -> Box:
    """Return the square in the middle of a picture of (width, height)."""
    side = min(size)
    return Box((size[0] - side) // 2, (size[1] - side) // 2, side, side)


def _reason(error: Exception, path: Path) -> str:
    """Return why a file cannot be used, in a line that names it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{path}: {error.strerror}"
    return str(error)


def _files(path: Path, loaded: LoadedFaces, left_out: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Yield a file itself, or the files in a folder."""
    if not path.is_dir():
        yield path
        return
    # pipes, devices and links to nothing too: they are refused by name
    files = sorted(child for child in path.rglob("*") if not child.is_dir() and not _hidden(child, path))
    if left_out is not None and path.resolve() in (out := Path(left_out).resolve()).parents:
        inner = out.relative_to(path.resolve()).parts
        files = [child for child in files if child.relative_to(path).parts[: len(inner)] != inner]
    if not files:
        loaded.skipped.append((str(path), f"{path} is a folder without files"))
    yield from files


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _faces_in_file(path: Path, detector: Detector | None) -> list[Face]:
    if path.name.lower().endswith(TABLES):
        return _faces_in_table(path)
    picture = pictures.open_picture(path, whole=detector is not None)
    if detector is not None:
        return detect_faces(picture, str(path), detector)
    box = _enlarged(center_square(picture.size), pictures.reduction(picture))
    return [Face(pictures.to_face(picture), str(path), box=box)]


def _enlarged(box: Box, factor: float) -> Box:
    """Return a box in a reduced picture as one in the picture itself."""
    return Box(*(round(length * factor) for length in box))


def _crop(gray: np.ndarray, box: Box) -> np.ndarray:
    return pictures.to_face(gray[box.top : box.top + box.height, box.left : box.left + box.width])


def _faces_in_table(path: Path) -> list[Face]:
    rows = dataset.read(path)
    labels = [None] * len(rows.images) if rows.labels is None else rows.labels.tolist()
    return [
        Face(image, str(path), number, label, is_row=True, classes=rows.classes)
        for number, (image, label) in enumerate(zip(rows.images, labels))
    ]
