"""The operations: pure functions on arrays, in two implementations with the same names.

    minicnn.ops.reference   the definition: plain NumPy, the formula as in a textbook, any dtype, also complex
    minicnn.ops.kernels     the fast implementation: Numba, float32 and float64, one thread pool

``ops.conv2d_forward`` and the others run in the implementation that is in use at the time of the call:

    minicnn.ops.use("reference")                # from now on
    with minicnn.ops.use("reference"):          # in this block only
        model.fit(x, y)                         # every line of it is NumPy that a debugger can step through

The choice holds for one thread or asyncio task; a new thread begins with the kernels. Any number of threads may
call operations and models: they take turns, see turns.py.

Every forward function returns its result and a cache, every backward function takes the upstream gradient and
that cache. A cache belongs to the implementation that made it.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from types import FunctionType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from minicnn.ops import reference
from minicnn.ops.turns import LOCK
from minicnn.ops.turns import in_turn as in_turn
from minicnn.ops.turns import turn as turn

if TYPE_CHECKING:
    from minicnn.ops.reference import *

IMPLEMENTATIONS = ("reference", "kernels")
# what was chosen: outside of all blocks, then in each open block, (block, implementation); the last one counts.
# None: the kernels, which are imported when an operation is first called
_choices: ContextVar[tuple[tuple[Any, ModuleType | None], ...]] = ContextVar(
    "minicnn.ops.use", default=((None, None),)
)


def _load(name: str) -> ModuleType:
    if name == "reference":
        return reference
    if name == "kernels":
        with LOCK:  # a process that is forked in the middle of an import can never finish it
            from minicnn.ops import kernels  # Numba takes half a second to import

        return kernels
    raise ValueError(f'ops.use({name!r}): expected "reference" or "kernels"')


class use:  # a verb that is also a context manager
    """Choose the implementation: ``use("reference")`` or ``use("kernels")``, from now on or in a ``with`` block.

    It holds for this thread (for an asyncio task, in this task) and no other: a new thread begins with the
    kernels. Blocks may end in any order.
    """

    def __init__(self, name: str) -> None:
        self._module = _load(name)
        self._before = _choices.get()
        *outer, (block, _) = self._before
        self._after = (*outer, (block, self._module))
        _choices.set(self._after)

    def __enter__(self) -> None:
        choices = _choices.get()
        # in ``with use(…):`` the constructor has just chosen: the block is to end with what was before that
        before = self._before if choices is self._after else choices
        _choices.set((*before, (self, self._module)))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        choices = _choices.get()
        for place in reversed(range(1, len(choices))):
            if choices[place][0] is self:
                _choices.set(choices[:place] + choices[place + 1 :])
                return


def active() -> str:
    """Return the name of the implementation in use: "reference" or "kernels"."""
    return "reference" if _choices.get()[-1][1] is reference else "kernels"


def _operation(definition: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls the implementation in use; its documentation and
    source are the definition's.
    """
    name = definition.__name__

    @functools.wraps(definition)
    def operation(*args: Any, **kwargs: Any) -> Any:
        return getattr(_choices.get()[-1][1] or _load("kernels"), name)(*args, **kwargs)

    return operation


NAMES = [name for name, value in vars(reference).items() if isinstance(value, FunctionType)]
if not TYPE_CHECKING:
    globals().update({name: _operation(getattr(reference, name)) for name in NAMES})
