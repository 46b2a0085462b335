"""What a command says when it cannot go on: one line on the error stream, no traceback.

Only two kinds of error are the user's to mend: input that cannot be used (:class:`BadInput`) and the file
system's (``OSError``: no such file, no permission, no space). Anything else is a fault of the program and
keeps its traceback.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """A file or a setting that cannot be used; the message names it, what was found and what was expected."""


@contextmanager
def one_line(command: str) -> Iterator[None]:
    """Turn the user's errors into one line and exit status 2, Ctrl-C into one line and its status, 130."""
    try:
        yield
    except (BadInput, OSError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        print(f"\n{command}: {str(stop) or 'stopped.'}", file=sys.stderr)
        raise SystemExit(getattr(stop, "status", 130)) from None
