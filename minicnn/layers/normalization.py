"""Layers that normalize by statistics of their input, then apply a learned scale and offset.

Batch normalization, for each channel, with the mean μ and variance σ² over its m entries in the batch:

    x̂ = (x − μ) / √(σ² + ε)                 y = γ·x̂ + β
    dβ = Σ dy       dγ = Σ dy·x̂             dx = γ/√(σ² + ε) · (dy − dβ/m − x̂·dγ/m)

The last two terms of dx are the gradients through μ and σ²; minicnn.ops.reference.normalization derives them.
At evaluation μ and σ² are moving averages, which are constants, so these two terms are 0.

Group normalization computes μ and σ² for each sample, over the channels of a group and all pixels:
docs/backprop/group_normalization.md. It computes the same in training and at evaluation. Layer normalization is the
same with one group, for each pixel by itself.
"""

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minicnn import initializers, ops, regularizers
from minicnn._base.messages import shown
from minicnn.layers.arguments import InitializerLike, LayerArguments, RegularizerLike, flag, number
from minicnn.layers.base import Layer


class ScaleAndOffset(Layer):
    """What these layers share: gamma and beta, a learned scale and offset for each channel, (C,) each.

    Args:
        axis: the axis of the channels, which must be the last.
        epsilon: added to the variance.
        center, scale: whether the layer has beta, and gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer: of the two.
    """

    def __init__(
        self,
        axis: int,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: InitializerLike,
        gamma_initializer: InitializerLike,
        beta_regularizer: RegularizerLike,
        gamma_regularizer: RegularizerLike,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        expected = "a small positive number, such as 0.001"
        self.epsilon = number("epsilon", epsilon, expected, lambda value: 0 < value < math.inf)
        self.axis, self.center, self.scale = axis, flag("center", center), flag("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def build(self, input_shape):
        """Create gamma and beta."""
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

    def scale_and_offset(self, x):
        """Return gamma and beta, (C,) each; ones and zeros where the layer has none."""
        gamma = self.gamma.value if self.scale else np.ones(x.shape[-1], self.dtype)
        beta = self.beta.value if self.center else np.zeros(x.shape[-1], self.dtype)
        return gamma, beta

    def set_gradients(self, dgamma, dbeta):
        """Set ``grad`` of gamma and beta, if the layer has them."""
        if self.scale:
            self.gamma.grad = dgamma
        if self.center:
            self.beta.grad = dbeta


class BatchNormalization(ScaleAndOffset):
    """Batch normalization over the last axis, as `keras.layers.BatchNormalization`.

    Weights: gamma and beta (C,), trained; moving_mean and moving_variance (C,), updated by every training
    pass: ``moving = momentum · moving + (1 − momentum) · batch``. With ``trainable=False`` it always uses the
    moving ones.
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
        super().__init__(
            axis,
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            **kwargs,
        )
        expected = "a number from 0 to 1, such as 0.99"
        self.momentum = number("momentum", momentum, expected, lambda value: 0 <= value <= 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape):
        """Create gamma, beta, moving_mean and moving_variance, each (C,)."""
        super().build(input_shape)
        shape = (input_shape[-1],)
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
        """Run the forward pass with the given operations: batch norm's, or those with a ReLU (fusion.py)."""
        gamma, beta = self.scale_and_offset(x)
        self._used_batch = training and self.trainable
        if self._used_batch:
            y, mean, variance, self._cache = training_forward(x, gamma, beta, self.epsilon)
            self.move(mean, variance)
        else:
            y, self._cache = inference_forward(
                x, gamma, beta, self.moving_mean.value, self.moving_variance.value, self.epsilon
            )
        return y

    def move(self, mean, variance):
        """Bring the moving statistics nearer to those of a batch."""
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.value[...] = moving.value * self.momentum + batch.real * (1 - self.momentum)

    def backward(self, dy):
        """Return dx; through the batch's mean and variance if forward used them."""
        backward = ops.batch_norm_backward if self._used_batch else ops.batch_norm_inference_backward
        dx, dgamma, dbeta = backward(dy, self._cache)
        self.set_gradients(dgamma, dbeta)
        return dx


class GroupNormalization(ScaleAndOffset):
    """Group normalization over the last axis, as `keras.layers.GroupNormalization`.

    Args:
        groups: the channels of a sample are split into this many groups of neighboring channels, each with
            its own mean and variance; -1: one group for each channel.
        axis, epsilon, center, scale, beta_initializer, …: as for :class:`BatchNormalization`.

    Weights: gamma and beta (C,), trained. Training and prediction compute the same.

    Raises:
        ValueError: the number of channels is not a multiple of ``groups``.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            axis,
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            **kwargs,
        )
        if isinstance(groups, bool) or not hasattr(groups, "__index__") or (groups < 1 and groups != -1):
            raise ValueError(
                f"groups={shown(groups)}: expected a positive integer, or -1: one for each channel"
            )
        self.groups = int(groups)

    def build(self, input_shape):
        """Create gamma and beta."""
        channels = input_shape[-1]
        if channels % self.groups:
            possible = [str(groups) for groups in range(1, channels + 1) if channels % groups == 0]
            raise ValueError(
                f"{self.name}: groups={self.groups}, but the input has {channels} channels, which is "
                "not a multiple; "
                f"expected one of {', '.join(possible)}"
            )
        super().build(input_shape)

    def forward(self, x, training=False):
        """Normalize each group of each sample."""
        groups = x.shape[-1] if self.groups == -1 else self.groups
        gamma, beta = self.scale_and_offset(x)
        y, self._cache = ops.group_norm_forward(x, gamma, beta, groups, self.epsilon)
        return y

    def backward(self, dy):
        """Return dx, through the mean and the variance of each group."""
        dx, dgamma, dbeta = ops.group_norm_backward(dy, self._cache)
        self.set_gradients(dgamma, dbeta)
        return dx


class LayerNormalization(ScaleAndOffset):
    """Layer normalization over the last axis, as `keras.layers.LayerNormalization`.

    Each row of x has its own mean and variance: a sample (N, C), or a pixel of a map (N, H, W, C). To normalize
    all of a sample's map together, use GroupNormalization(groups=1).

    Args:
        axis: the axis of the channels, which must be the last.
        epsilon, center, scale, beta_initializer, …: as for :class:`BatchNormalization`.

    Weights: gamma and beta (C,), trained. Training and prediction compute the same.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        if isinstance(axis, Sequence) and len(axis) == 1:  # as in the configuration of Keras's layer
            (axis,) = axis
        super().__init__(
            axis,  # type: ignore[arg-type]
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            **kwargs,
        )

    def forward(self, x, training=False):
        """Normalize each row: group normalization of rows (M, C), in one group."""
        gamma, beta = self.scale_and_offset(x)
        y, self._cache = ops.group_norm_forward(x.reshape(-1, x.shape[-1]), gamma, beta, 1, self.epsilon)
        return y.reshape(x.shape)

    def backward(self, dy):
        """Return dx, through the mean and the variance of each row."""
        dx, dgamma, dbeta = ops.group_norm_backward(dy.reshape(-1, dy.shape[-1]), self._cache)
        self.set_gradients(dgamma, dbeta)
        return dx.reshape(dy.shape)
