"""The layers of the gradient suite, each with its counterpart in Keras: a layer describes itself to Keras."""

import numpy as np

import minicnn
from minicnn import layers
from minicnn.gradient_check.suite import Draw
from minicnn.gradient_check.suite.layers import LAYERS
from minicnn.layers.graph import Graph
from minicnn.saving.keras.config import described

OURS_ALONE = {layers.Chain, layers.RandomAffine, layers.Residual}
SHARED = [kind for kind in LAYERS if kind not in OURS_ALONE]
AGREEING = 3  # cases of each layer
REFUSALS = [  # of arguments that minicnn takes and Keras does not
    "`strides > 1` not supported in conjunction with `dilation_rate > 1`",
    "argument `stddev`. Expected a float value between 0 and 1",
]


def drawn(kind, dtype):
    """Yield cases that Keras has too: (ours, Keras's layer, x, training); ours describes itself to Keras."""
    import keras

    found = 0
    for seed in range(60):
        case = LAYERS[kind](Draw(np.random.default_rng(seed)), False)
        one = case.make(dtype)
        if isinstance(one, Graph):
            model = minicnn.Model(one.inputs, one.outputs)
        else:
            model = minicnn.Sequential([minicnn.Input(case.x.shape[1:], dtype=dtype), one])
        if kind is layers.AveragePooling2D and one.padding == "same":
            continue  # Keras 3.15 counts the padding on PyTorch (keras-team/keras#23233): see test_layers_torch.py
        if kind is layers.Conv2DTranspose and case.x.shape[3] == 1:
            continue  # of one channel, PyTorch 2 refuses some: "grad_weight needs to be contiguous"
        try:
            theirs = keras.saving.deserialize_keras_object(described(model))
        except TypeError as error:
            if any(refusal in str(error) for refusal in REFUSALS):
                continue
            raise
        yield model, theirs, case.x.astype(dtype), case.training and not one.generator
        found += 1
        if found == AGREEING:
            return
