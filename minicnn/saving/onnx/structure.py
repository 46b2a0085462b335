"""The ONNX form of layers that contain others, join several values, or only move numbers.

Chain, Residual, Graph   the layers inside, one after the other; a graph's in the order in which they run
Flatten, Reshape, …      rows of (H, W, C) order, so an image is transposed to NHWC before
Dropout and the like     nothing: in evaluation they return their input
"""

from functools import reduce
from typing import Any

import numpy as np

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.layers.graph import Graph as LayerGraph
from minicnn.saving.onnx.graph import Graph, Value
from minicnn.saving.onnx.registry import exported, exports

NCHW = (0, 2, 3, 1)  # where in ONNX's order of axes each of ours is


@exports(layers.Chain)
def _chain(graph: Graph, layer: Any, x: Value) -> Value:
    for inner in layer.sublayers:
        x = exported(graph, inner, x)
    return x


@exports(layers.Residual)
def _residual(graph: Graph, layer: Any, x: Value) -> Value:
    return _joined(graph, layer, "Add", [exported(graph, branch, x) for branch in layer.sublayers])


@exports(LayerGraph)
def _graph(graph: Graph, layer: Any, *values: Value) -> Value:
    (y,) = outputs(graph, layer, *values)
    return y


def outputs(graph: Graph, layer: Any, *values: Value) -> list[Value]:
    """Add a graph of layers; return all of its outputs."""
    known = dict(zip(layer.inputs, values))
    for symbol in layer.symbols:
        if symbol in known:
            continue
        if symbol.training:
            raise NotImplementedError(
                f"{symbol.layer.name} was called with training=True, which cannot be exported as ONNX: "
                "call it without"
            )
        known[symbol] = exported(graph, symbol.layer, *(known[source] for source in symbol.inputs))
    return [known[symbol] for symbol in layer.outputs]


@exports(
    layers.InputLayer, layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise, layers.RandomAffine,
    layers.RandomBrightness, layers.RandomContrast, layers.RandomErasing, layers.RandomFlip,
    layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom,
)  # fmt: skip
def _nothing(graph: Graph, layer: Layer, x: Value) -> Value:
    return x


# ---- several values become one -----------------------------------------------------------------------------


@exports(layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
def _merged(graph: Graph, layer: Any, *values: Value) -> Value:
    return _joined(graph, layer, MERGES[type(layer)], list(values))


MERGES: dict[type, str] = {
    layers.Add: "Add",
    layers.Subtract: "Sub",
    layers.Multiply: "Mul",
    layers.Average: "Mean",
    layers.Maximum: "Max",
    layers.Minimum: "Min",
}


def _joined(graph: Graph, layer: Layer, operation: str, values: list[Value]) -> Value:
    """Add an operation of several values, entry by entry."""
    values = graph.alike(*values)
    names = [value.name for value in values]
    if operation in ("Mean", "Max", "Min"):
        name = graph.add(operation, names, layer.name)
    else:
        # these take two inputs
        name = reduce(lambda one, other: graph.add(operation, [one, other], layer.name), names)
    lengths = [value.shape for value in values]
    shape = tuple(next((n for n in axis if n != 1), 1) for axis in zip(*lengths))
    return Value(name, shape, values[0].channels_first)


@exports(layers.Concatenate)
def _concatenate(graph: Graph, layer: Any, *values: Value) -> Value:
    values = tuple(graph.alike(*values))
    axis = layer.axis % len(values[0].shape)
    if values[0].channels_first:
        axis = NCHW[axis]
    name = graph.add("Concat", [value.name for value in values], layer.name, axis=axis)
    shape = layer.compute_output_shape([value.shape for value in values])
    return Value(name, shape, values[0].channels_first)


# ---- shapes ------------------------------------------------------------------------------------------------


@exports(layers.Flatten)
def _flatten(graph: Graph, layer: Layer, x: Value) -> Value:
    x = graph.channels_last(x)
    return Value(graph.add("Flatten", [x.name], layer.name, axis=1), layer.compute_output_shape(x.shape))


@exports(layers.Reshape)
def _reshape(graph: Graph, layer: Layer, x: Value) -> Value:
    x, shape = graph.channels_last(x), layer.compute_output_shape(x.shape)
    # 0 stands for the length that the axis has: the batch's
    target = graph.constant([0, *shape[1:]], f"{layer.name}/shape", "int64")
    return Value(graph.add("Reshape", [x.name, target], layer.name), shape)


@exports(layers.Permute)
def _permute(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_last(x)
    name = graph.add("Transpose", [x.name], layer.name, perm=[0, *layer.dims])
    return Value(name, layer.compute_output_shape(x.shape))


@exports(layers.ZeroPadding2D)
def _zero_padding(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_first(x)
    before, after = np.transpose(layer.padding)
    pads = graph.constant([0, 0, *before, 0, 0, *after], f"{layer.name}/pads", "int64")
    name = graph.add("Pad", [x.name, pads], layer.name)
    return Value(name, layer.compute_output_shape(x.shape), channels_first=True)


@exports(layers.Cropping2D)
def _cropping(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_first(x)
    before, after = np.transpose(layer.cropping)
    ends = [-each if each else np.iinfo(np.int64).max for each in after]
    ranges = {"starts": before, "ends": ends, "axes": [2, 3]}
    inputs = [graph.constant(each, f"{layer.name}/{name}", "int64") for name, each in ranges.items()]
    name = graph.add("Slice", [x.name, *inputs], layer.name)
    return Value(name, layer.compute_output_shape(x.shape), channels_first=True)


@exports(layers.UpSampling2D)
def _up_sampling(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_first(x)
    scales = graph.constant([1, 1, *layer.size], f"{layer.name}/scales")
    name = graph.add(
        "Resize", [x.name, "", scales], layer.name,
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    return Value(name, layer.compute_output_shape(x.shape), channels_first=True)
