"""Faces as files in folders named after their classes, as Kaggle's msambare/fer2013 has them:

    train/happy/Training_1206.jpg    test/happy/PublicTest_9231.jpg    test/happy/PrivateTest_8812.jpg

A label is the folder's name, never its position in a list: in the alphabet neutral comes before sad and
surprise, in FER2013 it comes last. Folders may have any names: fer.emotions says which of them mean one of
the seven emotions. A folder in the folder of a class belongs to that class.

The official split is in the file names (in the folders above, test holds both PublicTest and PrivateTest); if
not, it is taken from folders named train, validation and test (or Training, PublicTest, PrivateTest); without
those there is none. Rows are in the order of their paths.
"""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from fer.data import detect, pictures
from fer.data.table import SIDE, SPLITS, USAGES, Rows
from fer.emotions import EMOTIONS, MOST_CLASSES, classes_of, meaning
from fer.errors import BadInput
from minicnn.terminal import printable

MAX_FILE_BYTES = 1 << 24  # FER2013's own images have 2,000
CROP_SIDE = 96  # pixels; a larger picture may show more than a face


def is_picture(name: str) -> bool:
    """Return whether a file's name is that of a picture."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in pictures.SUFFIXES


def has_classes(names: Mapping[str, int]) -> bool:
    """Return whether the pictures are in folders of at least two classes, or of one of the seven emotions."""
    paths = [name for name in names if is_picture(name)]
    found = {name for name in _class_folders(paths) if name}
    return len(found) > 1 or any(meaning(name) for name in found)


def may_be_in(folder: Path) -> bool:
    """Return whether a folder, or one in it, has folders named after emotions or splits, or several folders
    of pictures.
    """
    inner = [child for child in folder.iterdir() if child.is_dir()]
    names = [child.name for parent in (folder, *inner) for child in parent.iterdir() if child.is_dir()]
    if any(meaning(name) or name.strip().lower() in SPLITS for name in names):
        return True
    return sum(any(is_picture(file.name) for file in child.iterdir()) for child in inner) > 1


def read(
    names: Mapping[str, int],
    open_file: Callable[[str], IO[bytes]],
    where: str,
    detector: str | None = None,
) -> Rows:
    """Read all pictures among the named files.

    Args:
        names: paths (with /) and sizes in bytes.
        open_file: returns a stream of one of them; called in the order of names.
        where: what holds the files, for messages.
        detector: cuts the largest face out of each picture. A picture in which it finds none is left out, unless
            its shorter side has at most CROP_SIDE pixels: then it is a face already. None: the middle square of
            each picture is taken.

    Raises:
        BadInput: a picture is in no folder of a class, or cannot be read.
    """
    paths = sorted(name for name in names if is_picture(name))
    folders = _class_folders(paths)
    classes, index = _classes(paths, folders, where)
    labels = np.array([index[folder] for folder in folders], np.uint8)
    place = {path: i for i, path in enumerate(paths)}
    images = np.empty((len(paths), SIDE, SIDE), np.uint8)
    resized = 0
    found = np.ones(len(paths), bool)
    for path in names:
        if path in place:
            if names[path] > MAX_FILE_BYTES:
                raise BadInput(f"{where}/{path} has {names[path] >> 20} MB; expected a picture of one face")
            with open_file(path) as file:
                image = pictures.decode(file.read(), f"{where}/{path}")
            square = None if detector is None else largest_face(image, detector)
            if square is not None:
                image = square
            elif detector is not None and min(image.size) > CROP_SIDE:
                found[place[path]] = False
            else:
                resized += image.size != (SIDE, SIDE)
            images[place[path]] = pictures.to_face(image)
    usage, told_by = _usage(paths, where)
    note = f"{where}: {len(paths)} pictures in folders named after {_named(classes)}; {told_by}"
    if resized:
        was = "picture was" if resized == 1 else "pictures were"
        note += f"; {resized} {was} not {SIDE}x{SIDE}: cropped to its middle square and resized"
    if not found.any():
        raise BadInput(f"{where}: no face was found in any of its pictures; leave out --detect")
    if not found.all():
        first = paths[int(np.argmin(found))]
        note += f"; {np.sum(~found)} left out, because no face was found in them (the first: {first})"
    uses = None if usage is None else usage[found]
    return Rows(images[found], labels[found], uses, (note, *_doubts(classes)), classes)


def largest_face(image: Image.Image, detector: str) -> Image.Image | None:
    """Return the largest face that a detector finds in a picture, cut out; None: there is none.

    Raises:
        BadInput: the package for it is not installed; the message says how to install it.
    """
    gray = pictures.gray(image)
    found = detect.Detector(detector)(gray)
    if not found:
        return None
    box = max((each.box for each in found), key=lambda box: box.width * box.height)
    return Image.fromarray(gray[box.top : box.top + box.height, box.left : box.left + box.width])


def _class_folders(paths: list[str]) -> list[str]:
    """Return the name of the folder of each picture's class; "" if it is in none.

    It is the folder below the one of a split, or a folder named after an emotion; else the first one in which
    the paths differ.
    """
    parents = [tuple(part.strip() for part in path.split("/")[:-1]) for path in paths]
    rest = [parent[_last_split(parent) + 1 :] for parent in parents]
    # folders around all of the others: faces/happy/1.png, faces/sad/2.png
    while rest and all(len(parts) > 1 for parts in rest) and len({parts[0] for parts in rest}) == 1:
        rest = [parts[1:] for parts in rest]
    return [
        next((part for part in parts if meaning(part)), parts[0]) if parts else _before_split(parent)
        for parts, parent in zip(rest, parents)
    ]


def _last_split(parent: tuple[str, ...]) -> int:
    """Return the place of the last folder named after a split, or -1."""
    return max((i for i, part in enumerate(parent) if part.lower() in SPLITS), default=-1)


def _before_split(parent: tuple[str, ...]) -> str:
    """Return the class of happy/train/1.png; "" where no folder is left."""
    place = _last_split(parent)
    return parent[place - 1] if place > 0 else ""


def _classes(paths: list[str], folders: list[str], where: str) -> tuple[tuple[str, ...], dict[str, int]]:
    lost = sorted({path.rpartition("/")[0] for path, folder in zip(paths, folders) if not folder})
    if lost:
        named = repr(lost[0]) if lost[0] else "the top folder"
        raise BadInput(
            f"{where}: pictures in {named}, in no folder of a class; expected a folder for each class, named "
            f"after it, such as {', '.join(EMOTIONS).lower()}"
        )
    classes, index = classes_of(folders)
    if len(classes) < 2:
        raise BadInput(f"{where}: all pictures are in {folders[0]!r}; expected a folder for each class")
    if len(classes) > MOST_CLASSES:
        raise BadInput(
            f"{where}: pictures in {len(classes)} folders; expected at most {MOST_CLASSES} classes"
        )
    return classes, index


def _named(classes: tuple[str, ...]) -> str:
    """Return what a note says of the classes."""
    if classes == EMOTIONS:
        return "emotions"
    names = [printable(name, 20) for name in classes]
    shown = names if len(names) <= 12 else [*names[:10], f"{len(names) - 10} more"]
    return f"{len(classes)} classes: {', '.join(shown)}"


def _doubts(classes: tuple[str, ...]) -> list[str]:
    """Return a line for a class that may be a misspelt emotion."""
    lines = []
    for name in set(classes) - set(EMOTIONS) if set(classes) & set(EMOTIONS) else ():
        close = difflib.get_close_matches(name.lower(), [emotion.lower() for emotion in EMOTIONS], 1, 0.75)
        if close:
            lines.append(f"the folder {printable(name, 20)} is a class of its own; or is it {close[0]}?")
    return sorted(lines)


def _usage(paths: list[str], where: str) -> tuple[np.ndarray | None, str]:
    """Return each picture's Usage, or None if it is not known, and a text that says where it comes from."""
    by_name = np.array([_use_in_name(path) for path in paths])
    if (by_name >= 0).all():
        return by_name.astype(np.uint8), "the official split, from their names"
    by_folder = np.array([_use_in_folder(path) for path in paths])
    if (by_folder < 0).all() and (by_name < 0).all():
        return None, "without a split"
    usage = np.where(by_name >= 0, by_name, by_folder)
    if (usage < 0).any():
        path = paths[int(np.argmin(usage))]
        raise BadInput(
            f"{where}/{path} is in no folder named train, validation or test, unlike others; "
            "expected that for all"
        )
    return usage.astype(np.uint8), "the split from the folders train, validation and test"


def _use_in_name(path: str) -> int:
    """Return the index in USAGES of a name such as PublicTest_12.jpg, or -1."""
    prefix = path.rsplit("/", 1)[-1].split("_", 1)[0].lower()
    return next((i for i, use in enumerate(USAGES) if prefix == use.lower()), -1)


def _use_in_folder(path: str) -> int:
    """Return the index in USAGES of the nearest folder named after a split, or -1."""
    parent = tuple(part.strip() for part in path.split("/")[:-1])
    place = _last_split(parent)
    return SPLITS[parent[place].lower()] if place >= 0 else -1
