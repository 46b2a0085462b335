"""From a Config to what trains: the faces, the network with its optimizer, the weights of the classes."""

import hashlib
import os
from dataclasses import replace
from typing import Any

import numpy as np

from fer.data import dataset, synthetic
from fer.data.dataset import FerDataset, Split
from fer.errors import BadInput
from fer.networks import architectures
from fer.training.config import CLASS_WEIGHTS, OPTIMIZERS, Config
from minicnn import Sequential, losses, optimizers

SYNTHETIC = f"""\
No data given: training on synthetic faces, drawn by code in the form of FER2013. They show that everything
works; a network trained on them knows nothing of real faces.
{dataset.WHERE_TO_GET}.
"""
HELD_OUT = "a tenth of its Training rows held out for validation"


def load(config: Config) -> FerDataset:
    """Return the faces that a configuration names; where it names none, synthetic ones, and say so."""
    if config.data == synthetic.NAME:
        return synthetic.load()
    if config.data is not None or os.environ.get(dataset.VARIABLE):
        return dataset.load(config.data, drop_faulty=config.drop_faulty)
    print(SYNTHETIC, flush=True)
    return synthetic.load()


def source(config: Config) -> str:
    """Return where the faces of a configuration are, from whatever folder one looks; "synthetic" for those."""
    path = config.data or os.environ.get(dataset.VARIABLE) or synthetic.NAME
    return path if path == synthetic.NAME else os.path.abspath(path)


def with_validation(data: FerDataset) -> FerDataset:
    """Return the data with validation rows: where there are none, a tenth of the training rows, always the same ones.

    Of each emotion a tenth is taken, and copies of a picture stay on one side: else a copy that was trained on would
    help to choose the epoch.

    Raises:
        BadInput: there are too few rows to hold some out.
    """
    if data.validation is not None:
        return data
    train = data.train
    held_out = dataset.split_at_random(train.images, train.labels, seed=0) == 1
    if not held_out.any() or held_out.all():
        raise BadInput(
            f"{data.name} has no PublicTest rows to choose the best epoch by, and too few to hold some out"
        )
    kept = Split(train.images[~held_out], train.labels[~held_out])
    validation = Split(train.images[held_out], train.labels[held_out])
    return replace(data, train=kept, validation=validation, name=f"{data.name} ({HELD_OUT})")


def fingerprint(data: FerDataset) -> str:
    """Return a text that is another one if a single pixel, label or the order of the faces is."""
    result = hashlib.blake2b(digest_size=16)
    for name, split in data.splits().items():
        result.update(f"{name} {split.images.shape}".encode())
        result.update(np.ascontiguousarray(split.images).data)
        result.update(np.ascontiguousarray(split.labels).data)
    return result.hexdigest()


def class_weights(train: Split, kind: str) -> dict[int, float]:
    """Return a weight for each emotion of n faces: n^-p, scaled so that the mean over all faces is 1.

    p is 0, ½ or 1 (CLASS_WEIGHTS); for 1 that is N / (K·n). An emotion that does not occur has weight 1.
    """
    counts = train.counts()
    weights = np.ones(len(counts))
    occurs = counts > 0
    weights[occurs] = counts[occurs] ** -CLASS_WEIGHTS[kind]
    weights[occurs] *= len(train) / (weights[occurs] @ counts[occurs])
    return dict(enumerate(weights.tolist()))


def compiled(config: Config, faces: int) -> Sequential:
    """Return the network with fresh weights, compiled; the learning rate's schedule is laid over so many faces."""
    model = architectures.build(
        config.arch,
        seed=config.seed,
        augment=config.augment,
        dropout=config.dropout,
        batch_norm=config.batch_norm,
    )
    kind = (
        losses.CategoricalCrossentropy if config.self_distillation else losses.SparseCategoricalCrossentropy
    )
    loss = kind(label_smoothing=config.label_smoothing)
    model.compile(_optimizer(config, faces), loss, metrics=["accuracy"])
    return model


def _optimizer(config: Config, faces: int) -> optimizers.Optimizer:
    """Return the optimizer, with its schedule laid over all steps of all epochs."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        steps = config.epochs * -(-faces // config.batch_size)
        rate = optimizers.schedules.CosineDecay(rate, decay_steps=steps)
    settings: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if config.optimizer == "sgd" else {}
    if config.weight_decay is not None:
        settings["weight_decay"] = config.weight_decay
    if config.ema:
        settings |= {"use_ema": True, "ema_momentum": config.ema}
    optimizer = OPTIMIZERS[config.optimizer](rate, **settings)
    # what only shifts or scales has no reason to be small
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
