"""The seven emotions, in the order of FER2013's codes: label 3 is "Happy" everywhere in this project.

A list of folders is alphabetical (neutral 4, sad 5, surprise 6) and so *not* in this order: use the names.

Data of one's own may have other classes. :func:`classes_of` says which classes some names mean:

* A name that means one of the seven, in any case, as an adjective or a noun, with a number before it
  (``happy``, ``Happiness``, ``3_happy``), is that emotion, if more than half of all names are such names. The
  classes are then the seven in FER2013's order, and after them the other names (``contempt``).
* The names 0, 1, …, 6, all of them and no others, are FER2013's codes.
* Otherwise each name is a class of its own, in the order of the alphabet (numbers in them by their size).
"""

import re
from collections.abc import Iterable, Sequence

EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
MOST_CLASSES = 255  # labels are kept in a byte

_SYNONYMS = {
    "Angry": ("anger", "an", "ang"),
    "Disgust": ("disgusted", "di", "dis"),
    "Fear": ("fearful", "afraid", "scared", "af", "fea"),
    "Happy": ("happiness", "joy", "joyful", "ha", "hap"),
    "Sad": ("sadness", "sa"),
    "Surprise": ("surprised", "su", "sur"),
    "Neutral": ("neutrality", "calm", "ne", "neu"),
}
_KNOWN = {name: emotion for emotion, names in _SYNONYMS.items() for name in (emotion.lower(), *names)}


def code(name: str) -> int:
    """Return the label (0-6) of an emotion's name, in upper or lower case: ``code("happy") == 3``.

    Raises:
        ValueError: there is no such emotion.
    """
    for label, emotion in enumerate(EMOTIONS):
        if emotion.lower() == name.strip().lower():
            return label
    raise ValueError(f"name={name!r} is not an emotion; expected one of {', '.join(EMOTIONS)}")


def meaning(name: str) -> str | None:
    """Return which of the seven a name means: ``meaning("3_happiness") == "Happy"``; None: none of them."""
    return _KNOWN.get(re.sub(r"^\d+[\s_.-]*", "", name.strip().lower()))


def classes_of(names: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the classes that names mean, and the index of each name's class.

    Names that differ in case or in blanks around them only are one class.

    Args:
        names: as folders, or a column of words, have them.
    """
    given = sorted(set(names), key=_natural)
    spelled: dict[str, str] = {}
    for name in given:
        spelled.setdefault(name.strip().casefold(), name.strip())
    if set(spelled) == {str(i) for i in range(len(EMOTIONS))}:
        return EMOTIONS, {name: int(name) for name in given}
    meant = {key: meaning(key) for key in spelled}
    if 2 * sum(emotion is not None for emotion in meant.values()) > len(spelled):
        others = [key for key, emotion in meant.items() if emotion is None]
        seven = EMOTIONS if not others else tuple(e for e in EMOTIONS if e in meant.values())
        classes = (*seven, *(spelled[key] for key in others))
        index = {key: classes.index(emotion or spelled[key]) for key, emotion in meant.items()}
    else:
        classes = tuple(spelled.values())
        index = {key: number for number, key in enumerate(spelled)}
    return classes, {name: index[name.strip().casefold()] for name in given}


def indices_in(classes: Sequence[str], others: Sequence[str]) -> list[int | None]:
    """Return for each class its index in ``others``, by meaning: "anger" is found in "Angry"; None: it is not
    there.
    """
    places = {_key(name): place for place, name in reversed(list(enumerate(others)))}
    return [places.get(_key(name)) for name in classes]


def _key(name: str) -> str:
    return (meaning(name) or name.strip()).casefold()


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return what sorts names by the alphabet, and the numbers in them by their size."""
    parts = re.findall(r"\d+|\D+", name.strip().casefold()) or [""]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts] + [(1, 0, name)]
