"""Faces as files in folders named after emotions, as Kaggle's msambare/fer2013 has them:

    train/happy/Training_1206.jpg    test/happy/PublicTest_9231.jpg    test/happy/PrivateTest_8812.jpg

A label is the folder's name, never its position in a list: in the alphabet neutral comes before sad and
surprise, in FER2013 it comes last. The official split is in the file names (in the folders above, test holds
both PublicTest and PrivateTest); if not, it is taken from folders named train, validation and test; without
those there is none. Rows are in the order of their paths.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from fer.data import pictures
from fer.data.table import SIDE, USAGES, Rows
from fer.emotions import EMOTIONS, code
from fer.errors import BadInput

SPLITS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "val", "valid", "publictest"), 1),
    **dict.fromkeys(("test", "testing", "privatetest"), 2),
}
MAX_FILE_BYTES = 1 << 24  # FER2013's own images have 2,000
_CLASSES = {emotion.lower() for emotion in EMOTIONS}


def is_picture(name: str) -> bool:
    """Return whether a file's name is that of a picture."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in pictures.SUFFIXES


def has_classes(names: Mapping[str, int]) -> bool:
    """Return whether any picture is in a folder named after an emotion."""
    return any(_class_folder(name) in _CLASSES for name in names if is_picture(name))


def may_be_in(folder: Path) -> bool:
    """Return whether a folder, or one in it, has folders named after emotions or splits."""
    inner = [child for child in folder.iterdir() if child.is_dir()]
    names = [child.name for parent in (folder, *inner) for child in parent.iterdir() if child.is_dir()]
    return any(name.strip().lower() in _CLASSES | SPLITS.keys() for name in names)


def read(names: Mapping[str, int], open_file: Callable[[str], IO[bytes]], where: str) -> Rows:
    """Read all pictures among the named files.

    Args:
        names: paths (with /) and sizes in bytes.
        open_file: returns a stream of one of them; called in the order of names.
        where: what holds the files, for messages.

    Raises:
        BadInput: a folder is not named after an emotion, or a picture cannot be read.
    """
    paths = sorted(name for name in names if is_picture(name))
    _check_folders(paths, where)
    labels = np.array([code(_class_folder(path)) for path in paths], np.uint8)
    place = {path: i for i, path in enumerate(paths)}
    images = np.empty((len(paths), SIDE, SIDE), np.uint8)
    resized = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in names:
            if path in place:
                if names[path] > MAX_FILE_BYTES:
                    raise BadInput(
                        f"{where}/{path} has {names[path] >> 20} MB; expected a picture of one face"
                    )
                with open_file(path) as file:
                    image = pictures.decode_quietly(file.read(), f"{where}/{path}")
                resized += image.size != (SIDE, SIDE)
                images[place[path]] = pictures.to_face(image)
    usage, told_by = _usage(paths, where)
    note = f"{where}: {len(paths)} pictures in folders named after emotions; {told_by}"
    if resized:
        was = "picture was" if resized == 1 else "pictures were"
        note += f"; {resized} {was} not {SIDE}x{SIDE}: cropped to its middle square and resized"
    return Rows(images, labels, usage, (note,))


def _class_folder(path: str) -> str:
    """Return the name of a file's folder, in lower case; "" if there is none."""
    return path.split("/")[-2].strip().lower() if "/" in path else ""


def _check_folders(paths: list[str], where: str) -> None:
    wrong = sorted(
        {
            path.rsplit("/", 1)[0] if "/" in path else ""
            for path in paths
            if _class_folder(path) not in _CLASSES
        }
    )
    if wrong:
        named = ", ".join(repr(folder) if folder else "the top folder" for folder in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise BadInput(
            f"{where}: pictures in {named}{more}; expected only folders named {', '.join(EMOTIONS).lower()}"
        )


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
    for folder in reversed(path.split("/")[:-2]):
        if folder.strip().lower() in SPLITS:
            return SPLITS[folder.strip().lower()]
    return -1
