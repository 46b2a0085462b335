"""The operations: pure functions on arrays, in two implementations with the same names.

    minicnn.ops.reference   the definition: plain NumPy, the formula as in a textbook, any dtype, also complex
    minicnn.ops.kernels     the fast implementation: Numba, float32 and float64, one thread pool

``ops.conv2d_forward`` and the others run in the implementation that is in use at the time of the call:

    minicnn.ops.use("reference")                # from now on
    with minicnn.ops.use("reference"):          # in this block only
        model.fit(x, y)                         # every line of it is NumPy that a debugger can step through

Every forward function returns its result and a cache, every backward function takes the upstream gradient and
that cache. A cache belongs to the implementation that made it.
"""

import functools
from collections.abc import Callable
from types import FunctionType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from minicnn.ops import reference

if TYPE_CHECKING:
    from minicnn.ops.reference import *

IMPLEMENTATIONS = ("reference", "kernels")
_active: ModuleType | None = None  # None: the kernels, which are imported when an operation is first called


def _load(name: str) -> ModuleType:
    if name == "reference":
        return reference
    if name == "kernels":
        from minicnn.ops import kernels  # Numba takes half a second to import

        return kernels
    raise ValueError(f'ops.use({name!r}): expected "reference" or "kernels"')


class use:  # a verb that is also a context manager
    """Choose the implementation: ``use("reference")`` or ``use("kernels")``, from
    now on or in a ``with`` block.
    """

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
    return "reference" if _active is reference else "kernels"


def _operation(definition: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls the implementation in use; its documentation and
    source are the definition's.
    """
    name = definition.__name__

    @functools.wraps(definition)
    def operation(*args: Any, **kwargs: Any) -> Any:
        return getattr(_load("kernels") if _active is None else _active, name)(*args, **kwargs)

    return operation


NAMES = [name for name, value in vars(reference).items() if isinstance(value, FunctionType)]
if not TYPE_CHECKING:
    globals().update({name: _operation(getattr(reference, name)) for name in NAMES})
