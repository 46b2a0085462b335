"""The nodes of layers that compute: a short function for each kind of layer.

Conv2D, Dense, …         the layer without its activation; then the activation, if it has one
SeparableConv2D          DepthwiseConv2D, then Conv2D of 1 × 1
Activation("relu")       ReLU; softmax is a type of its own too. The others are called Activation: those in the table
                         of web/layers/activations.js; a function that is not there becomes Opaque
"""

from typing import Any

import numpy as np

from minicnn import layers
from minicnn.explain.page import known_activations
from minicnn.explain.recording.registry import record_opaque, recorder_of
from minicnn.explain.recording.tape import Tape
from minicnn.layers.base import Layer

# ---- weights -----------------------------------------------------------------------------------------------


@recorder_of(layers.Conv2D)
def _conv2d(tape: Tape, layer: Any, x: int) -> int:
    return _activated(tape, layer, tape.add("Conv2D", layer, [x], config=_windows(layer) | {"groups": 1}))


@recorder_of(layers.Conv2DTranspose)
def _conv2d_transpose(tape: Tape, layer: Any, x: int) -> int:
    return _activated(tape, layer, tape.add("Conv2DTranspose", layer, [x], config=_windows(layer)))


@recorder_of(layers.DepthwiseConv2D)
def _depthwise_conv2d(tape: Tape, layer: Any, x: int) -> int:
    return _activated(tape, layer, tape.add("DepthwiseConv2D", layer, [x], config=_windows(layer)))


@recorder_of(layers.SeparableConv2D)
def _separable_conv2d(tape: Tape, layer: Any, x: int) -> int:
    # two layers that have this one's parameters
    depthwise = layers.DepthwiseConv2D(
        layer.kernel_size,
        layer.strides,
        layer.padding,
        layer.depth_multiplier,
        layer.dilation_rate,
        use_bias=False,
        name=layer.name,
        trainable=layer.trainable,
    )
    pointwise = layers.Conv2D(
        layer.filters, 1, use_bias=layer.use_bias, name=layer.name, trainable=layer.trainable
    )
    depthwise.kernel, pointwise.kernel = layer.depthwise_kernel, layer.pointwise_kernel
    depthwise.own_parameters, pointwise.own_parameters = [depthwise.kernel], [pointwise.kernel]
    if layer.use_bias:
        pointwise.bias = layer.bias
        pointwise.own_parameters.append(layer.bias)
    z = tape.add("DepthwiseConv2D", depthwise, [x], f"{layer.name} · depthwise", config=_windows(depthwise))
    config = _windows(pointwise) | {"groups": 1}
    y = tape.add("Conv2D", pointwise, [z], f"{layer.name} · pointwise", config=config)
    return _activated(tape, layer, y)


def _windows(layer: Any) -> dict[str, Any]:
    return {"strides": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}


@recorder_of(layers.Dense)
def _dense(tape: Tape, layer: Any, x: int) -> int:
    return _activated(tape, layer, tape.add("Dense", layer, [x]))


@recorder_of(layers.BatchNormalization)
def _batch_normalization(tape: Tape, layer: Any, x: int) -> int:
    shape = tape.shape(x)
    training = bool(tape.training and layer.trainable)
    if training and np.prod(shape[:-1]) == 1:
        training = False
        tape.note(
            f"{layer.name} would normalise one number a channel, whose variance and gradient are 0: "
            "it uses its moving statistics here."
        )
    if training:
        tape.note(
            "Batch normalization uses the mean and variance of this one image; in training the whole batch has them "
            "in common."
        )
    config = {"epsilon": layer.epsilon, "momentum": layer.momentum, "training": training}
    return tape.add("BatchNormalization", layer, [x], config=config, training=training)


@recorder_of(layers.GroupNormalization)
def _group_normalization(tape: Tape, layer: Any, x: int) -> int:
    groups = tape.shape(x)[-1] if layer.groups == -1 else layer.groups
    return tape.add("GroupNormalization", layer, [x], config={"epsilon": layer.epsilon, "groups": groups})


@recorder_of(layers.Normalization)
def _normalization(tape: Tape, layer: Any, x: int) -> int:
    if layer.mean is None:
        mean, variance = layer.adapted_mean.value, layer.adapted_variance.value
    else:
        mean, variance = layer.mean, layer.variance
    # (x − mean) / deviation, with the layer's floor for the deviation
    scale = 1 / np.maximum(np.sqrt(np.asarray(variance, np.float64)), 1e-7)
    return _scaled(tape, "Normalization", layer, x, scale=scale, offset=-np.asarray(mean) * scale)


@recorder_of(layers.Rescaling)
def _rescaling(tape: Tape, layer: Any, x: int) -> int:
    return _scaled(tape, "Rescaling", layer, x, scale=layer.scale, offset=layer.offset)


def _scaled(tape: Tape, kind: str, layer: Layer, x: int, **numbers: Any) -> int:
    """Add a node for y = x · scale + offset, each one number, or one a channel or entry."""
    config: dict[str, Any] = {}
    for name, value in numbers.items():
        array = np.asarray(value, np.float64)
        config[name] = array.item() if array.size == 1 else array
        if array.ndim > 1 and array.size > 1:
            config[name] = np.broadcast_to(array, tape.shape(x)[1:])
    return tape.add(kind, layer, [x], config=config)


# ---- activations -------------------------------------------------------------------------------------------


@recorder_of(layers.Activation)  # and its subclasses: ReLU, ELU, Softmax, …
def _activation(tape: Tape, layer: Any, x: int, name: str | None = None) -> int:
    function, options = layer.activation, layer.options
    if function == "softmax":
        return tape.add("Softmax", layer, [x], name)
    if function in ("relu", "leaky_relu"):
        slope = float(options.get("negative_slope", 0.0))
        return tape.add("ReLU", layer, [x], name, config={"negative_slope": slope, "max_value": None})
    if function in known_activations():
        return tape.add("Activation", layer, [x], name, config={"function": function} | options)
    return record_opaque(tape, layer, x)


def _activated(tape: Tape, layer: Any, y: int) -> int:
    """Add the activation at the end of a layer, if it has one."""
    last = layer.final_activation
    if last.activation == "linear":
        return y
    with tape.inside(layer):
        return _activation(tape, last, y, f"{layer.name} · {last.activation}")
