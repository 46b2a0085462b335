"""A trained network as an object: ``prediction = fer.Predictor("runs/003").predict("photo.jpg")``.

prediction.emotion                      "Happy"
prediction.probabilities["Happy"]       0.831
print(prediction)                       Happy 83.1%, Neutral 9.0%, …
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from PIL import Image, ImageOps

from fer.data import pictures, sources
from fer.data.detect import Detector
from fer.data.sources import Face
from fer.data.table import SIDE
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.networks import inference, operations
from fer.networks.views import TTA
from minicnn import Sequential, ops
from minicnn.models import saliency
from minicnn.terminal import printable

Source = str | os.PathLike[str] | Image.Image | np.ndarray
Sources = list[Any] | tuple[Any, ...]  # of Source; not Sequence, which a str is too
COVERED = 169  # predictions that occlusion makes for a face
Boxes = Sequence[Sequence[float]] | np.ndarray


@dataclass(frozen=True)
class Prediction:
    """A network's prediction for one face.

    Attributes:
        emotion: the name of the most probable one.
        probabilities: emotion -> probability, in the order of the network's classes (for the seven emotions
            FER2013's); they sum to 1.
        face: the image that the network was given, and its source.
    """

    emotion: str
    probabilities: dict[str, float]
    face: Face = field(repr=False, compare=False)

    def __repr__(self) -> str:
        """Return it in one line: the face's name and all probabilities."""
        return f"<Prediction of {printable(self.face.name)}: {printable(self)}>"

    @property
    def confidence(self) -> float:
        """The probability of the emotion."""
        return self.probabilities[self.emotion]

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as values that JSON can hold."""
        face = self.face
        where: dict[str, Any] = {"source": face.source}
        if face.number is not None:
            where["row" if face.is_row else "face"] = face.number
        if face.box is not None:
            where["box"] = face.box._asdict()
        if face.score is not None:
            where["score"] = face.score
        if face.label is not None:
            where["true"] = face.true
        return {
            **where,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
        }

    def __str__(self) -> str:
        """Return all probabilities, the highest first: "Happy 83.1%, Neutral 9.0%, …"."""
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        return ", ".join(f"{emotion} {share:.1%}" for emotion, share in ranked)


@dataclass(frozen=True)
class Explanation:
    """Which pixels a prediction depends on, as maps (48, 48): see :mod:`minicnn.models.saliency`.

    Attributes:
        grad_cam: where the maps of the last convolution that count are active, 0 or more: a blob in the middle of
            most faces. docs/fer.md says how far each of these maps can be trusted.
        input_gradient: by how much the emotion's score rises when a pixel becomes one gray value brighter.
        hires_cam: where the evidence for the emotion lies, in maps of 12×12; 0 or more.
        occlusion: by how much its score falls when the pixel and those around it are covered.
    """

    grad_cam: np.ndarray = field(repr=False)
    input_gradient: np.ndarray = field(repr=False)
    hires_cam: np.ndarray = field(repr=False)
    occlusion: np.ndarray = field(repr=False)


class Predictor:
    """A trained network that predicts faces.

    The first few faces are predicted by NumPy, which is ready at once, later ones by faster kernels, as soon as these
    are compiled. Their probabilities differ by rounding, by less than 0.00001. See fer/networks/operations.py.

    Args:
        run: a run's folder; a folder of runs, for the newest; a model's file (.npz); a model; or the name of
            a network that comes with fer: "vgg", with 1.2 million weights, or "tiny", with 0.4.
        which: "best" or "last", of a run's models.
        tta: "flip" averages the probabilities with those for each face's mirror image; "shifts" also with those
            for both shifted to four sides, ten predictions in all.
        detector: how faces are found: "mtcnn", "haar", or a :class:`fer.Detector`, which has least sizes and
            scores; by default mtcnn where it is installed, else haar.

    Raises:
        BadInput: a ValueError; this is not a run, and not a model for faces.
        FileNotFoundError: it does not exist.
    """

    def __init__(
        self,
        run: str | os.PathLike[str] | Sequential = inference.BUNDLED[0],
        which: str = "best",
        tta: str = "none",
        detector: str | Detector = "",
    ) -> None:
        if tta not in TTA:
            raise BadInput(f"tta={tta!r}: expected one of {', '.join(TTA)}")
        self.model = run if isinstance(run, Sequential) else inference.open_run(run, which).model
        self.classes = inference.classes_of(self.model)
        self.tta = tta
        self.detector = Detector(detector) if isinstance(detector, str) else detector

    # A path or an array can hold one face or several, which no type tells: the last
    # overload is right for one face.
    @overload
    def predict(self, what: Sources, find_faces: bool = False) -> list[Prediction]: ...
    @overload
    def predict(self, what: Source, find_faces: Literal[True]) -> list[Prediction]: ...
    @overload
    def predict(self, what: Source, *, boxes: Boxes) -> list[Prediction]: ...
    @overload
    def predict(self, what: Source, find_faces: bool = False) -> Prediction | Any: ...
    def predict(
        self, what: Source | Sources, find_faces: bool = False, boxes: Boxes | None = None
    ) -> Prediction | list[Prediction]:
        """Return the :class:`Prediction` of one face, or a list of them.

        For a type checker, a path or an array gives one prediction; put what holds several into a list:
        ``predict(["holiday/"])``.

        Args:
            what: one picture gives one prediction: the path of a picture's file; a Pillow image; an array
                (H, W) gray, (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. Several give a list: a list of
                the above; an array of faces (N, 48, 48), or of pictures (N, H, W, 1, 3 or 4); the path of
                a folder or of a table such as test.csv. Arrays hold gray or colour values, integers or
                floats from 0 to 255, or floats from 0 to 1.
            find_faces: cut out all faces in each picture, and return a list, [] where there is none; needs
                OpenCV. Otherwise the square in the middle of a picture is taken.
            boxes: where the faces are in one picture, from a detector of your own: (left, top, width, height)
                each, in pixels. The square around each box is taken, and a list returned in their order.

        Raises:
            BadInput: a ValueError; a picture, an array or a box cannot be used. Such files in a folder
                are skipped, with a warning.
            OSError: a file cannot be read.
        """
        if boxes is not None:
            return self.of(_in_boxes(what, boxes))
        faces, single = _faces(what, self.detector if find_faces else None)
        predictions = self.of(faces)
        return predictions[0] if single else predictions

    def of(self, faces: Sequence[Face]) -> list[Prediction]:
        """Return a prediction for each face, as the readers in :mod:`fer.data.sources` give them."""
        if not faces:
            return []
        images = np.stack([face.image for face in faces])
        shares = inference.probabilities(self.model, images, self.tta)
        return [
            Prediction(self.classes[int(row.argmax())], dict(zip(self.classes, row.tolist())), face)
            for row, face in zip(shares, faces)
        ]

    def explain(self, prediction: Prediction, emotion: str | None = None) -> Explanation:
        """Return which pixels a prediction depends on; with ``emotion``, the probability of that one instead.

        Raises:
            ValueError: there is no such emotion.
        """
        x, chosen = self._asked(prediction, emotion)
        with ops.use("reference"):
            gradient = saliency.input_gradient(self.model, x, chosen)[0, :, :, 0]
        with operations.for_faces(self.model, COVERED):
            covered = saliency.occlusion(self.model, x, chosen)[0]
        return Explanation(
            self.grad_cam(prediction, emotion), gradient, self.hires_cam(prediction, emotion), covered
        )

    def grad_cam(self, prediction: Prediction, emotion: str | None = None) -> np.ndarray:
        """Return :attr:`Explanation.grad_cam` alone, which takes less time: (48, 48)."""
        with ops.use("reference"):
            return _resized(saliency.grad_cam(self.model, *self._asked(prediction, emotion))[0])

    def hires_cam(self, prediction: Prediction, emotion: str | None = None) -> np.ndarray:
        """Return :attr:`Explanation.hires_cam` alone, which takes less time: (48, 48)."""
        with operations.for_faces(self.model, COVERED):  # NumPy takes several times as long as for Grad-CAM
            return _resized(saliency.hires_cam(self.model, *self._asked(prediction, emotion))[0])

    def _asked(self, prediction: Prediction, emotion: str | None) -> tuple[np.ndarray, int]:
        """Return a face as the network takes it, and the number of the emotion that is asked about."""
        name = emotion or prediction.emotion
        index = indices_in([name], self.classes)[0]
        if index is None:
            raise ValueError(f"name={name!r} is not an emotion; expected one of {', '.join(self.classes)}")
        return prediction.face.image[None, :, :, None], index


def _resized(cam: np.ndarray) -> np.ndarray:
    image = Image.fromarray(cam.astype(np.float32))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _faces(what: Source | Sources, detector: Detector | None) -> tuple[list[Face], bool]:
    """Return the faces in the argument of :meth:`Predictor.predict`, and whether it was a single picture."""
    if isinstance(what, str | os.PathLike):
        path = Path(what)
        loaded = sources.load_faces([path], detector is not None, detector)
        if loaded.skipped and not loaded.faces and not loaded.without:
            reason = loaded.skipped[0][1]
            raise BadInput(reason) if path.exists() else FileNotFoundError(reason)
        for _, reason in loaded.skipped:
            warnings.warn(f"skipped: {printable(reason)}", stacklevel=3)
        single = not (detector is not None or path.is_dir() or loaded.faces[0].is_row)
        return loaded.faces, single
    if isinstance(what, list | tuple):
        return [face for item in what for face in _faces(item, detector)[0]], False
    if isinstance(what, Image.Image):
        return _in_picture(ImageOps.exif_transpose(what), "image", detector), detector is None
    array = gray_levels(np.asarray(what))
    if array.ndim == 4 or (array.ndim == 3 and array.shape[1:] == (SIDE, SIDE)):
        several = [_in_picture(one, f"image {number}", detector) for number, one in enumerate(array)]
        return [face for faces in several for face in faces], False
    return _in_picture(array, "image", detector), detector is None


def _in_picture(picture: Image.Image | np.ndarray, name: str, detector: Detector | None) -> list[Face]:
    if detector is None:
        return [Face(pictures.to_face(picture), name)]
    return sources.detect_faces(picture, name, detector)


def _in_boxes(what: Source | Sources, boxes: Boxes) -> list[Face]:
    """Return the faces in boxes of one picture."""
    if isinstance(what, str | os.PathLike):
        return sources.detect_faces(pictures.open_picture(what, whole=True), os.fspath(what), boxes=boxes)
    if isinstance(what, Image.Image):
        return sources.detect_faces(ImageOps.exif_transpose(what), "image", boxes=boxes)
    if isinstance(what, list | tuple):
        raise BadInput("boxes are those of one picture: expected a path, an image or an array, not a list")
    return sources.detect_faces(gray_levels(np.asarray(what)), "image", boxes=boxes)


def gray_levels(array: np.ndarray) -> np.ndarray:
    """Return an array of pictures with values 0-255; floats from 0 to 1 are multiplied by 255.

    Raises:
        BadInput: a float is below 0, or the largest lies between 1 and 2: its scale is not clear.
    """
    if array.dtype.kind != "f" or array.size == 0:
        return array
    return array if (factor := pictures.scale(array.min(), array.max())) == 1 else array * factor
