"""The nodes of layers that contain layers, join several values, pool or move numbers, or draw random numbers.

Add, Flatten, …          one, with some of the layer's arguments: the table PLAIN
Chain, Residual, Graph   the nodes of the layers inside; Residual then an Add
Dropout                  one, with its mask, drawn once
Random…, GaussianNoise   none, with a note: they change their input at random, which the page does not follow
"""

from typing import Any

import numpy as np

from minicnn import layers, ops
from minicnn.explain.recording.registry import record_layer, recorder_of
from minicnn.explain.recording.tape import Tape
from minicnn.layers.base import Layer
from minicnn.layers.graph import Graph

# ---- random numbers ----------------------------------------------------------------------------------------


class FixedKey:
    """Takes the place of a dropout layer's generator: it gives always the same key, and so the same mask."""

    def __init__(self, key: int) -> None:
        self.key = key

    def integers(self, high: int) -> int:
        """Return the key."""
        return self.key


@recorder_of(layers.Dropout, layers.SpatialDropout2D)
def _dropout(tape: Tape, layer: Any, x: int) -> int:
    if not tape.training:
        return x
    shape, key = tape.shape(x), tape.draw()
    mask = ops.dropout_mask(key, (1, 1, 1, shape[3]) if layer.spatial else shape, layer.rate)
    kind = layers.SpatialDropout2D if layer.spatial else layers.Dropout
    fixed: Any = kind(layer.rate, seed=0, name=layer.name)
    fixed.generator = FixedKey(key)
    mask = np.broadcast_to(mask, shape)[0]
    return tape.add("Dropout", fixed, [x], config={"rate": layer.rate}, mask=mask)


@recorder_of(
    layers.GaussianNoise, layers.RandomAffine, layers.RandomBrightness, layers.RandomContrast,
    layers.RandomErasing, layers.RandomFlip, layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom,
)  # fmt: skip
def _random(tape: Tape, layer: Layer, x: int) -> int:
    if tape.training:
        tape.note(
            f"{layer.name} ({type(layer).__name__}) changes its input at random in training; it is left out here."
        )
    return x


# ---- one node with the layer's own arguments ---------------------------------------------------------------

# the arguments of each that the page needs
PLAIN: dict[type[Layer], tuple[str, ...]] = {
    **dict.fromkeys((layers.Add, layers.Subtract, layers.Average, layers.Multiply), ()),
    **dict.fromkeys((layers.Maximum, layers.Minimum, layers.Flatten, layers.Reshape), ()),
    **dict.fromkeys((layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D), ()),
    **dict.fromkeys((layers.MaxPooling2D, layers.AveragePooling2D), ("pool_size", "strides", "padding")),
    layers.Permute: ("dims",),
    layers.ZeroPadding2D: ("padding",),
    layers.Cropping2D: ("cropping",),
    layers.UpSampling2D: ("size",),
}


@recorder_of(*PLAIN)
def _plain(tape: Tape, layer: Layer, *inputs: int) -> int:
    kind = next(kind for kind in type(layer).__mro__ if kind in PLAIN)
    config = {name: getattr(layer, name) for name in PLAIN[kind]}
    return tape.add(kind.__name__, layer, list(inputs), config=config)


@recorder_of(layers.Concatenate)
def _concatenate(tape: Tape, layer: Any, *inputs: int) -> int:
    # counted without the batch's axis
    axis = layer.axis % len(tape.shape(inputs[0])) - 1
    return tape.add("Concatenate", layer, list(inputs), config={"axis": axis})


# ---- layers made of layers ---------------------------------------------------------------------------------


@recorder_of(layers.InputLayer)
def _input(tape: Tape, layer: Layer, x: int) -> int:
    return x


@recorder_of(layers.Chain)
def _chain(tape: Tape, layer: Any, x: int) -> int:
    with tape.inside(layer):
        for inner in layer.sublayers:
            x = record_layer(tape, inner, x)
    return x


@recorder_of(layers.Residual)
def _residual(tape: Tape, layer: Any, x: int) -> int:
    ends = []
    for branch, chain in zip(("main", "shortcut"), layer.sublayers):
        with tape.inside(layer, branch):
            ends.append(record_layer(tape, chain, x))
    return tape.add("Add", layers.Add(name=layer.name), ends)


@recorder_of(Graph)
def _graph(tape: Tape, layer: Any, *inputs: int) -> int:
    shared = [each.name for each in layer.uses.shared if each.weights]
    if shared:
        raise ValueError(
            f"{shared[0]} is used at several places of {layer.name}: the page has one place for a weight; explain a "
            "model without shared weights"
        )
    known = dict(zip(layer.inputs, inputs))
    for symbol in layer.symbols:
        if symbol not in known:
            with tape.inside(layer, training=symbol.training):
                known[symbol] = record_layer(tape, symbol.layer, *(known[each] for each in symbol.inputs))
    return known[layer.outputs[0]]
