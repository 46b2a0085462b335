"""Words for axes. Both layouts are recognized from the shapes: channels first, and channels last.

Letters: N the sample, C the channel, H the row, W the column; of a kernel, O the output channel, I the input
channel. Where the shapes do not decide, an axis is called by its number only.
"""

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence

WORDS = {
    "N": "sample",
    "C": "channel",
    "H": "row",
    "W": "column",
    "O": "output channel",
    "I": "input channel",
}
IMAGES = ("NHWC", "NCHW")
UNROTATED = "is not rotated by 180° (or it is, in a loop that adds to windows: there it must not be reversed)"
KERNELS = {"NHWC": "HWIO", "NCHW": "OIHW"}
# (letters of x and y, letters of the kernel); O and I count as C of y and x
LAYOUTS = (
    ("NHWC", "HWIO"),
    ("NCHW", "OIHW"),
    ("NHWC", "OHWI"),
    ("NCHW", "HWIO"),
    ("NCHW", "IOHW"),
    ("NHWC", "OIHW"),
    ("NWC", "WIO"),
    ("NCW", "OIW"),
    ("CHW", "OIHW"),
    ("HWC", "HWIO"),
    ("HW", "HW"),
    ("NHW", "HW"),
    ("NW", "W"),
    ("W", "W"),
)


def of_images(e: Evidence) -> str:
    """Return "NHWC" or "NCHW" for x and y, or "" if they are no images, or both would do."""
    x, y = e.input.shape, e.dy.shape
    if len(x) != 4:
        return ""
    fits = [layout for layout in IMAGES if _fits(layout, x, y, e)]
    return fits[0] if len(fits) == 1 else ""


def _fits(layout: str, x: tuple[int, ...], y: tuple[int, ...], e: Evidence) -> bool:
    c = layout.index("C")
    for array in list(e.arrays.values())[1:]:
        if array.ndim == 4 and array.shape[KERNELS[layout].index("I")] not in (x[c], 1):
            return False
        if array.ndim == 4 and len(y) == 4 and array.shape[KERNELS[layout].index("O")] not in (y[c], 1):
            return False
        if array.ndim == 1 and len(y) == 4 and array.size not in (y[c], 1):
            return False
    if len(y) == 4 and len(e.arrays) == 1:  # nothing but a pooling or the like: it keeps the channels
        return x[c] == y[c]
    if len(y) == 2 and len(e.arrays) == 1:  # the mean of a map, or its maximum
        return x[c] == y[1]
    return True


def of_rows(e: Evidence) -> str:
    """Return "NC" or "CN" (samples are columns) for x and y with two axes; "" if the shapes do not say which.

    With samples as rows a kernel is (C, C′) or (C′, C), and a bias (C′,); as columns, a bias is (C′, 1).
    """
    x, y = e.input.shape, e.dy.shape
    if len(x) != 2 or len(y) != 2:
        return ""
    votes = set()
    for array in list(e.arrays.values())[1:]:
        rows = x[0] == y[0] and sorted(array.shape) == sorted((x[1], y[1]))
        columns = x[1] == y[1] and sorted(array.shape) == sorted((x[0], y[0]))
        if rows != columns:
            votes.add("NC" if rows else "CN")
        elif array.shape in ((y[0], 1), (y[1],), (1, y[1])) and array.size > 1:
            votes.add("CN" if array.shape == (y[0], 1) else "NC")
    return votes.pop() if len(votes) == 1 else ""


def letters(e: Evidence, ndim: int) -> str:
    """Return the letters of an array of samples with this many axes, such as dy; "" if unknown."""
    return of_images(e) if ndim == 4 else {2: of_rows(e) or "NC", 1: "N"}.get(ndim, "")


def axis_name(e: Evidence, axis: int, ndim: int) -> str:
    """Return what an index along an axis of x or dy is called, and which axis that is: "row (axis 1)"."""
    known = letters(e, ndim)
    return f"{WORDS[known[axis]] if known else 'index'} (axis {axis})"


def kernel_letters(e: Evidence, kernel: np.ndarray, pixels: tuple[int, ...] = ()) -> str:
    """Return the letters of a kernel with four axes, "" if the shapes fit none, or several that differ.

    ``pixels``: axes that are reversed, of several letters those in which they are the pixels.
    """
    x, y = e.input.shape, e.dy.shape
    fits = [
        letters
        for images, letters in LAYOUTS
        if len(images) == len(x) == len(y)
        and len(letters) == kernel.ndim == 4
        and kernel.shape[letters.index("I")] in (x[images.index("C")], 1)
        and kernel.shape[letters.index("O")] in (y[images.index("C")], 1)
    ]
    fits = [letters for letters in fits if window_axes(kernel, letters) == pixels] or fits
    windows = {frozenset(map(letters.index, "HW")) for letters in fits}
    if len(windows) > 1 and kernel is e.arrays.get("kernel"):  # the library's own
        return KERNELS["NHWC"]
    return fits[0] if len(windows) == 1 else ""


def window_axes(kernel: np.ndarray, letters: str) -> tuple[int, ...]:
    """Return the axes of a kernel that a rotation by 180° reverses."""
    return tuple(
        axis for axis in (letters.find("H"), letters.find("W")) if axis >= 0 and kernel.shape[axis] > 1
    )
