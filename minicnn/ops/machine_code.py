"""Machine code on disk: a function is compiled once, and loaded at the next start.

Numba's own cache (``cache=True``) looks at the file of a function alone. But functions and constants of other
files are compiled into it, and an edit of those would not be noticed. So all code that is compiled together
is kept in one folder, whose name holds a hash of all its sources:

    <name>-<hash>/<module>.<function>-<hash of the argument types>.nbc

The folder lies in the first of these places that can be written to:

    NUMBA_CACHE_DIR                 if that variable is set
    __pycache__ beside the sources
    the user's cache folder         ~/.cache/minicnn on Linux; for an installation that is read-only

If there is none, functions are compiled in memory. Nothing is written before a function is compiled for the
first time, and no setting of Numba changes.

A file is written under another name first and then renamed, so that processes that compile at the same time
do not disturb each other, and it begins with a checksum, so that a damaged file counts as missing. What a killed
process leaves under the other name is removed by the next.
"""

import functools
import hashlib
import os
import pickle
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

_config: Any = numba.config  # which has no types
KEEP = 4  # folders of one name in one place: as many versions of the sources can alternate without compiling again


class MachineCode:
    """The machine code of a few source files that are compiled together.

    Args:
        name: the folder's name begins with it.
        sources: all files whose functions or constants are compiled; the first one lies
            where ``__pycache__`` should.
    """

    def __init__(self, name: str, sources: Iterable[Path]) -> None:
        first, *others = sources
        self.name, self.beside = name, first.parent
        self.folder_name = ""  # there is nothing to hash: sources in an archive, or none
        self.writable = False
        # read now, not at the first compilation: the hash is that of the code that has been imported
        with suppress(OSError):
            texts = [path.read_bytes() for path in (first, *sorted(others))]
            versions = f"{numba.__version__} {sys.implementation.cache_tag}".encode()
            digests = b"".join(hashlib.sha256(text).digest() for text in [versions, *texts])
            self.folder_name = f"{name}-{hashlib.sha256(digests).hexdigest()[:16]}"

    def compiled(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Return a decorator: ``numba.njit(**options)``, with the machine code kept here."""

        def decorate(function: Callable[..., Any]) -> Any:
            dispatcher = numba.njit(**options)(function)
            if not _config.DISABLE_JIT:
                dispatcher._cache = _Cache(function, self)
            return dispatcher

        return decorate

    @functools.cached_property
    def folders(self) -> list[Path]:
        """The folders to load from; the last one is that to save in, if it is :attr:`writable`."""
        found: list[Path] = []
        for place in self._places():
            found.append(place / self.folder_name)
            if _make(found[-1]):
                self.writable = True
                self._remove_old(place)
                _remove_unfinished(found[-1])
                break
        return found

    def _places(self) -> list[Path]:
        if not self.folder_name:
            return []
        given = [Path(_config.CACHE_DIR).absolute()] if _config.CACHE_DIR else []
        user = Path(AppDirs(appname="minicnn", appauthor=False).user_cache_dir)
        # without a home, "~" stays in the path
        return [*given, self.beside / "__pycache__", *([user] if user.is_absolute() else [])]

    def _remove_old(self, place: Path) -> None:
        """Remove this name's folders from a place, all but those used last."""
        with suppress(OSError):  # another process may be removing them
            pattern = re.compile(re.escape(self.name) + "-[0-9a-f]{16}")
            kin = [path for path in place.iterdir() if pattern.fullmatch(path.name)]
            for old in sorted(kin, key=lambda path: path.stat().st_mtime)[:-KEEP]:
                shutil.rmtree(old, ignore_errors=True)


def _make(folder: Path) -> bool:
    """Make a folder if need be; return whether it can be written to. Its time says when it was last used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except OSError:
        return False
    return True


def _remove_unfinished(folder: Path) -> None:
    """Remove the files that killed processes were writing. Writing takes less than a second; if a process still
    does after a minute (its machine slept), it goes on without its file.
    """
    with suppress(OSError):  # another process may be removing them
        for path in folder.glob("*.nbc.*"):
            if path.stat().st_mtime < time.time() - 60:
                path.unlink()


class _Cache(FunctionCache):
    """What a Numba dispatcher asks for machine code before it compiles, and gives it to afterwards.

    Of Numba's own cache it uses the key, ``_index_key``, which is the same from Numba 0.62 to 0.68.
    """

    def __init__(self, function: Callable[..., Any], code: MachineCode) -> None:
        self._py_func, self._code = function, code
        name = f"{function.__module__}.{function.__qualname__}"
        # without the <> of <locals>, which Windows does not allow
        self._name = re.sub("[^a-zA-Z0-9_.]", "", name)
        self.enable()

    @property
    def cache_path(self) -> str | None:
        return str(self._code.folders[-1]) if self._code.writable else None

    def flush(self) -> None:
        """Do nothing: a file is replaced when its function is compiled again."""

    def _key(self, signature: Any, codegen: Any) -> Any:
        # Numba's key: argument types, processor, bytecode, closure; the line tells
        # apart functions of one name
        return self._py_func.__code__.co_firstlineno, self._index_key(signature, codegen)

    def _file(self, key: Any) -> str:
        return f"{self._name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        for folder in self._code.folders:
            with suppress(OSError):
                data = (folder / self._file(key)).read_bytes()
                if data[:32] == hashlib.sha256(data[32:]).digest():
                    saved_key, result = pickle.loads(data[32:])
                    if saved_key == key:
                        return CompileResult._rebuild(target_context, *result)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not self._code.writable or data.library.has_dynamic_globals:  # these are addresses in this process
            return
        key = self._key(sig, data.codegen)
        content = dumps((key, data._reduce()))
        path = self._code.folders[-1] / self._file(key)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}")
        with suppress(OSError):  # a full disk, or a folder that another process has removed
            try:
                unfinished.write_bytes(hashlib.sha256(content).digest() + content)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
