"""Errors of the user's input: a command prints them in one line on the error stream, without a traceback.

Only two kinds of error are the user's to correct: input that cannot be used (:class:`BadInput`) and errors of
the file system (``OSError``: no such file, no permission, no space). Any other error is a bug and keeps its
traceback.
"""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from fer.command_line import as_started
from minicnn import terminal
from minicnn.saving import UnusableFile
from minicnn.terminal import message

__all__ = ["BadInput", "expecting", "message", "one_line", "quiet", "short_message"]

_LONGEST = 120


class BadInput(ValueError):
    """A file or a setting that cannot be used; the message names it, what was found and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(terminal.printable(message))


def short_message(error: Exception) -> str:
    """Return an error's text, if none its type's name, in a line of at most 120 printable characters."""
    return terminal.printable(" ".join(str(error).split()) or type(error).__name__, _LONGEST)


@contextmanager
def expecting(what: str) -> Iterator[None]:
    """Within the block, a path that names no regular file becomes a BadInput that says what was expected."""
    try:
        yield
    except UnusableFile as error:
        raise BadInput(f"{error}; expected {what}") from None


class _Thread:
    """In place of the expression for a module's name in a filter of warnings: it fits in one thread only."""

    def __init__(self) -> None:
        self.number: int | None = threading.get_ident()

    def match(self, module: str) -> bool:
        return self.number == threading.get_ident()


@contextmanager
def quiet(beginning: str = "") -> Iterator[None]:
    """Within the block, discard the warnings of this thread whose text fits a regular expression.

    ``warnings.catch_warnings`` would discard those of all threads; two blocks that overlap would do so for ever.
    """
    thread = _Thread()
    entry = ("ignore", re.compile(beginning), Warning, thread, 0)
    filters: Any = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        thread.number = None  # another thread's catch_warnings may have a copy of the list
        present: Any = warnings.filters
        for each in (filters, present):
            with suppress(ValueError):
                each.remove(entry)


def one_line(command: str) -> AbstractContextManager[None]:
    """Run a command: the user's errors become one line and exit status 2, Ctrl-C one line and status 130.

    Args:
        command: its name, which begins the line: "fer.train".

    Raises:
        SystemExit: with the status.
    """
    return terminal.command(command, BadInput, reword=as_started)
