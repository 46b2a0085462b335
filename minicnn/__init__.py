"""minicnn: a convolutional network library to read. Every backward pass is written by hand and checked.

    import minicnn as keras
    from minicnn import Sequential, Input, layers

Names are Keras's. The tensors are NumPy arrays, images (N, height, width, channels). Operations exist twice:
`minicnn.ops.reference`, the definition in plain NumPy, and `minicnn.ops.kernels`, the same functions in fast
Numba.
"""

from typing import TYPE_CHECKING, Any

from minicnn import (
    activations,
    backend,
    callbacks,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    utils,
)
from minicnn._base import __version__ as __version__
from minicnn._base import keras_errors
from minicnn.initializers import Initializer
from minicnn.layers import Input, Layer
from minicnn.losses import Loss
from minicnn.metrics import Metric
from minicnn.models import Model, Sequential
from minicnn.optimizers import Optimizer
from minicnn.regularizers import Regularizer

if TYPE_CHECKING:
    from minicnn import datasets


def _datasets() -> Any:  # imported when it is first used, so that the import of minicnn is quick
    import minicnn.datasets as found  # "from minicnn import" would ask for this attribute again

    return found


keras_errors.add_getattr(__name__, later={"datasets": _datasets})
__all__ = [
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "utils",
]
