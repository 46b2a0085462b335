"""The forms in which people write two passes, brought into one: forward(**arrays) -> (y, cache), backward(dy, cache).

(forward, backward)           forward may return y alone: its cache is then in an object, or backward takes
                              dy and the arrays, by their names. backward(cache, dy) too
a pair with a context         forward(ctx, **arrays) -> y and backward(ctx, dy), as in PyTorch's autograd functions
an object                     with forward (or __call__) and backward. An array that forward does not take is one
                              of its weights, in layer.W, layer.W.data or layer.params["W"]; the gradient is in
                              layer.dW, layer.W.grad or layer.grads["W"], or returned. zero_grad() is called before
                              each backward pass, if there is one
f(**arrays)                   -> (loss, gradients), or (y, backward)
"""

import copy
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minicnn.gradient_check.answers import title

# what people call the two arguments of backward, without underscores and in small letters
UPSTREAM = re.compile(
    r"d(?!ata|ict|im|rop)\w{1,3}|dout\w*|dvalues?|dl\w+|g?out|\w*(grad|upstream|error|delta)\w*|err|adj\w*"
)
PERHAPS_UPSTREAM = re.compile(r"d|g\w?|e|v")
CACHE = re.compile(r"c|ca|\w*(cache|ctx|context|saved|stored|memory|tape|state|input)\w*|mem|x\w?|z")
WEIGHTS, GRADIENTS = ("params", "weights", "parameters"), ("grads", "gradients", "grad")
ZERO = ("zero_grad", "zero_grads", "zero_gradients", "clear_grads")

Pass = Callable[..., Any]


class Alone(NamedTuple):
    """The cache of a forward pass that returns y alone: what it was called with."""

    values: Mapping[str, Any]


class Given(NamedTuple):
    """The cache of a function that returns the gradients too, for an upstream gradient of 1."""

    gradients: Any


class Context:
    """The ctx of PyTorch's style: what forward keeps for backward."""

    saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *arrays: Any) -> None:
        """Keep arrays as ``saved_tensors``."""
        self.saved_tensors = arrays


def in_one_form(op: Any, names: Sequence[str], cache_first: bool | None = None) -> tuple[Pass, Pass]:
    """Return the two passes of anything that has them.

    ``cache_first``: whether it is backward(cache, dy) where the names of the arguments do not say; if they do not,
    the backward pass that is returned has the attribute ``unsaid``.

    Raises:
        ValueError: it is a class, or has none.
    """
    if isinstance(op, tuple | list) and len(op) == 2 and all(map(callable, op)):
        forward, backward = op
        if inspect.ismethod(forward) and inspect.ismethod(backward) and forward.__self__ is backward.__self__:
            return _of_object(forward.__self__, forward.__name__, backward.__name__, names, cache_first)
        return _of_pair(forward, backward, cache_first)
    if isinstance(op, type):
        forward, backward = (getattr(op, name, None) for name in ("forward", "backward"))
        if forward is not None and backward is not None and _takes_context(forward):
            return _of_pair(forward, backward, cache_first)
        raise ValueError(f"op={op.__name__}: expected an object, not its class: {op.__name__}(…)")
    if hasattr(op, "backward") and (hasattr(op, "forward") or callable(op)):
        return _of_object(
            op, "forward" if hasattr(op, "forward") else "__call__", "backward", names, cache_first
        )
    if callable(op):
        return _of_one(op, names)
    raise ValueError(
        f"op={op!r:.80}: expected a name, a pair (forward, backward), an object that has these two methods, or a "
        "function that returns (loss, gradients)"
    )


def _needed(function: Pass) -> list[str] | None:
    """Return the names of the arguments that a function must get (at least its first), or None if unknown."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind == each.VAR_POSITIONAL for each in parameters):
        return None
    named = [each for each in parameters if each.kind != each.VAR_KEYWORD]
    needed = [each.name for each in named if each.default is each.empty]
    return needed or [each.name for each in named[:1]]


def _takes_context(forward: Any) -> bool:
    return callable(forward) and (_needed(forward) or [""])[0] in ("ctx", "context")


def _with_context(forward: Pass) -> Pass:
    def both(**values: Any) -> Any:
        kept = Context()
        return forward(kept, **values), kept

    both.__name__ = title(forward)
    vars(both)["__signature__"] = inspect.signature(functools.partial(forward, None))
    return both


def _is_cache_first(needed: Sequence[str] | None) -> bool | None:
    """Return whether backward(first, second) means backward(cache, dy); None if the names do not say."""
    if needed is None or len(needed) != 2:
        return False
    names = [name.replace("_", "").lower() for name in needed]
    for words in (UPSTREAM, CACHE, PERHAPS_UPSTREAM):
        first, second = (words.fullmatch(name) is not None for name in names)
        if first != second:
            return first if words is CACHE else second
    return None


def _of_pair(forward: Pass, backward: Pass, cache_first: bool | None) -> tuple[Pass, Pass]:
    needed = _needed(backward)
    said = _is_cache_first(needed)
    swapped = cache_first if said is None else said
    if _takes_context(forward) and needed and len(needed) == 2:
        forward = _with_context(forward)

    @functools.wraps(forward)
    def both(**values: Any) -> Any:
        result = forward(**values)
        if isinstance(result, tuple | list) and len(result) > 1:
            return result
        return result, Alone(values)

    @functools.wraps(backward)
    def back(dy: Any, cache: Any) -> Any:
        if not isinstance(cache, Alone):
            if needed is not None and len(needed) == 1:
                return backward(dy)
            return backward(cache, dy) if swapped else backward(dy, cache)
        known = {name: cache.values[name] for name in needed or () if name in cache.values}
        rest = [name for name in needed or () if name not in known]
        if len(rest) == 1:
            return backward(**{rest[0]: dy}, **known)
        if needed == []:
            call = f"{title(backward)}()"
            raise ValueError(
                f"{call} takes no upstream gradient dy: pass (forward, lambda dy: dy * {call}), both of one object"
            )
        call, names = f"{title(backward)}({', '.join(needed or ('…',))})", ", ".join(cache.values)
        if not rest and known:
            raise ValueError(
                f"{call} has no argument for the upstream gradient dy. If it returns the slope of each entry, pass "
                f"(forward, lambda dy, {names}: dy * {call})"
            )
        raise ValueError(
            f"{title(forward)} returned y alone, expected (y, cache): its backward pass is {call}. If this takes the "
            f"arrays instead of a cache, pass (lambda {names}: ({title(forward)}({names}), ({names},)), "
            f"lambda dy, cache: {title(backward)}(dy, *cache))"
        )

    back.__name__ = title(backward)
    vars(back)["unsaid"] = said is None
    return both, back


def _of_one(function: Pass, names: Sequence[str]) -> tuple[Pass, Pass]:
    @functools.wraps(function)
    def both(**values: Any) -> Any:
        result = function(**values)
        if not isinstance(result, tuple | list) or len(result) < 2:
            raise ValueError(
                f"{title(function)} returned {type(result).__name__}, expected (loss, gradients) or (y, backward). If "
                "another function is the backward pass, pass both: (forward, backward)"
            )
        y, *given = result
        if isinstance(y, Mapping) and len(given) == 1:  # (grads, cost)
            y, given = given[0], [y]
        back = given[0] if len(given) == 1 else tuple(given)
        return y, back if callable(back) else Given(back)

    @functools.wraps(function)
    def back(dy: Any, cache: Any) -> Any:
        given = cache.gradients if isinstance(cache, Given) else cache(dy)
        return _by_name(given, names)

    return both, back


def _of_object(
    owner: Any, forward_name: str, backward_name: str, names: Sequence[str], cache_first: bool | None
) -> tuple[Pass, Pass]:
    """Return its two passes; they work on a copy of it."""
    try:
        owner = copy.deepcopy(owner)
    except Exception:  # something in it cannot be copied, such as a lock
        owner = copy.copy(owner)
    forward, backward = getattr(owner, forward_name), _from_zero(owner, getattr(owner, backward_name))
    both, back = _of_pair(forward, backward, cache_first)
    if title(backward) == "backward":
        back.__name__ = type(owner).__name__
    try:
        signature = inspect.signature(forward).parameters
    except (TypeError, ValueError):
        return both, back
    homes = {name: _home(owner, name, WEIGHTS) for name in names if name not in signature}
    weights = {name: home for name, home in homes.items() if home is not None}
    if not weights and len(names) == 1:
        return both, back

    def with_weights(**values: Any) -> Any:
        for name, (home, key) in weights.items():
            home[key] = values.pop(name)
        handed.update({name: home[key] for name, (home, key) in weights.items()})
        return both(**values)

    def with_gradients(dy: Any, cache: Any) -> Any:
        given = _by_name(back(dy, cache), names)
        for name, (home, key) in weights.items():
            if home[key] is not handed[name]:  # an update: into the array that is looked at afterwards
                handed[name][...] = home[key]
        found = list(given) if isinstance(given, tuple | list) else [given]
        if len(found) == len(names):
            return given
        kept = {name: _kept(owner, name) for name in names}
        if (
            not weights
        ):  # forward takes the weights too: those of which backward keeps a gradient are not returned
            missing = len(found) + sum(gradient is not None for gradient in kept.values()) != len(names)
            if missing:
                return given
            return tuple(found.pop(0) if gradient is None else gradient for gradient in kept.values())
        return tuple(kept[name] if name in weights else found.pop(0) for name in names)

    handed: dict[str, Any] = {}
    with_gradients.__name__ = title(back)
    vars(with_gradients)["unsaid"] = vars(back)["unsaid"]
    with_weights.__name__ = f"{type(owner).__name__}.{title(forward)}"
    return with_weights, with_gradients


def _from_zero(owner: Any, backward: Pass) -> Pass:
    """Return the backward pass of an object; one that adds up gradients begins each time at 0, by its zero_grad()."""
    zero = next((getattr(owner, name) for name in ZERO if callable(getattr(owner, name, None))), None)
    if zero is None or _needed(zero) != []:
        return backward

    @functools.wraps(backward)
    def from_zero(*args: Any, **kwargs: Any) -> Any:
        zero()
        return backward(*args, **kwargs)

    return from_zero


def _holder(owner: Any, name: str, holders: Sequence[str]) -> Any:
    """Return the dict that has this name: the object's attributes, or one of its dicts of arrays."""
    dicts = [getattr(owner, "__dict__", {}), *(getattr(owner, holder, None) for holder in holders)]
    return next((each for each in dicts if isinstance(each, Mapping) and name in each), None)


def _home(owner: Any, name: str, holders: Sequence[str]) -> tuple[Any, str] | None:
    """Return where a weight is: a dict and its key. A weight that is an object has its array in one of its own."""
    home = _holder(owner, name, holders)
    if home is None or isinstance(home[name], np.ndarray):
        return None if home is None else (home, name)
    inside = getattr(home[name], "__dict__", {})
    key = next((each for each in ("data", "value", "val") if isinstance(inside.get(each), np.ndarray)), None)
    return (home, name) if key is None else (inside, key)


def _kept(owner: Any, name: str) -> Any:
    """Return the gradient of a weight that backward keeps in the object; None if there is none."""
    own = (f"d{name}", f"grad_{name}", f"{name}_grad", f"grad{name}", f"grad{name[:1].upper()}{name[1:]}")
    for key, holders in (
        (own[0], ()),
        (name, GRADIENTS),
        (own[0], GRADIENTS),
        *((key, ()) for key in own[1:]),
    ):
        dicts = [owner.__dict__] if not holders else [getattr(owner, holder, None) for holder in holders]
        for each in dicts:
            if isinstance(each, Mapping) and key in each:
                return each[key]
    weight = (_holder(owner, name, WEIGHTS) or {}).get(name)
    return None if isinstance(weight, np.ndarray) else getattr(weight, "grad", None)


def _by_name(given: Any, names: Sequence[str]) -> Any:
    """Return the gradients in order if they came in a dict, "w" or "dw"."""
    if isinstance(given, Mapping):
        keys = [name if name in given else f"d{name}" for name in names]
        if all(key in given for key in keys):
            return tuple(given[key] for key in keys)
    return given
