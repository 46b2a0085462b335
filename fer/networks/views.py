"""Test-time augmentation: a face is predicted several times, each time a little changed, and the mean is taken.

    none      the face
    flip      and its mirror image, which shows the same emotion: 2 predictions
    shifts    both, and both shifted by two pixels to each of the four sides: 10 predictions

What a shift leaves free is filled with the mirrored border. Each takes as many times the time as it has predictions;
docs/fer.md says what it is worth.
"""

from collections.abc import Iterator

import numpy as np

TTA = {"none": 1, "flip": 2, "shifts": 10}  # the number of predictions for a face
PIXELS = 2
SHIFTS = ((0, 0), (-PIXELS, 0), (PIXELS, 0), (0, -PIXELS), (0, PIXELS))  # down, right
TITLES = {"none": "", "flip": ", with mirror images", "shifts": ", with mirror images and shifts"}
HELP = (
    "what the probabilities are the mean of. flip: the face and its mirror image, 2 predictions; shifts: also both "
    f"shifted by {PIXELS} pixels to each side, {TTA['shifts']} predictions (default: %(default)s)"
)


def views(images: np.ndarray, tta: str) -> Iterator[np.ndarray]:
    """Yield what is predicted in place of faces (N, 48, 48): TTA[tta] arrays of this shape, the faces first.

    Raises:
        ValueError: there is no augmentation of this name.
    """
    if tta not in TTA:
        raise ValueError(f"tta={tta!r}: expected one of {', '.join(TTA)}")
    padded = np.pad(images, ((0, 0), (PIXELS, PIXELS), (PIXELS, PIXELS)), mode="reflect")
    height, width = images.shape[1:]
    count = 0
    for down, right in SHIFTS:
        top, left = PIXELS - down, PIXELS - right
        shifted = padded[:, top : top + height, left : left + width]
        for view in (shifted, shifted[:, :, ::-1]):
            if count < TTA[tta]:
                yield view
            count += 1
