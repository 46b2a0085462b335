"""A model in a file: what is saved of it, and how that comes back. loading.py makes a model of such a file.

snapshot    (JSON-able values, arrays): layers, weights, loss and metrics, optimizer and random states
restore     the same, into an equal model
save        the snapshot as a file, perhaps one that Keras loads too; save_weights: the weights alone
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn import ops, random
from minicnn._base import keras_errors, schema
from minicnn._base.registry import to_json
from minicnn.models.trainer import Trainer
from minicnn.saving import load_keras_weights, npz
from minicnn.saving.keras import is_for_keras_alone, with_keras

# the configuration in a saved model: what Saved.snapshot returns
OBJECT = {"class_name": str, "config": {str: Any}}
SNAPSHOT = {
    "model": OBJECT,
    "input_shape": [Any],
    "random": [{str: Any}],
    "compiled?": {
        "optimizer": OBJECT,
        "loss": (OBJECT, str, None),
        "metrics": [(str, OBJECT, [(str, OBJECT)])],  # for several outputs, a list for each
        "weighted_metrics": [(str, OBJECT, [(str, OBJECT)])],
    },
    "optimizer_state?": {
        "iterations": schema.Whole(),
        "averages_in_model": bool,
        "learning_rate?": float,
        ...: ...,
    },
    "metadata?": {str: Any},
    ...: ...,  # what a backup adds
}


class Saved(Trainer):
    """A model that can be written to a file and read back."""

    def built_shape(self) -> Any:
        """Return the input's shape, or the list of shapes.

        Raises:
            ValueError: the model is not built.
        """
        if self.input_shape is None:
            raise ValueError(
                f"{self.name} does not know its input's shape yet: begin with Input((48, 48, 1)), "
                "call build((None, 48, 48, 1)), or run it on data"
            )
        return self.input_shape

    def to_json(self) -> str:
        """Return the layers and how they are connected, without weights: for :func:`model_from_json`."""
        return json.dumps(to_json(self))

    @ops.in_turn
    @keras_errors.keras_arguments
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the model to ``filepath``: layers, weights, loss and metrics, optimizer and random states.

        Keras loads a file .keras, .h5 or .hdf5 too, not compiled, if h5py (the extra ``[keras]``) is installed and
        Keras has the model's layers; ``saving.save_keras_weights`` says what it does not have. Such a file holds
        the weights twice. A file .npz is minicnn's alone.

        Args:
            filepath: the file.
            overwrite: whether a file of this name is replaced.

        Raises:
            ValueError: the model is not built, or the name ends otherwise.
            FileExistsError: there is such a file, and it is not to be replaced.
            FileNotFoundError: there is no such folder.
        """
        self._refuse_to_overwrite(filepath, overwrite)
        npz.write(filepath, *self.snapshot(), with_keras(self, filepath))

    def _refuse_to_overwrite(self, path: Any, overwrite: bool) -> None:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(f"{path}: there is such a file; choose another name, or overwrite=True")

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the content of a saved model, as (JSON-able values, arrays).

        Raises:
            ValueError: the model is not built.
        """
        config: dict[str, Any] = {
            "model": to_json(self),
            "input_shape": self.built_shape(),
            "random": [random.state(generator) for generator in self.generators],
        }
        arrays = {f"weights/{index}": weight.value for index, weight in enumerate(self.weights)}
        if self.metadata:
            config["metadata"] = self.metadata
        if self.optimizer is not None and self.compiled_metrics is not None:
            state = self.optimizer.get_state()
            config["compiled"] = {
                "optimizer": self.optimizer,
                "loss": self.loss,
                "metrics": self.compiled_metrics.given[0],
                "weighted_metrics": self.compiled_metrics.given[1],
            }
            config["optimizer_state"] = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
            arrays |= {f"optimizer/{k}": v for k, v in state.items() if isinstance(v, np.ndarray)}
        return config, arrays

    @ops.in_turn
    def restore(
        self, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], optimizer: bool = True
    ) -> None:
        """Set weights, random states and, with ``optimizer``, its state from the snapshot of an equal model.

        Raises:
            ValueError: the snapshot is of another model; nothing is changed then.
        """
        schema.check(config, SNAPSHOT)
        if len(config["random"]) != len(self.generators):
            raise ValueError(
                f"{self.name}: got the states of {len(config['random'])} random generators, expected "
                f"{len(self.generators)}"
            )
        self.set_weights(weights_of(arrays))
        for generator, state in zip(self.generators, config["random"]):
            random.restore(generator, state)
        if optimizer:
            moments = {name[10:]: array for name, array in arrays.items() if name.startswith("optimizer/")}
            self.optimizer.set_state({**config["optimizer_state"], **moments})

    @ops.in_turn
    @keras_errors.keras_arguments
    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone to ``filepath``; the arguments are those of :meth:`save`.

        With h5py, a file .weights.h5, .h5 or .hdf5 is Keras's, for its load_weights and for this one.
        """
        self._refuse_to_overwrite(filepath, overwrite)
        arrays = {f"weights/{index}": weight.value for index, weight in enumerate(self.weights)}
        npz.write(
            filepath,
            {"weights_of": self.name},
            arrays,
            with_keras(self, filepath, weights=True) if self.built else None,
        )

    @keras_errors.keras_arguments
    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Set the weights from a file of :meth:`save_weights` or :meth:`save`, or from one of Keras.

        Raises:
            ValueError: the file holds weights of other shapes; nothing is changed then.
            ImportError: it is Keras's, and h5py, the extra ``[keras]``, is not installed.
        """
        if is_for_keras_alone(filepath):
            load_keras_weights(self, filepath)
            return
        arrays = npz.read(filepath)[1]
        with npz.naming(filepath, "not weights of this model"):
            self.set_weights(weights_of(arrays))


def weights_of(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the weights among the arrays of a snapshot, in order.

    Raises:
        ValueError: one is not an array of numbers.
    """
    names = sorted((name for name in arrays if name.startswith("weights/")), key=lambda name: int(name[8:]))
    for name in names:
        if arrays[name].dtype.kind not in "fiu":
            raise ValueError(f"{name} holds {arrays[name].dtype}: expected numbers")
    return [arrays[name] for name in names]
