"""A drawn FER2013 with the votes of FER+ beside it."""

import numpy as np

from fer.data import synthetic
from fer.emotions import EMOTIONS
from tests.fer.csv_files import write

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
PLACES = [4, 5, 6, 1, 3, 2, 0, 7]  # of the eight classes in the header's votes
USAGES = ("Training", "PublicTest", "PrivateTest")


def votes_for(*shares):
    """Return the ten columns of votes for (index of a class, votes) pairs; 8 is unknown, 9 no face."""
    row = [0] * 10
    for label, count in shares:
        row[PLACES[label] if label < 8 else label] = count
    return row


def write_votes(path, uses, rows):
    lines = [
        f"{use},fer{i:07d}.png,{','.join(map(str, row))}" for i, (use, row) in enumerate(zip(uses, rows))
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def write_both(folder, each=(8, 3, 3)):
    """Write fer2013.csv and fer2013new.csv; return both paths, the Usages and the votes.

    Each split has ``each`` faces of each emotion. Eight people in ten say what FER2013 says; of the last Neutral face
    of each split they say contempt; of the first Angry one half say sad; the first Sad one is no face.
    """
    labels = np.concatenate([np.repeat(np.arange(7), count) for count in each])
    uses = np.repeat(USAGES, [7 * count for count in each])
    rows = [votes_for((label, 8), ((label + 1) % 7, 2)) for label in labels]
    start = 0
    for count in each:
        rows[start] = votes_for((0, 5), (4, 5))
        rows[start + 4 * count] = votes_for((9, 10))
        rows[start + 7 * count - 1] = votes_for((7, 8), (6, 2))
        start += 7 * count
    images = synthetic.draw(labels, 0)
    assert len(EMOTIONS) == 7
    data = write(folder / "fer2013.csv", images, labels, uses)
    return data, write_votes(folder / "fer2013new.csv", uses, rows), uses, rows
