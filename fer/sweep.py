"""Search for good settings: ``python -m fer.sweep``, many trainings whose settings Optuna chooses.

Each trial is a training in a folder of its own, judged by its best accuracy on the validation rows (PublicTest).
Trials that are worse than the median of the others at the same epoch end early. The test rows are never looked
at: whoever chooses by them would find the luckiest settings, not the best.

Any number of processes, on any number of machines that share the folder, take part by the same command. They
share Optuna's journal:

    sweeps/NAME/  space.json       what is searched; all processes must agree
                  journal.log      Optuna's storage: which trial has which settings, and what came of it
                  trials/007/      a trial: a lock, and in it the run's folder, 001/
                  trials.csv *.png what --show writes

A trial belongs to the process that holds the lock of its folder. The operating system frees this lock when the
process ends, however that happens. So a trial that is unfinished, and not locked, was stopped: the next process
resumes it.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import json
import shlex
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fer import errors, outputs, runs, train
from fer.command_line import as_started
from fer.data.dataset import FerDataset
from fer.errors import BadInput, quiet
from fer.reports.trials import optuna, short
from fer.reports.trials import show as show_trials
from fer.runs import Run
from fer.training import components, space
from fer.training.config import DEFAULTS, Config, option
from fer.training.space import Range, Space
from fer.training.stopping import NothingToDo, Stopped
from fer.training.sweep_options import parser
from minicnn import callbacks
from minicnn.terminal import say

SPACE, JOURNAL, TRIALS = "space.json", "journal.log", "trials"
BEFORE_PRUNING = 4  # trials that are trained to the end before any is ended early
LONGER = 4  # times the epochs: what is advised for the best settings


class Sweep:
    """A search in a folder: its space, and Optuna's study."""

    def __init__(self, folder: Path, chosen: Space | None = None, prune: bool = True) -> None:
        """Open the search in a folder; with a space, begin it if there is none.

        Raises:
            BadInput: there is no search; or there is one, with another space.
            OSError: the folder cannot be read or written.
        """
        self.folder, path = folder, folder / SPACE
        if chosen is not None and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            outputs.write_json(path, {name: _plain(values) for name, values in chosen.items()})
        if not path.exists():
            raise BadInput(f"{folder} has no search in it: expected a folder that fer.sweep wrote")
        try:
            self.space = space.parsed(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, AttributeError) as error:
            raise BadInput(f"{path} is not what fer.sweep wrote: {error}") from None
        if chosen is not None and chosen != self.space:
            different = next(name for name in DEFAULTS if chosen.get(name) != self.space.get(name))
            raise BadInput(
                f"{folder} is a search with {_said(self.space, different)}, not {_said(chosen, different)}: repeat its "
                "command to take part in it, or begin another one with --name"
            )
        package = optuna()
        storages = package.storages
        journal = str(folder / JOURNAL)
        backend = storages.journal.JournalFileBackend(
            journal, lock_obj=storages.journal.JournalFileOpenLock(journal, grace_period=30)
        )
        pruner = package.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING, n_warmup_steps=1)
        with quiet():
            self.study = package.create_study(
                storage=storages.JournalStorage(backend),
                sampler=package.samplers.TPESampler(constant_liar=True),
                pruner=pruner if prune else package.pruners.NopPruner(),
                study_name="fer",
                direction="maximize",
                load_if_exists=True,
            )
        self.State = package.trial.TrialState

    def trials(self) -> list[Any]:
        """Return all trials, by number."""
        return self.study.get_trials(deepcopy=False)

    def run(self, trials: int, data: FerDataset, budget: float | None = None) -> None:
        """Train trials until there are ``trials`` of them, or the time is up.

        Raises:
            NothingToDo: other processes train what is left, or the time is up.
            Stopped: by a signal.
        """
        end = None if budget is None else time.monotonic() + budget
        while True:
            taken = self._next(trials)
            if taken is None:
                return
            number, lock, trial = taken
            with lock:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise NothingToDo("The time is up; the same command goes on.")
                self._train(number, trial, data, left)

    def _next(self, trials: int) -> tuple[int, ExitStack, Any] | None:
        """Take the next trial: one that was stopped, else a new one. Return its number, its lock, and itself."""
        for frozen in self.trials():
            if not frozen.state.is_finished() and frozen.number < trials:
                lock = self._claimed(frozen.number)
                if lock is not None:
                    return frozen.number, lock, _again(self.study, frozen)
        while len(self.trials()) < trials:
            with quiet():
                trial = self.study.ask()
            if trial.number >= trials:  # another process was quicker
                self.study.tell(trial.number, state=self.State.FAIL)
                return None
            lock = self._claimed(trial.number)
            if lock is not None:
                return trial.number, lock, trial
        return None

    def _claimed(self, number: int) -> ExitStack | None:
        """Return the lock of a trial, held until the stack is closed; None if it is another's, or finished."""
        folder = self._folder_of(number)
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(Run(folder).locked())
            except BadInput:
                return None
            if not self.trials()[number].state.is_finished():
                return stack.pop_all()
        return None

    def _folder_of(self, number: int) -> Path:
        return self.folder / TRIALS / f"{number:03d}"

    def _train(self, number: int, trial: Any, data: FerDataset, left: float | None) -> None:
        """Train a trial, or what is left of it, and tell the study its result."""
        folder = self._folder_of(number)
        try:
            with quiet():
                config = space.config_of(self.space, trial)
            config = replace(config, data=components.data_path(config), out=str(folder))
            searched = ", ".join(f"{name}={short(value)}" for name, value in trial.params.items())
            say("", f"Trial {number}: {searched}")
            accuracy = _accuracy(config, data, folder, _Watch(trial), left)
        except Stopped as stopped:
            raise Stopped("stopped. The same command goes on.", stopped.status) from None
        except optuna().TrialPruned:
            say(f"Trial {number} is behind the others: ended early.")
            self.study.tell(number, state=self.State.PRUNED)
        except BadInput as error:
            say(f"Trial {number} failed: {error}")
            trial.set_user_attr("error", str(error))
            self.study.tell(number, state=self.State.FAIL)
        else:
            if accuracy is None:
                raise NothingToDo("The time is up; the same command goes on.")
            self.study.tell(number, accuracy)


class _Watch(callbacks.Callback):
    """Tells Optuna the validation accuracy after each epoch, and ends a trial that is behind the others."""

    def __init__(self, trial: Any) -> None:
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs=None) -> None:
        known = self.trial.study.get_trials(deepcopy=False)[self.trial.number].intermediate_values
        if epoch not in known:  # else it was told before the trial was stopped
            self.trial.report(logs["val_accuracy"], epoch)
        if epoch + 1 < self.params["epochs"] and self.trial.should_prune():
            raise optuna().TrialPruned


def _accuracy(
    config: Config, data: FerDataset, folder: Path, watch: callbacks.Callback, left: float | None
) -> float | None:
    """Train in a trial's folder, from where it was stopped, and return its accuracy; None if the time ended it."""
    data = replace(data, test=None, name=f"{data.name} without its test rows")
    for begun in sorted(folder.glob("[0-9]*"), reverse=True):
        run = Run(begun)
        try:
            run.read_config()
        except (BadInput, OSError):  # killed before it was written
            continue
        try:
            result = train.run(config, data, resume=begun, time_budget=left, further=[watch])
        except NothingToDo:
            # it was finished, and killed before the study knew it; or there was no time for an epoch
            return run.read_json(runs.RESULT)["val_accuracy"] if run.path(runs.RESULT).exists() else None
        return _result(result)
    try:
        return _result(train.run(config, data, time_budget=left, further=[watch]))
    except NothingToDo:
        return None


def _result(result: train.Result) -> float | None:
    return result.history["val_accuracy"][result.best_epoch - 1] if result.finished else None


def _again(study: Any, frozen: Any) -> Any:
    """Return a trial that another process began; its settings are those that were chosen then."""
    return optuna().trial.Trial(study, frozen._trial_id)


def _plain(values: Range | list[Any]) -> Any:
    return str(values) if isinstance(values, Range) else values


def _said(chosen: Space, name: str) -> str:
    return f"{name}={_plain(chosen[name])}" if name in chosen else f"no {name}"


# ---- the command -------------------------------------------------------------------------------------------


def show(sweep: Sweep, folder: Path) -> None:
    """Print the trials, best first; write them and Optuna's figures, and the command that trains the best longer."""
    searched = [name for name, values in sweep.space.items() if isinstance(values, Range) or len(values) > 1]
    best = show_trials(sweep.study, searched, folder)
    if best is None:
        say("", "No trial is complete yet.")
        return
    config = space.config_of(sweep.space, optuna().trial.FixedTrial(best.params))
    longer = replace(config, epochs=LONGER * config.epochs)
    settings = {name: value for name, value in asdict(longer).items() if value != DEFAULTS[name]}
    given = [
        option(name, shlex.quote(value) if isinstance(value, str) else value)
        for name, value in settings.items()
    ]
    say(
        "",
        f"The best, trained {LONGER} times as long:",
        as_started(f"  python -m fer.train {' '.join(given)}"),
    )
    say(
        "The accuracies are those of the validation rows, which chose the settings: on other faces they are lower."
    )
    say(outputs.listing(folder))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with errors.one_line("fer.sweep"):
        try:
            _command(vars(parser().parse_args(argv)))
        except NothingToDo as reason:
            say(as_started(str(reason)))


def _command(given: dict[str, Any]) -> None:
    file = given.get("file")
    described = space.from_toml(file) if file else {}
    described |= {name: value for name, value in given.items() if name in DEFAULTS}
    folder = Path(given["sweeps"]) / given.get("name", Path(file).stem if file else "sweep")
    if given["trials"] < 1:
        raise BadInput(f"--trials {given['trials']}: expected 1 or more")
    if "show" in given:
        show(Sweep(folder), folder)
        return
    chosen = space.parsed(described) if described or not (folder / SPACE).exists() else None
    optuna()
    sweep = Sweep(folder, chosen, given["prune"])
    data = components.load_data(space.of_the_data(sweep.space)).with_validation()
    sweep.run(given["trials"], data, given.get("time_budget"))
    left = [trial.number for trial in sweep.trials() if not trial.state.is_finished()]
    if left:
        say(
            f"Trials {', '.join(map(str, left))} are trained by other processes; --show shows what came of them."
        )
    show(sweep, folder)


if __name__ == "__main__":
    main()
