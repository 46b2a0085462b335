"""A data set of faces drawn by code, so that everything runs, and networks learn,
without a download of FER2013.

It has FER2013's form: 48×48 gray pictures, seven emotions in the same order, about 80 % for training and 10 %
each for validation and test, and in each split the same imbalance (a quarter Happy, one in seventy Disgust).
``fer/faces`` draws a face; this module decides how many faces of each emotion there are, and their order.

The task is not trivial: the person, the pose and the light each change more pixels than the expression, and
weak expressions resemble neutral faces. On 600 test faces, always predicting Happy is right for 24 %, a
linear classifier of the pixels for 43 to 47 %, and three convolutions with a hidden layer, after ten epochs
of the 4,800 training faces, for 88 to 89 % (two seeds). The drawings use no photograph and no row of FER2013.
"""

import multiprocessing
import operator
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike

from fer.data.dataset import FerDataset, Split
from fer.data.table import USAGES
from fer.emotions import EMOTIONS
from fer.faces.anatomy import PERSON, TRAITS, sample
from fer.faces.camera import CHANCES, SCENE, photograph
from fer.faces.expression import action_units
from fer.faces.pose import POSE, SIZE
from minicnn.saving import replacing

# Faces of each emotion in FER2013's Training, PublicTest and PrivateTest rows.
FER2013 = np.array(
    [
        [3995, 436, 4097, 7215, 4830, 3171, 4965],
        [467, 56, 496, 895, 653, 415, 607],
        [491, 55, 528, 879, 594, 416, 626],
    ]
)
MIN_COUNT = 70  # with fewer, a tenth cannot hold one face of each emotion
CHUNK = 24  # faces drawn at once; their arrays fit into the processor's cache
BLOCK = 20 * CHUNK  # faces of one generator, in files


# In place of a path, it means these faces.
NAME = "synthetic"


def load(count: int = 6000, seed: int = 0) -> FerDataset:
    """Return ``count`` faces (at least 70) as a data set; the same count and seed give the same faces.

    Every split holds every emotion at least once, in random order.

    Raises:
        ValueError: ``count`` is too small.
    """
    labels = _labels(count, rng := np.random.default_rng(seed))
    images = draw(np.concatenate(labels), rng)
    starts = np.cumsum([len(part) for part in labels])[:-1]
    train, validation, test = (Split(part, codes) for part, codes in zip(np.split(images, starts), labels))
    return FerDataset(train, validation, test, name=f"synthetic faces ({count}, seed {seed})")


def write_shards(folder: Path, count: int, shards: int, processes: int = 1, seed: int = 0) -> Iterator[Path]:
    """Write ``count`` faces into files of arrays, as fer.data.npz_shards reads them, and yield each file's path.

    The rows depend on the count and the seed alone: each BLOCK of faces has a generator of its own. (So they are
    others than those of :func:`load`; the labels are the same.)

    Args:
        folder: where; it is made if there is none.
        count: of faces, at least 70.
        shards: files, at most one for each block of faces.
        processes: that draw at the same time.
        seed: of the faces.

    Raises:
        ValueError: there are too few faces or shards.
        OSError: a file cannot be written.
    """
    parts = _labels(count, np.random.default_rng(seed))
    labels = np.concatenate(parts)
    usage = np.repeat(np.array(USAGES, "S"), [len(part) for part in parts])
    blocks = -(-count // BLOCK)
    shards = min(shards, blocks)
    if shards < 1:
        raise ValueError(f"shards={shards}: expected 1 or more")
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for shard in range(shards):
        first, last = (bound * blocks // shards for bound in (shard, shard + 1))
        rows = slice(first * BLOCK, last * BLOCK)
        path = folder / f"faces-{shard:0{len(str(shards - 1))}}.npz"
        jobs.append((path, labels[rows], usage[rows], first, seed))
    if processes == 1:
        yield from map(_write_shard, jobs)
        return
    # not forked: a forked process has the locks of threads that it has not
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_write_shard, jobs)


def _write_shard(job: tuple[Path, np.ndarray, np.ndarray, int, int]) -> Path:
    path, labels, usage, first, seed = job
    images = np.concatenate(
        [
            draw(labels[start : start + BLOCK], np.random.default_rng([seed, first + start // BLOCK]))
            for start in range(0, len(labels), BLOCK)
        ]
    )
    with replacing(path) as file:
        np.savez(file, images=images, labels=labels, usage=usage)
    return path


def _labels(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the labels of the three splits, in random order."""
    count = operator.index(count)
    if count < MIN_COUNT:
        raise ValueError(
            f"count={count} is too few: expected at least {MIN_COUNT}, so that each split can hold each of "
            f"the {len(EMOTIONS)} emotions; try load(count=600)"
        )
    codes = np.arange(len(EMOTIONS), dtype=np.uint8)
    return [rng.permutation(np.repeat(codes, n)) for n in class_counts(count)]


def class_counts(count: int) -> np.ndarray:
    """Return how many of ``count`` faces each split has of each emotion, (3, 7), in FER2013's proportions."""
    tenth = round(count / 10)
    sizes = (count - 2 * tenth, tenth, tenth)
    return np.stack([apportion(size, shares) for size, shares in zip(sizes, FER2013)])


def apportion(size: int, shares: np.ndarray) -> np.ndarray:
    """Return whole numbers that sum to ``size``, at least 1 each, nearly in proportion to ``shares``."""
    exact = size * shares / shares.sum()
    counts = np.maximum(np.floor(exact), 1).astype(int)
    while counts.sum() < size:
        counts[np.argmin(counts - exact)] += 1  # to the one that lacks most
    while counts.sum() > size:
        counts[np.argmax(counts)] -= 1  # from the largest
    return counts


def draw(labels: ArrayLike, seed: int | np.random.Generator = 0) -> np.ndarray:
    """Return a face for each label: (N, 48, 48) uint8.

    Args:
        labels: N integers, indices into ``EMOTIONS``.
        seed: an integer, or a ``numpy.random.Generator``.

    Raises:
        ValueError: the labels are not N integers from 0 to 6.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels has shape {labels.shape} and dtype {labels.dtype}; expected N integers, such as [3, 3, 0]"
        )
    wrong = labels[(labels < 0) | (labels >= len(EMOTIONS))]
    if wrong.size:
        raise ValueError(
            f"labels holds {wrong[0]}; expected 0 to {len(EMOTIONS) - 1}, indices into {EMOTIONS}"
        )
    labels = labels.astype(np.int64)
    rng = np.random.default_rng(seed)
    person = sample(PERSON, TRAITS, len(labels), rng)
    scene = sample(POSE | SCENE, CHANCES, len(labels), rng)
    au = action_units(labels, rng)
    images = np.empty((len(labels), SIZE, SIZE), np.uint8)
    for start in range(0, len(labels), CHUNK):
        faces = slice(start, start + CHUNK)
        images[faces] = photograph(_slice(person, faces), au[:, faces], _slice(scene, faces), rng)
    return images


def _slice(table: SimpleNamespace, faces: slice) -> SimpleNamespace:
    return SimpleNamespace(**{name: column[faces] for name, column in vars(table).items()})
