"""An ONNX graph under construction, one operation at a time, and the values in it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[Any, ...]  # of integers; the batch is None


@dataclass(frozen=True)
class Value:
    """A tensor in the graph.

    Attributes:
        name: its name there.
        shape: its shape as our arrays have it, batch and channels last.
        channels_first: whether in the graph it is (N, C, H, W) instead.
    """

    name: str
    shape: Shape
    channels_first: bool = False


class Graph:
    """A graph under construction.

    Args:
        onnx: the package.
        reserved: names that no other value gets: those of the outputs.
    """

    def __init__(self, onnx: Any, reserved: list[str]) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._ends: dict[str, list[Any]] = {"input": [], "output": []}
        self._taken = set(reserved)
        self._transposed: dict[str, Value] = {}

    def input(self, name: str, shape: Shape) -> Value:
        """Add an input (batch, …) of the whole."""
        self._end("input", name, shape)
        self._taken.add(name)
        return Value(name, shape)

    def output(self, name: str, value: Value) -> None:
        """Make a value an output of the whole, in our order of axes and under this name."""
        value = self.channels_last(value)
        self._end("output", name, value.shape)
        self._node("Identity", [value.name], name)

    def _end(self, kind: str, name: str, shape: Shape) -> None:
        helper, float32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._ends[kind].append(helper.make_tensor_value_info(name, float32, ["batch", *shape[1:]]))

    def add(self, operation: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add an operation; return its output's name, which is ``name``, numbered if it is taken."""
        output = self._unused(name)
        self._node(operation, inputs, output, **attributes)
        return output

    def _node(self, operation: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(
            self._onnx.helper.make_node(operation, inputs, [output], name=output, **attributes)
        )

    def constant(self, array: Any, name: str, dtype: str = "float32") -> str:
        """Add an array; return its name."""
        name = self._unused(name)
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def channels_first(self, value: Value) -> Value:
        """Return an image's value in ONNX's order of axes."""
        return value if value.channels_first else self._transpose(value, "nchw", [0, 3, 1, 2])

    def channels_last(self, value: Value) -> Value:
        """Return a value in our order of axes."""
        return self._transpose(value, "nhwc", [0, 2, 3, 1]) if value.channels_first else value

    def _transpose(self, value: Value, order: str, axes: list[int]) -> Value:
        # a value that is used twice is transposed once
        if value.name not in self._transposed:
            name = self.add("Transpose", [value.name], f"{value.name}/{order}", perm=axes)
            self._transposed[value.name] = Value(name, value.shape, not value.channels_first)
        return self._transposed[value.name]

    def alike(self, *values: Value) -> list[Value]:
        """Return values with one order of axes, ONNX's if one has it: for an addition or a concatenation."""
        if any(value.channels_first for value in values):
            return [self.channels_first(value) for value in values]
        return list(values)

    def proto(self, name: str) -> Any:
        """Return the whole as ONNX's GraphProto."""
        inputs, outputs = self._ends["input"], self._ends["output"]
        return self._onnx.helper.make_graph(self._nodes, name, inputs, outputs, initializer=self._constants)

    def _unused(self, name: str) -> str:
        number, unused = 0, name
        while unused in self._taken:
            number += 1
            unused = f"{name}_{number}"
        self._taken.add(unused)
        return unused
