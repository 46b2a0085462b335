"""Precision and recall of one class at every threshold: "is it Fear?", answered by the probability of Fear.

The faces whose probability is at least the threshold are found. Of n of them k are Fear, of K in all:

    precision P = k/n        recall R = k/K

A lower threshold finds more of them, and more others. The average precision is the area under the curve, as a sum of
steps over the thresholds in falling order:  AP = Σ_i (R_i − R_{i−1})·P_i.  Of answers by chance it is the class's share
of the faces.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """Precision and recall of a class; see the module.

    Attributes:
        recall: (thresholds,), growing to 1.
        precision: (thresholds,).
        share: the class's share of the faces.
    """

    recall: np.ndarray
    precision: np.ndarray
    share: float

    @property
    def average_precision(self) -> float:
        """AP: 1 if every face of the class has a higher probability than every other face."""
        return float(np.diff(self.recall, prepend=0.0) @ self.precision)


def curve(member: np.ndarray, score: np.ndarray) -> Curve | None:
    """Return the curve of a class; None if no face is of it.

    Args:
        member: (N,) bool, which faces are of the class.
        score: (N,), its probabilities.
    """
    if not member.any():
        return None
    order = np.argsort(-score, kind="stable")
    score, found = score[order], np.cumsum(member[order])
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))  # equal scores pass a threshold together
    return Curve(found[last] / found[-1], found[last] / (last + 1), float(member.mean()))
