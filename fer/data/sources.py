"""Faces to be predicted, from pictures, folders of pictures, and tables such as test.csv.

    picture          the square in its middle is the face; with detection, each face that is found in it
    folder           every file in it and in the folders below, sorted by name; hidden files are left out
    .csv .npz .zip   the faces of its rows, with their labels if it has them

Files that cannot be used are listed with the reason; the others are used.
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
    """One face, as the network's input.

    Attributes:
        image: (48, 48) uint8.
        source: the file that it comes from, or another name.
        number: of this face in its file: the row (from 0) of a table, the face (from
            1) of a photograph; or None.
        label: the index of the true emotion, if it is known.
        box: where it is in its picture; None for a row of a table or an array.
        is_row: whether it comes from a table.
    """

    image: np.ndarray
    source: str
    number: int | None = None
    label: int | None = None
    box: Box | None = None
    is_row: bool = False

    @property
    def name(self) -> str:
        """The face's name: "photo.jpg", "photo.jpg face 2", "test.csv row 17"."""
        if self.number is None:
            return self.source
        return f"{self.source} {'row' if self.is_row else 'face'} {self.number}"


@dataclass
class LoadedFaces:
    """The faces of some sources, and (source, reason) of those that could not be used."""

    faces: list[Face] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def load_faces(paths: Iterable[str | os.PathLike[str]], find_faces: bool = False) -> LoadedFaces:
    """Return the faces of files and folders, in their order.

    Args:
        paths: pictures, folders of pictures, tables.
        find_faces: cut out all faces in each picture, instead of the square in its middle.

    Raises:
        BadInput: ``find_faces``, but OpenCV is not installed.
    """
    if find_faces:
        detect.check_installed()
    loaded = LoadedFaces()
    for path in paths:
        for file in _files(Path(path), loaded):
            try:
                loaded.faces += _faces_in_file(file, find_faces)
            except (BadInput, OSError) as error:
                loaded.skipped.append((str(file), _reason(error, file)))
    return loaded


def detect_faces(picture: Image.Image | np.ndarray, source: str) -> list[Face]:
    """Return the faces that OpenCV finds in a picture, from left to right; numbered if there are several.

    Raises:
        BadInput: no face is found, or OpenCV is not installed.
    """
    gray = pictures.gray(picture)
    boxes = detect.find_faces(gray)
    if not boxes:
        raise BadInput(f"{source}: no face was found in it (without detection, its middle square is taken)")
    return [
        Face(_crop(gray, box), source, number if len(boxes) > 1 else None, box=box)
        for number, box in enumerate(boxes, 1)
    ]


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """Return the picture in a file, upright.

    Raises:
        BadInput: the file is not a picture, or damaged.
        OSError: it cannot be read.
    """
    return pictures.open_picture(path)


def load_photo(path: str | os.PathLike[str], longest: int) -> tuple[np.ndarray, float]:
    """Return a picture, (H, W) gray or (H, W, 3), reduced to at most ``longest``
    pixels a side, and its scale.
    """
    picture = open_picture(path)
    if picture.mode in ("RGB", "YCbCr", "CMYK", "P", "RGBA"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    else:
        picture = Image.fromarray(pictures.gray(picture))
    width = picture.width
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


def _files(path: Path, loaded: LoadedFaces) -> Iterator[Path]:
    """Yield a file itself, or the files in a folder."""
    if not path.is_dir():
        yield path
        return
    # pipes, devices and links to nothing too: they are refused by name
    files = sorted(child for child in path.rglob("*") if not child.is_dir() and not _hidden(child, path))
    if not files:
        loaded.skipped.append((str(path), f"{path} is a folder without files"))
    yield from files


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _faces_in_file(path: Path, find_faces: bool) -> list[Face]:
    if path.name.lower().endswith(TABLES):
        return _faces_in_table(path)
    picture = open_picture(path)
    if find_faces:
        return detect_faces(picture, str(path))
    return [Face(pictures.to_face(picture), str(path), box=center_square(picture.size))]


def _crop(gray: np.ndarray, box: Box) -> np.ndarray:
    return pictures.to_face(gray[box.top : box.top + box.height, box.left : box.left + box.width])


def _faces_in_table(path: Path) -> list[Face]:
    rows = dataset.read(path)
    labels = [None] * len(rows.images) if rows.labels is None else rows.labels.tolist()
    return [
        Face(image, str(path), number, label, is_row=True)
        for number, (image, label) in enumerate(zip(rows.images, labels))
    ]
