"""The default float type: that of a layer whose dtype neither an argument nor its first input decides."""

import numpy as np

_floatx = "float32"


def floatx() -> str:
    """Return the default float type, "float32" unless changed."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type: "float32" or "float64"."""
    global _floatx
    if value not in ("float32", "float64"):
        raise ValueError(f'set_floatx({value!r}): expected "float32" or "float64"')
    _floatx = value


def float_type(array: np.ndarray) -> np.dtype:
    """Return the float type that weights beside ``array`` get: its own if it is real or complex, else floatx."""
    if array.dtype.kind in "fc":
        return array.real.dtype
    return np.dtype(_floatx)
