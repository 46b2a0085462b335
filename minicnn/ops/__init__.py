"""Pure functions on arrays, in two implementations of one list of names.

    minicnn.ops.reference   the definition: plain NumPy, the formula as the textbook writes it, any dtype, also complex
    minicnn.ops.kernels     the machine: Numba, float32 and float64, one thread pool

``ops.conv2d_forward`` and its siblings are looked up in whichever is in use, at each call:

    minicnn.ops.use("reference")                # from now on
    with minicnn.ops.use("reference"):          # or in this block only
        model.fit(x, y)                         # every line of it is NumPy that a debugger can step through

Every forward function returns its result and a cache, every backward function takes the upstream gradient and that
cache. A cache belongs to the implementation that made it.
"""

import importlib
from types import ModuleType, TracebackType
from typing import Any

IMPLEMENTATIONS = ("reference", "kernels")
_active: ModuleType | None = None


def _load(name: str) -> ModuleType:
    if name not in IMPLEMENTATIONS:
        raise ValueError(f'ops.use({name!r}): expected "reference" or "kernels"')
    return importlib.import_module(f"minicnn.ops.{name}")


class use:  # a verb that is also a context manager
    """Choose the implementation: ``use("reference")`` or ``use("kernels")``, for good or in a ``with`` block."""

    def __init__(self, name: str) -> None:
        global _active
        chosen = _load(name)
        self._before, _active = _active, chosen

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        global _active
        _active = self._before


def active() -> str:
    """Return the name of the implementation in use: "reference" or "kernels"."""
    return "kernels" if _active is None else _active.__name__.rpartition(".")[2]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name in ("reference", "kernels", "geometry"):
        raise AttributeError(name)
    module = _load("kernels") if _active is None else _active
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(
            f"minicnn.ops has no operation {name!r} in its {active()} implementation"
        ) from None
