"""The steps of a plan for prediction (inference.py): each takes an array and returns one; none keeps the batch.

What a step computes from weights it keeps, together with the weights' versions; it computes it again when one of
them has changed. Most layers are one step, :class:`Live`: their own forward pass.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from minicnn.layers.activations import Activation
from minicnn.layers.base import Layer
from minicnn.layers.convolution import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.graph import Graph
from minicnn.layers.normalization import BatchNormalization
from minicnn.layers.parameter import Parameter
from minicnn.layers.pooling import MaxPooling2D

Rows = Sequence["Step"]


class Step:
    """One or more layers of a plan.

    Attributes:
        new_array: whether the result is an array of its own, which the next step may overwrite.
    """

    new_array: bool = True

    def run(self, x: Any, logits: bool) -> Any:
        """Return the output for x; with ``logits``, without the function that is the model's last."""
        raise NotImplementedError


def run(steps: Rows, x: Any, logits: bool) -> Any:
    """Run steps in order."""
    for step in steps:
        x = step.run(x, logits)
    return x


class Live(Step):
    """A layer's own forward pass."""

    new_array = False  # it may keep its output

    def __init__(self, layer: Layer, is_head: bool) -> None:
        self.layer, self.is_head = layer, is_head

    def run(self, x: Any, logits: bool) -> Any:
        """Run the layer."""
        layer = self.layer
        return (layer.pre_activation_forward if logits and self.is_head else layer.forward)(x, False)


class OfWeights(Step):
    """A step that keeps what :meth:`prepare` computes from weights."""

    def __init__(self, *layers: Layer) -> None:
        self._weights: list[Parameter] = [weight for layer in layers for weight in layer.weights]
        self._versions: Any = None

    def prepare(self, x: np.ndarray) -> None:
        """Compute what is kept from ``compared`` of the weights, for inputs like x."""
        raise NotImplementedError

    def refresh(self, x: np.ndarray) -> None:
        """Call :meth:`prepare` if a weight has changed, or the shape of the samples."""
        versions = [weight.version() for weight in self._weights], x.shape[1:]
        if versions != self._versions:
            self.prepare(x)
            self._versions = versions


def scale_and_shift(norm: BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Return s = γ/√(σ² + ε) and β − s·μ, float64 (C,): batch norm by its moving statistics is s·x + this."""
    gamma = np.float64(norm.gamma.compared) if norm.scale else 1.0
    beta = np.float64(norm.beta.compared) if norm.center else 0.0
    scale = gamma / np.sqrt(np.float64(norm.moving_variance.compared) + norm.epsilon)
    return scale, beta - scale * np.float64(norm.moving_mean.compared)


class Linear(OfWeights):
    """A convolution or dense layer, batch norms after it, and an activation."""

    def __init__(
        self,
        layer: Conv2D | Dense,
        norms: Sequence[BatchNormalization],
        relu: bool,
        activation: Activation | None,
        is_head: bool,
        pool: MaxPooling2D | None,
    ) -> None:
        super().__init__(layer, *norms)
        self._layer, self._norms = layer, norms
        self._relu, self._activation, self._is_head, self._pool = relu, activation, is_head, pool
        self.new_array = activation is None

    def prepare(self, x: np.ndarray) -> None:
        """Fold the norms into kernel and bias, and transform the kernel."""
        from minicnn.ops.kernels import convolution  # imported here: Numba takes half a second to import

        layer, dtype = self._layer, x.dtype
        kernel = layer.kernel.compared
        bias = layer.bias.compared if layer.use_bias else None
        if self._norms:
            wide: Any = np.float64(kernel)
            shift: Any = np.float64(0.0 if bias is None else bias)
            for norm in self._norms:
                scale, offset = scale_and_shift(norm)
                wide, shift = wide * scale, shift * scale + offset
            kernel, bias = wide.astype(dtype), shift.astype(dtype)
        self._bias: np.ndarray | None = bias
        if isinstance(layer, Conv2D):
            window = layer.strides, layer.padding, layer.dilation_rate
            self._kernel: Any = convolution.prepare_kernel(kernel, x.shape, *window)
        else:
            self._kernel = kernel

    def run(self, x: np.ndarray, logits: bool) -> np.ndarray:
        """Multiply, then the activation."""
        from minicnn.ops.kernels import convolution, dense, inference

        self.refresh(x)
        if isinstance(self._layer, Conv2D):
            y = convolution.forward_prepared(x, self._kernel, self._bias)
        else:
            y, _ = dense.dense_forward(x.reshape(-1, x.shape[-1]), self._kernel, self._bias)
            y = y.reshape(*x.shape[:-1], -1)
        if self._pool is not None:
            return max_pool(y, self._pool, self._relu)
        if self._relu:
            return inference.relu_in_place(y)
        if self._activation is not None and not (logits and self._is_head):
            return self._activation.forward(y, False)
        return y


def max_pool(x: np.ndarray, layer: MaxPooling2D, relu: bool) -> np.ndarray:
    """Return the maximum of each window, and then max(…, 0) with ``relu``."""
    from minicnn.ops.kernels import pooling

    y: np.ndarray = pooling.max_pool2d_inference(x, layer.pool_size, layer.strides, layer.padding, relu)
    return y


class MaxPool(Step):
    """Max-pooling, perhaps with a ReLU before or after it."""

    def __init__(self, layer: MaxPooling2D, relu: bool) -> None:
        self._layer, self._relu = layer, relu

    def run(self, x: np.ndarray, logits: bool) -> np.ndarray:
        """Pool, then ReLU."""
        return max_pool(x, self._layer, self._relu)


class Norm(OfWeights):
    """A batch norm that is not behind a convolution or a dense layer, perhaps with the ReLU after it."""

    def __init__(self, norm: BatchNormalization, relu: bool) -> None:
        super().__init__(norm)
        self._norm, self._relu = norm, relu

    def prepare(self, x: np.ndarray) -> None:
        """Compute the scale and the shift."""
        scale, shift = scale_and_shift(self._norm)
        self._constants = scale, shift, np.zeros_like(scale), np.ones_like(scale), 0.0

    def run(self, x: np.ndarray, logits: bool) -> np.ndarray:
        """Return scale · x + shift."""
        from minicnn.ops.kernels import normalization

        self.refresh(x)
        forward = normalization.batch_norm_inference_forward
        if self._relu:
            forward = normalization.batch_norm_relu_inference_forward
        y, _ = forward(x, *self._constants)
        return y


class Sum(Step):
    """The sum of several arrays, perhaps with the ReLU after it.

    Args:
        spare: the number of an array that may be overwritten, or None.
    """

    def __init__(self, relu: bool, spare: int | None) -> None:
        self._relu, self._spare = relu, spare

    def run(self, x: Sequence[np.ndarray], logits: bool) -> np.ndarray:
        """Add them in order, into the spare one if there are two of one shape."""
        from minicnn.ops.kernels import inference

        if len(x) == 2 and self._spare is not None:
            total, other = x[self._spare], x[1 - self._spare]
            whole = total.flags.c_contiguous and other.flags.c_contiguous
            if whole and total.shape == other.shape and total.dtype == other.dtype:
                return inference.add_in_place(total, other, self._relu)
        total = np.ascontiguousarray(reduce(np.add, x))
        return inference.relu_in_place(total) if self._relu else total


class Branches(Step):
    """A residual: the sum of two rows of steps on the same input."""

    def __init__(self, main: Rows, shortcut: Rows, relu: bool) -> None:
        self._rows = main, shortcut
        spare = next((i for i, row in enumerate(self._rows) if row and row[-1].new_array), None)
        self._sum = Sum(relu, spare)

    def run(self, x: np.ndarray, logits: bool) -> np.ndarray:
        """Run both and add."""
        return self._sum.run([run(row, x, False) for row in self._rows], logits)


class Segments(Step):
    """A graph: its segments in order. Its values have numbers, those of the inputs first."""

    new_array = False

    def __init__(self, graph: Graph, rows: Sequence[Rows | None]) -> None:
        """A row of None is a segment that runs live, by its own setting of ``training``."""
        self._graph = graph
        targets = [segment.target for segment in graph.segments]
        number = {symbol: i for i, symbol in enumerate([*graph.inputs, *targets])}
        self._outputs = [number[each] for each in graph.outputs]
        last_use = {number[each]: i for i, segment in enumerate(graph.segments) for each in segment.sources}
        for each in self._outputs:
            last_use.pop(each, None)
        self._rows = [
            (
                segment,
                steps,
                [number[each] for each in segment.sources],
                [value for value, last in last_use.items() if last == i],
            )
            for i, (segment, steps) in enumerate(zip(graph.segments, rows))
        ]

    def run(self, x: Any, logits: bool) -> Any:
        """Compute every value after its inputs; forget it after its last use."""
        values = list(x) if self._graph.multiple_inputs else [x]
        for (chain, _, _, training), steps, sources, used in self._rows:
            inputs: Any = [values[each] for each in sources]
            for each in used:
                values[each] = None
            if not chain.layers[0].multiple_inputs:
                inputs = inputs[0]
            y = chain.forward(inputs, bool(training)) if steps is None else run(steps, inputs, logits)
            values.append(y)
        outputs = [values[each] for each in self._outputs]
        return outputs if len(outputs) > 1 else outputs[0]
