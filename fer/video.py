"""The faces in a video, frame by frame: each is followed, and its probabilities are smoothed over time.

    for frame in fer.video.frames("clip.mp4", every=5):
        for face in frame.faces:
            print(frame.second, face.track, face.emotion, face.probabilities)

A face that overlaps a known one by a third or more is that one: it gets the same track. What is written of
emotions is the exponential mean over time,

    p ← p + (1 − exp(−Δt / SMOOTHING)) · (new − p),

where Δt is the time since the face was last seen: a change counts for 63 % after half a second.
"""

import itertools
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer import outputs
from fer.data import video_files
from fer.data.detect import Box
from fer.errors import BadInput
from fer.networks.predictor import Prediction, Predictor
from fer.reports import prediction_boxes, prediction_times
from minicnn.terminal import NAME, printable

SMOOTHING = 0.5  # seconds
SAME = 1 / 3  # least overlap, as a share of both together
FORGET = 1.0  # seconds without a face, after which its track ends; it is searched once more at least
# and a probability for each class
COLUMNS = ("frame", "second", "track", *Box._fields, "score", "emotion", "confidence")


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame.

    Attributes:
        track: its number, from 1; the same in each frame in which it was followed.
        prediction: of this frame alone.
        probabilities: emotion -> probability, smoothed over time.
    """

    track: int
    prediction: Prediction
    probabilities: dict[str, float]

    @property
    def emotion(self) -> str:
        """The most probable emotion, smoothed over time."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.probabilities[self.emotion]

    @property
    def box(self) -> Box:
        """Where it is."""
        return self.prediction.face.box or Box(0, 0, 0, 0)


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        number: from 0.
        second: its time.
        image: (H, W, 3) uint8, RGB.
        faces: those found in it; in a frame that was passed over, those of the one before.
        searched: whether faces were searched in this frame.
    """

    number: int
    second: float
    image: np.ndarray = field(repr=False)
    faces: list[TrackedFace]
    searched: bool = True


class Tracks:
    """The faces that are followed."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Box, np.ndarray]] = {}  # when, where, the mean
        self._numbers = itertools.count(1)
        self._last = 0.0  # when faces were searched last

    def follow(self, predictions: list[Prediction], second: float) -> list[TrackedFace]:
        """Return each face with its track and its smoothed probabilities, at a time."""
        self._known = {
            track: known
            for track, known in self._known.items()
            if second - known[0] <= FORGET or known[0] == self._last
        }
        self._last = second
        pairs = sorted(
            (
                (-overlap, index, track)
                for index, prediction in enumerate(predictions)
                for track, (_, box, _) in self._known.items()
                if prediction.face.box is not None and (overlap := prediction.face.box.overlap(box)) >= SAME
            ),
        )
        chosen: dict[int, int] = {}
        for _, index, track in pairs:
            if index not in chosen and track not in chosen.values():
                chosen[index] = track
        return [
            self._seen(chosen.get(index), prediction, second) for index, prediction in enumerate(predictions)
        ]

    def _seen(self, track: int | None, prediction: Prediction, second: float) -> TrackedFace:
        mean = np.array(list(prediction.probabilities.values()))
        if track is None:
            track = next(self._numbers)
        else:
            before, _, old = self._known[track]
            mean = old + (1 - math.exp(-max(second - before, 0) / SMOOTHING)) * (mean - old)
        if prediction.face.box is not None:
            self._known[track] = second, prediction.face.box, mean
        return TrackedFace(track, prediction, dict(zip(prediction.probabilities, mean.tolist())))


def frames(
    video: str | os.PathLike[str] | Iterable[np.ndarray],
    predictor: Predictor | None = None,
    every: int = 1,
    fps: float | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a video with the faces in them.

    Args:
        video: the path of a file, or frames (H, W, 3) RGB or (H, W) gray uint8 from anywhere.
        predictor: the network and the detector; by default fer's.
        every: search faces in every n-th frame; the frames between have the faces of the one before.
        fps: frames a second; by default what the file says, else 25.

    Raises:
        BadInput: the file is not a video, or damaged; OpenCV is not installed.
        OSError: it cannot be read.
    """
    if every < 1:
        raise BadInput(f"every={every}: expected 1 or more")
    if isinstance(video, str | os.PathLike):
        with video_files.opened(video) as reader:
            yield from frames(reader, predictor, every, fps or reader.fps)
        return
    if fps is not None and not 0 < fps < math.inf:
        raise BadInput(f"fps={fps}: expected a number above 0")
    predictor, tracks = predictor or Predictor(), Tracks()
    faces: list[TrackedFace] = []
    for number, image in enumerate(video):
        second, searched = number / (fps or video_files.FPS), number % every == 0
        if searched:
            faces = tracks.follow(predictor.predict(image, find_faces=True), second)
        yield Frame(number, second, image, faces, searched)


def record(
    path: str | os.PathLike[str],
    predictor: Predictor,
    folder: Path,
    stem: str,
    every: int = 1,
    quiet: bool = False,
) -> int:
    """Write what is seen in a video's file: an MP4 with boxes, a table and a figure over time.

    Args:
        path: the video.
        predictor: the network and the detector.
        folder: where ``stem.mp4``, ``stem.csv`` and ``stem.png`` go.
        stem: the beginning of their names.
        every: search faces in every n-th frame.
        quiet: no progress bar, which otherwise a terminal shows.

    Returns:
        The number of frames.

    Raises:
        BadInput: the file is not a video, or damaged.
        OSError: a file cannot be read or written.
    """
    rows: list[tuple[float | str, ...]] = []
    tracks: dict[int, list[tuple[float, list[float]]]] = {}
    number = -1
    with (
        video_files.opened(path) as reader,
        video_files.writing(folder / f"{stem}.mp4", reader.size, reader.fps) as write,
    ):
        shown = tqdm(reader, str(stem), reader.count, unit="frame", leave=False, disable=quiet or None)
        for frame in frames(shown, predictor, every, reader.fps):
            number = frame.number
            texts = [
                (face.box, f"{face.track}: {face.emotion} {face.confidence:.0%}") for face in frame.faces
            ]
            write(prediction_boxes.annotated(frame.image, texts))
            for face in frame.faces if frame.searched else []:
                shares = list(face.probabilities.values())
                score = face.prediction.face.score
                values = [f"{share:.6g}" for share in (face.confidence, *shares)]
                known = "" if score is None else f"{score:.4g}"
                second = f"{frame.second:.6g}"
                rows.append((frame.number, second, face.track, *face.box, known, face.emotion, *values))
                tracks.setdefault(face.track, []).append((frame.second, shares))
    outputs.write_csv(folder / f"{stem}.csv", (*COLUMNS, *predictor.classes), rows)
    title = printable(Path(path).name, NAME)
    outputs.write_figure(
        folder / f"{stem}.png",
        prediction_times.over_time(tracks, title, every / reader.fps, predictor.classes),
    )
    return number + 1
