"""Layers that normalize by statistics of their input, then scale and shift by what they learn.

Batch normalization, for each channel, with the mean μ and variance σ² over all m other entries of the batch:

    x̂ = (x − μ) / √(σ² + ε)                 y = γ·x̂ + β
    dβ = Σ dy       dγ = Σ dy·x̂             dx = γ/√(σ² + ε) · (dy − dβ/m − x̂·dγ/m)

The last two terms of dx are what flows through μ and σ²: minicnn.ops.reference.normalization derives them. At
evaluation μ and σ² are moving averages, constants, and the two terms are absent.
"""

from typing import Unpack

import numpy as np

from minicnn import initializers, ops, regularizers
from minicnn.layers.arguments import InitializerLike, LayerArguments, RegularizerLike
from minicnn.layers.base import Layer


class BatchNormalization(Layer):
    """Batch normalization over the last axis, as `keras.layers.BatchNormalization`.

    Weights: gamma and beta (C,), trained; moving_mean and moving_variance (C,), updated by every training pass:
    ``moving = momentum · moving + (1 − momentum) · batch``. Frozen (``trainable=False``), it always uses the latter.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum={momentum!r}: expected a number from 0 to 1, such as 0.99")
        if epsilon <= 0:
            raise ValueError(f"epsilon={epsilon!r}: expected a small positive number, such as 0.001")
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def build(self, input_shape):
        """Create gamma, beta, moving_mean and moving_variance, each (C,)."""
        self.check_axis(input_shape)
        super().build(input_shape)
        shape = (input_shape[-1],)
        if self.scale:
            self.gamma = self.add_weight(
                "gamma", shape, self.gamma_initializer, regularizer=self.gamma_regularizer
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, regularizer=self.beta_regularizer
            )
        self.moving_mean = self.add_weight(
            "moving_mean", shape, self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False
        )

    def forward(self, x, training=False):
        """Normalize by the batch's statistics when training, by the moving ones otherwise."""
        return self.forward_by(ops.batch_norm_forward, ops.batch_norm_inference_forward, x, training)

    def forward_by(self, training_forward, inference_forward, x, training):
        """Do the forward pass with the given two operations: batch norm's, or those that include a ReLU (fusion.py)."""
        gamma = self.gamma.value if self.scale else np.ones(x.shape[-1], self.dtype)
        beta = self.beta.value if self.center else np.zeros(x.shape[-1], self.dtype)
        self._used_batch = training and self.trainable
        if self._used_batch:
            y, mean, variance, self._cache = training_forward(x, gamma, beta, self.epsilon)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            y, self._cache = inference_forward(
                x, gamma, beta, self.moving_mean.value, self.moving_variance.value, self.epsilon
            )
        return y

    def _move(self, moving, batch):
        moving.value[...] = moving.value * self.momentum + batch.real * (1 - self.momentum)

    def backward(self, dy):
        """Return dx; through the batch's mean and variance if forward used them."""
        backward = ops.batch_norm_backward if self._used_batch else ops.batch_norm_inference_backward
        dx, dgamma, dbeta = backward(dy, self._cache)
        if self.scale:
            self.gamma.grad = dgamma
        if self.center:
            self.beta.grad = dbeta
        return dx
