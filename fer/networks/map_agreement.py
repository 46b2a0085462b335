"""Do the maps of ``fer predict --explain`` tell the truth? ``python -m fer.networks.map_agreement [RUN]``.

Each drawn face is drawn twice, with and without the muscles of an emotion about the mouth alone, or about brows and
eyes alone; all else is the same. If the network predicts the emotion only for the face with them, these muscles decide,
and the pixels in which the two drawings differ are where the evidence is. For the maps of each layer the command prints

    occlusion    the correlation with what occlusion finds: cover a patch, see how far the score falls
    place        the share of faces for which the map is highest where the two drawings differ: at most 4 pixels away
                 from one of the 5 % of the pixels that differ most
    alike        the correlation with the mean map of all faces; near 1 the map says the same of every face

A spot in the middle, the same for each face, is there for comparison: a map that is no better says nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer import errors
from fer.command_line import new_parser
from fer.emotions import indices_in
from fer.errors import BadInput
from fer.faces.anatomy import PERSON, TRAITS, sample
from fer.faces.camera import SCENE, photograph
from fer.faces.expression import UNITS
from fer.faces.pose import POSE
from fer.networks import inference
from minicnn import Sequential
from minicnn.layers import Activation, MaxPooling2D
from minicnn.models import saliency
from minicnn.terminal import say

MUSCLES = {  # emotion -> action units about the mouth, about brows and eyes
    "Angry": ((23, 24), (4, 5, 7)),
    "Disgust": ((10, 17), (4, 7)),
    "Fear": ((20, 25), (1, 2, 4, 5)),
    "Happy": ((12, 25, 26), ()),
    "Sad": ((15, 17), (1, 4)),
    "Surprise": ((25, 26), (1, 2, 5)),
}
SPOT, OCCLUSION, GRAD_CAM, HIRES_CAM = "a spot in the middle", "occlusion", "Grad-CAM", "HiResCAM"
DRAWN = 30  # faces for each set of muscles
NEAR = 4  # pixels


class Pairs(NamedTuple):
    """Faces whose mouth or brows decide.

    Attributes:
        images: (N, 48, 48), with the muscles.
        classes: (N,), the network's number of the emotion, which it predicts.
        evidence: (N, 48, 48) bool, where the face without them differs, and NEAR pixels around.
    """

    images: np.ndarray
    classes: np.ndarray
    evidence: np.ndarray


def draw(units: Sequence[int], count: int, seed: int) -> np.ndarray:
    """Return faces at rest but for these action units: (count, 48, 48)."""
    rng = np.random.default_rng(seed)
    person = sample(PERSON, TRAITS, count, rng)
    scene = sample(POSE | SCENE, {"hand": 0.0}, count, rng)
    au = np.zeros((max(UNITS) + 1, count, 1, 1), np.float32)
    au[list(units)] = 0.9
    return photograph(person, au, scene, rng)


def pairs(model: Sequential, count: int, seed: int = 0) -> Pairs:
    """Return the faces, of ``count`` drawn for each set of muscles, that these decide.

    Raises:
        BadInput: the network knows none of the emotions, or none is decided by them.
    """
    found = []
    for number, (emotion, sets) in enumerate(MUSCLES.items()):
        label = indices_in([emotion], inference.classes_of(model))[0]
        for units in sets if label is not None else ():
            if units:
                images, rest = draw(units, count, seed + number), draw((), count, seed + number)
                first, second = (
                    inference.probabilities(model, each).argmax(axis=1) for each in (images, rest)
                )
                decided = (first == label) & (second != label)
                changed = np.abs(images[decided].astype(int) - rest[decided])
                found.append((images[decided], np.full(decided.sum(), label), _near(changed)))
    if not sum(len(images) for images, _, _ in found):
        raise BadInput("no drawn face's emotion is decided by its mouth or brows: is the network trained?")
    return Pairs(*(np.concatenate(part) for part in zip(*found)))


def _near(changed: np.ndarray) -> np.ndarray:
    """Return which pixels (N, 48, 48) are near to one of the 5 % that changed most."""
    most = changed > np.quantile(changed, 0.95, axis=(1, 2), keepdims=True) if len(changed) else changed > 0
    padded = np.pad(most, ((0, 0), (NEAR, NEAR), (NEAR, NEAR)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * NEAR + 1, 2 * NEAR + 1), axis=(1, 2))
    return np.asarray(windows.any(axis=(3, 4)))


def correlations(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each map (N, H, W) with the other one; 0 for one without contrast."""
    a, b = (each.reshape(len(each), -1).astype(np.float64) for each in (maps, others))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    sizes = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.where(sizes > 0, sizes, np.inf))


def candidates(model: Sequential, faces: Pairs) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, maps (N, 48, 48)): a spot in the middle, occlusion, the input gradient, and the two CAMs of the
    layers that they take by default, and of each activation and pooling.
    """
    x, classes = faces.images[..., None], faces.classes.tolist()
    away = np.square(np.arange(48) - 23.5)
    yield SPOT, np.tile(np.exp(-(away + away[:, None]) / 288), (len(x), 1, 1))
    yield OCCLUSION, np.maximum(saliency.occlusion(model, x, classes), 0)
    yield "input gradient, absolute", np.abs(saliency.input_gradient(model, x, classes)[..., 0])
    yield GRAD_CAM, resized(saliency.grad_cam(model, x, classes))
    yield HIRES_CAM, resized(saliency.hires_cam(model, x, classes))
    for layer in model.layers:
        if isinstance(layer, Activation | MaxPooling2D):
            for name, function in ((GRAD_CAM, saliency.grad_cam), (HIRES_CAM, saliency.hires_cam)):
                cams = function(model, x, classes, layer)
                yield f"{name} of {layer.name}, {cams.shape[1]}x{cams.shape[2]}", resized(cams)


def resized(cams: np.ndarray) -> np.ndarray:
    """Return maps (N, h, w) in the size of the faces."""
    images = [Image.fromarray(cam.astype(np.float32)) for cam in cams]
    return np.stack([np.asarray(each.resize((48, 48), Image.Resampling.BILINEAR)) for each in images])


def table(model: Sequential, faces: Pairs) -> list[tuple[str, float, float, float]]:
    """Return (map, occlusion, place, alike) for each of the candidates; see the module."""
    rows = [(name, maps, *_judged(maps, faces)) for name, maps in candidates(model, faces)]
    [hidden] = [maps for name, maps, _, _ in rows if name == OCCLUSION]
    return [
        (name, float(correlations(maps, hidden).mean()), place, alike) for name, maps, place, alike in rows
    ]


def _judged(maps: np.ndarray, faces: Pairs) -> tuple[float, float]:
    at = maps.reshape(len(maps), -1).argmax(axis=1)
    place = faces.evidence.reshape(len(maps), -1)[np.arange(len(maps)), at].mean()
    alike = correlations(maps, np.broadcast_to(maps.mean(axis=0), maps.shape)).mean()
    return float(place), float(alike)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table of a network."""
    parser = new_parser(
        "networks.map_agreement", "[RUN]", "Do the maps of --explain agree with occlusion?", ""
    )
    parser.add_argument("run", nargs="?", default=inference.BUNDLED[0], help="(default: %(default)s)")
    with errors.one_line("fer.networks.map_agreement"):
        trained = inference.open_run(parser.parse_args(argv).run)
        faces = pairs(trained.model, DRAWN)
        count = np.bincount(faces.classes, minlength=len(trained.classes))
        names = ", ".join(f"{n} {name}" for name, n in zip(trained.classes, count) if n)
        say(f"{trained.path}: {len(faces.images)} faces whose mouth or brows decide ({names})")
        say(
            f"by chance a place is right for {faces.evidence.mean():.0%}",
            "",
            f"{'':36}occlusion  place  alike",
        )
        for name, hidden, place, alike in table(trained.model, faces):
            say(f"{name:36}{hidden:9.2f}{place:7.0%}{alike:7.2f}")


if __name__ == "__main__":
    main()
