"""From a Config to the components of a training: data, network with its optimizer, class weights."""

import os
from typing import Any

import numpy as np

from fer.data import dataset, synthetic
from fer.data.dataset import FerDataset, Split
from fer.errors import BadInput
from fer.networks import architectures
from fer.training import transfer
from fer.training.config import CLASS_WEIGHTS, OPTIMIZERS, Config
from minicnn import Sequential, losses, optimizers

SYNTHETIC = f"""\
No data given: training on synthetic faces, drawn by code in the form of FER2013. They show that everything
works; a network trained on them knows nothing of real faces.
{dataset.WHERE_TO_GET}.
"""


def load_data(config: Config) -> FerDataset:
    """Return the faces that a configuration names; if it names none, synthetic ones, with a printed note.

    Raises:
        BadInput: the data cannot be used.
        FileNotFoundError: there is no such file.
    """
    if config.labels is not None and data_path(config) == synthetic.NAME:
        raise BadInput(
            f"labels={config.labels}: they are for FER2013's faces; give these with --data fer2013.csv"
        )
    if config.data == synthetic.NAME:
        return synthetic.load()
    if config.data is not None or os.environ.get(dataset.ENV_VARIABLE):
        return dataset.load(
            config.data,
            drop_faulty=config.drop_faulty,
            detect=config.detect,
            labels=config.labels,
            votes=config.votes,
        )
    print(SYNTHETIC, flush=True)
    return synthetic.load()


def data_path(config: Config) -> str:
    """Return the absolute path of a configuration's faces, or "synthetic"."""
    path = config.data or os.environ.get(dataset.ENV_VARIABLE) or synthetic.NAME
    return path if path == synthetic.NAME else os.path.abspath(path)


def class_weights(train: Split, kind: str) -> dict[int, float]:
    """Return a weight for each class of n faces: n^-p, scaled so that the mean over all faces is 1.

    p is 0, ½ or 1 (CLASS_WEIGHTS); p = 1 gives N / (K·n). A class without faces has weight 1.
    """
    counts = train.counts()
    weights = np.ones(len(counts))
    occurs = counts > 0
    weights[occurs] = counts[occurs] ** -CLASS_WEIGHTS[kind]
    weights[occurs] *= len(train) / (weights[occurs] @ counts[occurs])
    return dict(enumerate(weights.tolist()))


def compiled_model(config: Config, train: Split) -> Sequential:
    """Return the network for the classes of the training faces, with fresh weights, compiled.

    Args:
        config: the settings.
        train: the training faces; the learning rate's schedule extends over all their steps.

    Raises:
        BadInput: the trained network to go on from cannot be used, or a dropout rate of the network, times the
            configuration's factor, is not below 1.
    """
    if config.init is not None:
        model = transfer.network(config.init, train, config.freeze, config.augment, config.seed)
    else:
        model = _new_network(config, train)
    if config.self_distillation or train.targets is not None:
        loss: losses.Loss = losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    else:
        loss = losses.SparseCategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(_optimizer(config, len(train)), loss, metrics=["accuracy"])
    return model


def _new_network(config: Config, train: Split) -> Sequential:
    try:
        return architectures.build(
            config.arch,
            seed=config.seed,
            classes=train.classes,
            augment=config.augment,
            dropout=config.dropout,
            batch_norm=config.batch_norm,
        )
    except ValueError as error:  # all else has been checked
        raise BadInput(f"dropout={config.dropout} is too large for {config.arch}: {error}") from None


def learning_rate(config: Config, faces: int) -> Any:
    """Return a number, or the schedule, which extends over all steps of all epochs."""
    if config.schedule != "cosine":
        return config.learning_rate
    steps = config.epochs * -(-faces // config.batch_size)
    return optimizers.schedules.CosineDecay(config.learning_rate, decay_steps=steps)


def _optimizer(config: Config, faces: int) -> optimizers.Optimizer:
    settings: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if config.optimizer == "sgd" else {}
    if config.weight_decay is not None:
        settings["weight_decay"] = config.weight_decay
    if config.ema:
        settings |= {"use_ema": True, "ema_momentum": config.ema}
    optimizer = OPTIMIZERS[config.optimizer](learning_rate(config, faces), **settings)
    # There is no reason to keep biases, or batch norm's factors and shifts, small.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
