"""Which faces a network is judged on, or asked about: a split of its own data, or of others."""

import argparse
import os
from dataclasses import replace

import numpy as np

from fer.data import dataset, detect, ferplus, synthetic
from fer.data.dataset import FerDataset, Split
from fer.data.sources import Face
from fer.errors import BadInput
from fer.networks import inference, views
from fer.networks.inference import TrainedNetwork

SPLITS = {"test": "PrivateTest", "validation": "PublicTest", "train": "Training"}
SPLITS_OR_ALL = (*SPLITS, "all")


def faces_of(
    trained: TrainedNetwork,
    path: str | os.PathLike[str] | None,
    split: str | None,
    detector: str | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> tuple[FerDataset, Split, str]:
    """Return the data, the faces to judge a network on, and the name of their split.

    Args:
        trained: the network.
        path: of the data; None: those that it was trained on.
        split: a name in SPLITS_OR_ALL; None: "all" of data that carry no split, else "test".
        detector: the detector that cuts the face out of each picture; None: the network's own, if any.
        labels: FER+'s labels for the data; None: those of the training, if ``path`` is None, else none.

    Raises:
        BadInput: the data cannot be used, or do not have this split.
        OSError: a file cannot be read.
    """
    if split is not None and split not in SPLITS_OR_ALL:
        raise BadInput(f"split={split!r}: expected one of {', '.join(SPLITS_OR_ALL)}")
    arguments = trained.config.get("arguments", {})
    if labels is not None and path is None:
        path = arguments.get("data")
    if str(path) == synthetic.NAME and labels is not None:
        raise BadInput(f"labels={labels}: FER+ has labels for FER2013, and the data are {path}: name others")
    if (path is None and labels is None) or str(path) == synthetic.NAME:
        data = trained.data() if path is None else synthetic.load()
        return data, _split(data, split or "test"), split or "test"
    detector = detector if detector is not None else arguments.get("detect")
    rows, found = dataset.labelled(path, detector, labels, arguments.get("votes", "majority"))
    name = dataset.name_of(found, labels)
    data = dataset.from_rows(rows, name, drop_faulty=arguments.get("drop_faulty", False))
    if len(data.train):
        data = _with_own_validation(data, split)
    own = trained.config.get("data", {}).get("fingerprint")
    if split is None:
        split = "all" if rows.usage is None and data.fingerprint() != own else "test"
    if split == "all":
        assert rows.labels is not None
        everything = Split(rows.images, rows.labels, rows.classes)
        data = FerDataset(everything.rows(slice(0, 0)), None, everything, name, rows.notes)
        return data, everything, "all"
    return data, _split(data, split), split


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what fer.evaluate and fer.compare have in common."""
    add = parser.add_argument
    where = f"those that the (first) run was trained on, else ${dataset.ENV_VARIABLE}"
    add("--data", metavar="PATH", help=f"faces to judge on (default: {where})")
    which = "which rows (default: all of --data that carry no split, else test)"
    add("--split", choices=SPLITS_OR_ALL, help=which)
    add("--labels", **ferplus.option())
    add("--detect", **detect.option())
    add("--tta", choices=views.TTA, default="none", help=views.HELP)
    add("--model", dest="which", **inference.option())


def sample(
    trained: TrainedNetwork, count: int, seed: int, data: str | os.PathLike[str] | None = None
) -> list[Face]:
    """Return ``count`` random faces of the test rows; without any, of the validation or the training rows.

    They come from ``data``, else from the run's own data, else from FER2013_DATA, else they are synthetic.
    """
    known = data is not None or trained.config or os.environ.get(dataset.ENV_VARIABLE)
    faces = trained.data(data) if known else synthetic.load()
    splits = faces.splits()
    name = next(name for name in SPLITS if name in splits)
    split = splits[name]
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:count]).tolist()
    source = f"{faces.name}, {name}"
    return [
        Face(split.images[row], source, row, int(split.labels[row]), is_row=True, classes=split.classes)
        for row in rows
    ]


def _with_own_validation(data: FerDataset, split: str | None) -> FerDataset:
    """Return the data with the validation rows that a training would hold out; without, if there are too
    few rows and other ones are asked for.
    """
    try:
        return data.with_validation()
    except BadInput:
        if split == "validation":
            raise
        return data


def _split(data: FerDataset, name: str) -> Split:
    splits = data.splits()
    if name == "all":
        parts = list(splits.values())
        images = np.concatenate([part.images for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        return replace(parts[0], images=images, labels=labels, targets=None)
    if name not in splits:
        others = " or ".join(f"--split {other}" for other in SPLITS if other in splits)
        raise BadInput(f"{data.name} has no {name} rows ({SPLITS[name]}): use {others}, or other --data")
    return splits[name]
