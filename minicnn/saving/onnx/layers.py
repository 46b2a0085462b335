"""The ONNX form of layers that compute.

Conv2D               kernel (kh, kw, C, K) -> (K, C, kh, kw);  "same" becomes explicit padding, as TensorFlow pads
Conv2DTranspose      kernel (kh, kw, K, C) -> (C, K, kh, kw); its padding is that of the convolution it goes back
DepthwiseConv2D      kernel (kh, kw, C, M) -> (C · M, 1, kh, kw), in C groups
Dense                as it is
BatchNormalization   by the moving statistics
"""

from typing import Any

import numpy as np

from minicnn import activations, layers
from minicnn.layers.base import Layer
from minicnn.ops import geometry
from minicnn.saving.onnx.graph import Graph, Value
from minicnn.saving.onnx.registry import exported, exports

# ---- weights -----------------------------------------------------------------------------------------------


@exports(layers.Conv2D)
def _conv2d(graph: Graph, layer: Any, x: Value) -> Value:
    kernel = layer.kernel.value.transpose(3, 2, 0, 1)
    return _activated(graph, layer, _convolved(graph, layer, x, kernel, _bias(layer), _windows(layer, x)))


@exports(layers.Conv2DTranspose)
def _conv2d_transpose(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_first(x)
    shape = layer.compute_output_shape(x.shape)
    windows = _windows(layer, Value(x.name, shape))
    # where a stride is larger than a window, more pixels than all windows span
    beyond = [max(stride - (size - 1) * apart - 1, 0) for stride, size, apart in _axes(layer)]
    if layer.padding == "valid" or None not in shape[1:3]:
        windows["output_padding"] = beyond
    elif any(beyond):
        raise NotImplementedError(
            f"{layer.name}: strides larger than the kernel cannot be exported as ONNX for inputs of any size: give "
            "Input its height and width"
        )
    inputs = [x.name, graph.constant(layer.kernel.value.transpose(3, 2, 0, 1), f"{layer.name}/kernel")]
    if layer.use_bias:
        inputs.append(graph.constant(layer.bias.value, f"{layer.name}/bias"))
    name = graph.add("ConvTranspose", inputs, layer.name, **windows)
    return _activated(graph, layer, Value(name, shape, channels_first=True))


def _axes(layer: Any) -> Any:
    return zip(layer.strides, layer.kernel_size, layer.dilation_rate)


@exports(layers.DepthwiseConv2D)
def _depthwise_conv2d(graph: Graph, layer: Any, x: Value) -> Value:
    windows = _windows(layer, x) | {"group": x.shape[-1]}
    kernel = _by_channel(layer.kernel.value)
    return _activated(graph, layer, _convolved(graph, layer, x, kernel, _bias(layer), windows))


@exports(layers.SeparableConv2D)
def _separable_conv2d(graph: Graph, layer: Any, x: Value) -> Value:
    windows = _windows(layer, x) | {"group": x.shape[-1]}
    z = _convolved(graph, layer, x, _by_channel(layer.depthwise_kernel.value), None, windows)
    pointwise = layer.pointwise_kernel.value.transpose(3, 2, 0, 1)
    return _activated(graph, layer, _convolved(graph, layer, z, pointwise, _bias(layer), {}))


def _by_channel(kernel: np.ndarray) -> np.ndarray:
    """(kh, kw, C, M) -> (C · M, 1, kh, kw)."""
    return kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])


def _bias(layer: Any) -> np.ndarray | None:
    return layer.bias.value if layer.use_bias else None


def _windows(layer: Any, x: Value, argument: str = "kernel_size") -> dict[str, Any]:
    """Return a layer's windows as the attributes of ONNX's convolution and pooling."""
    size, dilation = getattr(layer, argument), getattr(layer, "dilation_rate", (1, 1))
    _, height, width, _ = x.shape
    rows, columns = geometry.axes(height, width, size, layer.strides, layer.padding, dilation)
    windows = {"kernel_shape": size, "strides": layer.strides}
    if None in (height, width):  # what runs the graph finds the padding, for each size
        windows["auto_pad"] = "SAME_UPPER" if layer.padding == "same" else "VALID"
    else:
        windows["pads"] = [rows.before, columns.before, rows.after, columns.after]
    return windows if dilation == (1, 1) else windows | {"dilations": dilation}


def _convolved(
    graph: Graph, layer: Any, x: Value, kernel: np.ndarray, bias: np.ndarray | None, windows: dict[str, Any]
) -> Value:
    """Add a convolution with a kernel (K, C / groups, kh, kw); without ``windows``, of 1 × 1."""
    x = graph.channels_first(x)
    inputs = [x.name, graph.constant(kernel, f"{layer.name}/kernel")]
    if bias is not None:
        inputs.append(graph.constant(bias, f"{layer.name}/bias"))
    rows_and_columns = layer.compute_output_shape(x.shape)[1:3] if windows else x.shape[1:3]
    name = graph.add("Conv", inputs, layer.name, **windows)
    return Value(name, (x.shape[0], *rows_and_columns, len(kernel)), channels_first=True)


@exports(layers.Dense)
def _dense(graph: Graph, layer: Any, x: Value) -> Value:
    x = graph.channels_last(x)
    kernel = graph.constant(layer.kernel.value, f"{layer.name}/kernel")
    name = graph.add("MatMul", [x.name, kernel], layer.name)
    if layer.use_bias:
        name = graph.add("Add", [name, graph.constant(layer.bias.value, f"{layer.name}/bias")], layer.name)
    return _activated(graph, layer, Value(name, layer.compute_output_shape(x.shape)))


@exports(layers.BatchNormalization)
def _batch_normalization(graph: Graph, layer: Any, x: Value) -> Value:
    mean, variance = layer.moving_mean.value, layer.moving_variance.value
    gamma = layer.gamma.value if layer.scale else np.ones_like(mean)
    beta = layer.beta.value if layer.center else np.zeros_like(mean)
    if len(x.shape) not in (2, 4):
        # ONNX's takes channels on the second axis; a product and a sum do the same on any axis
        scale = gamma / np.sqrt(variance + layer.epsilon)
        return _with_constants(graph, layer, x, Mul=scale, Add=beta - mean * scale)
    if len(x.shape) == 4:
        x = graph.channels_first(x)
    weights = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    inputs = [x.name, *(graph.constant(array, f"{layer.name}/{name}") for name, array in weights.items())]
    name = graph.add("BatchNormalization", inputs, layer.name, epsilon=layer.epsilon)
    return Value(name, x.shape, x.channels_first)


@exports(layers.GroupNormalization)
def _group_normalization(graph: Graph, layer: Any, x: Value) -> Value:
    """Normalize groups as if each was a channel, then scale and shift the channels themselves."""
    if len(x.shape) not in (2, 4):
        raise NotImplementedError(
            f"{layer.name}: a GroupNormalization of inputs of shape {x.shape} cannot be exported as ONNX; "
            "expected images (N, H, W, C) or rows (N, C)"
        )
    if len(x.shape) == 4:
        x = graph.channels_first(x)
    channels, name = x.shape[-1], layer.name
    groups = channels if layer.groups == -1 else layer.groups
    ones, zeros = (
        graph.constant(np.ones(groups), f"{name}/one"),
        graph.constant(np.zeros(groups), f"{name}/zero"),
    )
    in_groups = graph.constant([0, groups, -1], f"{name}/groups", "int64")  # 0: as it is
    y = graph.add("Reshape", [x.name, in_groups], f"{name}/reshape")
    y = graph.add("InstanceNormalization", [y, ones, zeros], f"{name}/normalize", epsilon=layer.epsilon)
    y = graph.add("Reshape", [y, graph.add("Shape", [x.name], f"{name}/shape")], f"{name}/reshape")
    axes = (channels, 1, 1) if len(x.shape) == 4 else (channels,)
    if layer.scale:
        y = graph.add("Mul", [y, graph.constant(layer.gamma.value.reshape(axes), f"{name}/gamma")], name)
    if layer.center:
        y = graph.add("Add", [y, graph.constant(layer.beta.value.reshape(axes), f"{name}/beta")], name)
    return Value(y, x.shape, x.channels_first)


@exports(layers.LayerNormalization)
def _layer_normalization(graph: Graph, layer: Any, x: Value) -> Value:
    """Composed of older operations: LayerNormalization itself came with opset 17."""
    x = graph.channels_last(x)
    name = layer.name

    def op(operation: str, *inputs: str, **attributes: Any) -> str:
        return graph.add(operation, list(inputs), name, **attributes)

    def mean(each: str) -> str:  # over channels: ReduceMean itself has its axes elsewhere since opset 18
        channels = graph.constant(np.full((x.shape[-1], 1), 1 / x.shape[-1]), f"{name}/mean")
        return op("MatMul", each, channels)

    centered = op("Sub", x.name, mean(x.name))
    variance = mean(op("Mul", centered, centered))
    deviation = op("Sqrt", op("Add", variance, graph.constant(layer.epsilon, f"{name}/epsilon")))
    y = op("Div", centered, deviation)
    if layer.scale:
        y = op("Mul", y, graph.constant(layer.gamma.value, f"{name}/gamma"))
    if layer.center:
        y = op("Add", y, graph.constant(layer.beta.value, f"{name}/beta"))
    return Value(y, x.shape)


@exports(layers.Normalization)
def _normalization(graph: Graph, layer: Any, x: Value) -> Value:
    if layer.mean is None:
        mean, variance = layer.adapted_mean.value, layer.adapted_variance.value
    else:
        mean, variance = np.asarray(layer.mean), np.asarray(layer.variance)
    return _with_constants(graph, layer, x, Sub=mean, Div=np.maximum(np.sqrt(variance), 1e-7))


@exports(layers.Rescaling)
def _rescaling(graph: Graph, layer: Any, x: Value) -> Value:
    return _with_constants(graph, layer, x, Mul=layer.scale, Add=layer.offset)


def _with_constants(graph: Graph, layer: Layer, x: Value, **operations: Any) -> Value:
    """Add operations on x and a constant, in this order: a number, or an array with our axes."""
    if any(np.ndim(constant) for constant in operations.values()):
        x = graph.channels_last(x)
    name = x.name
    for operation, constant in operations.items():
        name = graph.add(operation, [name, graph.constant(constant, f"{layer.name}/{operation}")], layer.name)
    return Value(name, x.shape, x.channels_first)


# ---- pooling -----------------------------------------------------------------------------------------------


@exports(layers.MaxPooling2D)
def _max_pooling(graph: Graph, layer: Any, x: Value) -> Value:
    return _pooled(graph, "MaxPool", layer, x, **_windows(layer, x, "pool_size"))


@exports(layers.AveragePooling2D)
def _average_pooling(graph: Graph, layer: Any, x: Value) -> Value:
    return _pooled(graph, "AveragePool", layer, x, count_include_pad=0, **_windows(layer, x, "pool_size"))


@exports(layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D)
def _global_pooling(graph: Graph, layer: Any, x: Value) -> Value:
    operation = "GlobalMaxPool" if isinstance(layer, layers.GlobalMaxPooling2D) else "GlobalAveragePool"
    y = _pooled(graph, operation, layer, x)
    return y if layer.keepdims else Value(graph.add("Flatten", [y.name], layer.name, axis=1), y.shape)


def _pooled(graph: Graph, operation: str, layer: Any, x: Value, **attributes: Any) -> Value:
    x = graph.channels_first(x)
    name = graph.add(operation, [x.name], layer.name, **attributes)
    return Value(name, layer.compute_output_shape(x.shape), channels_first=True)


# ---- activations -------------------------------------------------------------------------------------------


@exports(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax)
def _activation(graph: Graph, layer: Any, x: Value) -> Value:
    row, options = activations.TABLE[layer.activation], layer.options
    if row.by_row:
        options = options | {"axis": 1 if x.channels_first else -1}

    def op(operation: str, *inputs: str | float, **attributes: Any) -> str:
        names = [
            each if isinstance(each, str) else graph.constant(each, f"{layer.name}/constant")
            for each in inputs
        ]
        return graph.add(operation, names, layer.name, **attributes)

    return Value(row.onnx(op, x.name, **options), x.shape, x.channels_first)


def _activated(graph: Graph, layer: Any, y: Value) -> Value:
    """Return the output of the activation at the end of a layer."""
    return exported(graph, layer.final_activation, y)


@exports(layers.PReLU)
def _prelu(graph: Graph, layer: Any, x: Value) -> Value:
    alpha = layer.alpha.value
    alpha = graph.constant(alpha.transpose(2, 0, 1) if x.channels_first else alpha, f"{layer.name}/alpha")
    return Value(graph.add("PRelu", [x.name, alpha], layer.name), x.shape, x.channels_first)
