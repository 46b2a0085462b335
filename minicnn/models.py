"""Sequential: layers in a row, which can be trained, summed up and saved."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minicnn import random, saving
from minicnn.layers.base import Layer
from minicnn.layers.containers import InputLayer
from minicnn.layers.serialization import deserialize
from minicnn.training import Trainer


class Sequential(Trainer):
    """A model whose layers follow one another, as `keras.Sequential`.

        model = Sequential([Input((48, 48, 1)), Conv2D(32, 3, activation="relu"), …, Dense(7, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(images, labels, epochs=10, validation_data=(more_images, more_labels))

    With an Input, or ``input_shape=`` on the first layer, weights exist at once; otherwise from the first data on.
    """

    def __init__(
        self, layers: Iterable[Layer] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.generator = random.generator()  # shuffles the samples
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input's declaration."""
        return [layer for layer in self.sublayers if not isinstance(layer, InputLayer)]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of the model's output, batch first."""
        return self.compute_output_shape(self._built_shape())

    def add(self, layer: Layer) -> None:
        """Put a layer at the end; it is built at once when the model's input shape is known."""
        self.append(layer)
        if self.built:
            layer.dtype = layer.dtype or self.dtype
            layer.build(self.compute_shape_before(layer))
        elif layer.declared_input_shape is not None and self.sublayers[0] is layer:
            self.dtype = layer.dtype
            self.build(layer.declared_input_shape)

    def pop(self) -> Layer:
        """Remove and return the last layer.

        Raises:
            ValueError: there is none.
        """
        if not self.layers:
            raise ValueError(f"{self.name} has no layers to pop")
        return self._layers.pop()

    def compute_shape_before(self, layer: Layer) -> tuple[int | None, ...]:
        """Return the shape of what goes into ``layer``."""
        shape = self._built_shape()
        for earlier in self.sublayers[: self.sublayers.index(layer)]:
            shape = earlier.compute_output_shape(shape)
        return shape

    def _built_shape(self) -> tuple[int | None, ...]:
        if self.input_shape is None:
            raise ValueError(
                f"{self.name} does not know its input's shape yet: begin with Input((48, 48, 1)), "
                "call build((None, 48, 48, 1)), or run it on data"
            )
        return self.input_shape

    def __call__(self, x: Any, training: bool = False) -> np.ndarray:
        """Return the output for x (N, …), which is cast to the model's float type."""
        x = np.asarray(x)
        self._build_for(x)
        return self.forward(x if x.dtype.kind == "c" else x.astype(self.dtype, copy=False), training)

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print each layer's name, type, output shape and number of weights, and the totals."""
        rows = [("Layer (type)", "Output shape", "Param #")]
        shape = self._built_shape()
        for layer in self.sublayers:
            shape = layer.compute_output_shape(shape)
            if not isinstance(layer, InputLayer):
                rows.append(
                    (f"{layer.name} ({type(layer).__name__})", str(shape), f"{layer.count_params():,}")
                )
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows]
        rule = "─" * len(lines[0])
        trained = sum(weight.value.size for weight in self.trainable_weights)
        total = self.count_params()
        lines = [f'Model: "{self.name}"', rule, lines[0], rule, *lines[1:], rule]
        lines += [f"Total params: {total:,}", f"Trainable params: {trained:,}"]
        print_fn("\n".join([*lines, f"Non-trainable params: {total - trained:,}"]))

    # ---- on disk --------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the model's name and layers, from which :meth:`from_config` makes an equal one with new weights."""
        return {"name": self.name, "trainable": self.trainable, "layers": list(self.sublayers)}

    def save(self, path: str | os.PathLike) -> None:
        """Write the model to ``path`` (.npz): layers, weights, how it was compiled, optimizer and random states.

        Raises:
            ValueError: the model is not built, or the name does not end in .npz.
            FileNotFoundError: there is no such folder.
        """
        config: dict[str, Any] = {
            "model": saving.to_json(self),
            "input_shape": self._built_shape(),
            "random": [random.state(generator) for generator in self.generators],
        }
        arrays = {f"weights/{index}": weight.value for index, weight in enumerate(self.weights)}
        if self.optimizer is not None:
            state = self.optimizer.get_state()
            config["compiled"] = {
                "optimizer": self.optimizer,
                "loss": self.loss,
                "metrics": self._results.chosen[0],
                "weighted_metrics": self._results.chosen[1],
            }
            config["optimizer_state"] = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
            arrays |= {f"optimizer/{k}": v for k, v in state.items() if isinstance(v, np.ndarray)}
        saving.write(path, config, arrays)

    def save_weights(self, path: str | os.PathLike) -> None:
        """Write the weights alone to ``path`` (.npz)."""
        arrays = {f"weights/{index}": weight.value for index, weight in enumerate(self.weights)}
        saving.write(path, {"weights_of": self.name}, arrays)

    def load_weights(self, path: str | os.PathLike) -> None:
        """Set the weights from a file of :meth:`save_weights` or :meth:`save`.

        Raises:
            ValueError: the file holds weights of other shapes; nothing is changed then.
        """
        self.set_weights(_weights(saving.read(path)[1]))


def _weights(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    names = sorted((name for name in arrays if name.startswith("weights/")), key=lambda name: int(name[8:]))
    return [arrays[name] for name in names]


def load_model(
    path: str | os.PathLike, custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Sequential:
    """Return the model that `Sequential.save` wrote: it predicts the same and trains on from where it was.

    Args:
        path: the .npz file.
        custom_objects: class name -> class, for layers of your own.
        compile: whether to restore optimizer and loss too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, or uses a layer that is not known.
    """
    config, arrays = saving.read(path)
    if "model" not in config:
        raise ValueError(f"{path}: holds weights only; make the model, then call model.load_weights(path)")
    model = deserialize(config["model"], {"Sequential": Sequential, **(custom_objects or {})})
    assert isinstance(model, Sequential)
    if not model.built:
        model.build(tuple(config["input_shape"]))
    model.set_weights(_weights(arrays))
    for generator, state in zip(model.generators, config["random"]):
        random.restore(generator, state)
    if compile and "compiled" in config:
        model.compile(**config["compiled"])
        moments = {name[10:]: array for name, array in arrays.items() if name.startswith("optimizer/")}
        model.optimizer.set_state({**config["optimizer_state"], **moments})
    return model
