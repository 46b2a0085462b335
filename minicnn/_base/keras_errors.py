"""The errors for what a Keras script uses and minicnn does not have. The table of it is in keras_gaps.py.

    removed     Keras 1 or 2 had it: the error names today's spelling.
    missing     Keras 3 has it: NotImplementedError, which names the nearest thing in minicnn.
                An argument with a value that changes nothing is accepted.
    unknown     anything else: the error that Python would raise, with a guess at what was meant.

Layers, optimizers and other classes pass the arguments that they do not know to `check_arguments`; the
``__getattr__`` of a module calls `refuse_name`. No other code knows of these spellings.
"""

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from minicnn._base.keras_gaps import ANY, ARGUMENTS, ATTRIBUTES, NAMES, Gap, Old
from minicnn._base.messages import shown
from minicnn._base.names import is_ours

HOME = __name__.partition(".")[0]
P = ParamSpec("P")
R = TypeVar("R")


class Missing(ImportError, NotImplementedError):
    """Keras has the name, minicnn does not. An ImportError, for ``from minicnn.layers import LSTM``."""


class Removed(ImportError):
    """A name that Keras itself has removed."""


def check_arguments(kind: str, owner: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise for arguments that ``owner`` does not know, unless Keras has them and the value changes nothing.

    Args:
        kind: what the owner is: "layer", "optimizer", "loss", "metric", "callback" or "method".
        owner: the class or the method that was called.
        given: the arguments that are not parameters of the owner.

    Raises:
        NotImplementedError: Keras has the argument, minicnn does not.
        TypeError: an old spelling, or an argument that does not exist.
    """
    if not given:
        return
    names = [one.__name__ for one in (owner.__mro__ if isinstance(owner, type) else [owner])]
    for argument, value in given.items():
        said = f"{names[0]}: {argument}={value!r}"
        row = _row(ARGUMENTS, argument, {kind, *names})
        if row is None:
            guess = _guess(argument, _arguments_of(owner))
            raise TypeError(f"{names[0]}: unknown argument {argument!r}{guess}")
        if isinstance(row, Old):
            raise TypeError(f"{said}: today's Keras says {row.instead}")
        accepted = row.harmless is ANY or (isinstance(value, Hashable) and value in row.harmless)
        if not accepted:
            raise NotImplementedError(f"{said} is Keras's, but not in minicnn. Nearest: {row.instead}")


def refuse_old_spellings(kind: str, owner: type, positions: Sequence[Any], given: Mapping[str, Any]) -> None:
    """Raise for old spellings among the arguments of a class of minicnn, before Python misses today's.

    Args:
        kind, owner, given: as :func:`check_arguments`.
        positions: the arguments by position.

    Raises:
        TypeError: it names today's spelling of all of them; for a convolution also that of its kernel's size.
    """
    old = {name: _row(ARGUMENTS, name, {kind}) for name in given if name in _old_arguments(kind)}
    old = {name: row for name, row in old.items() if name not in _arguments_of(owner)} if old else old
    if not old or not is_ours(owner):
        return
    said = ", ".join(f"{name}={shown(given[name])}" for name in old)
    today = "; ".join(dict.fromkeys(row.instead for row in old.values() if row))
    if "kernel_size" in _arguments_of(owner) and len(positions) > 2 and not isinstance(positions[1], tuple):
        rows, columns = (shown(each) for each in positions[1:3])
        today += f"; and kernel_size=({rows}, {columns}): a third number by position is strides"
    raise TypeError(f"{owner.__name__}: {said}: today's Keras says {today}")


@functools.cache
def _old_arguments(kind: str) -> frozenset[str]:
    """Return the arguments that one kind of object had in Keras 1 or 2."""
    rows = [row for row in ARGUMENTS if isinstance(row, Old) and kind in row.of.split()]
    return frozenset(name for row in rows for name in row.names.split())


def keras_arguments(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method: arguments that it does not know are looked up in the table."""
    known = set(_arguments_of(method))

    @functools.wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        check_arguments("method", method, {name: options.pop(name) for name in set(options) - known})
        return method(*arguments, **options)

    return call


def _arguments_of(owner: Callable[..., Any]) -> list[str]:
    """Return the names that a method takes, or a class and those that it passes arguments on to."""
    functions = (
        [vars(one)["__init__"] for one in owner.__mro__ if "__init__" in vars(one)]
        if isinstance(owner, type)
        else [owner]
    )
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind in named
    ]


def _row(table: Sequence[Gap], name: str, owners: set[str]) -> Gap | None:
    """Return the row of a table that has ``name`` for one of ``owners``."""
    for row in table:
        if name in row.names.split() and not owners.isdisjoint(row.of.split()):
            return row
    return None


def _guess(name: str, names: Iterable[str]) -> str:
    """Return "; did you mean …?" with the public name that is most like ``name``; "" if none is like it."""
    public = [one for one in names if not one.startswith("_")]
    same = [one for one in public if letters(one) == letters(name)]
    close = same or difflib.get_close_matches(name, public, n=1, cutoff=0.75)
    return f"; did you mean {close[0]!r}?" if close else ""


def refuse_name(module: str, name: str) -> None:
    """Raise if Keras has ``name`` in ``module`` ("minicnn.layers" or "layers") and minicnn does not.

    Case and underscores do not count, because a registry looks up strings such as "lion" too.

    Raises:
        Missing: Keras has it, minicnn does not.
        Removed: an old spelling.
    """
    module = module.removeprefix(HOME).lstrip(".")  # "" for the package itself
    place = f"{HOME}.{module}" if module else HOME
    for row in NAMES:
        if row.of == (module or "keras") and letters(name) in map(letters, row.names.split()):
            if isinstance(row, Old):
                raise Removed(
                    f"{place}.{name}: Keras has dropped it. Today's spelling: {row.instead}", name=place
                )
            raise Missing(
                f"{place}.{name} is Keras's, but not in minicnn. Nearest: {row.instead}", name=place
            )


def letters(name: str) -> str:
    """Return what "HeNormal", "he_normal" and "HENORMAL" have in common."""
    return name.replace("_", "").lower()


def add_getattr(module: str, later: Mapping[str, Callable[[], Any]] | None = None) -> None:
    """Give a module a ``__getattr__`` that looks up missing names in the table.

    Type checkers do not see it, so that they report a name that does not exist.

    Args:
        module: its name.
        later: name -> a function that imports it, for what is imported when it is first used.
    """
    names = vars(sys.modules[module])

    def missing_attribute(name: str) -> Any:
        if later and name in later:
            return later[name]()
        refuse_name(module, name)
        guess = _guess(name, names.get("__all__", names))
        raise AttributeError(f"module {module!r} has no attribute {name!r}{guess}")

    names["__getattr__"] = missing_attribute


def no_attribute(kind: str, instance: Any, name: str) -> AttributeError:
    """Return the error for an attribute that an object does not have: a ``__getattr__`` raises it."""
    message = f"{type(instance).__name__!r} object has no attribute {name!r}"
    row = _row(ATTRIBUTES, name, {kind})
    if isinstance(row, Old):
        message += f": Keras has dropped it. Today's spelling: {row.instead}"
    elif row is not None:
        message += f": it is Keras's, but not in minicnn. Nearest: {row.instead}"
    elif not name.startswith("_"):
        message += _guess(name, dir(type(instance)))
    return AttributeError(message, name=name, obj=instance)
