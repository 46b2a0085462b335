"""The space of a search: for each setting of Config one value, a range, or choices.

dropout = "0..1"                    a range, with both ends
learning_rate = "1e-4..1e-2:log"    a range, of which each factor of ten gets as many trials
batch_size = "32..128"              whole numbers, where the setting is one
arch = "simple,vgg"                 choices; in a TOML file also ["simple", "vgg"]
epochs = 8                          the same for all trials
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fer.errors import BadInput
from fer.training.config import DEFAULTS, FIELD_TYPES, Config, check_type
from minicnn.saving import shown

FIXED = ("data", "labels", "votes", "detect", "drop_faulty", "out")  # the same faces for all trials
WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Range:
    """All numbers from ``low`` to ``high``; ``log``: their logarithms are spread evenly."""

    low: float
    high: float
    log: bool = False

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{':log' if self.log else ''}"


Space = dict[str, Range | list[Any]]  # a list of one value: not searched


def parsed(given: Mapping[str, Any]) -> Space:
    """Return the space that texts, lists and numbers describe, in the order of Config's fields.

    Raises:
        BadInput: there is no such setting, or a value of it cannot be used.
    """
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise BadInput(f"{shown(unknown[0])} is no setting; there are {', '.join(DEFAULTS)}")
    space = {name: _parsed(name, given[name]) for name in DEFAULTS if name in given}
    for name in FIXED:
        if len(_values(space.get(name, []))) > 1:
            raise BadInput(
                f"{name}={given[name]}: expected one value, so that all trials have the same faces"
            )
    if not any(len(_values(values)) > 1 for values in space.values()):
        raise BadInput(
            "there is nothing to search: expected a range such as --dropout 0..1, or choices such as --arch simple,vgg"
        )
    for name, values in space.items():
        for value in _values(values):
            _check(name, value)
    return space


def from_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a TOML file has: setting = value.

    Raises:
        BadInput: it is not TOML.
        OSError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f'{path} is not TOML: {error}; expected lines such as dropout = "0..1"') from None


def config_of(space: Space, trial: Any) -> Config:
    """Return the settings of a trial of Optuna's, which chooses a value of each range and list."""
    values: dict[str, Any] = {}
    for name, options in space.items():
        if isinstance(options, Range):
            whole = FIELD_TYPES[name] == (int,)
            suggest: Callable[..., Any] = trial.suggest_int if whole else trial.suggest_float
            low, high = (int(options.low), int(options.high)) if whole else (options.low, options.high)
            values[name] = suggest(name, low, high, log=options.log)
        else:
            values[name] = options[0] if len(options) == 1 else trial.suggest_categorical(name, options)
    return Config(**values)


def of_the_data(space: Space) -> Config:
    """Return the settings that say which faces, the same for all trials."""
    return Config(**{name: _values(space[name])[0] for name in FIXED if name in space})


def _parsed(name: str, given: Any) -> Range | list[Any]:
    if isinstance(given, list):
        return [_value(name, each) for each in given]
    if not isinstance(given, str):
        return [_value(name, given)]
    text, _, kind = given.partition(":")
    if ".." in text and (float in FIELD_TYPES[name] or int in FIELD_TYPES[name]):
        if kind not in ("", "log"):
            raise BadInput(f"{name}={given}: expected :log, or nothing, after the range")
        low, high = (_value(name, end) for end in text.split("..", 1))
        if not low < high or (kind and low <= 0):
            raise BadInput(f"{name}={given}: expected low..high with low < high, and above 0 with :log")
        return Range(low, high, bool(kind))
    if name in FIXED:  # a path may have commas
        return [_value(name, given)]
    return [_value(name, each.strip()) for each in given.split(",")]


def _value(name: str, given: Any) -> Any:
    """Return a value of the setting's type."""
    kinds = FIELD_TYPES[name]
    if isinstance(given, str) and str not in kinds:
        with suppress(ValueError):
            number = float if float in kinds else int
            given = WORDS[given.lower()] if given.lower() in WORDS else number(given)
    check_type(name, given, ", a range a..b, or choices with commas between")
    return given


def _values(options: Range | list[Any]) -> list[Any]:
    return [options.low, options.high] if isinstance(options, Range) else options


def _check(name: str, value: Any) -> None:
    """Check a value by itself; what must fit together is checked of each trial."""
    together = {"votes": {"labels": "x"}, "freeze": {"init": "vgg"}}
    Config(**{**together.get(name, {}), name: value})
