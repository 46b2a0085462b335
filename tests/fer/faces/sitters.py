"""Faces without chance: every quantity in the middle of its range, seen from the
front, in even light, noise-free.
"""

from types import SimpleNamespace

import numpy as np

from fer.faces.anatomy import PERSON, TRAITS
from fer.faces.camera import CHANCES, SCENE, photograph
from fer.faces.expression import UNITS
from fer.faces.pose import POSE


def middle(ranges, chances, **changes):
    """Return the namespace of one face: the middle of each range, none of the chances, and ``changes``."""
    values = {name: (low + high) / 2 for name, (low, high) in ranges.items()} | dict.fromkeys(chances, 0.0)
    assert changes.keys() <= values.keys()
    return SimpleNamespace(
        **{name: np.full((1, 1, 1), v, np.float32) for name, v in (values | changes).items()}
    )


def person(**changes):
    return middle(PERSON, TRAITS, **changes)


def scene(**changes):
    even = {"light_x": 0.0, "light_y": 0.0, "ambient": 1.0, "wall": 0.5, "noise": 0.0, "blur": 0.0}
    return middle(POSE | SCENE, CHANCES, **(even | changes))


def action(*units, intensity=1.0):
    au = np.zeros((max(UNITS) + 1, 1, 1, 1), np.float32)
    au[list(units)] = intensity
    return au


def picture(au, sitter=None, **changes):
    """Return one picture, (48, 48) of 0 … 255."""
    return photograph(sitter or person(), au, scene(**changes), np.random.default_rng(0))[0].astype(float)
