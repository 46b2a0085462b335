"""The command line of ``fer.train``: an option for each field of Config, and a few more."""

import argparse
import re
from collections.abc import Mapping
from typing import Any

from fer.command_line import new_parser
from fer.data import dataset, detect, ferplus
from fer.errors import BadInput
from fer.networks import architectures
from fer.training import recipes
from fer.training.config import (
    CLASS_WEIGHTS,
    DEFAULTS,
    KEPT,
    OF_THE_NETWORK,
    OPTIMIZERS,
    SCHEDULES,
    Config,
    check_taken_over,
    from_file,
    option,
)


def duration(text: str) -> float:
    """Return the seconds in "90s", "45m", "2h" or "1h30m".

    Raises:
        argparse.ArgumentTypeError: the text is not such a time.
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
  python -m fer.train --data fer2013.csv --recipe vgg     the best accuracy, in hours
  python -m fer.train --data fer2013.csv --arch vgg --check             test the settings in seconds, without a run
  python -m fer.train --data my_pictures/ --init vgg      go on from a trained network, with your own classes
  python -m fer.train --resume runs/003                   continue after Ctrl-C, a crash, a power cut
  python -m fer.train --resume runs/003 --time-budget 45m               … for 45 minutes
  python -m fer.train --config runs/003/config.json --seed 1            the same run with another seed
  mpiexec -n 4 python -m fer.train --data fer2013.csv                   four processes, on one machine or on many
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser: an option for each field of Config, absent from the result if not given."""
    networks = "".join(f"  {name:8}{text}\n" for name, text in architectures.DESCRIPTIONS.items())
    result = new_parser(
        "train",
        "[--data PATH] [--recipe NAME] [--arch NAME] [options]\n--resume RUN [--time-budget TIME]",
        "Train a network on FER2013, or on synthetic faces if no data are given.",
        f"networks:\n{networks}\n{EXAMPLES}",
        argument_default=argparse.SUPPRESS,
    )

    def add(name: str, text: str, **options: Any) -> None:
        default = DEFAULTS[name]
        shown = "" if default is None or isinstance(default, bool) else f" (default: {default})"
        result.add_argument(option(name), help=text + shown, **options)

    where = f"fer2013.csv, its folder or archive (default: ${dataset.ENV_VARIABLE}, else synthetic faces)"
    add("data", where, metavar="PATH")
    yes_or_no = argparse.BooleanOptionalAction
    add("drop_faulty", "leave out the training rows that show no face", action=yes_or_no)
    detectors = detect.option()
    add("detect", detectors.pop("help"), **detectors)
    labels = ferplus.option()
    add("labels", labels.pop("help"), **labels)
    add("votes", "the label of most people, or their shares as targets", choices=ferplus.VOTES)
    add("arch", "the network", choices=architectures.ARCHITECTURES)
    start = "go on from a trained network: a run's folder, a model's file, vgg or tiny"
    add("init", start, metavar="RUN|FILE|NAME")
    add(
        "freeze",
        "its layers that do not learn: names with commas between, such as 'conv2d*'",
        metavar="LAYERS",
    )
    add(
        "init_rate",
        "factor for the learning rate of all its layers but the last",
        type=float,
        metavar="FACTOR",
    )
    add("epochs", "how often each face is seen", type=int, metavar="N")
    add("batch_size", "faces per step", type=int, metavar="N")
    add("learning_rate", "at the beginning", type=float, metavar="RATE")
    add("schedule", "of the learning rate", choices=SCHEDULES)
    add("optimizer", "the rule that changes the weights", choices=OPTIMIZERS)
    decay = "shrink the kernels at each step (default: 0.004 for adamw, else 0)"
    add("weight_decay", decay, type=float, metavar="RATE")
    add("label_smoothing", "share of each label spread over all emotions", type=float, metavar="SHARE")
    average = "average the weights, with this share of the old average; 0: no average"
    add("ema", average, type=float, metavar="SHARE")
    own = "share of the network's own predictions in the targets, at the end"
    add("self_distillation", own, type=float, metavar="SHARE")
    add("dropout", "factor for the network's dropout rates; 0: no dropout", type=float, metavar="FACTOR")
    add("batch_norm", "whether the network has its batch norm", action=yes_or_no)
    add("class_weight", "how much more rare emotions count", choices=CLASS_WEIGHTS)
    add("augment", "change the training faces at random", choices=architectures.AUGMENTATIONS)
    add(
        "keep",
        "the epoch whose model is evaluated: the best by validation accuracy, or the last",
        choices=KEPT,
    )
    stop = "end after this many epochs without a better validation accuracy; 0: never"
    add("early_stopping", stop, type=int, metavar="EPOCHS")
    parts = "into how many parts a batch is cut for the processes of mpiexec; 0: one for each"
    add("shards", parts, type=int, metavar="N")
    add("seed", "the same seed gives the same network", type=int, metavar="N")
    add("out", "where the run's folder is created", metavar="FOLDER")
    other = result.add_argument
    budget = "stop after this time (90s, 45m, 2h), evaluate the best model so far; --resume continues"
    other("--time-budget", type=duration, metavar="TIME", help=budget)
    resume = "continue the run in this folder, exactly as if it had not stopped"
    other("--resume", metavar="RUN", help=resume)
    recipe = "the settings with the best accuracy, in hours (docs/recipes.md); other options change them"
    other("--recipe", choices=recipes.RECIPES, help=recipe)
    other("--config", metavar="FILE", help="take the settings from a run's config.json; options change them")
    other("--check", action="store_true", help="test network, settings and data in seconds, then exit")
    return result


def chosen_config(given: Mapping[str, Any]) -> Config:
    """Return the configuration of a new run that the options ask for.

    Args:
        given: what the parser has found.

    Raises:
        BadInput: the options do not fit together, or a setting cannot be used.
    """
    if "config" in given and "recipe" in given:
        raise BadInput(f"--config {given['config']} --recipe {given['recipe']}: expected at most one of them")
    own = {name: value for name, value in given.items() if name in DEFAULTS}
    recipe = recipes.RECIPES.get(given.get("recipe", ""), {})
    if "init" in own:  # which has a network already
        recipe = {name: value for name, value in recipe.items() if name not in OF_THE_NETWORK}
    chosen = from_file(given["config"], own) if "config" in given else Config(**(recipe | own))
    check_taken_over(own, chosen)
    return chosen
