"""Parts of error messages that come from a file or from a user: cut to a length that can be read."""

import reprlib
from typing import Any

LONGEST = 300  # characters of a message
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 80


def shown(value: Any) -> str:
    """Return ``repr(value)``, of long values only the beginning and the end."""
    try:
        return shortened(_repr.repr(value), 160)
    except (ValueError, RecursionError):  # an integer of too many digits
        return f"a {type(value).__name__}"


def counted(count: int, noun: str) -> str:
    """Return "1 input", "2 inputs", "2,304 inputs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text of at most ``most`` characters: of a longer one the beginning and the end."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def reason(error: BaseException) -> str:
    """Return an error's text, shortened, in one line; with its type's name if the text alone says little."""
    text = " ".join(str(error).split())
    if isinstance(error, KeyError):
        return f"it lacks {shortened(text, 80)}"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return shortened(text) or type(error).__name__
