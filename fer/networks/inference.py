"""Trained networks: open one by its run folder or file, and predict the probabilities of faces.

    trained = inference.open_run("runs/003")                     # or a .npz file, or "vgg", which comes with fer
    inference.probabilities(trained.model, images)               # (N, 48, 48) uint8 -> (N, 7)

With ``tta="flip"`` or "shifts" the probabilities are means: see views.py. If a temperature is saved with the network,
they are those at this temperature: see temperature.py.
"""

import math
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer import runs
from fer.data import dataset, synthetic
from fer.data.dataset import FerDataset
from fer.data.table import SIDE
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.networks import operations, temperature
from fer.networks.views import TTA, views
from minicnn import Sequential, saving
from minicnn.models import Model, load_model
from minicnn.saving import shown
from minicnn.saving.arrays import READ_ERRORS

MODELS = {"best": runs.MODEL_BEST, "last": runs.MODEL_LAST}
WEIGHTS = Path(__file__).parents[1] / "weights"
# come with fer, trained on FER2013 by the recipes of these names; see docs/model-card.md
BUNDLED = ("vgg", "tiny")
BATCH_SIZE = 256
MAX_NUMBERS = 1 << 22  # that a layer may take for one face: vgg's largest takes 147,456


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network, its file, and its run's configuration.

    Attributes:
        model: the network; its input is gray values 0-255, (N, 48, 48, 1).
        path: the file that it was read from.
        folder: the folder of its run; None where the file lies elsewhere.
        config: the run's config.json; {} where there is none.
    """

    model: Sequential
    path: Path
    folder: Path | None
    config: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's probabilities."""
        return classes_of(self.model)

    def data(self, path: str | os.PathLike[str] | None = None) -> FerDataset:
        """Return the faces at ``path``, split as in training.

        Without a path these are the faces that the run was trained on, else those that FER2013_DATA names.

        Raises:
            BadInput: the data cannot be used.
            FileNotFoundError: the file does not exist, or there is no path.
        """
        arguments, labels = self.config.get("arguments", {}), None
        if path is None and arguments.get("data"):
            path, labels = arguments["data"], arguments.get("labels")
            if path == synthetic.NAME:
                return synthetic.load()
            for option, file in (("--data", path), ("--labels", labels)):
                if file is not None and not Path(file).exists():
                    raise FileNotFoundError(
                        f"{file}, on which {self.folder} was trained, does not exist any more: "
                        f"give its present path with {option} PATH"
                    )
        return dataset.load(
            path,
            drop_faulty=arguments.get("drop_faulty", False),
            detect=arguments.get("detect"),
            labels=labels,
            votes=arguments.get("votes", "majority"),
        ).with_validation()


def open_run(run: str | os.PathLike[str] = BUNDLED[0], which: str = "best") -> TrainedNetwork:
    """Load a trained network.

    Args:
        run: a run's folder; a folder of runs, for the newest; a model's file (.npz); or the name of a network
            that comes with fer, "vgg" or "tiny".
        which: in a run's folder, "best" (the epoch of the best validation accuracy) or "last".

    Raises:
        BadInput: this is not a run, or not a model for faces; the message says what it is.
        FileNotFoundError: it does not exist.
    """
    path = Path(run)
    if not path.exists() and str(run) in BUNDLED:
        path = WEIGHTS / f"{run}.npz"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: expected a run's folder such as runs/001, a .npz, or "
            f"{' or '.join(BUNDLED)}"
        )
    folder: Path | None = None
    if path.is_dir():
        folder = (_runs_in(path) or [path])[-1]
        path = _model_file(folder, which)
    elif (path.parent / runs.CONFIG).is_file():
        folder = path.parent
    return TrainedNetwork(_load_model(path), path, folder, {} if folder is None else _read_config(folder))


def option() -> dict[str, Any]:
    """Return the option --model of a command, which ``add_argument`` takes."""
    which = "of the run's best epoch or its last one (default: %(default)s)"
    return {"choices": MODELS, "default": "best", "help": which}


def is_run(path: str | os.PathLike[str]) -> bool:
    """Return whether a path names a network: the folder of a run or of runs, a model's file or name."""
    path = Path(path)
    if not path.exists():
        return str(path) in BUNDLED
    if path.is_dir():
        files = (runs.CONFIG, *MODELS.values())
        return bool(_runs_in(path)) or any((path / name).is_file() for name in files)
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with saving.regular(path) as file, zipfile.ZipFile(file) as archive:
            return f"{runs.CONFIG}.npy" in archive.namelist()
    except READ_ERRORS:
        return False


def newest(parent: str | os.PathLike[str] = "runs") -> Path:
    """Return the folder of the newest run in ``parent`` that has a model.

    Raises:
        BadInput: there is no such run.
    """
    found = _runs_in(Path(parent))
    if not found:
        raise BadInput(f"there is no trained run in {parent}/ yet: train one with python -m fer.train")
    return found[-1]


@dataclass(frozen=True)
class Ensemble:
    """Several networks of the same classes used as one: their probabilities are averaged."""

    members: Sequence[Sequential]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What is saved with the first of them: their classes."""
        return self.members[0].metadata


VIEWED = 8 * BATCH_SIZE  # faces that are changed at once; whole batches, so that the bits do not depend on it


def probabilities(model: Sequential | Ensemble, images: np.ndarray, tta: str = "none") -> np.ndarray:
    """Return the probability of each class, (N, classes), for images (N, 48, 48) of gray values 0-255.

    Of an ensemble, each member has its own temperature.

    Raises:
        BadInput: the network's probabilities are not finite; what is saved as its temperature is none.
        ValueError: tta has another value.
    """
    members = model.members if isinstance(model, Ensemble) else [model]
    each = [
        temperature.applied(raw_probabilities(member, images, tta), temperature.of(member.metadata, tta))
        for member in members
    ]
    return each[0] if len(each) == 1 else np.mean(each, axis=0)


def raw_probabilities(model: Sequential, images: np.ndarray, tta: str = "none") -> np.ndarray:
    """Return the same of one network, at temperature 1."""
    with operations.for_faces(model, len(images)):
        # in parts: views may be copies, and images a file that is larger than memory
        parts = (images[start : start + VIEWED] for start in range(0, max(len(images), 1), VIEWED))
        total = np.concatenate(
            [
                sum(model.predict(view[..., None], batch_size=BATCH_SIZE) for view in views(part, tta))
                for part in parts
            ]
        )
    result = total / TTA[tta]
    if not np.isfinite(result).all():
        raise BadInput("the network's probabilities are not finite: its weights hold NaN or infinity")
    return result


def features(model: Sequential, images: np.ndarray) -> np.ndarray:
    """Return what goes into the last layer, (N, features), for images (N, 48, 48) of gray values 0-255."""
    body = Model(model.inputs[0], model.layers[-1].input)
    with operations.for_faces(body, len(images)):
        found = body.predict(images[..., None], batch_size=BATCH_SIZE)
    return np.asarray(found).reshape(len(images), -1)


def classes_of(model: Any) -> tuple[str, ...]:
    """Return the names of a network's classes, which are saved with it; the seven emotions if none are.

    Raises:
        BadInput: what is saved as its classes are not names.
    """
    names = model.metadata.get("classes", EMOTIONS)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"the network's classes are {shown(names)}; expected a list of names")
    return tuple(names)


def _load_model(path: Path) -> Sequential:
    try:
        model: Any = load_model(path, compile=False)
        given, taken = model.compute_output_shape(model.input_shape), model.input_shape
        largest = max(math.prod(shape) for layer in model.walk() for shape in _input_shapes(layer))
    except FileNotFoundError:
        raise
    except saving.UnusableFile as error:
        raise BadInput(f"{error}; expected a model's file, such as {runs.MODEL_BEST}") from None
    except saving.UNFIT as error:
        reason = saving.reason(error).removeprefix(f"{path}: ").removeprefix("not a model that can be used: ")
        raise BadInput(f"{path} is not a model that can be used: {reason}") from None
    try:
        classes = classes_of(model)
        temperature.of(model.metadata, "none")
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    if taken != (None, SIDE, SIDE, 1) or given != (None, len(classes)):
        raise BadInput(
            f"{path} takes {taken} and gives {given}: expected a network that takes "
            f"{(None, SIDE, SIDE, 1)} and gives {(None, len(classes))}, as python -m fer.train makes"
        )
    if len({name.casefold() for name in classes}) < len(classes) or not all(classes):
        raise BadInput(f"{path} has classes without a name, or two of one name: {shown(list(classes))}")
    if largest > MAX_NUMBERS:
        raise BadInput(
            f"{path}: a layer has {largest:,} numbers for each face, expected {MAX_NUMBERS:,} at most"
        )
    return model


def _input_shapes(layer: Any) -> list[Any]:
    """Return the shapes of one sample that a layer takes."""
    shape = layer.input_shape or ()
    return [each[1:] for each in shape] if layer.multiple_inputs else [shape[1:]]


def _model_file(folder: Path, which: str) -> Path:
    path = folder / MODELS[which]
    if path.is_file():
        return path
    others = [name for name in MODELS.values() if (folder / name).is_file()]
    if others:
        hint = f"but there is {others[0]}: pass {folder / others[0]}"
    elif (folder / runs.CONFIG).is_file():
        hint = "no epoch of this run was finished"
    else:
        hint = "expected a run's folder, such as runs/001, which python -m fer.train makes"
    raise BadInput(f"{folder} holds no {path.name}; {hint}")


def _runs_in(parent: Path) -> list[Path]:
    """Return the runs in a folder that have a model, in the order of their numbers."""
    if not parent.is_dir():
        return []
    numbered = [child for child in parent.iterdir() if re.fullmatch(r"\d{3,}", child.name)]
    found = [child for child in numbered if (child / runs.MODEL_BEST).is_file()]
    return sorted(found, key=lambda child: int(child.name))


def _read_config(folder: Path) -> dict[str, Any]:
    return runs.Run(folder).read_config() if (folder / runs.CONFIG).exists() else {}
