"""Train a network on faces: ``python -m fer.train``, or from Python ``train.run(train.Config(epochs=3))``.

Without data it trains on synthetic faces. The training rows train, the validation rows choose the epoch whose
model is kept, and the test rows are used once, at the end: on data that chose the model, its accuracy would
look too high.

A run can stop at any moment, by Ctrl-C or by a power cut. ``--resume`` continues it: the final history and
weights are equal to the bit to those of a run without a stop.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

import minicnn
from fer import errors, evaluate, outputs, runs
from fer.command_line import as_started
from fer.data.dataset import FerDataset
from fer.errors import BadInput
from fer.networks import inference
from fer.reports import plots
from fer.reports.measures import Report
from fer.runs import Run
from fer.training import components, progress, resuming, training_check
from fer.training.checkpoint import CheckpointCallback, kept_epoch
from fer.training.config import DEFAULTS, Config, from_file, option
from fer.training.options import chosen_config, parser
from fer.training.processes import NameSlowProcess, Processes
from fer.training.self_distillation import SelfDistillation, soft_targets
from fer.training.stopping import NothingToDo, OutOfTime, Stopped, StopRequest
from fer.training.transfer import LowerRate
from minicnn import callbacks, distributed, models
from minicnn.terminal import say

__all__ = ["BadInput", "Config", "NothingToDo", "Result", "Stopped", "main", "parser", "run"]


@dataclass(frozen=True)
class Result:
    """The result of a run: the model of the epoch that is kept, its report on ``split``, the run's folder."""

    run: Run
    model: minicnn.Sequential
    history: dict[str, list[float]]
    best_epoch: int  # the one that is kept, counted from 1
    split: str  # "test"; "validation" if the data have no test rows
    report: Report
    finished: bool  # False if the time budget ended it


def run(
    config: Config | None = None,
    data: FerDataset | None = None,
    resume: str | PathLike[str] | None = None,
    time_budget: float | None = None,
    processes: Processes | None = None,
    further: Sequence[callbacks.Callback] = (),
) -> Result:
    """Train and write everything into a run folder: a new one, or that of the run to resume.

    The processes that mpiexec has started train together, if each calls this with the same arguments.

    Args:
        config: what to train and how; None: the default settings; with ``resume``, the run's own.
        data: the faces; None: load those that ``config.data`` names.
        resume: the folder of a run that was stopped.
        time_budget: seconds after which to stop and evaluate the best model so far. The run can be resumed
            later.
        processes: those that train together; None: find out.
        further: callbacks that come after those of the run; what they raise ends the training.

    Raises:
        BadInput: a setting, the data or the run folder cannot be used, or the loss is no longer finite.
        OSError: a file cannot be read or written.
        NothingToDo: the run is finished already, or the time ended before the first epoch did.
        Stopped: a KeyboardInterrupt; its message says how to resume.
    """
    all_of_us = processes or Processes()
    with StopRequest(time_budget) as stop:
        stop.quiet = not all_of_us.first
        if resume is None:
            config = _with_shards(config or Config(), all_of_us, resumed=False)
            config, data = _load_data(config, data, all_of_us)
            model = components.compiled_model(config, data.train)
            all_of_us.check_same("data or settings", (data.fingerprint(), replace(config, data=None)))
            new = config.out
            folder = all_of_us.by_first(lambda: runs.create(new))
            with _locked(folder, all_of_us), _saying_how_to_resume(folder):
                content = resuming.description(config, data, model)
                all_of_us.by_first(lambda: folder.write_json(runs.CONFIG, content))
                return _train(folder, config, data, model, stop, all_of_us, further)
        folder = runs.find(resume)
        with _locked(folder, all_of_us):
            config = _with_shards(resuming.config_to_resume(folder, config), all_of_us, resumed=True)
            config, data = _load_data(config, data, all_of_us)
            resuming.check_same_data(folder, data)
            with _saying_how_to_resume(folder):
                model = components.compiled_model(config, data.train)
                return _train(folder, config, data, model, stop, all_of_us, further)


def _with_shards(config: Config, processes: Processes, resumed: bool) -> Config:
    """Return a configuration with the number of shards; of a run that began in one process alone, 0 stays.

    Raises:
        BadInput: there are more processes than shards.
    """
    shards = config.shards or (1 if resumed else processes.size)
    if shards < processes.size:
        raise BadInput(
            f"shards={shards}: {processes.size} processes need at least one each; expected a number from "
            f"{processes.size}, or mpiexec -n {shards}"
        )
    return replace(config, shards=shards) if processes.size > 1 else config


@contextmanager
def _locked(folder: Run, processes: Processes) -> Iterator[None]:
    """Let process 0 lock the folder."""
    with ExitStack() as stack:
        processes.by_first(lambda: stack.enter_context(folder.locked()))
        yield


def _load_data(config: Config, data: FerDataset | None, processes: Processes) -> tuple[Config, FerDataset]:
    """Return a configuration with the absolute path of its data, and the data with validation rows."""
    if data is None:
        read: list[FerDataset] = []
        processes.by_first(lambda: read.append(components.load_data(config)))
        # the others find the faces in the cache, and map them: a machine has them in memory once
        data = read[0] if read else components.load_data(config)
        config = replace(config, data=components.data_path(config))
    if config.labels is not None:
        config = replace(config, labels=os.path.abspath(config.labels))
    if config.init is not None and config.init not in inference.BUNDLED:
        config = replace(config, init=os.path.abspath(config.init))
    return config, data.with_validation()


@contextmanager
def _saying_how_to_resume(folder: Run) -> Iterator[None]:
    """Add to a stop by a signal, and to an error of the file system, how to resume."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        status = interruption.status if isinstance(interruption, Stopped) else 130
        raise Stopped(f"stopped. To resume: {folder.resume}", status) from None
    except BrokenPipeError:  # | head -1
        raise Stopped(f"stopped: nobody reads its output. To resume: {folder.resume}", 141) from None
    except OSError as error:
        raise BadInput(
            f"{errors.message(error)}. The files saved before are complete; correct the cause, "
            f"then resume: {folder.resume}"
        ) from None


def _train(
    folder: Run,
    config: Config,
    data: FerDataset,
    model: minicnn.Sequential,
    stop: StopRequest,
    processes: Processes,
    further: Sequence[callbacks.Callback],
) -> Result:
    """Train from the start or from the checkpoint in the folder, then evaluate the best model."""
    processes.by_first(lambda: _describe(folder, config, data, model))
    processes.describe(config.shards)
    share = None
    if config.shards > 1:
        share = distributed.DataParallel(processes.communicator, config.shards)
    finished = True
    try:
        history = _fit(model, config, data, folder, stop, share, further)
    except OutOfTime:
        finished = False
        history = model.callback_list.history.history
        say("", as_started(f"The time is up. To resume: {folder.resume}"))
        if not history:
            raise NothingToDo("No epoch is finished yet, so there is no model to evaluate.") from None
    report = processes.by_first(lambda: _evaluate_best(folder, config, history, data, finished))
    name = "test" if data.test is not None else "validation"
    return Result(
        folder, _best_model(folder), history, kept_epoch(history, config.keep), name, report, finished
    )


def _describe(folder: Run, config: Config, data: FerDataset, model: minicnn.Sequential) -> None:
    """Print and draw what is trained on which data."""
    if not folder.path("classes.png").exists():
        outputs.write_figure(folder.path("classes.png"), plots.class_bars(data.splits(), data.name))
    if not folder.path("examples.png").exists():
        outputs.write_figure(folder.path("examples.png"), plots.examples(data.train))
    if config.augment != "none" and not folder.path("augmented.png").exists():
        outputs.write_figure(
            folder.path("augmented.png"), progress.augmented(data.train, model, f"--augment {config.augment}")
        )
    sizes = ", ".join(f"{len(split)} {name}" for name, split in data.splits().items())
    say(*data.notes, f"Data: {data.name}, {sizes}")
    if data.test is None:
        chosen = (
            ", which also choose the epoch,\nso that it is a little too high" if config.keep == "best" else ""
        )
        say(f"{data.name} has no PrivateTest rows: the result will be that of the validation rows{chosen}.")
    name = config.arch if config.init is None else f"that of {config.init}"
    say(f"Network: {name}, {model.count_params():,} parameters", f"Run: {folder}")


def _fit(
    model: minicnn.Sequential,
    config: Config,
    data: FerDataset,
    folder: Run,
    stop: StopRequest,
    share: distributed.DataParallel | None,
    further: Sequence[callbacks.Callback],
) -> dict[str, list[float]]:
    """Train to the end and return the history; the CheckpointCallback writes the folder's files."""
    train, validation = data.train, data.validation
    assert validation is not None
    targets: np.ndarray = train.labels
    validation_targets: np.ndarray = validation.labels
    if train.targets is not None:
        targets, validation_targets = train.targets, soft_targets(validation)
    added: list[callbacks.Callback] = []
    if config.ema:
        # First in the list: the averages must be in place when the others evaluate and save the model.
        added.append(callbacks.SwapEMAWeights(swap_on_epoch=True))
    if config.init is not None and config.init_rate < 1:
        added.append(LowerRate(config.init_rate))
    if config.self_distillation:
        distillation = SelfDistillation(train, config.self_distillation)
        added.append(distillation)
        targets, validation_targets = distillation.targets, soft_targets(validation)
    added.append(CheckpointCallback(folder, train.images, targets, config, stop))
    if share is not None:
        added.append(NameSlowProcess())
    if config.early_stopping:
        added.append(
            callbacks.EarlyStopping("val_accuracy", mode="max", patience=config.early_stopping, verbose=1)
        )
    # NumPy's warnings are off: the CheckpointCallback checks for numbers that are not finite, and says more.
    with stop.between_batches(), np.errstate(all="ignore"):
        return model.fit(
            train.images[..., None],
            targets,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_data=(validation.images[..., None], validation_targets),
            class_weight=components.class_weights(train, config.class_weight),
            callbacks=[*added, *further],
            distributed=share,
        ).history


def _evaluate_best(
    folder: Run, config: Config, history: dict[str, list[float]], data: FerDataset, finished: bool
) -> Report:
    """Evaluate the best model on the test rows (without any, on the validation rows); write and print that."""
    name, split = ("test", data.test) if data.test is not None else ("validation", data.validation)
    assert split is not None
    best = kept_epoch(history, config.keep)
    model = _best_model(folder)
    outputs.write_figure(folder.path("curves.png"), progress.curves(history, best, config, len(data.train)))
    title = f"{data.name}, {name}, model of epoch {best}"
    report = evaluate.write(
        folder.folder, model, split, name, title, facts={"best_epoch": best}, train=data.train
    )
    print(f"\n{folder.path('report.txt').read_text(encoding='utf-8')}")
    say(f"{name.capitalize()} accuracy {report}, with the model of epoch {best}.")
    facts = {
        "finished": finished,
        "epochs": len(history["loss"]),
        "best_epoch": best,
        "val_accuracy": history["val_accuracy"][best - 1],
        "split": name,
        "accuracy": report.accuracy,
    }
    folder.write_json(runs.RESULT, facts)
    say(outputs.listing(folder.folder))
    return report


def _best_model(folder: Run) -> Any:
    try:
        return models.load_model(folder.path(runs.MODEL_BEST))
    except ValueError as error:
        raise BadInput(str(error)) from None


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with errors.one_line("fer.train"):
        try:
            processes = Processes()
            with processes.together("fer.train"):
                _command(vars(parser().parse_args(argv)), processes)
        except NothingToDo as reason:
            say(as_started(str(reason)))


def _command(given: Mapping[str, Any], processes: Processes) -> None:
    resume, budget = given.get("resume"), given.get("time_budget")
    if resume is not None:
        for name in ("config", "recipe", "check"):
            if name in given:
                raise BadInput(
                    f"--resume {resume} continues a run with its own settings: leave out {option(name)}"
                )
        settings = {name: value for name, value in given.items() if name in DEFAULTS}
        own = from_file(runs.find(resume).path(runs.CONFIG), settings)
        run(own, resume=resume, time_budget=budget, processes=processes)
        return
    chosen = chosen_config(given)
    if "check" not in given:
        run(chosen, time_budget=budget, processes=processes)
    elif not training_check.run(chosen, components.load_data(chosen).train):
        sys.exit(1)


if __name__ == "__main__":
    main()
