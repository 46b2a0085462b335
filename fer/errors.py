"""Errors of the user's input: a command prints them in one line on the error stream, without a traceback.

Only two kinds of error are the user's to correct: input that cannot be used (:class:`BadInput`) and errors of
the file system (``OSError``: no such file, no permission, no space). Any other error is a bug and keeps its
traceback.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from fer.command_line import as_started
from minicnn import terminal
from minicnn.saving import UnusableFile
from minicnn.terminal import message

__all__ = ["BadInput", "expecting", "message", "one_line", "short_message"]

_LONGEST = 120


class BadInput(ValueError):
    """A file or a setting that cannot be used; the message names it, what was found and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(terminal.printable(message))


def short_message(error: Exception) -> str:
    """Return an error's text in one line of at most 120 printable characters; its
    type's name where it has no text.
    """
    return terminal.printable(" ".join(str(error).split()) or type(error).__name__, _LONGEST)


@contextmanager
def expecting(what: str) -> Iterator[None]:
    """Within the block, a path that names no regular file becomes a BadInput that says what was expected."""
    try:
        yield
    except UnusableFile as error:
        raise BadInput(f"{error}; expected {what}") from None


def one_line(command: str) -> AbstractContextManager[None]:
    """Run a command: the user's errors become one line and exit status 2, Ctrl-C one line and status 130.

    Args:
        command: its name, which begins the line: "fer.train".

    Raises:
        SystemExit: with the status.
    """
    return terminal.command(command, BadInput, reword=as_started)
