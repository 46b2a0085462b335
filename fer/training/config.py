"""What to train and how: ``Config``, the command line's options for it, and the configuration file of a run.

config.json in a run's folder holds the Config under "arguments", so ``--config runs/003/config.json`` repeats a run,
and options beside it change it.
"""

import argparse
import json
import math
import os
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from fer.data import dataset
from fer.errors import BadInput
from fer.networks import architectures
from fer.training import recipes
from minicnn import optimizers

OPTIMIZERS = {
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
}
SCHEDULES = ("cosine", "constant")
CLASS_WEIGHTS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}  # weight = count to minus this power


@dataclass(frozen=True)
class Config:
    """What to train and how; the defaults train on synthetic faces in two minutes.

    Attributes:
        data: a path for :func:`fer.load`, or "synthetic"; None: what FER2013_DATA names, or else synthetic.
        drop_faulty: leave out the training rows that show no face.
        arch: a name in ``architectures.ARCHITECTURES``.
        epochs: how often each training face is seen.
        batch_size: faces a step.
        learning_rate: of the optimizer, at the beginning.
        schedule: how it goes on: "cosine" falls to 0 along half a cosine, "constant" stays.
        optimizer: "adam", "adamw", "sgd" (Nesterov, momentum 0.9) or "rmsprop".
        weight_decay: at each step kernels shrink by this times the learning rate; None: the optimizer's own, which is
            0 but for "adamw". Biases and batch norm's gamma and beta do not shrink.
        label_smoothing: share of a label's certainty that is spread over all emotions.
        ema: the weights are averaged over the steps, w̄ ← ema·w̄ + (1 − ema)·w, and w̄ is what is judged and kept;
            0: the weights themselves are.
        self_distillation: share of the network's own answers in what it is trained towards, at the end
            (:mod:`fer.training.self_distillation`); 0: the labels alone.
        dropout: times the network's own rates of dropout; 0: none.
        batch_norm: False: the network without its batch norm, for comparison.
        class_weight: how much more a rare emotion counts: "none", "sqrt" (of its rarity) or "balanced".
        augment: how training faces are changed at random: "none", "light" (flipped, shifted), "full" (also turned,
            zoomed, partly erased) or "strong" (the same, further).
        early_stopping: end when the validation accuracy has not improved for so many epochs; 0: never.
        seed: of the weights, the order of the faces, dropout and augmentation.
        out: the folder in which the run's numbered folder is made.
    """

    data: str | None = None
    drop_faulty: bool = False
    arch: str = "simple"
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
    early_stopping: int = 0
    seed: int = 0
    out: str = "runs"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            BadInput: a ValueError that names the setting, its value and what was expected.
        """
        for name, kinds in KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                known = " or ".join(WORDS[kind] for kind in kinds if kind in WORDS)
                raise BadInput(f"{name}={value!r}: expected {known}")
        for name, choices in (
            ("arch", architectures.ARCHITECTURES),
            ("augment", architectures.AUGMENTATIONS),
            ("schedule", SCHEDULES),
            ("optimizer", OPTIMIZERS),
            ("class_weight", CLASS_WEIGHTS),
        ):
            if getattr(self, name) not in choices:
                raise BadInput(f"{name}={getattr(self, name)!r}: expected one of {', '.join(choices)}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("early_stopping", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name}={getattr(self, name)}: expected {least} or more")
        if not 0 < self.learning_rate < math.inf:
            raise BadInput(f"learning_rate={self.learning_rate}: expected a positive number, such as 0.001")
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            raise BadInput(f"weight_decay={self.weight_decay}: expected 0 or a small number, such as 0.004")
        if not 0 <= self.label_smoothing < 1:
            raise BadInput(f"label_smoothing={self.label_smoothing}: expected a share below 1, such as 0.1")
        if not 0 <= self.ema < 1:
            raise BadInput(f"ema={self.ema}: expected 0, or a number a little below 1, such as 0.999")
        if not 0 <= self.self_distillation <= 1:
            raise BadInput(f"self_distillation={self.self_distillation}: expected a share, from 0 to 1")
        if not 0 <= self.dropout <= 2:
            raise BadInput(
                f"dropout={self.dropout}: expected a factor for the network's own rates, from 0 to 2"
            )


def _kinds(hint: Any) -> tuple[type, ...]:
    """Return the types that a field takes: a whole number is a number too, and a path is a text."""
    kinds = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
    return (*kinds, int) if float in kinds else kinds


KINDS = {name: _kinds(hint) for name, hint in get_type_hints(Config).items()}
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
DEFAULTS = {field.name: field.default for field in fields(Config)}


def from_file(path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration in a run's config.json, with some settings changed.

    Raises:
        BadInput: the file is none of these.
        FileNotFoundError: it is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is no file: expected a run's configuration, such as runs/003/config.json"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        arguments = dict(content["arguments"])
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{path} is not a configuration that python -m fer.train wrote: {type(error).__name__}, {error}"
        ) from None
    unknown = sorted(set(arguments) - set(DEFAULTS))
    if unknown:
        raise BadInput(f"{path} has a setting {unknown[0]!r}; there are {', '.join(DEFAULTS)}")
    try:
        return Config(**{**arguments, **(changes or {})})
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def refuse_changes(folder: Path, own: Config, asked: Config) -> None:
    """Refuse to resume a run with other settings than its own; where the data are may have changed.

    Raises:
        BadInput: names the setting and the command that makes another run of it.
    """
    for name in DEFAULTS:
        was, now = getattr(own, name), getattr(asked, name)
        if name == "data" or was == now:
            continue
        why = ", over all of which the learning rate's schedule is laid" if name == "epochs" else ""
        raise BadInput(
            f"{folder} goes on as it began, with {name}={was}{why}: {name}={now} would be another run. To begin it: "
            f"python -m fer.train --config {folder / 'config.json'} {option(name, now)}"
        )


def option(name: str, value: Any = True) -> str:
    """Return what the command line says for a setting: its option, and the value unless that is yes or no."""
    words = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{words}" if value else f"--no-{words}"
    return f"--{words} {value}"


def seconds(text: str) -> float:
    """Return how long "90s", "45m", "2h" or "1h30m" is.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    parts = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.strip())
    try:
        total = sum(float(n or 0) * unit for n, unit in zip(parts.groups(), (3600, 60, 1))) if parts else 0
    except ValueError:
        total = 0
    if not total:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a time such as 90s, 45m, 2h or 1h30m")
    return total


EXAMPLES = """\
examples:
  python -m fer.train                                     synthetic faces, nothing to download
  python -m fer.train --data fer2013.csv --epochs 12      the real ones
  python -m fer.train --data fer2013.csv --arch vgg --augment full --label-smoothing 0.1 --epochs 30
  python -m fer.train --data fer2013.csv --recipe vgg     hours, for the best
  python -m fer.train --data fer2013.csv --arch vgg --check             is all well? in seconds, without a run
  python -m fer.train --resume runs/003                   go on after Ctrl-C, a crash, an empty battery
  python -m fer.train --resume runs/003 --time-budget 45m               … for three quarters of an hour
  python -m fer.train --config runs/003/config.json --seed 1            the same again, with another seed
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser: an option for each field of Config, absent from the result unless given."""
    networks = "".join(f"  {name:8}{text}\n" for name, text in architectures.DESCRIPTIONS.items())
    result = argparse.ArgumentParser(
        prog="fer.train",
        usage="python -m fer.train [--data PATH] [--recipe NAME] [--arch NAME] [options]\n"
        "       python -m fer.train --resume RUN [--time-budget TIME]",
        description="Train a network on FER2013, or on synthetic faces if no data are given.",
        epilog=f"networks:\n{networks}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )

    def add(name: str, text: str, **options: Any) -> None:
        default = DEFAULTS[name]
        shown = "" if default is None or isinstance(default, bool) else f" (default: {default})"
        result.add_argument(option(name), help=text + shown, **options)

    where = f"fer2013.csv, its directory or archive (default: ${dataset.VARIABLE}, or else synthetic faces)"
    add("data", where, metavar="PATH")
    faulty = "leave out the training rows that show no face"
    add("drop_faulty", faulty, action=argparse.BooleanOptionalAction)
    add("arch", "the network", choices=architectures.ARCHITECTURES)
    add("epochs", "how often each face is seen", type=int, metavar="N")
    add("batch_size", "faces a step", type=int, metavar="N")
    add("learning_rate", "at the beginning", type=float, metavar="RATE")
    add("schedule", "of the learning rate", choices=SCHEDULES)
    add("optimizer", "how the weights move", choices=OPTIMIZERS)
    add(
        "weight_decay",
        "pull kernels towards 0 (default: 0.004 for adamw, else 0)",
        type=float,
        metavar="RATE",
    )
    add("label_smoothing", "share of a label's certainty given to all emotions", type=float, metavar="SHARE")
    add(
        "ema",
        "average the weights, with this share of the old average; 0: do not",
        type=float,
        metavar="SHARE",
    )
    own = "share of the network's own answers in the targets, at the end"
    add("self_distillation", own, type=float, metavar="SHARE")
    add("dropout", "times the network's own rates; 0: none", type=float, metavar="FACTOR")
    add("batch_norm", "whether the network has its batch norm", action=argparse.BooleanOptionalAction)
    add("class_weight", "how much more rare emotions count", choices=CLASS_WEIGHTS)
    add("augment", "change the training faces at random", choices=architectures.AUGMENTATIONS)
    stop = "end after so many epochs without a better validation accuracy; 0: never"
    add("early_stopping", stop, type=int, metavar="EPOCHS")
    add("seed", "same seed, same network", type=int, metavar="N")
    add("out", "where the run's folder is made", metavar="FOLDER")
    other = result.add_argument
    budget = "stop after so long (90s, 45m, 2h), judge the best model so far; --resume goes on"
    other("--time-budget", type=seconds, metavar="TIME", help=budget)
    other(
        "--resume", metavar="RUN", help="go on with the run in this folder, exactly as if it had not stopped"
    )
    recipe = "settings that reach the best accuracy, in hours (docs/recipes.md); other options change them"
    other("--recipe", choices=recipes.RECIPES, help=recipe)
    other("--config", metavar="FILE", help="take the settings from a run's config.json; options change them")
    other("--check", action="store_true", help="check network, settings and data in seconds, then exit")
    return result
