"""A trained network as an object to ask: ``prediction = fer.Predictor("runs/003").predict("photo.jpg")``.

prediction.emotion                      "Happy"
prediction.probabilities["Happy"]       0.831
print(prediction)                       Happy 83.1%, Neutral 9.0%, …
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fer.data import pictures, sources
from fer.data.sources import Face
from fer.data.table import SIDE
from fer.emotions import EMOTIONS, code
from fer.errors import BadInput
from fer.networks import inference
from minicnn import Sequential
from minicnn.models import saliency


@dataclass(frozen=True)
class Prediction:
    """What a network says of one face.

    Attributes:
        emotion: the most probable one's name.
        probabilities: emotion -> probability, in FER2013's order; they sum to 1.
        face: what the network was shown, and where it came from.
    """

    emotion: str
    probabilities: dict[str, float]
    face: Face = field(repr=False, compare=False)

    @property
    def confidence(self) -> float:
        """The probability of the emotion."""
        return self.probabilities[self.emotion]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        face = self.face
        where: dict[str, Any] = {"source": face.source}
        if face.number is not None:
            where["row" if face.is_row else "face"] = face.number
        if face.box is not None:
            where["box"] = face.box._asdict()
        if face.label is not None:
            where["true"] = EMOTIONS[face.label]
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
    """Where a network looked, each (48, 48): see :mod:`minicnn.models.saliency`.

    Attributes:
        grad_cam: where the evidence for the emotion lies, not negative.
        input_gradient: by how much its score rises for each gray value that a pixel gets brighter.
    """

    grad_cam: np.ndarray
    input_gradient: np.ndarray


class Predictor:
    """A trained network and how to ask it.

    Args:
        run: a run's folder, a folder of runs for the newest, a model's file (.npz), a model, or the name of a network
            that comes with fer: "vgg", with 1.2 million weights, or "tiny", with 0.4.
        which: "best" or "last", of a run's models.
        tta: "flip" asks about each face's mirror image too and takes the mean.

    Raises:
        BadInput: a ValueError; this is no run and no model of faces.
        FileNotFoundError: it does not exist.
    """

    def __init__(
        self,
        run: str | os.PathLike[str] | Sequential = inference.IN_THE_BOX[0],
        which: str = "best",
        tta: str = "none",
    ) -> None:
        if tta not in inference.TTA:
            raise BadInput(f"tta={tta!r}: expected one of {', '.join(inference.TTA)}")
        self.model = run if isinstance(run, Sequential) else inference.open_run(run, which).model
        self.tta = tta

    def predict(self, what: Any, find_faces: bool = False) -> Any:
        """Return the :class:`Prediction` of one face, or a list of them.

        Args:
            what: one picture gives one prediction: the path of a picture's file; a Pillow image; an array (H, W) gray,
                (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. Several give a list: a list of the above; an array of faces
                (N, 48, 48), or of pictures (N, H, W, 1, 3 or 4); the path of a folder or of a table such as test.csv.
                Arrays hold gray or colour values, integers or floats from 0 to 255, or floats from 0 to 1.
            find_faces: cut the faces out of the pictures, as many as there are in each, and return a list; needs
                OpenCV. Otherwise a picture's middle square is taken.

        Raises:
            BadInput: a ValueError; a picture or an array cannot be used. In a folder such files are left out, with a
                warning.
            OSError: a file cannot be read.
        """
        faces, single = _faces(what, find_faces)
        predictions = self.of(faces)
        return predictions[0] if single else predictions

    def of(self, faces: Sequence[Face]) -> list[Prediction]:
        """Return a prediction for each face."""
        if not faces:
            return []
        images = np.stack([face.image for face in faces])
        shares = inference.probabilities(self.model, images, self.tta)
        return [
            Prediction(EMOTIONS[int(row.argmax())], dict(zip(EMOTIONS, row.tolist())), face)
            for row, face in zip(shares, faces)
        ]

    def explain(self, prediction: Prediction, emotion: str | None = None) -> Explanation:
        """Return where the network looked when it predicted this; or where it sees another ``emotion``.

        Raises:
            ValueError: there is no such emotion.
        """
        x = prediction.face.image[None, :, :, None]
        chosen = code(emotion or prediction.emotion)
        with inference.ops_for(1):
            cam = saliency.grad_cam(self.model, x, chosen)[0]
            gradient = saliency.input_gradient(self.model, x, chosen)[0, :, :, 0]
        resized = Image.fromarray(cam.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return Explanation(np.asarray(resized), gradient)


def _faces(what: Any, find_faces: bool) -> tuple[list[Face], bool]:
    """Return the faces of what :meth:`Predictor.predict` was given, and whether it was a single picture."""
    if isinstance(what, str | os.PathLike):
        path = Path(what)
        found = sources.gather([path], find_faces)
        if found.skipped and not found.faces:
            reason = found.skipped[0][1]
            raise BadInput(reason) if path.exists() else FileNotFoundError(reason)
        for _, reason in found.skipped:
            warnings.warn(f"skipped: {reason}", stacklevel=3)
        single = not (find_faces or path.is_dir() or found.faces[0].is_row)
        return found.faces, single
    if isinstance(what, list | tuple):
        return [face for item in what for face in _faces(item, find_faces)[0]], False
    if isinstance(what, Image.Image):
        return _in_picture(ImageOps.exif_transpose(what), "image", find_faces), not find_faces
    array = gray_levels(what)
    if array.ndim == 4 or (array.ndim == 3 and array.shape[1:] == (SIDE, SIDE)):
        several = [_in_picture(one, f"image {number}", find_faces) for number, one in enumerate(array)]
        return [face for faces in several for face in faces], False
    return _in_picture(array, "image", find_faces), not find_faces


def _in_picture(picture: Image.Image | np.ndarray, name: str, find_faces: bool) -> list[Face]:
    return sources.faces_in(picture, name) if find_faces else [Face(pictures.to_face(picture), name)]


def gray_levels(array: Any) -> np.ndarray:
    """Return an array of pictures with values 0-255; floats from 0 to 1 are multiplied by 255.

    Raises:
        BadInput: floats between 0 and something a little above 1: either scale would be a guess.
    """
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.size == 0:
        return array
    most = array.max()
    if 1 < most < 2:
        raise BadInput(
            f"the image has values up to {most:.4g}: expected 0 to 1 or 0 to 255; clip it, or multiply it by 255"
        )
    return array * 255 if 0 < most <= 1 else array
