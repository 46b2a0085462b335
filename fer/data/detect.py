"""Find the faces in a photograph, by OpenCV's Haar cascade; OpenCV is the extra ``[detect]``.

FER2013's faces were cut out by OpenCV's face detector too, so its boxes are what the network is used to. It finds
faces that look at the camera, more or less upright; it misses profiles, and at times sees a face where there is none.
Source: Viola and Jones, "Robust Real-Time Face Detection", IJCV 57 (2004).
"""

from typing import NamedTuple

import numpy as np

from fer.errors import BadInput

CASCADE = "haarcascade_frontalface_default.xml"
LONGEST = 1000  # pixels; a larger picture is searched at this size
SMALLEST = 24  # pixels of a face, there
# The search goes through the sizes in steps of 10 %; a face counts where five neighbouring windows see one.
STEP, NEIGHBOURS = 1.1, 5
INSTALL = 'pip install "opencv-python-headless<5", or in a clone pip install -e ".[detect]"'
HOW_TO_GET = f"finding faces needs OpenCV 4: {INSTALL}"


class Box(NamedTuple):
    """A square or rectangle in a picture, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


def faces(gray: np.ndarray) -> list[Box]:
    """Return where the faces of a gray picture (H, W) uint8 are, from left to right.

    Raises:
        BadInput: OpenCV is not installed; the message says how to get it.
    """
    cascade = _cascade()
    import cv2

    scale = min(1.0, LONGEST / max(gray.shape))
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cascade.detectMultiScale(
        gray, scaleFactor=STEP, minNeighbors=NEIGHBOURS, minSize=(SMALLEST, SMALLEST)
    )
    return sorted(Box(*(int(length / scale) for length in box)) for box in found)


def require() -> None:
    """Check that OpenCV and its cascade are there.

    Raises:
        BadInput: they are not; the message says how to get them.
    """
    _cascade()


def _cascade():
    try:
        import cv2
    except ImportError:
        raise BadInput(HOW_TO_GET) from None
    if not hasattr(cv2, "CascadeClassifier"):
        raise BadInput(f"OpenCV {cv2.__version__} has no Haar cascades any more; {HOW_TO_GET}")
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)  # type: ignore[attr-defined, unused-ignore]
    if cascade.empty():
        raise BadInput(f"OpenCV {cv2.__version__} was installed without {CASCADE}; {HOW_TO_GET}")
    return cascade
