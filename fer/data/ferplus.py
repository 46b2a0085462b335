"""FER+: other labels for FER2013's faces, by ten people for each; ``--labels fer2013new.csv``.

    Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF
    Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0

Row i is about row i of fer2013.csv. The classes are FER2013's seven, and contempt; "unknown" and "NF" (not a face)
can be voted for too. The rules are those of the authors' code. A vote that nobody shares is dropped first; V is the
number of the others.

majority  The label is the class with more than V/2. A row without one is left out, as is one of "unknown" or "NF".
soft      The targets of a training row are the shares of its first classes among their votes. These are the classes
          with the most votes, equal ones together, until they have ¾·V, or are three, or "unknown" or "NF" is
          reached. The row is left out if one of these two is first, if its first classes have at most V/2, or if
          they are more than three. Validation and test rows are those of the majority, so that both ways are
          judged on the same faces.

Source: Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", arXiv:1608.01041; the labels: https://github.com/microsoft/FERPlus.
"""

import csv
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import sniff
from fer.data.table import SPLITS, USAGES, Rows
from fer.emotions import EMOTIONS, indices_in
from fer.errors import BadInput, expecting
from minicnn.saving import regular, shown

VOTES = ("majority", "soft")
CLASSES = (*EMOTIONS, "Contempt")
# the columns of votes, in the order of CLASSES
NAMES = (
    "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "nf",
)  # fmt: skip
MAX_BYTES = 1 << 26  # fer2013new.csv has 1.6 million
MOST_VOTES = 1000  # for one class of one face
LEAST_AGREEMENT = 0.4  # two labels in three agree with FER2013's; one in five if the order is another
_EXPECTED = "FER+'s fer2013new.csv, which begins with Usage,Image name,neutral,happiness,"


def option() -> dict[str, Any]:
    """Return the option --labels of a command, which ``add_argument`` takes."""
    text = "FER+'s fer2013new.csv: labels for the faces of fer2013.csv, with contempt"
    return {"metavar": "FILE", "help": text}


def relabel(rows: Rows, name: str, labels: str | os.PathLike[str], votes: str = "majority") -> Rows:
    """Return the faces of FER2013 with the labels of FER+, without those that get none.

    Args:
        rows: in the order of fer2013.csv: all, or all of some Usages.
        name: of their file, for messages.
        labels: the path of fer2013new.csv.
        votes: what becomes of the votes, one of VOTES.

    Raises:
        BadInput: ``labels`` is no such file, or does not fit the faces.
        OSError: it cannot be read.
    """
    if votes not in VOTES:
        raise BadInput(f"votes={shown(votes)}: expected one of {', '.join(VOTES)}")
    usage, counts = read(labels)
    usage, counts = _of_these(rows, name, usage, counts, labels)
    label = majority(counts)
    _check_agreement(rows, name, label, labels)
    targets = None
    if votes == "soft":
        training = usage == 0
        shares = soft(counts)
        targets = (label[:, None] == np.arange(len(CLASSES))).astype(np.float32)
        targets[training] = shares[training]
        label = np.where(training, np.where(shares.any(axis=1), shares.argmax(axis=1), -1), label)
    kept = label >= 0
    if not kept.any():
        raise BadInput(f"{labels}: people agree on no face, so there is no label")
    no_class = ~kept & (counts.argmax(axis=1) >= len(CLASSES))
    note = (
        f"{Path(labels).name}: {votes}; {np.sum(~kept)} of {len(kept)} rows are left out, {np.sum(no_class)} of them "
        f"as unknown or no face, {np.sum(~kept & ~no_class)} because people do not agree"
    )
    return replace(
        rows,
        images=rows.images[kept],
        labels=label[kept].astype(np.uint8),
        usage=usage[kept],
        notes=(*rows.notes, note),
        classes=CLASSES,
        targets=None if targets is None else targets[kept],
    )


def read(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the Usage of each row, (N,) uint8 indices into USAGES, and its votes in the order of NAMES, (N, 10).

    Raises:
        BadInput: it is no such file; the message names the line.
        OSError: it cannot be read.
    """
    with expecting(_EXPECTED), regular(path, MAX_BYTES) as file:
        content = file.read()
    found = sniff.describe(content[: sniff.START])
    if found or not content.strip():
        raise BadInput(f"{path} is {found or 'empty'}; expected {_EXPECTED}")
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""))
    try:
        header = [name.strip().lower() for name in next(lines)]
        if not {"usage", *NAMES} <= set(header) or len(set(header)) < len(header):
            raise BadInput(f"{path} begins with {shown(','.join(header))}; expected {_EXPECTED}")
        place, places = header.index("usage"), [header.index(name) for name in NAMES]
        usage, votes = [], []
        for fields in lines:
            if fields:
                where = f"{path}, line {lines.line_num}"
                usage.append(_use(fields, place, len(header), where))
                votes.append([_count(fields[i], header[i], where) for i in places])
    except csv.Error as error:
        raise BadInput(f"{path}, line {lines.line_num}: cannot be read as CSV: {error}") from None
    if not votes:
        raise BadInput(f"{path} has a header and no rows; expected a row a face")
    return np.array(usage, np.uint8), np.array(votes)


def _use(fields: list[str], place: int, columns: int, where: str) -> int:
    if len(fields) != columns:
        raise BadInput(f"{where}: found {len(fields)} fields, expected {columns} as in the header")
    use = fields[place].strip()
    if use.lower() not in SPLITS:
        raise BadInput(f"{where}: Usage is {shown(use)}, expected one of {', '.join(USAGES)}")
    return SPLITS[use.lower()]


def _count(text: str, name: str, where: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= MOST_VOTES):
        raise BadInput(f"{where}: {name} is {shown(text)}, expected a number of votes")
    return int(text)


def majority(votes: np.ndarray) -> np.ndarray:
    """Return the index in CLASSES of each row's label, (N,), -1 where there is none; votes (N, 10)."""
    shared = np.where(votes > 1, votes, 0)
    label = shared.argmax(axis=1)
    clear = 2 * shared.max(axis=1) > shared.sum(axis=1)
    return np.where(clear & (label < len(CLASSES)), label, -1)


def soft(votes: np.ndarray) -> np.ndarray:
    """Return each row's targets (N, 8) float32, zeros where the row is to be left out; votes (N, 10)."""
    distinct, which = np.unique(np.where(votes > 1, votes, 0), axis=0, return_inverse=True)
    return np.array([_shares(row) for row in distinct], np.float32)[which.reshape(-1)]


def _shares(row: np.ndarray) -> np.ndarray:
    """Return the targets of one row, whose unshared votes are 0."""
    first = np.zeros(len(CLASSES))
    for most in np.unique(row[row > 0])[::-1]:
        now = row == most
        first[now[: len(CLASSES)]] = most
        if now[len(CLASSES) :].any() or 4 * first.sum() >= 3 * row.sum() or np.count_nonzero(first) >= 3:
            break
    if 2 * first.sum() <= row.sum() or np.count_nonzero(first) > 3:
        return np.zeros(len(CLASSES))
    return first / first.sum()


def _of_these(
    rows: Rows, name: str, usage: np.ndarray, votes: np.ndarray, labels: str | os.PathLike[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Usage and votes of the faces, which may be those of some Usages alone.

    Raises:
        BadInput: there is not a row for each face, or their Usages differ.
    """
    uses = np.arange(len(USAGES)) if rows.usage is None else np.unique(rows.usage)
    lines = np.flatnonzero(np.isin(usage, uses))
    if len(lines) != len(rows):
        which = "" if len(uses) == len(USAGES) else f" of {' and '.join(USAGES[use] for use in uses)}"
        raise BadInput(
            f"{labels} has {len(lines)} rows{which}, and {name} {len(rows)} faces: expected one for each face, in "
            "the order of fer2013.csv"
        )
    if rows.usage is not None and (usage[lines] != rows.usage).any():
        face = int(np.argmax(usage[lines] != rows.usage))
        raise BadInput(
            f"{labels}, row {lines[face] + 1}: Usage is {USAGES[usage[lines[face]]]}, and that of face {face + 1} in "
            f"{name} is {USAGES[rows.usage[face]]}: expected the same order, that of fer2013.csv"
        )
    return usage[lines], votes[lines]


def _check_agreement(rows: Rows, name: str, label: np.ndarray, labels: str | os.PathLike[str]) -> None:
    """Check that both labels of the faces agree as often as they do if the order is the same."""
    if rows.labels is None:
        return
    places = indices_in(rows.classes, CLASSES)
    known = np.array([-1 if place is None else place for place in places])[rows.labels]
    both = (known >= 0) & (label >= 0)
    agreement = np.mean(known[both] == label[both]) if both.any() else 1
    if agreement < LEAST_AGREEMENT:
        raise BadInput(
            f"{labels}: its labels are those of {name} for {agreement:.0%} of the faces, expected about two thirds: "
            "are the faces others, or in another order than in fer2013.csv?"
        )
