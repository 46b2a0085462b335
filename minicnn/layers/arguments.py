"""The types of the arguments that layers share: what a constructor accepts, in one place.

kernel_size: Pair                          3 or (3, 5)
activation: ActivationLike                 "relu", activations.relu, a layer such as ReLU(), or None
kernel_initializer: InitializerLike        "he_normal", HeNormal(seed=1), or a function of shape and dtype
**kwargs: Unpack[LayerArguments]           trainable, dtype, name, input_shape, input_dim, as for every layer
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from minicnn.initializers import Initializer
from minicnn.regularizers import Regularizer

Array = np.ndarray
Shape = tuple[Any, ...]  # lengths, batch first; None if not known

Pair = int | Sequence[int]
ActivationLike = str | Callable[..., Any] | None
InitializerLike = str | Initializer | type[Initializer] | Mapping[str, Any] | Callable[..., Any]
RegularizerLike = str | Regularizer | type[Regularizer] | Mapping[str, Any] | None
Interval = float | Sequence[float]  # f, which means (−f, f), or (low, high)


class LayerArguments(TypedDict, total=False):
    """The arguments of every layer: see :class:`minicnn.layers.Layer`."""

    trainable: bool
    dtype: Any
    name: str | None
    input_shape: Sequence[int | None] | None
    input_dim: int | None
