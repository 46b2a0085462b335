"""What is checked before a file is read or written."""

import importlib
from pathlib import Path
from typing import Any


def needed(module: str, extra: str) -> Any:
    """Return the imported module, which is not installed with minicnn but by an extra.

    Raises:
        ImportError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'this needs {module}, which cannot be imported ({error}): pip install "minicnn-fer[{extra}]", '
            f'or in a clone pip install -e ".[{extra}]"'
        ) from error


def check_built(model: Any) -> None:
    """Check that a model has its weights.

    Raises:
        ValueError: it is not built.
    """
    if not model.built:
        raise ValueError(
            f"{model.name} is not built: begin it with Input((48, 48, 1)), or call build((None, 48, 48, 1))"
        )


def check_folder(path: Path) -> None:
    """Check that there is a folder for the file at ``path``.

    Raises:
        FileNotFoundError: there is not.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
