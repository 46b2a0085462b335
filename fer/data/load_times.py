"""How long reading a file takes, for ``python -m fer.dataset --time FILE``.

The file is read once before, so that it is in the system's page cache and the disk is not measured. The times
are medians of several reads. The first read is measured by itself: it also loads compiled code (or, once
after installation, compiles it for a second) and uses its memory for the first time.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import cache, formats

REPEATS = 5


def report(path: Path) -> Iterator[str]:
    """Measure each way to read the file, and yield a line for each."""
    path = formats.find(path)
    _into_page_cache(path)
    with _temporary_cache():

        def read_uncached() -> None:
            cache.remove(path)
            formats.read(path)

        yield _line("the first read in this process", [_seconds(read_uncached)])
        yield _line("read, parsed, hashed and cached", [_seconds(read_uncached) for _ in range(REPEATS)])
        if cache.contains(path):
            yield _line("read from the cache", [_seconds(lambda: formats.read(path)) for _ in range(REPEATS)])
        else:
            yield f"  read from the cache: not cached, because it has fewer than {cache.MIN_FACES} faces"
    if path.suffix.lower() == ".csv":
        times = [_seconds(lambda: _read_with_pandas(path)) for _ in range(3)]
        yield _line("for comparison, with pandas and NumPy", times)


def _read_with_pandas(path: Path) -> tuple[Any, np.ndarray]:
    """Read a CSV file as most notebooks do."""
    import pandas

    frame = pandas.read_csv(path)
    pixels = [np.fromstring(text, np.uint8, sep=" ") for text in frame.filter(regex="pixels").iloc[:, 0]]
    return frame, np.stack(pixels).reshape(-1, 48, 48)


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _line(what: str, times: list[float]) -> str:
    spread = f"   median of {len(times)}, {min(times):.3f} to {max(times):.3f}" if len(times) > 1 else ""
    return f"{statistics.median(times):8.3f} s  {what:<44}{spread}".rstrip()


def _into_page_cache(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


@contextmanager
def _temporary_cache() -> Iterator[None]:
    """Use an empty cache within the block, and delete it at the end."""
    before = os.environ.get(cache.VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[cache.VARIABLE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[cache.VARIABLE]
            else:
                os.environ[cache.VARIABLE] = before
