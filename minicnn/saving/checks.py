"""Checks before a file is read or written."""

import importlib
from pathlib import Path
from typing import Any


def install_command(extra: str) -> str:
    """Return the commands that install an extra of pyproject.toml."""
    return f'pip install "minicnn-fer[{extra}]", or in a clone pip install -e ".[{extra}]"'


def needed(module: str, extra: str) -> Any:
    """Import and return a third-party module that only an extra of minicnn installs.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this needs {module}, which cannot be imported ({error}): {install_command(extra)}"
        ) from error


def check_built(model: Any) -> None:
    """Check that a model is built.

    Raises:
        ValueError: it is not: it has no weights yet.
    """
    if not model.built:
        raise ValueError(
            f"{model.name} is not built: begin it with Input((48, 48, 1)), or call build((None, 48, 48, 1))"
        )


def check_folder(path: Path) -> None:
    """Check that the folder of the file ``path`` exists.

    Raises:
        FileNotFoundError: it does not.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
