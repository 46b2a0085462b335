"""How long a frame takes: ``fer predict --time``."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from PIL import Image, ImageOps

from fer.data import detect, pictures, sources, synthetic
from fer.errors import BadInput
from fer.faces.scene import scene
from fer.networks import operations
from fer.networks.predictor import Predictor

SIZE = 640, 480
ROUNDS = 20


def lines(predictor: Predictor, picture: Image.Image | None = None) -> list[str]:
    """Return the medians of ROUNDS measurements, as lines to be printed.

    Args:
        predictor: the network and the detector.
        picture: its middle is taken, in 640×480; by default a drawn face on a drawn wall.

    Raises:
        BadInput: OpenCV is not installed; there is no face in the picture.
    """
    if picture is None:
        frame = scene(synthetic.draw([3], seed=0), [(230, 130, 180)], SIZE)
    else:
        frame = np.asarray(ImageOps.fit(Image.fromarray(pictures.colours(picture)), SIZE))
    detector = predictor.detector
    faces = sources.detect_faces(frame, "the frame", detector)
    if not faces:
        raise BadInput("--time: no face was found in the picture; give another one, or none")
    steps: dict[str, Callable[[], object]] = {
        f"find faces ({detector.chosen})": lambda: detect.find_faces(frame, detector),
        "network": lambda: predictor.of(faces),
        "all: predict(frame, find_faces=True)": lambda: predictor.predict(frame, find_faces=True),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    operations.wait_for_kernels(predictor.model)
    for step in steps.values():
        step()
    for _ in range(ROUNDS):  # one after the other, so that a busy moment meets all of them
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(1e3 * (time.perf_counter() - start))
    title = f"{SIZE[0]}x{SIZE[1]} pixels, faces: {len(faces)}; medians of {ROUNDS}"
    return [title, *(f"{median(each):7.1f} ms  {name}" for name, each in times.items())]
