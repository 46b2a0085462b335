"""What the commands share: their parser, and texts that name a command as the user has started it.

A command can be started in three ways: ``fer train``, ``python -m fer train``, ``python -m fer.train``. Texts
in the code have the last form; :func:`as_started` changes it into the user's form.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any


def end_at_once_on_ctrl_c() -> Any:
    """Let Ctrl-C end the process without a traceback while a command's modules are imported.

    ``errors.one_line`` handles it from then on. A signal that is ignored (nohup) stays ignored.

    Returns:
        What handled it before; None if that still does.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return None
    try:
        return signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not in the main thread
        return None


def as_started(text: str) -> str:
    """Return a text in which each ``python -m fer.VERB`` has the form in which this process was started."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py" and program.parent.name == "fer":
        return text.replace("python -m fer.", "python -m fer ")
    if program.stem == "fer":
        return text.replace("python -m fer.", "fer ")
    return text


def new_parser(
    verb: str, usage: str, description: str, epilog: str, **options: Any
) -> argparse.ArgumentParser:
    """Return the parser of a command, still without arguments.

    Args:
        verb: the command's name: "train".
        usage: what follows the command in its usage line; each line is another way to call it.
        description: one sentence.
        epilog: printed as it is, at the end of ``--help``: the examples.
        options: further arguments of ``ArgumentParser``.
    """
    from minicnn.terminal import Parser  # here, so that fer --help needs no NumPy

    ways = [f"python -m fer.{verb} {way}" for way in usage.splitlines()]
    return Parser(
        prog=f"fer.{verb}",
        usage=as_started("\n       ".join(ways)),
        description=description,
        epilog=as_started(epilog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )
