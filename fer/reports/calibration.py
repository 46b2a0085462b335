"""Is the confidence, the probability of the predicted emotion, the share of right predictions?

Of the faces with a confidence of about 80 %, are 80 % right? Faces are sorted into 15 bins b of equal width by their
confidence: (0, 1/15], (1/15, 2/15], …

    calibration error   ECE = Σ_b (n_b / N)·|accuracy_b − confidence_b|
    by chance           what it is on average if each confidence is exactly right: the mean absolute deviation of a
                        binomial share, Σ_b (n_b / N)·2·(m + 1)·C(n_b, m + 1)·c^(m + 1)·(1 − c)^(n_b − m) / n_b with
                        c = confidence_b and m = ⌊n_b·c⌋ (de Moivre)
    interval            Wilson's: the shares c for which an accuracy as far away as the one that was seen, in n faces,
                        is not rarer than 5 %:  (a + z²/2n ± z·√(a(1 − a)/n + z²/4n²)) / (1 + z²/n),  z = 1.96

Sources: Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599; Wilson, JASA 22 (1927); Diaconis and
Zabell, Statistical Science 6 (1991), for de Moivre's formula.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15
LEAST_FACES = 40  # in a group that is drawn
_Z = 1.959963984540054  # 95 % of a normal distribution lie within ± z standard deviations


@dataclass(frozen=True)
class Calibration:
    """Accuracy and confidence in each bin.

    Attributes:
        counts: (bins,) int, the number of faces in each bin.
        confidence: (bins,), their mean confidence; 0 in an empty bin.
        accuracy: (bins,), the share of right predictions; 0 in an empty bin.
        edges: (bins + 1,), where the bins begin and end.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    edges: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of accuracy and confidence, over all faces."""
        return float(self.counts @ np.abs(self.accuracy - self.confidence) / self.counts.sum())

    @property
    def error_by_chance(self) -> float:
        """The mean of :attr:`error` for as many faces, if each confidence is exactly right."""
        deviations = [mean_deviation(n, c) for n, c in zip(self.counts.tolist(), self.confidence.tolist())]
        return float(self.counts @ np.array(deviations) / self.counts.sum())

    @property
    def intervals(self) -> np.ndarray:
        """Wilson's interval of each bin's accuracy: (bins, 2); from 0 to 1 in an empty bin."""
        return np.stack([wilson(a, n) for a, n in zip(self.accuracy.tolist(), self.counts.tolist())])

    def grouped(self, least: int = LEAST_FACES) -> "Calibration":
        """Return the same with neighbouring bins put together, so that each holds at least so many faces.

        If all together are fewer, there is one bin.
        """
        groups: list[list[int]] = [[]]
        for place, _ in enumerate(self.counts):
            if self.counts[groups[-1]].sum() >= least:
                groups.append([])
            groups[-1].append(place)
        if len(groups) > 1 and self.counts[groups[-1]].sum() < least:
            last = groups.pop()
            groups[-1] += last
        starts = [group[0] for group in groups]
        counts = np.add.reduceat(self.counts, starts)
        confidence, accuracy = (
            np.add.reduceat(self.counts * values, starts) / np.maximum(counts, 1)
            for values in (self.confidence, self.accuracy)
        )
        return Calibration(counts, confidence, accuracy, self.edges[[*starts, len(self.counts)]])

    def rows(self) -> list[tuple[Any, ...]]:
        """Return (from, to, faces, confidence, accuracy, low, high) of each bin, the last two of Wilson's interval;
        None for the numbers of an empty bin.
        """
        table = zip(
            self.edges, self.edges[1:], self.counts, self.confidence, self.accuracy, *self.intervals.T
        )
        return [
            (
                round(float(start), 4),
                round(float(end), 4),
                int(n),
                *(tuple(map(float, numbers)) if n else (None,) * 4),
            )
            for start, end, n, *numbers in table
        ]


def calibrate(confidence: np.ndarray, right: np.ndarray) -> Calibration:
    """Return accuracy and confidence by bins.

    Args:
        confidence: (N,), from 0 to 1.
        right: (N,) bool, which predictions are right.
    """
    confidence = np.asarray(confidence, np.float64)
    # The last bin also takes values that rounding has made a little larger than 1.
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    means, shares = (
        np.bincount(bins, weights=values, minlength=BINS) / np.maximum(counts, 1)
        for values in (confidence, np.asarray(right, np.float64))
    )
    return Calibration(counts, means, shares, np.arange(BINS + 1) / BINS)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of ``count`` faces; (0, 1) for none."""
    if not count:
        return 0.0, 1.0
    middle = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    low, high = ((middle + sign * half) / (1 + _Z**2 / count) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def mean_deviation(count: int, chance: float) -> float:
    """Return E|k/n − c| for k right ones of n = ``count`` faces, each right with the chance c."""
    if not count or not 0 < chance < 1:
        return 0.0
    m = math.floor(count * chance)
    if m == count:  # n·c is rounded up to n
        return 0.0
    logs = (
        math.lgamma(count + 1)
        - math.lgamma(m + 2)
        - math.lgamma(count - m)
        + (m + 1) * math.log(chance)
        + (count - m) * math.log1p(-chance)
    )
    return 2 * (m + 1) * math.exp(logs) / count
