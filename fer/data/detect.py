"""Find the faces in a photograph with OpenCV's Haar cascade; OpenCV is the extra ``[detect]``.

FER2013's faces were cut out by OpenCV's face detector too, so that its boxes fit the network. It finds
upright faces from the front; it misses profiles, and sometimes finds a face where there is none. Source:
Viola and Jones, "Robust Real-Time Face Detection", IJCV 57 (2004).
"""

from typing import Any, NamedTuple

import numpy as np

from fer.errors import BadInput

CASCADE = "haarcascade_frontalface_default.xml"
MAX_SIDE = 1000  # pixels; a larger picture is reduced to this size
MIN_FACE = 24  # pixels, in the reduced picture
# Sizes are searched in steps of 10 %; a face counts where five neighbouring windows find one.
SCALE_STEP, MIN_NEIGHBOURS = 1.1, 5
INSTALL = 'pip install "opencv-python-headless<5", or in a clone pip install -e ".[detect]"'
HOW_TO_GET = f"finding faces needs OpenCV 4: {INSTALL}"


class Box(NamedTuple):
    """A square or rectangle in a picture, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


def find_faces(gray: np.ndarray) -> list[Box]:
    """Return the boxes of the faces in a gray picture (H, W) uint8, from left to right.

    Raises:
        BadInput: OpenCV is not installed; the message says how to install it.
    """
    cascade = _load_cascade()
    import cv2

    scale = min(1.0, MAX_SIDE / max(gray.shape))
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cascade.detectMultiScale(
        gray, scaleFactor=SCALE_STEP, minNeighbors=MIN_NEIGHBOURS, minSize=(MIN_FACE, MIN_FACE)
    )
    return sorted(Box(*(int(length / scale) for length in box)) for box in found)


def check_installed() -> None:
    """Check that OpenCV and its cascade are installed.

    Raises:
        BadInput: they are not; the message says how to install them.
    """
    _load_cascade()


def _load_cascade() -> Any:
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
