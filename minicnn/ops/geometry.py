"""The geometry of sliding windows: output sizes and padding, for convolution and pooling.

A window of ``size`` entries, ``dilation`` apart, spans ``extent = (size - 1) * dilation + 1`` pixels. It
starts at pixels ``-before, -before + stride, -before + 2 stride, …`` of the input.

    "valid"   no padding:   out = floor((in - extent) / stride) + 1
    "same"    zero padding: out = ceil(in / stride),  total = max((out - 1) * stride + extent - in, 0),
              before = floor(total / 2), after = total - before      (the odd pixel goes to the bottom and right)

A transposed convolution goes back from ``out`` to ``in``. With a stride, several ``in`` have the same ``out``; it
makes ``out · stride`` pixels, and with "valid" max(extent - stride, 0) more, as in Keras.

The "same" rule is that of TensorFlow and Keras. PyTorch pads both sides by the same number, which differs for
even sizes and strides.
"""

import reprlib
from typing import Any, NamedTuple

PADDINGS = ("valid", "same")
LARGEST = 1 << 24  # of a window, a stride, a number of filters: more is a mistake


class Axis(NamedTuple):
    """One spatial axis of a sliding window: the output's length and the padding
    before and after the input; None if they depend on a length that is not known.
    """

    out: Any
    before: Any
    after: Any


def pair(value: Any, argument: str) -> tuple[int, int]:
    """Return ``value`` as (height, width); an integer is taken for both.

    Raises:
        ValueError: ``value`` is neither a positive integer nor a pair of positive integers.
    """
    two = (value, value) if not hasattr(value, "__len__") else tuple(value)
    whole = all(hasattr(v, "__index__") and not isinstance(v, bool) for v in two)
    if len(two) != 2 or not whole or not 1 <= min(two) <= max(two) <= LARGEST:
        raise ValueError(
            f"{argument}={reprlib.repr(value)}: expected a positive integer or a pair of them, such as 2 or (2, 2)"
        )
    return int(two[0]), int(two[1])


def checked_padding(padding: Any) -> str:
    """Return "valid" or "same"; upper and lower case are accepted, as in Keras.

    Raises:
        ValueError: ``padding`` is neither.
    """
    lower = padding.lower() if isinstance(padding, str) else padding
    if lower not in PADDINGS:
        raise ValueError(f'padding={reprlib.repr(padding)}: expected "valid" or "same"')
    return lower


def axis(length: int | None, size: int, stride: int, padding: str, dilation: int = 1) -> Axis:
    """Return the output length and the padding of one axis of ``length`` pixels.

    Raises:
        ValueError: ``padding`` is unknown, or the window does not fit into the input.
    """
    extent = (size - 1) * dilation + 1
    if length is None:
        return Axis(None, None, None)
    if padding == "same":
        out = -(-length // stride)
        total = max((out - 1) * stride + extent - length, 0)
        return Axis(out, total // 2, total - total // 2)
    if padding == "valid":
        if extent > length:
            raise ValueError(
                f'a window of {extent} pixels does not fit into {length} with padding="valid": '
                'use padding="same", a smaller window, or fewer pooling layers before'
            )
        return Axis((length - extent) // stride + 1, 0, 0)
    raise ValueError(f'padding={padding!r}: expected "valid" or "same"')


def axes(
    height: int | None,
    width: int | None,
    size: tuple[int, int],
    strides: tuple[int, int],
    padding: str,
    dilation: tuple[int, int] = (1, 1),
) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal :class:`Axis` of a window over a ``height`` × ``width`` map."""
    return (
        axis(height, size[0], strides[0], padding, dilation[0]),
        axis(width, size[1], strides[1], padding, dilation[1]),
    )


def transposed_lengths(
    lengths: Any, size: Any, strides: Any, padding: str, dilation: Any = (1, 1)
) -> tuple[Any, ...]:
    """Return the lengths of the two axes that a transposed convolution makes of ``lengths``; None if not known."""
    return tuple(
        length and length * stride + max((entries - 1) * apart + 1 - stride, 0) * (padding == "valid")
        for length, entries, stride, apart in zip(lengths, size, strides, dilation)
    )
