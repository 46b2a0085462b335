"""What came of a search: the table of its trials, and Optuna's figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fer import outputs
from fer.errors import BadInput, quiet
from minicnn.terminal import say


def optuna() -> Any:
    """Return the package.

    Raises:
        BadInput: it is not installed.
    """
    try:
        import optuna as package
    except ImportError:
        raise BadInput("fer.sweep needs Optuna: pip install 'minicnn-fer[sweep]'") from None
    package.logging.set_verbosity(package.logging.WARNING)
    return package


def show(study: Any, searched: Sequence[str], folder: Path) -> Any:
    """Print the trials, best first; write them and Optuna's figures; return the best one, None if none is complete.

    Args:
        study: Optuna's.
        searched: the settings that differ.
        folder: for the files.
    """
    trials = study.get_trials(deepcopy=False)
    ranked = sorted(trials, key=lambda trial: (-score(trial), trial.number))
    header = ["trial", "state", "val_accuracy", "epochs", *searched]
    rows = [
        [
            trial.number,
            trial.state.name.lower(),
            score(trial) if score(trial) >= 0 else "",
            len(trial.intermediate_values),
            *(trial.params.get(name, "") for name in searched),
        ]
        for trial in ranked
    ]
    outputs.write_csv(folder / "trials.csv", header, rows)
    say(*pd.DataFrame([map(short, row) for row in rows], columns=header).to_string(index=False).splitlines())
    for trial in trials:
        if "error" in trial.user_attrs:
            say(f"trial {trial.number}: {trial.user_attrs['error']}")
    complete = [trial for trial in ranked if trial.state == optuna().trial.TrialState.COMPLETE]
    if not complete:
        return None
    write_figures(study, searched, len(complete), folder)
    return complete[0]


def score(trial: Any) -> float:
    """Return a trial's accuracy; of one that is not complete, the best so far; −1 if there is none."""
    return trial.value if trial.value is not None else max(trial.intermediate_values.values(), default=-1.0)


def short(value: Any) -> str:
    """Return a value for the table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_figures(study: Any, searched: Sequence[str], complete: int, folder: Path) -> None:
    """Draw Optuna's figures: the best over time, the trials along each setting, and how much each counts."""
    package = optuna()
    with quiet():  # without Optuna's notes that something is new in it
        draw = package.visualization.matplotlib
        figures = {"history": lambda: draw.plot_optimization_history(study)}
        figures["slices"] = lambda: draw.plot_slice(study, params=list(searched))
        if complete > 2:
            by = package.importance.PedAnovaImportanceEvaluator()
            figures["importance"] = lambda: draw.plot_param_importances(study, evaluator=by)
        for name, drawn in figures.items():
            axes = drawn()
            figure = (axes if hasattr(axes, "figure") else axes.flat[0]).figure
            figure.tight_layout()
            outputs.write_figure(folder / f"{name}.png", figure)
