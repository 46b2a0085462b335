"""Errors of the user's input: a command prints them in one line on the error stream, without a traceback.

Only two kinds of error are the user's to correct: input that cannot be used (:class:`BadInput`) and errors of
the file system (``OSError``: no such file, no permission, no space). Any other error is a bug and keeps its
traceback.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fer.command_line import as_started
from minicnn.saving import UnusableFile

_LONGEST = 120


class BadInput(ValueError):
    """A file or a setting that cannot be used; the message names it, what was found and what was expected."""


def short_message(error: Exception) -> str:
    """Return an error's text in one line of at most 120 printable characters; its
    type's name where it has no text.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _message(error: BadInput | OSError) -> str:
    """Return an error's text; of the system's own errors "file: what is wrong"."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


@contextmanager
def expecting(what: str) -> Iterator[None]:
    """Within the block, a path that names no regular file becomes a BadInput that says what was expected."""
    try:
        yield
    except UnusableFile as error:
        raise BadInput(f"{error}; expected {what}") from None


@contextmanager
def one_line(command: str) -> Iterator[None]:
    """Run a command: the user's errors become one line and exit status 2, Ctrl-C one line and status 130.

    Args:
        command: its name, which begins the line: "fer.train".

    Raises:
        SystemExit: with the status.
    """
    try:
        yield
    except BrokenPipeError:  # the program that read our output, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (BadInput, OSError) as error:
        print(as_started(f"{command}: {_message(error)}"), file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        print(as_started(f"\n{command}: {str(stop) or 'stopped.'}"), file=sys.stderr)
        raise SystemExit(getattr(stop, "status", 130)) from None
