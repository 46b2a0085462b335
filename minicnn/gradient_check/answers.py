"""The form of what the two passes return: the gradients in their order, and in words what is wrong with it."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minicnn.gradient_check.gradient import Gradient


def title(function: Callable[..., Any]) -> str:
    """Return a function's name."""
    if isinstance(function, functools.partial):
        return title(function.func)
    return getattr(function, "__name__", type(function).__name__)


def numbers(y: Any, name: str) -> np.ndarray:
    """Return y as an array of real numbers.

    Raises:
        ValueError: it is something else.
    """
    array = np.asarray(y)
    if array.dtype.kind not in "fiub":
        kind = f"an array of {array.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        raise ValueError(f"{name} returned {kind} as y, expected an array of floats: return y, cache")
    return array


def answers(
    given: Any, arrays: Mapping[str, np.ndarray], name: str
) -> tuple[list[np.ndarray | None], list[str]]:
    """Return the gradients in order (perhaps more than there are arrays), and what is wrong with their form.

    Raises:
        ValueError: there are fewer gradients than arrays.
    """
    problems = []
    names = ", ".join(arrays)
    keys = [key if isinstance(given, Mapping) and key in given else f"d{key}" for key in arrays]
    if isinstance(given, Mapping) and all(key in given for key in keys):
        found = [given[key] for key in keys]
    elif isinstance(given, Mapping):
        problems.append(
            f"backward returned a dict: return the gradients in the order of the arrays, of {names}"
        )
        found = list(given.values())
    elif isinstance(given, tuple):
        found = list(given)
    elif isinstance(given, list) and (len(arrays) > 1 or any(isinstance(g, np.ndarray) for g in given)):
        returns = ", ".join(f"d{each}" for each in arrays)
        problems.append(f"backward returned a list: return a tuple, return {returns}")
        found = given
    elif given is None:
        problems.append(
            f"backward returned nothing: is its return missing? Expected the gradients of {names}"
        )
        found = [None] * len(arrays)
    else:
        found = [given]
    if len(found) < len(arrays):
        raise ValueError(
            f"{name} returned {len(found)} gradients, expected {len(arrays)}: of {names}. Return one for each array, "
            "in this order, and None for one that has no gradient. Labels are an option: check_op(…, y=labels)"
        )
    gradients = []
    for i, gradient in enumerate(found):
        array = None if gradient is None else np.asarray(gradient)
        label = [*arrays][i] if i < len(arrays) else f"number {i + 1}"
        if array is not None and array.dtype.kind not in "fiub":
            array, problem = _real(array, label)
            problems += [problem] if i < len(arrays) else []
        gradients.append(array)
    return gradients, problems


def _real(array: np.ndarray, label: str) -> tuple[np.ndarray | None, str]:
    """Return a gradient that is not real as real numbers if possible, and the problem."""
    if array.dtype.kind == "c":
        return array.real, f"the gradient of {label} is complex: return its real part, d{label}.real"
    try:
        return array.astype(
            np.float64
        ), f"the gradient of {label} has dtype {array.dtype}: make it an array of floats"
    except (TypeError, ValueError):
        return None, f"the gradient of {label} is not an array of numbers, but {str(array)[:60]}"


def of_form(
    gradient: Gradient,
    names: Sequence[str],
    gradients: Mapping[str, Gradient],
    given: Sequence[np.ndarray | None],
) -> str | None:
    """Return in words what is wrong with a gradient that has the right numbers in a way: another's, rounded."""
    analytic = gradient.analytic
    for i, other in enumerate(given):
        own = i < len(names) and names[i] == gradient.name
        if own or other is None or other.shape != gradient.numeric.shape or not gradient.numeric.size:
            continue
        if dataclasses.replace(gradient, analytic=other, along=(), kinks=()).passed and np.any(other):
            return (
                f"backward returns the gradients in another order: number {i + 1} is the gradient of {gradient.name}, "
                f"expected the order {', '.join(names)}"
            )
    if analytic is None or not gradient.fits:
        return None
    if analytic.dtype in (np.float32, np.float16) and gradient.error <= float(
        8 * np.finfo(analytic.dtype).eps
    ):
        return (
            f"right, but rounded to {analytic.dtype}: {gradient.name} is float64. Make the gradient with "
            "np.zeros_like, and look for float32 in backward"
        )
    if analytic.dtype.kind in "iub":
        return f"its dtype is {analytic.dtype}, so fractions are cut off: make it with dtype=float"
    return None
