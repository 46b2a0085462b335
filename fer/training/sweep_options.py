"""The options of ``python -m fer.sweep``."""

import argparse

from fer.command_line import new_parser
from fer.training.config import DEFAULTS
from fer.training.options import duration

EXAMPLES = """\
examples:
  python -m fer.sweep --data fer2013.csv --learning-rate 1e-4..1e-2:log --arch simple,vgg --trials 30
  python -m fer.sweep space.toml --trials 50 --time-budget 8h      its lines: dropout = "0..1"
  python -m fer.sweep space.toml --trials 50                       again, or on other machines: takes part, goes on
  python -m fer.sweep space.toml --show                            the table, the figures, the best settings
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser: an option for each setting of a training, and a few more."""
    result = new_parser(
        "sweep",
        "[SPACE.toml] [--SETTING VALUES …] [--trials N] [--time-budget TIME]\n[SPACE.toml] [--name NAME] --show",
        "Search for good settings with Optuna: a value, a..b, a..b:log or a,b,c for each setting of fer.train.",
        EXAMPLES,
        argument_default=argparse.SUPPRESS,
    )
    add = result.add_argument
    add("file", metavar="SPACE.toml", nargs="?", help='the space, a line for each setting: dropout = "0..1"')
    add(
        "--trials", type=int, default=20, metavar="N", help="of all processes together (default: %(default)s)"
    )
    add("--time-budget", type=duration, metavar="TIME", help="stop this process after 45m, 2h, …")
    add(
        "--prune",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="end trials early that are behind",
    )
    add("--name", help="of the search (default: that of SPACE.toml, else sweep)")
    add("--sweeps", default="sweeps", metavar="FOLDER", help="where its folder is (default: %(default)s)")
    add("--show", action="store_true", help="print the trials and draw figures; nothing is trained")
    settings = result.add_argument_group("settings of fer.train; python -m fer.train --help explains them")
    for name in DEFAULTS:
        if name != "out":
            settings.add_argument(f"--{name.replace('_', '-')}", metavar="VALUES", dest=name)
    return result
