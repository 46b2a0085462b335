"""Batch normalization over a batch in shards: the mean and the variance are those of the whole batch.

    forward     each shard: its count m, mean μ and sum of squared deviations S; merged in pairs (tree.py):

                    δ = μ₂ − μ₁     m = m₁ + m₂     μ = μ₁ + δ·m₂/m     S = S₁ + S₂ + δ²·m₁·m₂/m

                then v = S/m, and each shard is normalized by μ and v: x̂ = (x − μ)/√(v + ε)
    backward    Σ dy and Σ dy·x̂ of each shard, added up: dβ and dγ of the batch. They are in every dx:

                    dx = γ/√(v + ε) · (dy − dβ/m − x̂·dγ/m)

docs/backprop/many_machines.md derives this. The merged S needs one message, where a mean first and squares around it
need two; it is as accurate as these, unlike Σx² − m·μ².
"""

from collections.abc import Callable, Sequence
from typing import Any

from minicnn import ops
from minicnn.distributed.shards import ShardedLayer, Shards
from minicnn.layers.activations import Activation
from minicnn.layers.normalization import BatchNormalization

Combine = Callable[[Sequence[Any], Callable[[Any, Any], Any]], Any]


def merge_statistics(one: Any, other: Any) -> Any:
    """Return (count, mean, squares) of the entries of both."""
    (count, mean, squares), (more, more_mean, more_squares) = one, other
    delta, share = more_mean - mean, more / (count + more)
    return count + more, mean + delta * share, squares + more_squares + delta * delta * (count * share)


def add_pairs(one: Any, other: Any) -> Any:
    """Return the sums of the two parts."""
    return one[0] + other[0], one[1] + other[1]


class SynchronizedBatchNormalization(ShardedLayer):
    """A BatchNormalization over the shards of all processes.

    Args:
        layer: of the model; its moving statistics follow those of the batch.
        combine: returns the values of all shards, merged in the fixed tree, from those of this process's.
    """

    layer: BatchNormalization

    def __init__(self, layer: BatchNormalization, combine: Combine) -> None:
        super().__init__(layer, 0)
        self.combine = combine
        self._caches: list[Any] = []
        self._sums: list[Any] = []

    def forward(self, x: Shards, training: bool = False) -> Shards:
        """Normalize by the statistics of the batch when training, by the moving ones otherwise."""
        return self.forward_by(ops.batch_norm_inference_forward, x, training)

    def forward_by(self, normalize: Any, x: Shards, training: bool) -> Shards:
        """Run the forward pass with the given operation: batch norm's, or that with a ReLU."""
        layer = self.layer
        self._used_batch = training and layer.trainable
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        if self._used_batch:
            own = [(part.size // part.shape[-1], *ops.batch_norm_statistics(part)) for part in x.parts]
            self._m, mean, squares = self.combine(own, merge_statistics)
            variance = squares / self._m
            layer.move(mean, variance)
        results = [
            normalize(part, *layer.scale_and_offset(part), mean, variance, layer.epsilon) for part in x.parts
        ]
        self._caches = [cache for _, cache in results]
        return Shards(y for y, _ in results)

    def backward(self, dy: Shards) -> Shards:
        """Return dx; through the mean and the variance of the batch if forward used them."""
        return self.after(self._backward, dy)  # type: ignore[no-any-return]

    def _backward(self, dy: Shards) -> Shards:
        pairs = list(zip(dy.parts, self._caches))
        if not self._used_batch:
            results = [ops.batch_norm_inference_backward(part, cache) for part, cache in pairs]
            self._sums = [result[1:] for result in results]
            return Shards(result[0] for result in results)
        self._sums = [ops.batch_norm_sums(part, cache) for part, cache in pairs]
        dgamma, dbeta = self.combine(self._sums, add_pairs)
        return Shards(
            ops.batch_norm_input_gradient(part, cache, dgamma, dbeta, self._m) for part, cache in pairs
        )

    def gradients(self, count: int) -> list[list[Any]]:
        """Return the gradients of gamma and beta for each shard."""
        layer = self.layer
        both = [layer.scale, layer.center] if layer.trainable else []
        return [[part.astype(layer.dtype) for part, there in zip(sums, both) if there] for sums in self._sums]

    def fused_with(self, layer: Any) -> Any:
        """Return the pair of this and a ReLU; or None."""
        following = layer.layer if isinstance(layer, ShardedLayer) else layer
        if (
            isinstance(following, Activation)
            and following.activation == "relu"
            and following.has_library_passes
        ):
            return _NormReLU(self)
        return None

    def follow(self, keys: list[int], first: int) -> None:
        """Do nothing: there are no copies."""


class _NormReLU:
    """Batch normalization and the ReLU after it, as in minicnn.layers.fusion."""

    def __init__(self, norm: SynchronizedBatchNormalization) -> None:
        self.norm = norm

    def forward(self, x: Shards, training: bool = False) -> Shards:
        """Normalize, then ReLU."""
        from minicnn.ops.kernels.normalization import batch_norm_relu_inference_forward  # with Numba

        return self.norm.forward_by(batch_norm_relu_inference_forward, x, training)

    def backward(self, dy: Shards) -> Shards:
        """Return dx, through both."""
        return self.norm.backward(dy)
