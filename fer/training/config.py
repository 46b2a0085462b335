"""What to train and how: ``Config``, and the configuration file of a run.

config.json in a run's folder holds the Config under "arguments", so ``--config runs/003/config.json`` repeats
a run; options given besides change its settings.
"""

import math
import os
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from fer.data import detect, ferplus
from fer.errors import BadInput
from fer.networks import architectures
from fer.runs import Run
from minicnn import optimizers
from minicnn.saving import shown

OPTIMIZERS = {
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
}
SCHEDULES = ("cosine", "constant")
KEPT = ("best", "last")
OF_THE_NETWORK = ("arch", "dropout", "batch_norm")  # settings of a new network
MOST = 1 << 63  # of a whole number
CLASS_WEIGHTS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}  # weight = count to minus this power


@dataclass(frozen=True)
class Config:
    """What to train and how; the default settings train on synthetic faces in two minutes.

    Attributes:
        data: a path for :func:`fer.load`, or "synthetic"; None: the path in FER2013_DATA
            if it is set, else synthetic.
        drop_faulty: leave out the training rows that show no face.
        detect: the detector that cuts the face out of each picture of a folder: "haar"; None: the middle square
            of each picture is taken.
        labels: FER+'s fer2013new.csv, whose labels take the place of FER2013's (:mod:`fer.data.ferplus`).
        votes: with ``labels``, "majority", or "soft" for targets that are shares of the votes.
        arch: a name in ``architectures.ARCHITECTURES``.
        init: go on from a trained network, of which the architecture is taken too: a run's folder, a model's
            file, "vgg" or "tiny" (:mod:`fer.training.transfer`); None: begin with random weights.
        freeze: with ``init``, names of layers that do not learn, with commas between; * stands for any letters.
        init_rate: with ``init``, a factor for the learning rate of all layers but the last.
        epochs: how often each training face is seen.
        batch_size: faces per step.
        learning_rate: of the optimizer, at the beginning.
        schedule: of the learning rate: "cosine" decreases to 0 along half a
            cosine, "constant" does not change.
        optimizer: "adam", "adamw", "sgd" (Nesterov, momentum 0.9) or "rmsprop".
        weight_decay: at each step kernels shrink by this times the learning rate; None: the optimizer's
            default, which is 0 except for "adamw". Biases and batch norm's gamma and beta do not shrink.
        label_smoothing: the share of each label that is spread over all emotions.
        ema: the weights are averaged over the steps, w̄ ← ema·w̄ + (1 − ema)·w, and w̄ is evaluated and
            saved; 0: the weights themselves are.
        self_distillation: share of the network's own predictions in its targets, at the end of the training
            (:mod:`fer.training.self_distillation`); 0: the labels alone.
        dropout: a factor for the network's dropout rates; 0: no dropout.
        batch_norm: False: the network without its batch norm, for comparison.
        class_weight: how much more a rare emotion counts: "none", "sqrt" (of its rarity) or "balanced".
        augment: how training faces are changed at random: "none", "light" (flipped, shifted), "full" (also
            rotated, zoomed, partly erased) or "strong" (the same, stronger).
        keep: the epoch whose model is evaluated at the end, as model_best.npz: the "best" by validation accuracy,
            or the "last". The highest of many accuracies is high by chance too.
        early_stopping: end when the validation accuracy has not improved for this many epochs; 0: never.
        shards: into how many parts a batch is cut, which the processes of mpiexec share; results depend on it, and
            not on the number of processes. 0: as many as there are processes; one alone does not cut it.
        seed: of the weights, the order of the faces, dropout and augmentation.
        out: the folder in which the run's numbered folder is created.
    """

    data: str | None = None
    drop_faulty: bool = False
    detect: str | None = None
    labels: str | None = None
    votes: str = "majority"
    arch: str = "simple"
    init: str | None = None
    freeze: str = ""
    init_rate: float = 0.1
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    optimizer: str = "adam"
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    ema: float = 0.0
    self_distillation: float = 0.0
    dropout: float = 1.0
    batch_norm: bool = True
    class_weight: str = "sqrt"
    augment: str = "none"
    keep: str = "best"
    early_stopping: int = 0
    shards: int = 0
    seed: int = 0
    out: str = "runs"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            BadInput: a ValueError that names the setting, its value and what was expected.
        """
        for name in FIELD_TYPES:
            value = getattr(self, name)
            check_type(name, value)
            if isinstance(value, int) and not -MOST <= value <= MOST:
                raise BadInput(f"{name}={shown(value)}: expected a number of at most {MOST}")
        for name, choices in (
            ("arch", architectures.ARCHITECTURES),
            ("augment", architectures.AUGMENTATIONS),
            ("schedule", SCHEDULES),
            ("optimizer", OPTIMIZERS),
            ("class_weight", CLASS_WEIGHTS),
            ("keep", KEPT),
            ("detect", (None, *detect.WITHOUT_FILE)),
            ("votes", ferplus.VOTES),
        ):
            if getattr(self, name) not in choices:
                raise BadInput(
                    f"{name}={shown(getattr(self, name))}: expected one of {', '.join(map(str, choices))}"
                )
        for name in ("data", "out", "init", "labels"):
            _check_path(name, getattr(self, name))
        if self.votes != "majority" and self.labels is None:
            raise BadInput(f"votes={self.votes}: expected together with labels, the file that has them")
        if self.freeze and self.init is None:
            raise BadInput(f"freeze={shown(self.freeze)}: expected together with init, whose layers it names")
        check_taken_over([name for name in OF_THE_NETWORK if getattr(self, name) != DEFAULTS[name]], self)
        for name, fits, expected in (
            ("epochs", self.epochs >= 1, "1 or more"),
            ("batch_size", self.batch_size >= 1, "1 or more"),
            ("early_stopping", self.early_stopping >= 0, "0 or more"),
            ("shards", self.shards >= 0, "0 or more"),
            ("seed", self.seed >= 0, "0 or more"),
            ("init_rate", 0 < self.init_rate <= 1, "a factor above 0, up to 1, such as 0.1"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "a positive number, such as 0.001"),
            ("weight_decay", 0 <= (self.weight_decay or 0) < math.inf, "0 or a small number, such as 0.004"),
            ("label_smoothing", 0 <= self.label_smoothing < 1, "a share below 1, such as 0.1"),
            ("ema", 0 <= self.ema < 1, "0, or a number a little below 1, such as 0.999"),
            ("self_distillation", 0 <= self.self_distillation <= 1, "a share, from 0 to 1"),
            ("dropout", 0 <= self.dropout <= 2, "a factor for the network's own rates, from 0 to 2"),
        ):
            if not fits:
                raise BadInput(f"{name}={getattr(self, name)}: expected {expected}")
        if self.init is not None and self.ema and self.init_rate < 1:
            raise BadInput(
                f"ema={self.ema} averages weights before the smaller steps of init_rate={self.init_rate} are "
                "taken: use init_rate=1, or ema=0"
            )


def check_type(name: str, value: Any, or_else: str = "") -> None:
    """Check that a setting has a type that it can have.

    Raises:
        BadInput: it has not; the message ends in ``or_else``, what else could be given.
    """
    kinds = FIELD_TYPES[name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        known = " or ".join(TYPE_NAMES[kind] for kind in kinds if kind in TYPE_NAMES)
        raise BadInput(f"{name}={shown(value)}: expected {known}{or_else}")


def check_taken_over(given: Collection[str], config: Config) -> None:
    """Check that no setting is given that a trained network to go on from brings itself.

    Raises:
        BadInput: one is.
    """
    for name in OF_THE_NETWORK if config.init is not None else ():
        if name in given:
            raise BadInput(
                f"{name}={getattr(config, name)}: init={config.init} has a network of its own, which is not changed: "
                f"leave out {option(name, getattr(config, name)).split()[0]}"
            )


def _check_path(name: str, path: str | None) -> None:
    """Check that a path can name a file: JSON can hold any character."""
    try:
        usable = "\0" not in os.fsencode(path or "").decode(errors="replace")
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise BadInput(f"{name}={shown(path)}: expected a path, without characters that no file's name has")


def _field_types(hint: Any) -> tuple[type, ...]:
    """Return the types that a field takes: a whole number is also a number."""
    kinds = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
    return (*kinds, int) if float in kinds else kinds


FIELD_TYPES = {name: _field_types(hint) for name, hint in get_type_hints(Config).items()}
TYPE_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
DEFAULTS = {field.name: field.default for field in fields(Config)}


def from_file(path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration in a run's config.json, with some settings changed.

    Raises:
        BadInput: the file is not such a configuration, or a setting cannot be used.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    if not path.exists() or path.is_dir():
        raise FileNotFoundError(
            f"{path} is no file: expected a run's configuration, such as runs/003/config.json"
        )
    content = Run(path.parent).read_config(path.name)
    if "arguments" not in content:
        raise BadInput(f'{path} is not a configuration that python -m fer.train wrote: it lacks "arguments"')
    arguments = content["arguments"]
    unknown = sorted(set(arguments) - set(DEFAULTS))
    if unknown:
        raise BadInput(f"{path} has a setting {shown(unknown[0])}; there are {', '.join(DEFAULTS)}")
    try:
        return Config(**{**arguments, **(changes or {})})
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def check_unchanged(folder: Path, own: Config, asked: Config) -> None:
    """Check that a run is resumed with its own settings; only the path of the data may differ.

    Raises:
        BadInput: a setting differs; the message names it, and the command for a new run with it.
    """
    for name in DEFAULTS:
        was, now = getattr(own, name), getattr(asked, name)
        if name == "data" or was == now:
            continue
        why = ", and the learning rate's schedule extends over all of them" if name == "epochs" else ""
        raise BadInput(
            f"{folder} is resumed as it was started, with {name}={was}{why}: {name}={now} would be another "
            f"run. To start that one: python -m fer.train --config {folder / 'config.json'} {option(name, now)}"
        )


def option(name: str, value: Any = True) -> str:
    """Return a setting as an option of the command line: ``--epochs 3``, ``--no-batch-norm``."""
    words = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{words}" if value else f"--no-{words}"
    return f"--{words} {value}"
