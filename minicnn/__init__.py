"""minicnn: a convolutional network library to read. Every layer's backward pass is written by hand, and proven.

    from minicnn import Sequential, Input, layers

Names are Keras's. The tensors are NumPy arrays, images (N, height, width, channels). Operations exist twice:
`minicnn.ops.reference`, the definition in plain NumPy, and `minicnn.ops.kernels`, the same in fast Numba.
"""

from minicnn import (
    backend,
    callbacks,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    utils,
)
from minicnn.layers import Input
from minicnn.models import Sequential

__version__ = "0.1.0"
__all__ = [
    "Input",
    "Sequential",
    "backend",
    "callbacks",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "utils",
]
