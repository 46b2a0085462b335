"""Checks of what fit is given: what would train on something else than was meant is refused or warned of."""

import math
import numbers
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minicnn.models.sharded_files import as_rows, in_pieces


def check_epochs(epochs: Any, initial_epoch: Any) -> None:
    """Check that these are numbers of epochs.

    Raises:
        ValueError: one is not, or training would begin behind its end.
    """
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if not _is_whole(value) or value < 0:
            raise ValueError(f"{name}={value!r}: expected an integer from 0, such as 10")
    if initial_epoch > epochs:
        raise ValueError(
            f"epochs={epochs!r}, initial_epoch={initial_epoch!r}: epochs is the number of the last epoch, not "
            f"how many there are; for {epochs} more give epochs={initial_epoch + epochs}"
        )


def validated_epochs(validation_freq: Any) -> Callable[[int], bool]:
    """Return a function that tells whether an epoch, counted from 1, ends with a validation.

    Raises:
        ValueError: validation_freq is neither a positive integer nor a list of them.
    """
    listed = isinstance(validation_freq, list | tuple | set | range)
    several = validation_freq if listed else [validation_freq]
    if not all(_is_whole(each) and each >= 1 for each in several):
        raise ValueError(
            f"validation_freq={validation_freq!r}: expected a positive integer, such as 2 (every second "
            "epoch), or a list of epochs, counted from 1, such as [1, 3]"
        )
    if listed:
        return lambda epoch: epoch in several
    return lambda epoch: epoch % validation_freq == 0


def checked_targets(y: Any) -> Any:
    """Return y as an array of numbers; what is one is not copied.

    Raises:
        TypeError: they are something else, such as the names of classes.
    """
    y = as_rows(y)
    if y.dtype.kind in "biufc":
        return y
    first = (np.asarray(y).reshape(-1)[:1].tolist() or [None])[0]
    fix = "give an array of numbers"
    if isinstance(first, str | bytes):
        fix = "number the classes first: names, y = np.unique(y, return_inverse=True)"
    raise TypeError(f"y has dtype {y.dtype}, such as {first!r:.60}, expected numbers: {fix}")


def check_not_nan(sample_weight: Any) -> None:
    """Check that there is a weight for each sample.

    Raises:
        ValueError: some are NaN.
    """
    start, found, first = 0, 0, -1
    for part in in_pieces(sample_weight):
        missing = np.isnan(part).reshape(len(part), -1)
        if not found and missing.any():
            first = start + int(missing.any(axis=1).argmax())
        start, found = start + len(part), found + int(missing.sum())
    if found:
        raise ValueError(
            f"sample_weight is NaN for {found} of {start} samples, first for number {first}: expected numbers"
        )


def check_class_weight(class_weight: Any, y: Any = None, classes: int | None = None) -> None:
    """Check {class number: weight}.

    Args:
        class_weight: what fit was given.
        y: all targets, if they are known: class numbers or one-hot rows.
        classes: how many classes the model tells apart, if more than two.

    Raises:
        TypeError: it is not a dictionary, or a key is not a class number.
        ValueError: a weight is not a finite number from 0, or the keys are other numbers than the classes'.
    """
    if not isinstance(class_weight, Mapping):
        fix = "for a list of weights, dict(enumerate(weights))"
        if isinstance(class_weight, str):
            fix = (
                "balanced weights of targets y with numbers from 0 are n = np.bincount(y), then "
                "dict(enumerate(len(y) / (len(n) * n)))"
            )
        raise TypeError(
            f"class_weight={class_weight!r:.80}: expected {{class number: weight}}, such as {{0: 1.0, 1: 2.5}}; {fix}"
        )
    for key, weight in class_weight.items():
        if not _is_whole(key):
            raise TypeError(
                f"class_weight={dict(class_weight)!r:.80}: the key {key!r} is not a class number, expected an integer "
                "such as 0: a weight under another key would not be used"
            )
        if not isinstance(weight, numbers.Real) or not 0 <= float(weight) < math.inf:
            raise ValueError(f"class_weight: class {key} has the weight {weight!r}, expected a number from 0")
    if y is not None and y.ndim > 1 and y.shape[-1] > 1:
        classes = y.shape[-1]
    keys = {int(key) for key in class_weight}
    wrong = sorted(key for key in keys if key < 0 or (classes is not None and key >= classes))
    if wrong:
        raise ValueError(
            f"class_weight has the classes {sorted(keys)!s:.60}, but {wrong[0]} is none"
            + (
                f": there are {classes}, numbered from 0 to {classes - 1}"
                if classes
                else ": they count from 0"
            )
        )
    if y is not None and (y.ndim == 1 or y.shape[-1] == 1):
        labels = {label for part in in_pieces(y) for label in np.unique(part).tolist()}
        if keys - labels and labels - keys:
            raise ValueError(
                f"class_weight has the class {min(keys - labels)}, which is not in y, but not "
                f"{min(labels - keys)}, which is: expected the numbers of the classes in y, {sorted(labels)!s:.60}"
            )


def warn_if_sorted(training: Any, validation: Any, advice: str, stacklevel: int = 5) -> None:
    """Warn if rows were split that are sorted by class, so that the two parts hold different classes.

    Args:
        training, validation: the labels of the two parts in the order of the rows: class numbers or names; or
            one-hot rows. Other targets are not looked at.
        advice: what to do.
        stacklevel: where the warning points to, as for `warnings.warn`.
    """
    first, second = _runs(training), _runs(validation)
    classes = set(first) | set(second)
    repeated = len(classes) * 2 <= len(training) + len(validation)  # else these are no classes
    if repeated and set(first) != set(second) and first and second:
        warnings.warn(
            f"the rows are sorted by class: those for validation hold {_few(second)}, those for training "
            f"{_few(first)}. {advice}",
            stacklevel=stacklevel,
        )


def _runs(y: Any) -> list[Any]:
    """Return the class of each run of equal labels, if each class has one; nothing if these are other targets."""
    runs: list[Any] = []
    known: set[Any] = set()
    for part in in_pieces(as_rows(y)):
        labels = _labels(part)
        if labels is None:
            return []
        changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
        for label in labels[np.concatenate([[0], changes])].tolist():
            if runs and label == runs[-1]:
                continue
            if label in known:
                return []
            known.add(label)
            runs.append(label)
    return runs


def _labels(y: np.ndarray) -> np.ndarray | None:
    """Return class numbers or names; None if these are other targets."""
    if y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        y = y.argmax(axis=1)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    return y if y.ndim == 1 and y.dtype.kind in "biuUO" else None


def _few(labels: list[Any]) -> str:
    return "only " + ", ".join(map(str, labels[:5])) + (", …" if len(labels) > 5 else "")


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool | np.bool_)
