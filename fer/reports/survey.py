"""A data set in numbers: faces of each emotion, gray values, copies, conflicting labels, blank images.

Copies are images that are equal in every pixel. If a training image has a copy among the validation or test
rows, a network looks better than it is, because it was trained on that face; copies with different labels
cannot all be right.
"""

import html
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer.data.dataset import FerDataset
from fer.data.table import keys
from fer.emotions import EMOTIONS
from minicnn.terminal import printable


@dataclass(frozen=True)
class FaceRow:
    """A face of a data set: its split, its row there (from 0), its label."""

    split: str
    row: int
    label: int
    classes: tuple[str, ...] = EMOTIONS

    @property
    def emotion(self) -> str:
        """The label's name."""
        return printable(self.classes[self.label])


@dataclass(frozen=True)
class Survey:
    """The numbers of a data set.

    Attributes:
        counts: split -> number of faces of each class.
        histogram: split -> number of pixels of each gray value (256,).
        copies: groups of two or more faces whose images are equal.
        blank: faces in whose image all pixels are equal.
        classes: the names of the classes.
    """

    counts: dict[str, np.ndarray]
    histogram: dict[str, np.ndarray]
    copies: list[list[FaceRow]]
    blank: list[FaceRow]
    classes: tuple[str, ...] = EMOTIONS

    def __repr__(self) -> str:
        """Return it in one line, without the arrays."""
        return f"<Survey of {self.faces:,} faces in {', '.join(self.counts)}: {len(self.copies)} groups of copies>"

    def _repr_html_(self) -> str:
        table = self.to_text("").strip("\n")
        return f"<pre>{html.escape(table)}</pre>"

    @property
    def conflicts(self) -> list[list[FaceRow]]:
        """The groups of copies whose labels differ."""
        return [group for group in self.copies if len({face.label for face in group}) > 1]

    @property
    def faces(self) -> int:
        """The number of faces."""
        return int(sum(counts.sum() for counts in self.counts.values()))

    @property
    def distinct(self) -> int:
        """The number of different images."""
        return self.faces - sum(len(group) - 1 for group in self.copies)

    def repeats_within_splits(self) -> dict[str, int]:
        """Return how many faces of each split are copies of an earlier one of the same split."""
        result = dict.fromkeys(self.counts, 0)
        for group in self.copies:
            for name, count in Counter(face.split for face in group).items():
                result[name] += count - 1
        return result

    def shared_between_splits(self) -> dict[tuple[str, str], int]:
        """Return how many faces of one split have a copy in another split; pairs without any are left out.

        ("validation", "train"): 280 means that 280 validation faces are in the training rows too.
        """
        result: dict[tuple[str, str], int] = {}
        names = list(self.counts)
        for late, early in ((b, a) for i, a in enumerate(names) for b in names[i + 1 :]):
            count = sum(
                sum(face.split == late for face in group)
                for group in self.copies
                if any(face.split == early for face in group)
            )
            if count:
                result[late, early] = count
        return result

    def gray_values(self, split: str) -> tuple[float, float]:
        """Return mean and standard deviation of a split's pixels, 0-255."""
        return moments(self.histogram[split])

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold, without the single faces."""
        return {
            "faces": {name: dict(zip(self.classes, counts.tolist())) for name, counts in self.counts.items()},
            "gray_values": {
                name: dict(zip(("mean", "standard_deviation"), self.gray_values(name)))
                for name in self.histogram
            },
            "distinct_images": self.distinct,
            "groups_of_copies": len(self.copies),
            "repeated_within_split": self.repeats_within_splits(),
            "shared_between_splits": [
                {"split": late, "with": early, "faces": count}
                for (late, early), count in self.shared_between_splits().items()
            ],
            "groups_of_copies_with_conflicting_labels": len(self.conflicts),
            "blank_images": len(self.blank),
        }

    def to_text(self, name: str) -> str:
        """Return a summary as text."""
        names = [printable(name, 20) for name in self.classes]
        wide = max(10, *(len(name) + 2 for name in names))
        lines = [printable(name), "", f"{'':10}" + "".join(f"{text:>{wide}}" for text in (*names, "all"))]
        for split, counts in self.counts.items():
            numbers = (*counts, counts.sum())
            lines.append(f"{split:10}" + "".join(f"{number:{wide},}" for number in numbers))
        lines.append("")
        for split in self.histogram:
            mean, deviation = self.gray_values(split)
            lines.append(f"gray values, {split}: mean {mean:.2f}, standard deviation {deviation:.2f} (0-255)")
        extra = self.faces - self.distinct
        lines += [
            "",
            f"copies: {_images_occur(len(self.copies))} more than once; {self.distinct:,} of "
            f"{self.faces:,} faces are distinct, {extra:,} repeat one of these",
        ]
        for name, count in self.repeats_within_splits().items():
            if count:
                repeat = "face of {} repeats" if count == 1 else "faces of {} repeat"
                lines.append(f"        {count:,} {repeat.format(name)} an earlier one of {name}")
        for (late, early), count in self.shared_between_splits().items():
            have = "face of {} has" if count == 1 else "faces of {} have"
            lines.append(f"        {count:,} {have.format(late)} a copy in {early}")
        lines += [
            f"conflicting labels: {_images_occur(len(self.conflicts))} more than once under "
            "different emotions",
            f"blank images (all pixels equal): {_row_list(self.blank)}",
        ]
        return "\n".join(lines) + "\n"


def survey(data: FerDataset) -> Survey:
    """Return the numbers of a data set."""
    groups: dict[bytes, list[FaceRow]] = {}
    blank = []
    for name, split in data.splits().items():
        flat = split.images.reshape(len(split), -1)
        faces = [FaceRow(name, row, label, data.classes) for row, label in enumerate(split.labels.tolist())]
        for key, face in zip(keys(split.images), faces):
            groups.setdefault(key, []).append(face)
        blank += [faces[row] for row in np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))]
    return Survey(
        counts={name: split.counts() for name, split in data.splits().items()},
        histogram={
            name: np.bincount(split.images.reshape(-1), minlength=256)
            for name, split in data.splits().items()
        },
        copies=[group for group in groups.values() if len(group) > 1],
        blank=blank,
        classes=data.classes,
    )


def moments(histogram: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of gray values from how often each occurs (256,)."""
    values, total = np.arange(256), histogram.sum()
    mean = values @ histogram / total
    return float(mean), float(np.sqrt((values - mean) ** 2 @ histogram / total))


def mean_faces(images: np.ndarray, labels: np.ndarray, classes: int = len(EMOTIONS)) -> np.ndarray:
    """Return the mean image of each class, (classes, H, W); NaN for a class without faces."""
    means = np.full((classes, *images.shape[1:]), np.nan)
    for label in np.unique(labels):
        means[label] = images[labels == label].mean(axis=0)
    return means


def _images_occur(count: int) -> str:
    return "1 image occurs" if count == 1 else f"{count:,} images occur"


def _row_list(faces: Iterable[FaceRow]) -> str:
    found = list(faces)
    shown = ", ".join(f"{face.split} row {face.row}" for face in found[:3])
    return f"{len(found)}" + (f" ({shown}{', …' if len(found) > 3 else ''})" if found else "")
