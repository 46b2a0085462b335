"""How long reading a file takes, for ``python -m fer.dataset --time FILE``.

The file should lie in the page cache, so that the disk is not measured: it is read through once before. Medians of
several reads, and of the first apart: that one also loads compiled code (or, once after installation, compiles it for a
second) and touches its memory for the first time.
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
    """Measure, and yield a line for each way to read the file."""
    path = formats.find(path)
    _into_page_cache(path)
    with _cache_of_its_own():

        def afresh() -> None:
            cache.forget(path)
            formats.read(path)

        yield _line("the first read in this process", [_seconds(afresh)])
        yield _line("read, parsed, hashed and kept in the cache", [_seconds(afresh) for _ in range(REPEATS)])
        if cache.holds(path):
            yield _line("read from the cache", [_seconds(lambda: formats.read(path)) for _ in range(REPEATS)])
        else:
            yield f"  read from the cache: not kept there, for it has fewer than {cache.FEWEST} faces"
    if path.suffix.lower() == ".csv":
        times = [_seconds(lambda: _the_usual_way(path)) for _ in range(3)]
        yield _line("the usual way, with pandas and NumPy", times)


def _the_usual_way(path: Path) -> tuple[Any, np.ndarray]:
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
def _cache_of_its_own() -> Iterator[None]:
    """Let reads use an empty cache, which is deleted in the end."""
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
