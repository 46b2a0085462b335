"""Model: layers that split and join. (What it can do: step.py, trainer.py, saved.py.)

Model(inputs, outputs)      layers that split and join, between symbols; its class is Functional
Sequential([…])             layers in a row: sequential.py
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from minicnn import ops, random
from minicnn._base import keras_errors
from minicnn._base.registry import to_json
from minicnn.layers.augmentation import Augmentation
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain
from minicnn.layers.graph import Graph
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.serialization import deserialize
from minicnn.layers.symbol import Symbol, symbolic
from minicnn.layers.uses import USE
from minicnn.models import summary
from minicnn.models.saved import Saved

Symbols = Symbol | Sequence[Symbol]
MOST_LAYERS = 10_000


class Model(Saved):
    """Layers that split and join, as `keras.Model`: between the symbols ``inputs`` and ``outputs``.

        inputs = Input((48, 48, 1))
        x = Conv2D(16, 3, padding="same", activation="relu")(inputs)
        y = Conv2D(16, 3, padding="same")(x)
        x = Activation("relu")(Add()([x, y]))                          # x is used twice: its gradient is a sum
        model = Model(inputs, Dense(7, activation="softmax")(GlobalAveragePooling2D()(x)))

    As in Keras, the class of such a model is `Functional`; `Sequential` is the other kind of Model. A subclass may
    make its graph in the constructor, with ``super().__init__(inputs=…, outputs=…)``: it is a Functional too. For
    ``load_model`` its constructor must work without arguments, or it has a ``from_config`` of its own.
    """

    inputs: list[Symbol]
    outputs: list[Symbol]
    symbols: Any  # all of them, in the order in which they are computed

    if TYPE_CHECKING:  # the constructor of what Model(inputs, outputs) makes, for type checkers

        def __init__(
            self, inputs: Symbols, outputs: Symbols, name: str | None = None, trainable: bool = True
        ) -> None: ...

    else:

        def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102
            if cls is Model:
                return super().__new__(Functional)
            return super().__new__(cls if issubclass(cls, Chain | Graph) else _as_functional(cls))

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.generator = random.generator()  # shuffles the samples

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None) -> Any:
        """Make a model of a graph's configuration; or one of a subclass whose constructor makes the layers itself, and
        works without arguments.

        Raises:
            ValueError: it needs arguments.
        """
        if cls is Model and "called_on" in config:
            return Functional.from_config(config, custom_objects)
        try:
            return cls()  # type: ignore[call-arg]
        except TypeError as error:
            raise ValueError(
                f"{cls.__name__}() cannot be made from a description ({error}): give its constructor's arguments "
                "defaults, or write get_config and from_config for it"
            ) from error

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order in which they run."""
        return self.sublayers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its number.

        Raises:
            ValueError: there is no such layer.
        """
        if index is not None and -len(self.layers) <= index < len(self.layers):
            return self.layers[index]
        for layer in self.layers:
            if index is None and layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(f"no layer {name if index is None else index!r} in {self.name}: there are {names}")

    @property
    def output(self) -> Any:
        """The symbol of the output, or the list of them."""
        self.built_shape()
        return self.outputs if len(self.outputs) > 1 else self.outputs[0]

    @property
    def input(self) -> Any:
        """The symbol of the input, or the list of them."""
        self.built_shape()
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    @property
    def output_shape(self) -> Any:
        """The shape of the model's output, batch first; a list of them for several outputs."""
        return self.compute_output_shape(self.built_shape())

    @overload
    def __call__(self, x: Symbols, training: bool | None = None) -> Symbol: ...

    @overload
    def __call__(self, x: ArrayLike, training: bool | None = None) -> np.ndarray: ...

    @ops.in_turn
    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return the output for x (N, …), which is cast to the model's float type; for a symbol, a symbol.

        As in Keras, ``training=None`` is evaluation for all layers but random augmentation, which then changes
        images. A model that is not built and begins with augmentation, perhaps after Rescaling, takes one image
        (H, W, C) too.
        """
        if symbolic(x):
            return super().__call__(x, training)
        first = next((layer for layer in self.layers if not isinstance(layer, Rescaling)), None)
        if not self.built and isinstance(first, Augmentation) and np.ndim(x) == 3:
            return self(np.asarray(x)[None], training)[0]
        several: Any = [np.asarray(each) for each in (x if self.multiple_inputs else [x])]
        shapes: Any = [each.shape for each in several]
        if not self.built:
            self.build(shapes[0])
        self.check_shape(shapes if self.multiple_inputs else shapes[0])
        several = [
            each if each.dtype.kind == "c" else each.astype(self.dtype, copy=False) for each in several
        ]
        by_itself: Any = training
        return self.forward(several if self.multiple_inputs else several[0], by_itself)

    @keras_errors.keras_arguments
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print each layer's name, type, output shape and number of weights, and the totals.

        Args:
            line_length, positions: change nothing; the columns are as wide as their text.
            print_fn: called with the text; None: print.
            expand_nested: list the layers of models inside the model too.
            show_trainable: a column that tells whether a layer is trained.
        """
        (print_fn or print)(summary.text(self, expand_nested, show_trainable))

    def _repr_html_(self) -> str | None:
        return summary.html(self) if self.built else None


class Functional(Graph, Model):
    """The class of ``Model(inputs, outputs)``: a graph of layers. With one input it can be trained."""

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **unknown: Any,
    ) -> None:
        if inputs is None and outputs is None and type(self) is not Functional:
            raise NotImplementedError(
                f"{type(self).__name__}: a subclass of Model with call() has no backward pass here; call "
                "super().__init__(inputs=…, outputs=…) at the end of its constructor, or make the model with "
                "Model(inputs, outputs), and write its special part as a Layer with forward and backward"
            )
        super().__init__(inputs, outputs, name=name, trainable=trainable, **unknown)
        for symbol in self.inputs:
            if symbol not in self.symbols:
                raise ValueError(
                    f"the input {symbol!r} leads to none of the outputs: leave it out, or use it"
                )

    def get_config(self) -> dict[str, Any]:
        """Return the model's name and layers and what each is called on, for :meth:`from_config`."""
        names = self.uses.names
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [to_json(layer) for layer in self.layers],
            "called_on": {name: [names[each] for each in symbol.inputs] for symbol, name in names.items()},
            "training": {names[s]: s.training for s in self.symbols if s.training is not None},
            "inputs": [names[symbol] for symbol in self.inputs],
            "outputs": [names[symbol] for symbol in self.outputs],
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> "Functional":
        """Make a model from what :meth:`get_config` returned."""
        symbols: dict[str, Symbol] = {}
        layers = {layer.name: layer for layer in layers_of(config, custom_objects)}
        for name, called_on in config["called_on"].items():
            layer = layers[name] if name in layers else layers[name.rpartition(USE)[0]]
            sources = [symbols[each] for each in called_on]
            if not sources:
                symbols[name] = layer.output
            else:
                training = config["training"].get(name)
                symbols[name] = layer(sources if layer.multiple_inputs else sources[0], training)
        inputs, outputs = ([symbols[name] for name in config[end]] for end in ("inputs", "outputs"))
        return cls(inputs, outputs, config["name"], config["trainable"])


@functools.cache
def _as_functional(cls: Any) -> Any:
    """Return a subclass of a user's Model that is a Functional, of the same name.

    So the user's ``super().__init__(inputs=…, outputs=…)`` finds the constructor of Functional.
    """

    own = {"__module__": cls.__module__, "__doc__": cls.__doc__, "from_config": cls.from_config}
    return type(cls.__name__, (cls, Functional), own)


MODELS: dict[str, type] = {"Functional": Functional}  # sequential.py adds Sequential


def layers_of(config: Mapping[str, Any], custom_objects: Mapping[str, type] | None) -> list[Layer]:
    """Return the layers of a model's configuration; those that are descriptions are made from them."""
    kinds = MODELS | dict(custom_objects or {})
    if len(config["layers"]) > MOST_LAYERS:
        raise ValueError(f"it lists {len(config['layers']):,} layers, more than {MOST_LAYERS:,}")
    return [deserialize(each, kinds) if isinstance(each, Mapping) else each for each in config["layers"]]
