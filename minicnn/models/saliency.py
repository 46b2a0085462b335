"""Which pixels does a prediction depend on? Maps of an image: three from the backward pass of training, and one
from predictions alone, to check them.

Let s be the score of a class: its logit, the input of the last softmax or sigmoid. (The probability saturates:
near 1 it hardly changes.) The backward pass starts with ds/dlogits = 1 for that class and 0 for the others, and gives
ds/d… of all values:

    input gradient   ds/dx, (N, H, W, C)
                     the change of the score when a pixel becomes one gray value brighter

    Grad-CAM         A (N, h, w, K), the output of the last convolution; dA = ds/dA
                     α[n,k] = 1/(h·w) Σ_ij dA[n,i,j,k]              the weight of map k for the class
                     cam[n,i,j] = max(0, Σ_k α[n,k]·A[n,i,j,k])     where the maps with large weights are active

    HiResCAM         cam[n,i,j] = max(0, Σ_k dA[n,i,j,k]·A[n,i,j,k])
                     each place has its own weights: their mean over all places has forgotten where a map counts

    occlusion        o[n,i,j] = s(x) − s(x with a gray patch over i,j), the mean over all patches that cover i,j

The input gradient has the image's resolution, and is noisy; the two others have that of the maps. Occlusion
needs no gradient: it says what the score does if something is hidden. Layers run as in evaluation: batch norm
uses its moving statistics, dropout and augmentation do nothing.

Sources: Simonyan et al., "Deep Inside Convolutional Networks", arXiv:1312.6034; Selvaraju et al., "Grad-CAM",
arXiv:1610.02391; Draelos and Carin, "HiResCAM", arXiv:2011.08891; Zeiler and Fergus, arXiv:1311.2901.
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
    maps, dmaps = _maps(model, x, classes, layer, _last_maps)
    weights = dmaps.mean(axis=(1, 2), keepdims=True)  # (N, h, w, K) -> (N, 1, 1, K)
    return np.maximum((weights * maps).sum(axis=3), 0)


@ops.in_turn
def hires_cam(
    model: Model, x: Any, classes: int | Sequence[int] | None = None, layer: Layer | str | None = None
) -> np.ndarray:
    """Return the HiResCAM of a class: (N, h, w), not negative, in the size of the layer's maps.

    Args:
        model: likewise for all, see :func:`grad_cam`.
        x: samples, (N, H, W, C).
        classes: a class number, or one for each sample; None: the class that the model predicts.
        layer: its output are the maps. None: the first ones behind a convolution that are at most H/4 high; if
            there are none, those of :func:`grad_cam`.

    Raises:
        ValueError: as :func:`grad_cam`.
    """
    maps, dmaps = _maps(model, x, classes, layer, _quarter_maps)
    return np.maximum((dmaps * maps).sum(axis=3), 0)


@ops.in_turn
def occlusion(
    model: Model, x: Any, classes: int | Sequence[int] | None = None, patch: int = 8, stride: int = 4
) -> np.ndarray:
    """Return by how much a class's score falls if a pixel and those around it are covered: (N, H, W).

    The cover is a square in the mean colour of the sample. It is moved over the sample in steps; a pixel has the mean
    of all squares that cover it. Negative: the score rises.

    Args:
        model: its output is (N, classes).
        x: samples, (N, H, W, C).
        classes: a class number, or one for each sample; None: the class that the model predicts.
        patch: the square's side.
        stride: the step, at most the square's side. There are about H·W/stride² predictions for each sample.

    Raises:
        ValueError: x does not fit the model, there is no such class, or the patch or the step cannot be used.
    """
    x = _samples(model, x)
    if x.ndim != 4:
        raise ValueError(f"x has shape {x.shape}: expected (N, H, W, C)")
    if not 1 <= stride <= patch:
        raise ValueError(f"patch={patch!r}, stride={stride!r}: expected 1 <= stride <= patch")

    def scores(x: np.ndarray) -> np.ndarray:
        return np.asarray(model.infer(x, logits=model.last_function in ("softmax", "sigmoid")))

    before = scores(x)
    chosen = _one_hot(before, classes)
    height, width = x.shape[1:3]
    gray = x.mean(axis=(1, 2), keepdims=True)
    fall, times = np.zeros(x.shape[:3], x.dtype), np.zeros((height, width), x.dtype)
    for top in range(stride - patch, height, stride):
        places = [
            np.s_[max(top, 0) : top + patch, max(left, 0) : left + patch]
            for left in range(stride - patch, width, stride)
        ]
        covered = np.repeat(x[None], len(places), axis=0)  # (patches of this row, N, H, W, C)
        for image, place in zip(covered, places):
            image[:, *place] = gray
        after = scores(covered.reshape(-1, *x.shape[1:])).reshape(len(places), *before.shape)
        for place, difference in zip(places, ((before - after) * chosen).sum(axis=2)):
            fall[:, *place] += difference[:, None, None]
            times[place] += 1
    return fall / times


def _maps(
    model: Model,
    x: Any,
    classes: int | Sequence[int] | None,
    layer: Layer | str | None,
    default: Callable[[Model, list["Place"]], Symbol],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps A (N, h, w, K) that a layer gives for x, and dA."""
    x = _samples(model, x)
    places: list[Place] = []
    outputs = _unfold(model, model.inputs, "", None, places)
    target = default(model, places) if layer is None else _symbol_of(model, places, layer)
    maps = _Unfolded(model.inputs, target).forward(x)
    forward, backward = _passes(_Unfolded([target, *model.inputs], outputs))
    dmaps, _ = backward(_one_hot(forward([maps, x]), classes))
    if maps.ndim != 4:
        raise ValueError(
            f"layer {target.name} gives {maps.shape}, no maps: expected one that gives "
            "(N, h, w, channels), such as a convolution"
        )
    return maps, dmaps


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


def _quarter_maps(model: Model, places: list[Place]) -> Symbol:
    """Return the first maps behind a convolution that are at most a quarter as high as the input; if there are
    none, the last ones.
    """
    last, behind = _last_maps(model, places), False
    most = (model.inputs[0].shape[1] or 0) // 4  # a height that is not known is None
    for place in places:
        behind = behind or _convolves(place.layer)
        shape = place.symbol.shape
        if behind and len(shape) == 4 and (shape[1] or most + 1) <= most:
            return place.symbol
    return last


def _convolves(layer: Layer) -> bool:
    return any(isinstance(each, CONVOLUTIONS) for each in layer.walk())


def _symbol_of(model: Model, places: list[Place], layer: Layer | str) -> Symbol:
    """Return the symbol of a layer's output."""
    for place in places:
        if place.layer is layer or place.path == layer:
            return place.symbol
    names = ", ".join(place.path for place in places)
    raise ValueError(f"layer={layer!r} is not in {model.name}: expected one of {names}")
