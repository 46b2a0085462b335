"""JSON that somebody else may have written: parsed within limits, and compared with a description of what it
should be.

    RUN = {"epochs": Whole(1), "name": str, "seed?": (int, None), "layers": [LAYER], "faces": {str: int}, …: …}

    int, float, str, bool    a value of this type; a bool is no int, and an int is also a float
    None                     null
    (a, b)                   one of these
    [a]                      a list of them
    {"name": a, "name?": b}  an object with these keys; those with "?" may be missing
    {str: a}                 an object of any keys
    …: …                     in an object: other keys are not looked at
    Whole(least, most)       an integer in this range
    Any                      not looked at

A description stands beside the code that writes the file. This is less than JSON Schema, and enough: a library
for that would be a requirement of every installation, for three files.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minicnn._base.messages import reason, shown

LARGEST = 1 << 24  # characters
DEEPEST = 100  # levels
_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", None: "null"}


@dataclass(frozen=True)
class Whole:
    """An integer from ``least`` to ``most``."""

    least: int = 0
    most: int = 1 << 63

    def __str__(self) -> str:
        return f"a whole number from {self.least}"


def parse(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, too long or nested too deep, has a key twice or a number that is not finite.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text):,} characters of JSON, more than {LARGEST:,}")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"as JSON it cannot be used: {reason(error)}") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"its JSON is nested more than {DEEPEST} levels deep")
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"one of the keys {shown(sorted(key for key, _ in pairs))} is there twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {shown(text)} is not finite")
    return number


def check(value: Any, expected: Any, where: str = "") -> None:
    """Check a value against a description; see the module.

    Raises:
        ValueError: it does not fit; the message says where, what was found and what was expected.
    """
    if not _fits(value, expected):
        place = f"{where or 'the content'} is {shown(value)}"
        raise ValueError(f"{place}: expected {_words(expected)}")
    if isinstance(expected, tuple):
        check(value, next(each for each in expected if _fits(value, each)), where)
    elif isinstance(expected, list):
        for number, each in enumerate(value):
            check(each, expected[0], f"{where}[{number}]")
    elif isinstance(expected, Mapping):
        _check_keys(value, expected, where)


def _check_keys(value: Mapping[str, Any], expected: Mapping[Any, Any], where: str) -> None:
    known = {key.rstrip("?"): each for key, each in expected.items() if isinstance(key, str)}
    begin = f"{where}." if where else ""
    for key in expected:
        if isinstance(key, str) and not key.endswith("?") and key not in value:
            raise ValueError(f"{begin}{key} is missing: expected {_words(expected[key])}")
    for key, each in value.items():
        if key in known:
            check(each, known[key], begin + key)
        elif str in expected:
            check(each, expected[str], begin + str(key)[:40])
        elif ... not in expected:
            raise ValueError(f"{begin}{str(key)[:40]} is unknown: expected {', '.join(known)}")


def _fits(value: Any, expected: Any) -> bool:
    """Return whether the outermost part of a value fits; the parts inside are not looked at."""
    if expected is Any:
        return True
    if isinstance(expected, tuple):
        return any(_fits(value, each) for each in expected)
    if isinstance(expected, list | Mapping):
        return isinstance(value, list if isinstance(expected, list) else Mapping)
    if isinstance(value, bool) or expected in (bool, None):
        return value is None if expected is None else isinstance(value, bool) and expected is bool
    if isinstance(expected, Whole):
        return isinstance(value, int) and expected.least <= value <= expected.most
    return isinstance(value, int | float if expected is float else expected)


def _words(expected: Any) -> str:
    if isinstance(expected, tuple):
        return " or ".join(_words(each) for each in expected)
    if isinstance(expected, list | Mapping):
        return "a list" if isinstance(expected, list) else "an object, {…}"
    return str(expected) if isinstance(expected, Whole) else _WORDS[expected]
