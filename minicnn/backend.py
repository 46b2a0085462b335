"""Settings of the library, under Keras's names: the default float type, the numbering of names, constants.

The default float type is used for a layer if neither an argument nor its first input decides.
"""

from typing import Any

import numpy as np

from minicnn._base import keras_errors, names
from minicnn._base.messages import shown

__all__ = ["clear_session", "epsilon", "floatx", "image_data_format", "set_floatx", "set_image_data_format"]
keras_errors.add_getattr(__name__)

FLOATS = ("float32", "float64")
_floatx = "float32"


def floatx() -> str:
    """Return the default float type, "float32" unless changed."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type: "float32" or "float64"."""
    global _floatx
    if value not in FLOATS:
        raise ValueError(f'set_floatx({value!r}): expected "float32" or "float64"')
    _floatx = value


def checked_dtype(dtype: Any) -> np.dtype:
    """Return the float type of a layer, from its name or a NumPy dtype.

    Raises:
        NotImplementedError: it is one of Keras's shorter or mixed ones.
        TypeError, ValueError: it is no float type.
    """
    if isinstance(dtype, str) and ("float16" in dtype or "float8" in dtype or "int" in dtype):
        raise NotImplementedError(f'dtype={shown(dtype)} is not in minicnn. Nearest: "float32" or "float64"')
    found = np.dtype(dtype).newbyteorder("=")
    if found not in map(np.dtype, FLOATS):
        raise ValueError(f'dtype={shown(dtype)}: expected "float32" or "float64"')
    return found


def float_type(array: np.ndarray) -> np.dtype:
    """Return the float type of weights for inputs like ``array``: its own, or floatx if it has integers."""
    if array.dtype.kind in "fc":
        return array.real.dtype
    return np.dtype(_floatx)


def epsilon() -> float:
    """Return 1e-7: the losses clip probabilities to [1e-7, 1 − 1e-7]."""
    return 1e-7


def image_data_format() -> str:
    """Return "channels_last": images are (N, height, width, channels)."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Accept "channels_last", the only order of axes.

    Raises:
        NotImplementedError: it is another.
    """
    if data_format != "channels_last":
        raise NotImplementedError(
            f"set_image_data_format({data_format!r}) is not in minicnn. Nearest: channels last, (N, height, "
            "width, channels): turn your images with np.moveaxis(x, 1, -1)"
        )


def clear_session() -> None:
    """Number the names of layers from the beginning again; Python frees the memory."""
    names.restart()
