"""Which pixels does a prediction depend on? Two maps of an image, from the backward pass of training.

Let s be the score of a class: its logit, the input of the last softmax or sigmoid. (The probability saturates:
near 1 it hardly changes.) The backward pass starts with ds/dlogits = 1 for that class and 0 for the others, and gives
ds/d… of all values:

    input gradient   ds/dx, (N, H, W, C)
                     the change of the score when a pixel becomes one gray value brighter

    Grad-CAM         A (N, h, w, K), the output of the last convolution; dA = ds/dA
                     α[n,k] = 1/(h·w) Σ_ij dA[n,i,j,k]              the weight of map k for the class
                     cam[n,i,j] = max(0, Σ_k α[n,k]·A[n,i,j,k])     where the maps with large weights are active

The first has the image's resolution, and is noisy; the second has that of the last maps, and is smooth.
Layers run as in evaluation: batch norm uses its moving statistics, dropout and augmentation do nothing.

Sources: Simonyan et al., "Deep Inside Convolutional Networks", arXiv:1312.6034; Selvaraju et al., "Grad-CAM",
arXiv:1610.02391.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minicnn import ops
from minicnn.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    DepthwiseConv2D,
    SeparableConv2D,
)
from minicnn.layers.base import Layer
from minicnn.layers.graph import Graph, in_order
from minicnn.layers.symbol import Symbol, record
from minicnn.models.model import Model

CONVOLUTIONS = (Conv2D, DepthwiseConv2D, SeparableConv2D)
FOLLOWERS = (BatchNormalization, Activation, Add, Concatenate)


@ops.in_turn
def input_gradient(model: Model, x: Any, classes: int | Sequence[int] | None = None) -> np.ndarray:
    """Return the gradient of a class's score with respect to the input: (N, H, W, C), x's shape.

    Args:
        model: its output is (N, classes). The ``grad`` of its weights is overwritten, as by any backward
            pass.
        x: samples, (N, H, W, C).
        classes: a class number, or one for each sample; None: the class that the model predicts.

    Raises:
        ValueError: x does not fit the model, or there is no such class.
    """
    x = _samples(model, x)
    forward, backward = _passes(model)
    return backward(_one_hot(forward(x), classes))


@ops.in_turn
def grad_cam(
    model: Model, x: Any, classes: int | Sequence[int] | None = None, layer: Layer | str | None = None
) -> np.ndarray:
    """Return the Grad-CAM of a class: (N, h, w), not negative, in the size of the layer's maps.

    Args:
        model: its output is (N, classes). The ``grad`` of its weights is overwritten, as by any backward
            pass.
        x: samples, (N, H, W, C).
        classes: a class number, or one for each sample; None: the class that the model predicts.
        layer: a layer of the model, or its name: its output are the maps. Of a layer inside a model that is
            a layer, "features/conv2d_1", if that model is called features. None: the last convolution with
            the batch norm, the activation and the sum with a shortcut that follow it.

    Raises:
        ValueError: x does not fit the model, there is no such class or layer, or the layer's output is not
            (N, h, w, K).
    """
    x = _samples(model, x)
    places: list[Place] = []
    outputs = _unfold(model, model.inputs, "", None, places)
    target = _last_maps(model, places) if layer is None else _symbol_of(model, places, layer)
    maps = _Unfolded(model.inputs, target).forward(x)
    forward, backward = _passes(_Unfolded([target, *model.inputs], outputs))
    dmaps, _ = backward(_one_hot(forward([maps, x]), classes))
    if maps.ndim != 4:
        raise ValueError(
            f"layer {target.name} gives {maps.shape}, no maps: expected one that gives "
            "(N, h, w, channels), such as a convolution"
        )
    weights = dmaps.mean(axis=(1, 2), keepdims=True)  # (N, h, w, K) -> (N, 1, 1, K)
    return np.maximum((weights * maps).sum(axis=3), 0)


def _samples(model: Model, x: Any) -> np.ndarray:
    """Return x in the model's float type, after a check of its shape."""
    x = np.asarray(x)
    if not model.built:
        model.build((None, *x.shape[1:]))
    if len(model.inputs) > 1 or len(model.outputs) > 1:
        raise ValueError(f"{model.name} has several inputs or outputs: expected a model with one of each")
    model.check_shape(x.shape)
    return x.astype(model.dtype, copy=False)


def _passes(network: Layer) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return the forward and backward pass; without the last function, if that is softmax or sigmoid."""
    if network.last_function in ("softmax", "sigmoid"):
        return network.pre_activation_forward, network.pre_activation_backward
    return network.forward, network.backward


def _one_hot(scores: np.ndarray, classes: int | Sequence[int] | None) -> np.ndarray:
    """Return ds/dscores, (N, K): 1 at each sample's class."""
    if scores.ndim != 2:
        raise ValueError(f"the model gives {scores.shape}: expected (N, classes)")
    samples, count = scores.shape
    chosen = scores.argmax(axis=1) if classes is None else np.asarray(classes)
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), (samples,)):
        raise ValueError(
            f"classes={classes!r}: expected a class number, or one for each of {samples} samples"
        )
    if np.any((chosen < 0) | (chosen >= count)):
        raise ValueError(f"classes={classes!r}: expected numbers from 0 to {count - 1}")
    dscores = np.zeros_like(scores)
    dscores[np.arange(samples), chosen] = 1
    return dscores


class _Unfolded(Graph):
    unique_names = False  # two models in a model may have layers of the same names


class Place(NamedTuple):
    """A layer in a model or in a model inside it, and the symbol of its output."""

    path: str
    layer: Layer
    symbol: Symbol


def _unfold(
    model: Model, inputs: list[Symbol], path: str, training: bool | None, places: list[Place]
) -> list[Symbol]:
    """Call the layers of a model, and of the models inside it, on ``inputs``; return the outputs.

    Each layer is added to ``places``, in the order in which they run.
    """
    new = dict(zip(model.inputs, inputs))
    for symbol in in_order(model.inputs, model.outputs):
        if symbol in new:
            continue
        layer, sources = symbol.layer, [new[each] for each in symbol.inputs]
        fixed = training if symbol.training is None else symbol.training
        if isinstance(layer, Model) and layer.has_library_passes:
            [new[symbol]] = _unfold(layer, sources, f"{path}{layer.name}/", fixed, places)
        else:
            new[symbol] = record(layer, sources if layer.multiple_inputs else sources[0], fixed)
        places.append(Place(path + layer.name, layer, new[symbol]))
    return [new[each] for each in model.outputs]


def _last_maps(model: Model, places: list[Place]) -> Symbol:
    """Return the output of the last convolution, or of the layers that follow it, if it has no other use."""
    symbols = {each.symbol: each.symbol.layer for each in places}
    found = [symbol for symbol, layer in symbols.items() if _convolves(layer)]
    if not found:
        raise ValueError(f"{model.name} has no convolution: give the layer of the maps, layer=…")
    maps = found[-1]
    while True:
        uses = [symbol for symbol in symbols if maps in symbol.inputs]
        if len(uses) != 1 or not isinstance(uses[0].layer, FOLLOWERS):
            return maps
        maps = uses[0]


def _convolves(layer: Layer) -> bool:
    return any(isinstance(each, CONVOLUTIONS) for each in layer.walk())


def _symbol_of(model: Model, places: list[Place], layer: Layer | str) -> Symbol:
    """Return the symbol of a layer's output."""
    for place in places:
        if place.layer is layer or place.path == layer:
            return place.symbol
    names = ", ".join(place.path for place in places)
    raise ValueError(f"layer={layer!r} is not in {model.name}: expected one of {names}")
