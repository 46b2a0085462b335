"""What is handed over and handed back: both passes get copies, and are held to what they may do.

    forward    must not change its arrays, and must give the same y for the same arrays, also after backward
    backward   must not change dy, the arrays or y, and must give the same gradients for the same cache

A gradient that was computed after such a change may still have the right numbers, here: dy is another layer's
too if the value was used twice. So a change is a problem of its own. An array that a pass made for itself (a
buffer in its cache) may change, as long as the next call gives the same.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from minicnn.gradient_check.answers import numbers, title
from minicnn.gradient_check.snapshot import Snapshot, State, arrays_within

STATE = (
    "backward keeps a state: the next forward and backward pass with the same arrays gives another gradient. Is there "
    "a += on an array that is not set to 0, or a random number?"
)
SAME = 1e-12  # results of two calls that differ by less: a sum in another order


class Passes:
    """A forward and a backward pass, with the arrays and options that they get; ``weights``: which arrays are weights.

    Attributes:
        problems: what they did that they must not do, in words.
        y: the result.
        given: what backward returned; gradients are copies.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arrays: Mapping[str, np.ndarray],
        options: Mapping[str, Any] | None = None,
        weights: Collection[str] = (),
    ) -> None:
        self.forward_pass, self.backward_pass = forward, backward
        self.arrays, self.options, self.weights = arrays, options or {}, weights
        self.problems: list[str] = []

    # ---- forward -------------------------------------------------------------------------------------------

    def forward(self, **arrays: np.ndarray) -> tuple[Any, Any]:
        """Return (y, cache) for copies of the arrays.

        Raises:
            ValueError: forward does not take these names.
        """
        self.handed_options = {name: _copy(value) for name, value in self.options.items()}
        before = Snapshot(self.handed_options)
        result = self.forward_pass(**arrays, **self.handed_options)
        self.changed_options = before.changed()
        return result[0], result[-1]

    def check_names(self) -> None:
        """Raise an error if forward does not take the arrays by their names."""
        try:
            signature = inspect.signature(self.forward_pass)
        except (TypeError, ValueError):  # a built-in function
            return
        try:
            signature.bind(**self.arrays, **self.options)
        except TypeError as error:
            names = ", ".join(self.arrays)
            raise ValueError(
                f"{title(self.forward_pass)}{signature} is called with the arrays as keywords, {names}: {error}. Name "
                f"the arrays like its arguments, or pass lambda {names}: {title(self.forward_pass)}(…)"
            ) from None

    def y_of(self, **arrays: np.ndarray) -> Any:
        """Return y alone."""
        return self.forward(**arrays)[0]

    def run_forward(self) -> None:
        """Call it twice: it must not change its arrays, and must be a function of them."""
        self.check_names()
        drawn = _global_random_state()
        first = self.again()
        drew = _global_random_state() != drawn
        self.values = {name: array.copy() for name, array in self.arrays.items()}
        before = Snapshot(self.values)
        y, self.cache = self.forward(**self.values)
        self.handed_y = y
        for name in before.changed() + self.changed_options:
            self.problems.append(
                f"forward changed {name} in place: let it work on a copy, {name} = {name}.copy()"
            )
        self.y = numbers(y, title(self.forward_pass)).copy()
        if self.y.dtype.kind != "f":
            self.problems.append(f"forward returned {self.y.dtype}: fractions are cut off, so y has no slope")
        if not np.isfinite(self.y).all():
            bad = np.count_nonzero(~np.isfinite(self.y))
            self.problems.append(
                f"forward does not return numbers: {bad} of {self.y.size} entries of y are nan or inf"
            )
        if not alike(first, self.y):
            self.not_a_function(first, "it draws from np.random (dropout?)" if drew else None)

    def again(self) -> np.ndarray:
        """Return y of another call."""
        y = self.y_of(**{name: array.copy() for name, array in self.arrays.items()})
        return numbers(y, title(self.forward_pass)).copy()

    def not_a_function(self, again: np.ndarray, why: str | None) -> None:
        """Note that a second call gives another result."""
        other = "y of another shape"
        if again.ndim == self.y.ndim == 0:
            other = f"the loss is {float(self.y)} and {float(again)}"
        elif again.shape == self.y.shape:
            other = f"{np.count_nonzero(again != self.y)} of {self.y.size} entries of y differ"
        why = why or "it draws random numbers, or keeps a state between calls"
        self.problems.append(
            f"forward is not a function: called twice with the same arrays, {other}; {why}. Nothing "
            "can be judged. "
            "Draw the mask outside and pass it as an option (check_op(…, mask=mask)), or make the generator "
            "inside forward, from a seed; a layer draws from self.generator"
        )

    def elsewhere(
        self, arrays: Mapping[str, np.ndarray], dy_of: Callable[[tuple[int, ...]], np.ndarray]
    ) -> Any:
        """Return dy and what backward returns for other arrays."""
        y, cache = self.forward(**{name: array.copy() for name, array in arrays.items()})
        dy = dy_of(np.shape(y))
        return dy, self.backward_pass(dy.copy(), cache)

    @property
    def is_function(self) -> bool:
        """Whether the same arrays give the same y."""
        return not any(problem.startswith("forward is not a function") for problem in self.problems)

    # ---- backward ------------------------------------------------------------------------------------------

    def run_backward(self, dy: np.ndarray) -> None:
        """Call it twice with the same cache: what it was handed must not change, and the gradients neither."""
        mine = {"dy": dy.copy(), **self.values, **self.handed_options}
        if isinstance(self.handed_y, np.ndarray) and not _is_one_of(self.handed_y, self.values):
            mine["y"] = self.handed_y
        handed, state = Snapshot(mine), State(self.forward_pass)
        kept = Snapshot(dict(arrays_within(self.cache, "cache", [])))
        given = self.backward_pass(mine["dy"], self.cache)
        self.given = tuple(map(_copy, given)) if isinstance(given, tuple) else _copy(given)
        changed = handed.changed()
        for name in changed:
            advice = f"let it work on a copy, {name} = {name}.copy()"
            if name == "dy":
                advice = "let it work on a copy, dy = dy * 2 instead of dy *= 2"
            elif name in self.weights:
                advice = "leave the update to the optimizer"
            self.problems.append(f"backward changed {name} in place: {advice}")
        self._run_again(dy, kept if set(changed) <= {"dy"} else Snapshot({}))
        if self.is_function and not alike(self.again(), self.y):
            names = state.changed()
            what = f" ({', '.join(names)})" if names else ""
            self.problems.append(
                f"backward changed what forward reads{what}: the same arrays then give another y. Return gradients, "
                "and leave the update of weights to the optimizer"
            )
            state.restore()

    def _run_again(self, dy: np.ndarray, kept: "Snapshot") -> None:
        """Call backward once more with the same cache, and with the cache of another forward pass.

        Gradients that add up in the cache are allowed, as in programs that keep a sum beside each number; a
        sum that goes on with another cache is not, nor is a change of what forward computed.
        """
        if not self._repeats(dy, self.cache):
            for name in kept.changed(zeros=False)[:1]:
                self.problems.append(
                    f"backward changed the cache in place ({name}): called again with the same cache, it gives "
                    "another gradient. Let it work on a copy"
                )
        _, fresh = self.forward(**{name: array.copy() for name, array in self.arrays.items()})
        if self.is_function and not self._repeats(dy, fresh):
            self.problems.append(STATE)

    def _repeats(self, dy: np.ndarray, cache: Any) -> bool:
        try:
            return equal(self.given, self.backward_pass(dy.copy(), cache))
        except Exception:  # the user's function; with the first cache it raised nothing
            return False


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two results of one function agree, up to the order of sums."""
    if a.shape != b.shape:
        return False
    size = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return bool(np.allclose(a, b, rtol=0, atol=SAME * size, equal_nan=True))


def equal(a: Any, b: Any) -> bool:
    """Whether what two calls returned agrees, up to the order of sums."""
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, Mapping):
        return set(a) == set(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray | np.number | float):
        return alike(np.asarray(b), np.asarray(a)) if np.asarray(a).dtype.kind in "fciub" else True
    return True


def _copy(thing: Any) -> Any:
    """Return a copy of arrays, also of those in tuples, lists and dicts."""
    if isinstance(thing, np.ndarray):
        return thing.copy()
    if type(thing) in (tuple, list):
        return type(thing)(map(_copy, thing))
    if type(thing) is dict:
        return {key: _copy(value) for key, value in thing.items()}
    return thing


def _global_random_state() -> bytes:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002, it is only read
    return bytes(str(state["pos"]), "ascii") + np.asarray(state["key"]).tobytes()


def _is_one_of(array: np.ndarray, others: Mapping[str, np.ndarray]) -> bool:
    return any(np.shares_memory(array, other) for other in others.values())
