"""Which pixels does a prediction depend on? Two maps of an image, from the backward pass of training.

Let s be the score of a class: its logit, the input of the softmax. (The probability saturates: near 1 it
hardly changes.) The backward pass starts with ds/dlogits = 1 for that class and 0 for the others, and gives
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

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

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
from minicnn.layers.graph import Graph
from minicnn.layers.symbol import Symbol
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
    with _without_softmax(model):
        scores = model.forward(x)
        return model.backward(_one_hot(scores, classes))


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
        layer: a layer of the model, or its name: its output are the maps; None: the last convolution with the
            batch norm, the activation and the sum with a shortcut that follow it.

    Raises:
        ValueError: x does not fit the model, there is no such class or layer, or the layer's output is not
            (N, h, w, K).
    """
    x = _samples(model, x)
    target = _last_maps(model) if layer is None else _symbol_of(model, layer)
    before, after = Graph(model.inputs, target), Graph([target, *model.inputs], model.outputs)
    with _without_softmax(model):
        maps = before.forward(x)
        scores = after.forward([maps, x])
        dmaps, _ = after.backward(_one_hot(scores, classes))
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


def _without_softmax(model: Model) -> AbstractContextManager:
    """Return a context in which a model that ends in softmax gives its logits."""
    last = model.final_activation
    return last.skipped() if getattr(last, "activation", None) == "softmax" else nullcontext()


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


def _last_maps(model: Model) -> Symbol:
    """Return the output of the last convolution, or of the layers that follow it, if it has no other use."""
    found = [symbol for symbol in model.symbols if _convolves(symbol.layer)]
    if not found:
        raise ValueError(f"{model.name} has no convolution: give the layer of the maps, layer=…")
    maps = found[-1]
    while True:
        uses = [symbol for symbol in model.symbols if maps in symbol.inputs]
        if len(uses) != 1 or not isinstance(uses[0].layer, FOLLOWERS):
            return maps
        maps = uses[0]


def _convolves(layer: Layer) -> bool:
    return any(isinstance(each, CONVOLUTIONS) for each in layer.walk())


def _symbol_of(model: Model, layer: Layer | str) -> Symbol:
    """Return the symbol of a layer's output."""
    symbols = [symbol for symbol in model.symbols if symbol.inputs]
    for symbol in symbols:
        if symbol.layer is layer or symbol.name == layer:
            return symbol
    names = ", ".join(symbol.name for symbol in symbols)
    raise ValueError(f"layer={layer!r} is not in {model.name}: expected one of {names}")
