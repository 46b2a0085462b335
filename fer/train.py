"""Train a network on faces: ``python -m fer.train``, or from Python ``train.run(train.Config(epochs=3))``.

Without data it trains on synthetic faces. Training rows train, validation rows choose the epoch whose model
is kept, and the test rows are looked at once, at the end: a figure on data that chose the model flatters it.
"""

import argparse
import datetime
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from typing import Any

import numpy as np

import minicnn
from fer import architectures, dataset, errors, plots, reports, runs, synthetic
from fer.dataset import FerDataset, Split
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.reports import Report
from fer.runs import Run
from minicnn import callbacks, models, optimizers

OPTIMIZERS = {
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
}
SCHEDULES = ("cosine", "constant")
CLASS_WEIGHTS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}  # weight = count to minus this power

EXAMPLES = """\
examples:
  python -m fer.train                                     synthetic faces, nothing to download
  python -m fer.train --data fer2013.csv --epochs 12      the real ones
  python -m fer.train --data fer2013.csv --arch vgg --augment full --epochs 30
"""

SYNTHETIC = f"""\
No data given: training on synthetic faces, drawn by code in the form of FER2013. They show that everything
works; a network trained on them knows nothing of real faces.
{dataset.WHERE_TO_GET}.
"""


@dataclass(frozen=True)
class Config:
    """What to train and how; the defaults train on synthetic faces in two minutes.

    Attributes:
        data: a path for :func:`fer.dataset.load`; None: what FER2013_DATA names, or else synthetic faces.
        arch: a name in ``architectures.ARCHITECTURES``.
        epochs: how often each training face is seen.
        batch_size: faces a step.
        learning_rate: of the optimizer, at the beginning.
        schedule: how it goes on: "cosine" falls to 0 along half a cosine, "constant" stays.
        optimizer: "adam", "adamw", "sgd" (Nesterov, momentum 0.9) or "rmsprop".
        class_weight: how much more a rare emotion counts: "none", "sqrt" (of its rarity) or "balanced".
        augment: how training faces are changed at random: "none", "light" (flipped, shifted) or "full" (also turned,
            zoomed, partly erased).
        seed: of the weights, the order of the faces, dropout and augmentation.
        out: the folder in which the run's numbered folder is made.
    """

    data: str | None = None
    arch: str = "simple"
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    optimizer: str = "adam"
    class_weight: str = "sqrt"
    augment: str = "none"
    seed: int = 0
    out: str = "runs"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            BadInput: a ValueError that names the setting, its value and what was expected.
        """
        for name, choices in (
            ("arch", architectures.ARCHITECTURES),
            ("augment", architectures.AUGMENTATIONS),
            ("schedule", SCHEDULES),
            ("optimizer", OPTIMIZERS),
            ("class_weight", CLASS_WEIGHTS),
        ):
            if getattr(self, name) not in choices:
                raise BadInput(f"{name}={getattr(self, name)!r}: expected one of {', '.join(choices)}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name}={getattr(self, name)}: expected {least} or more")
        if not 0 < self.learning_rate < np.inf:
            raise BadInput(f"learning_rate={self.learning_rate}: expected a positive number, such as 0.001")


@dataclass(frozen=True)
class Result:
    """What a run came to: the model of the best epoch, its report on ``split``, its folder."""

    run: Run
    model: minicnn.Sequential
    history: dict[str, list[float]]
    best_epoch: int  # counted from 1
    split: str  # "test", or "validation" where the data have no test rows
    report: Report


def run(config: Config = Config(), data: FerDataset | None = None) -> Result:
    """Train, validating each epoch, and leave everything in a new run folder.

    Args:
        config: what to train and how.
        data: the faces; None: those that ``config.data`` names.

    Raises:
        BadInput: a setting or the data cannot be used.
        OSError: a file cannot be read or written.
        KeyboardInterrupt: with a message that says where what was finished is.
    """
    if data is None:
        data = load(config)
    if data.validation is None:
        raise BadInput(f"{data.name} has no PublicTest rows: there is nothing to choose the best epoch by")
    weights = class_weights(data.train, config.class_weight)
    model = architectures.build(config.arch, seed=config.seed, augment=config.augment)
    optimizer = _optimizer(config, len(data.train))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])

    folder = runs.create(config.out)
    folder.write_json(runs.CONFIG, _description(config, data, weights, model))
    plots.class_bars(data.splits(), data.name).savefig(folder.path("classes.png"), dpi=110)
    plots.examples(data.train).savefig(folder.path("examples.png"), dpi=110)
    sizes = ", ".join(f"{len(split)} {name}" for name, split in data.splits().items())
    print(f"Data: {data.name}, {sizes}")
    if data.test is None:
        print(f"{data.name} has no PrivateTest rows: the result will be that of the validation rows,")
        print("which also choose the epoch and so flatter it a little.")
    print(f"Network: {config.arch}, {model.count_params():,} parameters\nRun: {folder.folder}", flush=True)
    try:
        history = _fit(model, config, data.train, data.validation, weights, folder)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped. The finished epochs are in {folder.path(runs.HISTORY)}, their models beside it."
        ) from None
    return _conclude(folder, history, data)


def load(config: Config) -> FerDataset:
    """Return the faces that a configuration names; where it names none, synthetic ones, and say so."""
    if config.data is not None or os.environ.get(dataset.VARIABLE):
        return dataset.load(config.data)
    print(SYNTHETIC, flush=True)
    return synthetic.load()


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


def _optimizer(config: Config, faces: int) -> optimizers.Optimizer:
    """Return the optimizer, with its schedule laid over all steps of all epochs of so many faces."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        rate = optimizers.schedules.CosineDecay(
            rate, decay_steps=config.epochs * -(-faces // config.batch_size)
        )
    settings: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if config.optimizer == "sgd" else {}
    return OPTIMIZERS[config.optimizer](rate, **settings)


def _fit(
    model: minicnn.Sequential,
    config: Config,
    train: Split,
    validation: Split,
    weights: dict[int, float],
    folder: Run,
) -> dict[str, list[float]]:
    """Train and return the history; the folder gets a line and the models after each epoch."""
    history = model.fit(
        train.images[..., None],
        train.labels,
        batch_size=config.batch_size,
        epochs=config.epochs,
        validation_data=(validation.images[..., None], validation.labels),
        class_weight=weights,
        callbacks=[
            callbacks.TerminateOnNaN(),
            callbacks.CSVLogger(folder.path(runs.HISTORY)),
            callbacks.ModelCheckpoint(folder.path(runs.MODEL_LAST)),
            callbacks.ModelCheckpoint(
                folder.path(runs.MODEL_BEST), monitor="val_accuracy", mode="max", save_best_only=True
            ),
        ],
    ).history
    if not np.isfinite(history["loss"]).all():
        raise BadInput(
            f"the loss became {history['loss'][-1]} in epoch {len(history['loss'])}: "
            f"try a learning rate below {config.learning_rate}"
        )
    return history


def _conclude(folder: Run, history: dict[str, list[float]], data: FerDataset) -> Result:
    """Judge the best model on the test rows (without any, the validation rows); write and print that."""
    name, split = ("test", data.test) if data.test is not None else ("validation", data.validation)
    assert split is not None
    best_epoch = int(np.argmax(history["val_accuracy"])) + 1
    model = models.load_model(folder.path(runs.MODEL_BEST))
    report = reports.measure(split.labels, model.predict(split.images[..., None], batch_size=256))
    title = f"{data.name}, {name}: accuracy {report}"
    plots.curves(history, best_epoch).savefig(folder.path("curves.png"), dpi=110)
    plots.confusion_matrix(report.confusion, title).savefig(folder.path("confusion_matrix.png"), dpi=110)
    folder.write_text("confusion_matrix.csv", report.confusion_csv())
    folder.write_text("report.txt", report.to_text(f"{data.name}, {name}, model of epoch {best_epoch}"))
    folder.write_json("report.json", {"split": name, "best_epoch": best_epoch, **report.to_dict()})
    print(f"\n{folder.path('report.txt').read_text(encoding='utf-8')}")
    print(f"{name.capitalize()} accuracy {report}, with the model of epoch {best_epoch}.")
    print(f"In {folder.folder}: {', '.join(sorted(child.name for child in folder.folder.iterdir()))}")
    return Result(folder, model, history, best_epoch, name, report)


def _description(
    config: Config, data: FerDataset, weights: dict[int, float], model: minicnn.Sequential
) -> dict[str, Any]:
    """Return what config.json holds: the arguments, from which the run can be repeated, and what they met."""
    return {
        "arguments": asdict(config),
        "data": {
            "name": data.name,
            "faces": {
                name: dict(zip(EMOTIONS, split.counts().tolist())) for name, split in data.splits().items()
            },
        },
        "class_weights": {EMOTIONS[label]: round(weight, 4) for label, weight in weights.items()},
        "parameters": model.count_params(),
        "versions": {
            "python": platform.python_version(),
            "minicnn": minicnn.__version__,
            **{package: metadata.version(package) for package in ("numpy", "numba")},
            "system": platform.platform(),
        },
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser: an option for each field of Config."""
    default = {field.name: field.default for field in fields(Config)}
    networks = "".join(f"  {name:8}{text}\n" for name, text in architectures.DESCRIPTIONS.items())
    result = argparse.ArgumentParser(
        prog="fer.train",
        usage="python -m fer.train [--data PATH] [--arch NAME] [options]",
        description="Train a network on FER2013, or on synthetic faces if no data are given.",
        epilog=f"networks:\n{networks}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "--data",
        metavar="PATH",
        help=f"fer2013.csv or its directory (default: ${dataset.VARIABLE}, or else synthetic faces)",
    )
    add("--arch", choices=architectures.ARCHITECTURES, help="the network (default: %(default)s)")
    add("--epochs", type=int, metavar="N", help="default: %(default)s")
    add("--batch-size", type=int, metavar="N", help="default: %(default)s")
    add("--learning-rate", type=float, metavar="RATE", help="default: %(default)s")
    add("--schedule", choices=SCHEDULES, help="of the learning rate (default: %(default)s)")
    add("--optimizer", choices=OPTIMIZERS, help="default: %(default)s")
    add(
        "--class-weight",
        choices=CLASS_WEIGHTS,
        help="how much more rare emotions count (default: %(default)s)",
    )
    add(
        "--augment",
        choices=architectures.AUGMENTATIONS,
        help="change the training faces at random (default: %(default)s)",
    )
    add("--seed", type=int, metavar="N", help="same seed, same network (default: %(default)s)")
    add("--out", metavar="FOLDER", help="where the run's folder is made (default: %(default)s)")
    result.set_defaults(**default)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    arguments = parser().parse_args(argv)
    with errors.one_line("fer.train"):
        run(Config(**vars(arguments)))


if __name__ == "__main__":
    main()
