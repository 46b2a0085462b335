"""Train a network on faces: ``python -m fer.train``, or from Python ``train.run(train.Config(epochs=3))``.

Without data it trains on synthetic faces. Training rows train, validation rows choose the epoch whose model
is kept, and the test rows are looked at once, at the end: a figure on data that chose the model flatters it.

A run can be stopped at any moment, by Ctrl-C or by a power cut, and goes on with ``--resume``: its finished history and
weights are the ones that it would have had without the stop, to the bit.
"""

import datetime
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from os import PathLike
from typing import Any

import numpy as np

import minicnn
from fer import errors, evaluate, outputs, runs
from fer.data.dataset import FerDataset
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.reports import plots
from fer.reports.measures import Report
from fer.runs import Run
from fer.training import building, training_check
from fer.training.checkpoint import CheckpointCallback, best_epoch
from fer.training.config import DEFAULTS, Config, from_file, option, parser, refuse_changes
from fer.training.recipes import RECIPES
from fer.training.self_distillation import SelfDistillation, one_hot
from fer.training.stopping import NothingToDo, OutOfTime, Stop, Stopped
from minicnn import callbacks, models


@dataclass(frozen=True)
class Result:
    """What a run came to: the model of the best epoch, its report on ``split``, its folder."""

    run: Run
    model: minicnn.Sequential
    history: dict[str, list[float]]
    best_epoch: int  # counted from 1
    split: str  # "test", or "validation" where the data have no test rows
    report: Report
    finished: bool  # False where the time budget ended it


def run(
    config: Config | None = None,
    data: FerDataset | None = None,
    resume: str | PathLike[str] | None = None,
    time_budget: float | None = None,
) -> Result:
    """Train, validating each epoch, and leave everything in a run folder: a new one, or that of a run to go on with.

    Args:
        config: what to train and how; None: the defaults, or with ``resume`` the run's own.
        data: the faces; None: those that ``config.data`` names.
        resume: the folder of a run that was stopped.
        time_budget: seconds after which to stop and judge the best model so far. The run can be resumed then too.

    Raises:
        BadInput: a setting, the data or the run folder cannot be used, or the loss is not finite any more.
        OSError: a file cannot be read or written.
        NothingToDo: the run is finished already, or the time was up before the first epoch was over.
        Stopped: a KeyboardInterrupt, with a message that says how to go on.
    """
    with Stop(time_budget) as stop:
        if resume is None:
            config, data = _prepared(config or Config(), data)
            model = building.compiled(config, len(data.train))
            folder = runs.create(config.out)
            with folder.locked(), _can_go_on(folder):
                folder.write_json(runs.CONFIG, _description(config, data, model))
                return _train(folder, config, data, model, stop)
        folder = runs.find(resume)
        with folder.locked():
            config = _own_config(folder, config)
            config, data = _prepared(config, data)
            _check_same_data(folder, data)
            with _can_go_on(folder):
                return _train(folder, config, data, building.compiled(config, len(data.train)), stop)


def _prepared(config: Config, data: FerDataset | None) -> tuple[Config, FerDataset]:
    """Return the data, with validation rows, and a configuration that says where they are."""
    if data is None:
        data = building.load(config)
        config = replace(config, data=building.source(config))
    return config, building.with_validation(data)


@contextmanager
def _can_go_on(folder: Run) -> Iterator[None]:
    """Say how to go on after what is no fault of the run: a signal, a disk that is full."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        status = interruption.status if isinstance(interruption, Stopped) else 130
        raise Stopped(f"stopped. To go on: {folder.resume}", status) from None
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written: {error.strerror}. What was saved before is whole; mend that, then go on: "
            f"{folder.resume}"
        ) from None


def _own_config(folder: Run, asked: Config | None) -> Config:
    """Return the configuration of a run that can go on; the data may be elsewhere than they were."""
    own = from_file(folder.path(runs.CONFIG))
    refuse_changes(folder.folder, own, asked or own)
    if folder.path(runs.RESULT).is_file() and folder.read_json(runs.RESULT).get("finished"):
        raise NothingToDo(f"{folder} is finished; python -m fer.evaluate {folder} judges it again")
    begun = folder.read_json(runs.CONFIG).get("versions", {})
    if begun.get("minicnn") != minicnn.__version__:
        raise BadInput(
            f"{folder} was begun with minicnn {begun.get('minicnn')}, but this is {minicnn.__version__}: a run goes on "
            f"with the version that began it. Begin it anew: --config {folder.path(runs.CONFIG)}"
        )
    others = [name for name, version in _versions().items() if begun.get(name) != version]
    if others:
        print(f"Another {', '.join(others)} than at the beginning: the last digits may come out differently.")
    return asked or own


def _check_same_data(folder: Run, data: FerDataset) -> None:
    begun = folder.read_json(runs.CONFIG).get("data", {})
    if begun.get("fingerprint") != building.fingerprint(data):
        sizes = [" + ".join(str(sum(split.values())) for split in begun.get("faces", {}).values())]
        raise BadInput(
            f"{folder} was begun on {begun.get('name')} ({sizes[0]} faces), and {data.name} "
            f"({' + '.join(str(len(split)) for split in data.splits().values())} faces) is not the same data: "
            "say where they are now with --data PATH"
        )


def _train(folder: Run, config: Config, data: FerDataset, model: minicnn.Sequential, stop: Stop) -> Result:
    """Train from the start or from the checkpoint in the folder, and conclude."""
    _describe(folder, config, data, model)
    finished = True
    try:
        history = _fit(model, config, data, folder, stop)
    except OutOfTime:
        finished = False
        history = model.callback_list.history.history
        print(f"\nThe time is up. To go on: {folder.resume}", flush=True)
        if not history:
            raise NothingToDo("No epoch is finished yet, so there is no model to judge.") from None
    return _conclude(folder, history, data, finished)


def _describe(folder: Run, config: Config, data: FerDataset, model: minicnn.Sequential) -> None:
    """Say and draw what is trained on what."""
    for name, draw in (("classes.png", _classes), ("examples.png", _examples)):
        if not folder.path(name).exists():
            outputs.write_figure(folder.path(name), draw(data))
    for note in data.notes:
        print(note)
    sizes = ", ".join(f"{len(split)} {name}" for name, split in data.splits().items())
    print(f"Data: {data.name}, {sizes}")
    if data.test is None:
        print(f"{data.name} has no PrivateTest rows: the result will be that of the validation rows,")
        print("which also choose the epoch and so flatter it a little.")
    print(f"Network: {config.arch}, {model.count_params():,} parameters\nRun: {folder}", flush=True)


def _classes(data: FerDataset) -> Any:
    return plots.class_bars(data.splits(), data.name)


def _examples(data: FerDataset) -> Any:
    return plots.examples(data.train)


def _fit(
    model: minicnn.Sequential, config: Config, data: FerDataset, folder: Run, stop: Stop
) -> dict[str, list[float]]:
    """Train to the end and return the history; the folder is kept up to date by the CheckpointCallback."""
    train, validation = data.train, data.validation
    assert validation is not None
    targets, validation_targets = train.labels, validation.labels
    watching: list[callbacks.Callback] = []
    if config.ema:
        # the averages are what answers, is judged and is kept: they are in place when those that follow look
        watching.append(callbacks.SwapEMAWeights(swap_on_epoch=True))
    if config.self_distillation:
        refiner = SelfDistillation(train, config.self_distillation)
        watching.append(refiner)
        targets, validation_targets = refiner.targets, one_hot(validation.labels)
    watching.append(
        CheckpointCallback(folder, train.images, targets, config.batch_size, config.learning_rate, stop)
    )
    if config.early_stopping:
        watching.append(
            callbacks.EarlyStopping("val_accuracy", mode="max", patience=config.early_stopping, verbose=1)
        )
    # NumPy need not warn: the CheckpointCallback looks for what is not finite, and says more
    with stop.between_batches(), np.errstate(all="ignore"):
        return model.fit(
            train.images[..., None],
            targets,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(validation.images[..., None], validation_targets),
            class_weight=building.class_weights(train, config.class_weight),
            callbacks=watching,
        ).history


def _conclude(folder: Run, history: dict[str, list[float]], data: FerDataset, finished: bool) -> Result:
    """Judge the best model on the test rows (without any, the validation rows); write and print that."""
    name, split = ("test", data.test) if data.test is not None else ("validation", data.validation)
    assert split is not None
    best = best_epoch(history)
    model: Any = models.load_model(folder.path(runs.MODEL_BEST))
    outputs.write_figure(folder.path("curves.png"), plots.curves(history, best))
    title = f"{data.name}, {name}, model of epoch {best}"
    report = evaluate.write(
        folder.folder, model, split, name, title, facts={"best_epoch": best}, train=data.train
    )
    print(f"\n{folder.path('report.txt').read_text(encoding='utf-8')}")
    print(f"{name.capitalize()} accuracy {report}, with the model of epoch {best}.")
    facts = {
        "finished": finished,
        "epochs": len(history["loss"]),
        "best_epoch": best,
        "val_accuracy": history["val_accuracy"][best - 1],
        "split": name,
        "accuracy": report.accuracy,
    }
    folder.write_json(runs.RESULT, facts)
    files = sorted(child.name for child in folder.folder.iterdir() if not child.name.startswith("."))
    print(f"In {folder}: {', '.join(files)}")
    return Result(folder, model, history, best, name, report, finished)


def _description(config: Config, data: FerDataset, model: minicnn.Sequential) -> dict[str, Any]:
    """Return what config.json holds: the arguments, from which the run can be repeated, and what they met."""
    weights = building.class_weights(data.train, config.class_weight)
    return {
        "arguments": asdict(config),
        "data": {
            "name": data.name,
            "faces": {
                name: dict(zip(EMOTIONS, split.counts().tolist())) for name, split in data.splits().items()
            },
            "fingerprint": building.fingerprint(data),
        },
        "class_weights": {EMOTIONS[label]: round(weight, 4) for label, weight in weights.items()},
        "parameters": model.count_params(),
        "versions": {"minicnn": minicnn.__version__, **_versions(), "system": platform.platform()},
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    """Return the versions on which the last bits of a result may depend."""
    packages = {package: metadata.version(package) for package in ("numpy", "numba")}
    return {"python": platform.python_version(), **packages}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    given = vars(parser().parse_args(argv))
    with errors.one_line("fer.train"):
        try:
            _command(given)
        except NothingToDo as reason:
            print(reason)


def _command(given: Mapping[str, Any]) -> None:
    settings = {name: value for name, value in given.items() if name in DEFAULTS}
    resume, budget = given.get("resume"), given.get("time_budget")
    if resume is not None:
        for name in ("config", "recipe", "check"):
            if name in given:
                raise BadInput(f"--resume {resume} goes on with a run as it began: leave out {option(name)}")
        own = from_file(runs.find(resume).path(runs.CONFIG), settings)
        run(own, resume=resume, time_budget=budget)
        return
    if "config" in given and "recipe" in given:
        raise BadInput(f"--config {given['config']} --recipe {given['recipe']}: expected at most one of them")
    settings = RECIPES.get(given.get("recipe", ""), {}) | settings
    chosen = from_file(given["config"], settings) if "config" in given else Config(**settings)
    if "check" not in given:
        run(chosen, time_budget=budget)
    elif not training_check.run(chosen, building.load(chosen).train):
        sys.exit(1)


if __name__ == "__main__":
    main()
