"""Are two networks different, or was it luck? Both are judged on the same faces, so the test is paired.

Of N faces, b are right with the first network only and c with the second only; the other N − b − c do not tell them
apart.

    difference of the accuracies    (c − b) / N
    its standard error              √(b + c − (c − b)² / N) / N
    McNemar's exact test            if both were equally good, each of the b + c faces would have gone either way
                                    like a coin: p = min(1, 2·Σ_{i ≤ min(b, c)} C(b + c, i) / 2^(b + c))

Among many pairs some have a small p by luck. So p is multiplied by Holm's factors: the smallest of m by m, the next
one by m − 1, and so on, each at least as large as the one before.

Sources: McNemar, Psychometrika 12 (1947); Holm, Scandinavian Journal of Statistics 6 (1979).
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer.reports.plots import COLOURS, GREEN, ORANGE, class_names, headline, new_figure, plain_axes
from fer.reports.prediction_plots import face
from minicnn.terminal import printable

LUCK = 0.05  # a smaller p is not called luck
_COLUMN, _FACE, _LINE = 2.1, 1.6, 0.17  # inches: of a face and its texts, the face, a line of text


@dataclass(frozen=True)
class Pair:
    """Two networks on the same faces.

    Attributes:
        first: the name of one.
        second: the name of the other.
        only_first: how many faces the first one alone has right.
        only_second: how many the second one alone has right.
        faces: of how many.
        p: of McNemar's test, after Holm's correction for the number of pairs.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    faces: int
    p: float

    @property
    def difference(self) -> float:
        """The second one's accuracy minus the first one's."""
        return (self.only_second - self.only_first) / self.faces

    @property
    def standard_error(self) -> float:
        """One standard deviation of the difference, caused by the choice of the faces alone."""
        differing, more = self.only_first + self.only_second, self.only_second - self.only_first
        return math.sqrt(max(differing - more**2 / self.faces, 0)) / self.faces

    @property
    def verdict(self) -> str:
        """What the test says, in words."""
        if self.p >= LUCK:
            return "may be luck"
        return f"{self.second if self.difference > 0 else self.first} is better"


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p of McNemar's exact two-sided test; see the module."""
    total = only_first + only_second
    tail = sum(math.comb(total, i) for i in range(min(only_first, only_second) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**total)))


def pairs(right: Mapping[str, np.ndarray]) -> list[Pair]:
    """Return all pairs of networks.

    Args:
        right: name -> which faces (N,) bool the network has right.
    """
    found = []
    for (first, a), (second, b) in combinations(right.items(), 2):
        alone = int((a & ~b).sum()), int((b & ~a).sum())
        found.append(Pair(first, second, *alone, len(a), mcnemar(*alone)))
    corrected, least = list(found), 0.0
    for rank, place in enumerate(sorted(range(len(found)), key=lambda place: found[place].p)):
        least = max(least, min(1.0, (len(found) - rank) * found[place].p))
        corrected[place] = replace(found[place], p=least)
    return corrected


def to_text(title: str, right: Mapping[str, np.ndarray]) -> str:
    """Return the accuracies and the pairs as two tables."""
    names = {name: printable(name, 40) for name in right}
    width = max(map(len, names.values()))
    lines = [printable(title), ""]
    for name, good in right.items():
        share = float(good.mean())
        lines.append(
            f"{names[name]:{width}}  {share:7.2%} ± {math.sqrt(share * (1 - share) / len(good)):.2%}"
        )
    lines += ["", f"{'':{2 * width + 3}}  difference        only the one  only the other     p"]
    for pair in pairs(right):
        what = f"{names[pair.second]} - {names[pair.first]}"
        lines.append(
            f"{what:{2 * width + 3}}  {pair.difference:+7.2%} ± {pair.standard_error:.2%}  {pair.only_second:12}  "
            f"{pair.only_first:14}  {pair.p:.3g}: {printable(pair.verdict)}"
        )
    return "\n".join(lines) + "\n"


def accuracies(right: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Draw the accuracy of each network, with a bar of two standard errors to each side."""
    figure = new_figure(7, 0.45 * len(right) + 1.5)
    headline(figure, title)
    axes = figure.subplots()
    shares = [float(good.mean()) for good in right.values()]
    errors = [2 * math.sqrt(s * (1 - s) / len(good)) for s, good in zip(shares, right.values())]
    places = range(len(right))
    axes.errorbar(shares, places, xerr=errors, fmt="o", color=COLOURS[0], capsize=4)
    for place, share in zip(places, shares):
        axes.annotate(
            f"{share:.1%}", (share, place), (0, 7), textcoords="offset points", ha="center", fontsize=10
        )
    axes.set_yticks(places, class_names(list(right)), parse_math=False)
    axes.set(xlabel="accuracy, ± two standard errors", ylim=(len(right) - 0.4, -0.7))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(axis="x", alpha=0.3)
    plain_axes(axes)
    return figure


def curves(histories: Mapping[str, Mapping[str, Sequence[float]]], title: str = "") -> Figure:
    """Draw the validation loss and accuracy of several runs over each other.

    Args:
        histories: name -> "val_loss", "val_accuracy" -> one value per epoch.
        title: written above.
    """
    figure = new_figure(11, 4.6)
    headline(figure, title)
    for axes, key in zip(figure.subplots(1, 2), ("val_loss", "val_accuracy")):
        for number, (name, history) in enumerate(histories.items()):
            count = len(history[key])
            every = max(1, count // 8)  # marks, at other epochs for each run, so that none hides the others
            axes.plot(
                np.arange(1, count + 1),
                history[key],
                label=_with_best(name, history[key], key),
                color=COLOURS[number % len(COLOURS)],
                marker="os^Dv"[number % 5],
                markevery=(number * every // max(len(histories), 1) % every, every),
                ms=5,
                lw=1.3,
            )
        axes.set(title=f"validation {key.removeprefix('val_')}", xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        plain_axes(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _with_best(name: str, values: Sequence[float], key: str) -> str:
    """Return a run's name and its best value, for a legend."""
    best = f"{min(values):.3f}" if key == "val_loss" else f"{max(values):.1%}"
    return f"{printable(name, 30)}: best {best}".replace("$", r"\$")


def differing_faces(
    images: np.ndarray, true: Sequence[str], said: Mapping[str, Sequence[str]], title: str = ""
) -> Figure:
    """Draw faces, above each its true class, below what each network says; what is right is green.

    Args:
        images: (N, 48, 48).
        true: the N true classes.
        said: name -> the N classes that a network predicts.
        title: written above.
    """
    columns = min(6, len(images))
    rows = -(-len(images) // columns)
    text = textwrap.fill(printable(title, 300), 22 * max(columns, 2))
    head, step = 0.2 + 0.2 * (text.count("\n") + 1), _FACE + 0.5 + _LINE * len(said)  # inches
    width, height = _COLUMN * max(columns, 2), head + step * rows
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 1 - 0.1 / height, text, ha="center", va="top", fontsize=11, parse_math=False)
    for number, (image, label, *answers) in enumerate(zip(images, true, *said.values())):
        row, column = divmod(number, columns)
        left = (width - _COLUMN * columns) / 2 + _COLUMN * column + (_COLUMN - _FACE) / 2
        bottom = height - head - step * row - 0.25 - _FACE
        axes = figure.add_axes((left / width, bottom / height, _FACE / width, _FACE / height))
        face(axes, image)
        axes.set_title(printable(label, 20), fontsize=10, weight="bold", parse_math=False)
        for line, (name, answer) in enumerate(zip(said, answers)):
            right = answer == label
            axes.annotate(
                f"{printable(name, 14)}: {printable(answer, 14)}{' ✓' * right}",
                (0.5, 0),
                (0, -4 - 72 * _LINE * line),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8.5,
                color=GREEN if right else ORANGE,
                parse_math=False,
            )
    return figure
