"""Explicit randomness: one seed, and a generator made from it for each purpose.

Each weight, the shuffling of each model, each dropout layer and each augmentation layer have their own
generators. A generator's state is part of a checkpoint (:func:`state`, :func:`restore`).
"""

from typing import Any

import numpy as np

from minicnn import ops
from minicnn._base.messages import shown

_root = np.random.SeedSequence()


def set_seed(seed: int) -> None:
    """Make every generator created from now on a function of ``seed`` and of the order of creation.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.
    """
    global _root
    _check(seed)
    _root = np.random.SeedSequence(seed)


def _check(seed: Any) -> None:
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ValueError(f"seed={shown(seed)}: expected a non-negative integer")


def generator(seed: int | None = None) -> np.random.Generator:
    """Return a new generator: the next one of the global seed, or with ``seed`` that of this seed.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.
    """
    if seed is not None:
        _check(seed)
        return np.random.default_rng(seed)
    with ops.turn():
        return np.random.default_rng(_root.spawn(1)[0])


def state(source: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as JSON-able values."""
    return dict(source.bit_generator.state)


def restore(target: np.random.Generator, saved: dict[str, Any]) -> None:
    """Set the state of a generator to one that :func:`state` returned."""
    target.bit_generator.state = saved
