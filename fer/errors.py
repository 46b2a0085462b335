"""What a command says when it cannot go on: one line on the error stream, no traceback.

Only two kinds of error are the user's to mend: input that cannot be used (:class:`BadInput`) and the file
system's (``OSError``: no such file, no permission, no space). Anything else is a fault of the program and
keeps its traceback.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """A file or a setting that cannot be used; the message names it, what was found and what was expected."""


def _said(error: BadInput | OSError) -> str:
    """Return the message, of the system's own errors as "file: what is wrong"."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


@contextmanager
def one_line(command: str) -> Iterator[None]:
    """Turn the user's errors into one line and exit status 2, Ctrl-C into one line and its status, 130."""
    try:
        yield
    except BrokenPipeError:  # whoever read our output, such as head, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (BadInput, OSError) as error:
        print(f"{command}: {_said(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        print(f"\n{command}: {str(stop) or 'stopped.'}", file=sys.stderr)
        raise SystemExit(getattr(stop, "status", 130)) from None
