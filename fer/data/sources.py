"""Faces to be predicted, from whatever holds them: pictures, folders of pictures, tables such as test.csv.

    picture          its middle square is the face; with detection, each face that is found in it
    folder           every file in it and in the folders below, by name; hidden ones are left out
    .csv .npz .zip   the faces of its rows, with their labels where it has some

What cannot be used is not the end: it is listed with its reason, and the rest goes on.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fer.data import dataset, detect, formats, pictures
from fer.data.detect import Box
from fer.errors import BadInput

TABLES = (".csv", ".csv.gz", ".npz", *formats.ARCHIVES)


@dataclass(frozen=True)
class Face:
    """One face, as the network takes it.

    Attributes:
        image: (48, 48) uint8.
        source: the file that it came from, or what it was called.
        number: of this face in its file: the row (from 0) of a table, the face (from 1) of a photograph; or None.
        label: the true emotion's, where that is known.
        box: where it lay in its picture; None where it is the picture.
        is_row: whether it came from a table.
    """

    image: np.ndarray
    source: str
    number: int | None = None
    label: int | None = None
    box: Box | None = None
    is_row: bool = False

    @property
    def name(self) -> str:
        """What to call it: "photo.jpg", "photo.jpg face 2", "test.csv row 17"."""
        if self.number is None:
            return self.source
        return f"{self.source} {'row' if self.is_row else 'face'} {self.number}"


@dataclass
class Found:
    """The faces of some sources, and (source, a line that says why) for what could not be used."""

    faces: list[Face] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def gather(paths: Iterable[str | os.PathLike[str]], find_faces: bool = False) -> Found:
    """Return the faces of files and folders, in their order.

    Args:
        paths: pictures, folders of pictures, tables.
        find_faces: cut the faces out of pictures, as many as there are, instead of taking the middle square.

    Raises:
        BadInput: faces are to be found but OpenCV is not installed.
    """
    if find_faces:
        detect.require()
    found = Found()
    for path in paths:
        for file in _files(Path(path), found):
            try:
                found.faces += _faces_of(file, find_faces)
            except (BadInput, OSError) as error:
                found.skipped.append((str(file), _reason(error, file)))
    return found


def faces_in(picture: Image.Image | np.ndarray, source: str) -> list[Face]:
    """Return the faces that are found in a picture, from left to right; numbered if there are several.

    Raises:
        BadInput: there is none, or OpenCV is not installed.
    """
    gray = pictures.gray(picture)
    boxes = detect.faces(gray)
    if not boxes:
        raise BadInput(f"{source}: no face was found in it (without detection, its middle square is taken)")
    return [
        Face(_cut(gray, box), source, number if len(boxes) > 1 else None, box=box)
        for number, box in enumerate(boxes, 1)
    ]


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """Return a picture file's picture, upright.

    Raises:
        BadInput: it is no picture, or a damaged one.
        OSError: it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return pictures.decode(file.read(pictures.LARGEST_FILE + 1), str(path))


def photo(path: str | os.PathLike[str], longest: int) -> tuple[np.ndarray, float]:
    """Return a picture to look at, (H, W) gray or (H, W, 3), at most ``longest`` pixels a side, and its scale."""
    picture = open_picture(path)
    if picture.mode in ("RGB", "YCbCr", "CMYK", "P", "RGBA"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    else:
        picture = Image.fromarray(pictures.gray(picture))
    width = picture.width
    picture.thumbnail((longest, longest))
    return np.asarray(picture), picture.width / width


def middle(size: tuple[int, int]) -> Box:
    """Return the square in the middle of a picture of (width, height)."""
    side = min(size)
    return Box((size[0] - side) // 2, (size[1] - side) // 2, side, side)


def _reason(error: Exception, path: Path) -> str:
    """Return why a file cannot be used, in a line that names it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{path}: {error.strerror}"
    return str(error)


def _files(path: Path, found: Found) -> Iterator[Path]:
    """Yield a file itself, or the files in a folder."""
    if not path.is_dir():
        yield path
        return
    files = sorted(child for child in path.rglob("*") if child.is_file() and not _hidden(child, path))
    if not files:
        found.skipped.append((str(path), f"{path} is a folder without files"))
    yield from files


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _faces_of(path: Path, find_faces: bool) -> list[Face]:
    if path.name.lower().endswith(TABLES):
        return _rows_of(path)
    picture = open_picture(path)
    if find_faces:
        return faces_in(picture, str(path))
    return [Face(pictures.to_face(picture), str(path), box=middle(picture.size))]


def _cut(gray: np.ndarray, box: Box) -> np.ndarray:
    return pictures.to_face(gray[box.top : box.top + box.height, box.left : box.left + box.width])


def _rows_of(path: Path) -> list[Face]:
    rows = dataset.read(path)
    labels = [None] * len(rows.images) if rows.labels is None else rows.labels.tolist()
    return [
        Face(image, str(path), number, label, is_row=True)
        for number, (image, label) in enumerate(zip(rows.images, labels))
    ]
