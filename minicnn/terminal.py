"""What a command prints, on any terminal, and how it ends.

A file's name can hold anything: a line break, the escape sequences that move a terminal's cursor, marks that
turn the direction of writing, bytes that are no text. ``printable`` shows such characters by their numbers.
``command`` runs a command: whatever stdout and stderr are (closed, a pipe that nobody reads, a terminal that
knows ASCII alone), its errors are one line each, and the status is

    0 done   2 input that cannot be used, or an error of the file system   130 Ctrl-C

A reader that has seen enough (``| head -1``) is no error.
"""

import argparse
import codecs
import contextlib
import errno
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from minicnn._base.messages import shortened

MOST = 600  # characters of a line that holds a stranger's text
NAME = 60  # characters of a file's name where there is little room
_ERRORS = "minicnn.terminal"  # the name under which codecs knows _in_ascii
_ASCII = {
    "×": "x", "·": "*", "±": "+/-", "–": "-", "−": "-", "…": "...", "→": "->", "←": "<-", "≥": ">=", "≤": "<=",
    "√": "sqrt", "²": "^2", "′": "'", "ᵀ": "^T", "°": " degrees", "∂": "d", "✓": "ok", "─": "-", "└": "`",
    "Σ": "sum", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "λ": "lambda", "μ": "mu",
    "π": "pi", "ρ": "rho", "σ": "sigma", "ℓ": "l", "ᵗ": "^t", "₁": "_1", "₂": "_2", "■": "#",
    "✗": "x", "“": '"', "”": '"', "µ": "u", "½": "1/2",
}  # fmt: skip


def printable(text: object, most: int = MOST) -> str:
    """Return a text in one line of printable characters; the others are shown by their numbers.

    These are control characters, line breaks, marks without width or for the direction of writing, and bytes
    that are not UTF-8. So "a\\n.png" becomes "a\\\\n.png".

    Args:
        text: anything that has a text, such as a path.
        most: a longer text is cut in its middle.
    """
    shown = "".join(
        letter if letter.isprintable() or unicodedata.category(letter) == "Zs" else _number(letter)
        for letter in str(text)
    )
    return shortened(shown, most)


def say(*lines: object, file: TextIO | None = None) -> None:
    """Print lines, each made printable, and flush."""
    for line in lines:
        print(printable(line, most=10_000), file=file)
    (file or sys.stdout).flush()


class Parser(argparse.ArgumentParser):
    """A command line's parser: an error is one line, without the usage; an empty argument is an error."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("type", None, _text)  # the type of arguments without one

    def error(self, message: str) -> NoReturn:
        """Exit with one line and status 2."""
        self.exit(2, printable(f"{self.prog}: {message} (--help shows what can be given)") + "\n")


def _text(argument: str) -> str:
    """Return the argument, if it is one: "" is mostly an unset variable of a script, and no path."""
    if not argument:
        raise argparse.ArgumentTypeError("it is empty, expected a text")
    return argument


@contextmanager
def command(name: str, *bad_input: type[Exception], reword: Callable[[str], str] = str) -> Iterator[None]:
    """Run a command: the user's errors become one line and exit status 2, Ctrl-C one line and status 130.

    Args:
        name: begins the line: "minicnn.explain".
        bad_input: errors, besides those of the file system, that the user can mend. Others keep their
            traceback.
        reword: changes the line before it is printed.

    Raises:
        SystemExit: with the status; a KeyboardInterrupt's attribute ``status`` takes the place of 130.
    """
    mended_by_user: tuple[type[Exception], ...] = (OSError, *bad_input)
    with _any_terminal(), _ctrl_c_as_exception():
        try:
            try:
                yield
            except SystemExit:
                _flush()
                raise
            _flush()
        except BrokenPipeError as error:  # the program that read our output, such as head, has ended
            before = error.__context__
            raise SystemExit(before.code if isinstance(before, SystemExit) else 0) from None
        except mended_by_user as error:
            _last_line(reword(f"{name}: {message(error)}"))
            raise SystemExit(2) from None
        except KeyboardInterrupt as stop:
            _last_line(reword(f"{name}: {str(stop) or 'stopped.'}"), after="\n")
            raise SystemExit(getattr(stop, "status", 130)) from None


def _flush() -> None:
    """Write what is still in the buffers now, where errors are caught, and not at Python's exit."""
    sys.stdout.flush()
    sys.stderr.flush()


def message(error: Exception) -> str:
    """Return an error's text; of the system's own errors "file: what is wrong".

    Our own files are named by their errors (``saving.replacing``), so what is full without a name is the
    standard output.
    """
    if isinstance(error, OSError) and error.strerror:
        full = error.filename is None and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EIO)
        name = "standard output" if full else error.filename
        return error.strerror if name is None else f"{name}: {error.strerror}"
    return str(error) or type(error).__name__


def _last_line(text: str, after: str = "") -> None:
    with contextlib.suppress(OSError):  # stderr may be what is broken
        print(after + printable(text), file=sys.stderr, flush=True)


@contextmanager
def _any_terminal() -> Iterator[None]:
    """Within the block stdout and stderr are open, and print any text; after it, Python can exit quietly."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by the shell: the next file that is opened would get its number
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(_ERRORS, _in_ascii)
    with contextlib.ExitStack() as undo:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:
                undo.callback(setattr, sys, name, None)
                stream = undo.enter_context(open(os.devnull, "w", encoding="utf-8"))
                setattr(sys, name, stream)
            if hasattr(stream, "reconfigure"):
                undo.callback(_restore, stream, stream.errors)
                stream.reconfigure(errors=_ERRORS)
        yield


def _restore(stream: Any, errors: str) -> None:
    """Undo what was done to a stream; what can't be written is dropped, or Python would try it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        stream.reconfigure(errors=errors)


@contextmanager
def _ctrl_c_as_exception() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt within the block, if before it ended the process at once."""
    try:
        at_once = signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        if at_once:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:  # not in the main thread
        at_once = False
    try:
        yield
    finally:
        if at_once:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that a terminal does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_ASCII.get(letter) or _number(letter) for letter in letters), error.end


def _number(letter: str) -> str:
    r"""Return a character's number as Python writes it, \n, \x1b, \u202e; of a byte that is not UTF-8 \xff."""
    code = ord(letter)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else ascii(letter)[1:-1]


__all__: Sequence[str] = ["Parser", "command", "message", "printable", "say"]
