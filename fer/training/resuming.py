"""config.json of a run: what is written before training, and whether a run can go on with it.

A run goes on with its own settings, the same version of minicnn and the same data; only the path of the data may
differ.
"""

import datetime
import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

import minicnn
from fer import runs
from fer.data.dataset import FerDataset
from fer.errors import BadInput
from fer.runs import Run
from fer.training import components
from fer.training.config import Config, check_unchanged, from_file
from fer.training.stopping import NothingToDo
from minicnn import Sequential
from minicnn.terminal import say


def description(config: Config, data: FerDataset, model: Sequential) -> dict[str, Any]:
    """Return the content of config.json: the arguments, which repeat the run, and facts."""
    weights = components.class_weights(data.train, config.class_weight)
    return {
        "arguments": asdict(config),
        "data": {
            "name": data.name,
            "faces": {
                name: dict(zip(data.classes, split.counts().tolist()))
                for name, split in data.splits().items()
            },
            "fingerprint": data.fingerprint(),
        },
        "class_weights": {data.classes[label]: round(weight, 4) for label, weight in weights.items()},
        "parameters": model.count_params(),
        "versions": {"minicnn": minicnn.__version__, **_versions(), "system": platform.platform()},
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    """Return the versions on which the last bits of a result may depend."""
    packages = {package: metadata.version(package) for package in ("numpy", "numba")}
    return {"python": platform.python_version(), **packages}


def config_to_resume(folder: Run, asked: Config | None) -> Config:
    """Return the configuration of a run that can be resumed.

    Raises:
        BadInput: other settings are asked for, or it was started with another version of minicnn.
        NothingToDo: it is finished.
    """
    own = from_file(folder.path(runs.CONFIG))
    check_unchanged(folder.folder, own, asked or own)
    if folder.path(runs.RESULT).is_file() and folder.read_json(runs.RESULT).get("finished"):
        raise NothingToDo(f"{folder} is finished; python -m fer.evaluate {folder} evaluates it again")
    started_with = folder.read_config().get("versions", {})
    if started_with.get("minicnn") != minicnn.__version__:
        raise BadInput(
            f"{folder} was started with minicnn {started_with.get('minicnn')}, but this is "
            f"{minicnn.__version__}: a run must be resumed with the same version. To start a new run: "
            f"--config {folder.path(runs.CONFIG)}"
        )
    others = [name for name, version in _versions().items() if started_with.get(name) != version]
    if others:
        say(f"The version of {', '.join(others)} is not that of the start: the last digits may differ.")
    return asked or own


def check_same_data(folder: Run, data: FerDataset) -> None:
    """Check that these are the data on which a run was started.

    Raises:
        BadInput: they are others.
    """
    before = folder.read_config().get("data", {})
    if before.get("fingerprint") != data.fingerprint():
        sizes = " + ".join(str(sum(split.values())) for split in before.get("faces", {}).values())
        found = " + ".join(str(len(split)) for split in data.splits().values())
        raise BadInput(
            f"{folder} was started on {before.get('name')} ({sizes} faces), and {data.name} ({found} faces) "
            "is not the same data: give their present path with --data PATH"
        )
