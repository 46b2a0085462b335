"""Layers of one's own are checked in a model's first passes; a mistake is named with its layer and its fix.

Without this, some mistakes show far from their cause, and others never: an array of another shape than
``compute_output_shape`` says, a dx that is broadcast, a weight that no optimizer knows, an input that was
changed although the layer before has kept it for its own backward pass.
"""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn._base.names import is_ours
from minicnn.layers.base import Layer
from minicnn.layers.parameter import plain_arrays
from minicnn.layers.symbol import as_list

INPUTS = "inputs_checked"  # the shapes of the last forward pass: on the layer, where a graph keeps them for each use


@contextmanager
def checked(model: Layer) -> Iterator[None]:
    """In this context, the layers of the model that are not minicnn's are checked in both passes.

    Raises:
        TypeError, ValueError: in a pass: a layer breaks one of the rules above.
    """
    known = list(model.walk())
    own = [layer for layer in known if _is_own(layer) and layer is not model]
    forward_only: dict[Layer, Any] = {}  # those that ran forward in training, with their y, and not backward
    for layer in own:
        _check_passes_of(layer, known, forward_only)
    try:
        yield
    finally:
        for layer in own:
            del vars(layer)["forward"], vars(layer)["backward"]
            vars(layer).pop(INPUTS, None)
    for layer, y in forward_only.items():
        _check_without_backward(layer, y)


def _is_own(layer: Layer) -> bool:
    return not is_ours(type(layer)) and not {"forward", "backward"} & set(vars(layer))


def _check_passes_of(layer: Layer, known: list[Layer], forward_only: dict[Layer, Any]) -> None:
    forward, backward = layer.forward, layer.backward

    def checked_forward(x: Any, training: bool = False) -> Any:
        try:
            inspect.signature(forward).bind(x, training)
        except TypeError:
            raise TypeError(f"{_of(layer)}: expected forward(self, x, training=False)") from None
        before = [each.copy() for each in as_list(x)]
        y = forward(x, training)
        if training:
            _check_sublayers(layer, known)
            forward_only[layer] = y
        _check_array(layer, "forward", "y", y)
        _check_unchanged(layer, "forward", "x", as_list(x), before)
        inputs = vars(layer)[INPUTS] = [each.shape for each in before]
        expected = layer.compute_output_shape(inputs if isinstance(x, list | tuple) else inputs[0])
        if len(expected) != y.ndim or any(n not in (None, m) for n, m in zip(expected, y.shape)):
            raise ValueError(
                f"{_of(layer)}: forward returned an array of shape {y.shape} for x of shape {_shapes(inputs)}, but "
                f"compute_output_shape says {tuple(expected)}: define compute_output_shape(self, input_shape), "
                "from which the next layers are built"
            )
        return y

    def checked_backward(dy: Any) -> Any:
        forward_only.pop(layer, None)
        inputs = vars(layer)[INPUTS]
        before, plain, arrays = dy.copy(), _plain_arrays(layer), plain_arrays(layer)
        values = [(weight, weight.value.copy()) for weight in layer.own_parameters if weight.trainable]
        dx = backward(dy)
        _check_unchanged(layer, "backward", "dy", [dy], [before])
        for weight, value in values:
            if not np.array_equal(weight.value, value, equal_nan=True):
                raise ValueError(
                    f"{_of(layer)}: backward changed self.{weight.name}.value: it only sets self.{weight.name}.grad; "
                    "the optimizer then changes the value"
                )
        if dx is not None or layer.needs_dx:
            for each in as_list(dx) if layer.multiple_inputs else [dx]:
                _check_array(layer, "backward", "dx", each)
            shapes = [each.shape for each in as_list(dx)]
            if shapes != inputs:
                raise ValueError(
                    f"{_of(layer)}: backward returned dx of shape {_shapes(shapes)}, expected that of x, "
                    f"{_shapes(inputs)}"
                )
        for weight in layer.own_parameters:
            if weight.grad is not None and np.shape(weight.grad) != weight.shape:
                raise ValueError(
                    f"{_of(layer)}: backward set self.{weight.name}.grad of shape {np.shape(weight.grad)}, expected "
                    f"that of the weight, {weight.shape}: the sum over all samples of the batch"
                )
            if weight.grad is not None:
                _check_array(layer, "backward", f"self.{weight.name}.grad", weight.grad, "set")
        _check_plain_arrays(layer, plain, arrays)
        return dx

    vars(layer).update(forward=checked_forward, backward=checked_backward)


def _check_sublayers(layer: Layer, known: list[Layer]) -> None:
    """Check that the model knows each layer with weights that is in an attribute, or in a list or dict there."""
    for name, value in vars(layer).items():
        several = list(value.values()) if isinstance(value, dict) else value
        for each in several if isinstance(several, list | tuple) else [several]:
            if (
                isinstance(each, Layer)
                and each.trainable_weights
                and not any(each is other for other in known)
            ):
                raise ValueError(
                    f"{_of(layer)}: self.{name} holds the layer {each.name!r}, whose weights no optimizer would train "
                    "and no file keep: define a property sublayers that returns it in a list (or, if it is not to be "
                    "trained, set its trainable = False)"
                )


def _check_array(layer: Layer, which: str, name: str, value: Any, verb: str = "returned") -> None:
    if not isinstance(value, np.ndarray):
        found = "None" if value is None else f"a {type(value).__name__}"
        fix = f"end it with: return {name}" if value is None else "make it one, np.asarray(…)"
        raise TypeError(f"{_of(layer)}: {which} {verb} {found} for {name}, expected an array: {fix}")


def _check_unchanged(layer: Layer, which: str, name: str, now: list[Any], before: list[Any]) -> None:
    if not all(np.array_equal(one, other, equal_nan=True) for one, other in zip(now, before)):
        raise ValueError(
            f"{_of(layer)}: {which} changed its argument {name} in place, which another layer may have kept for "
            f"its own passes: compute a new array, such as {name} * 2, not {name} *= 2"
        )


def _plain_arrays(layer: Layer) -> dict[str, np.ndarray]:
    """Return copies of the arrays of floats that __init__ and build have put into attributes."""
    now = plain_arrays(layer)
    return {name: now[name].copy() for name in layer.plain_arrays if name in now}


def _check_plain_arrays(layer: Layer, plain: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> None:
    """Check that none of them is a weight: changed in backward, or with an array of its shape made there."""
    now = plain_arrays(layer)
    made = [name for name in now if now[name] is not before.get(name) and name not in plain]
    for name, array in plain.items():
        changed = not np.array_equal(now.get(name, np.nan), array, equal_nan=True)
        gradients = [each for each in made if now[each].shape == array.shape]
        if changed or gradients:
            what = "changes it" if changed else f"sets self.{gradients[0]}, as if it were its gradient"
            label = "_".join(re.findall(r"\w+", name))
            raise ValueError(
                f"{_of(layer)}: self.{name} is a plain array, and backward {what}: no optimizer would train it, and "
                f'no file keep it. In build: self.{name} = self.add_weight("{label}", {array.shape}); then use '
                f"self.{name}.value, and set self.{name}.grad in backward"
            )


def _check_without_backward(layer: Layer, y: Any) -> None:
    """Look for such weights in a layer whose backward pass was left out: no layer before it has weights that are known.

    A layer at the beginning need not have a backward pass, so what that raises itself says nothing.
    """
    plain, before = _plain_arrays(layer), plain_arrays(layer)
    if not (plain and layer.trainable and isinstance(y, np.ndarray)):
        return
    try:
        layer.backward(np.asarray(np.random.default_rng(0).standard_normal(y.shape), y.dtype))
    except Exception:
        return
    _check_plain_arrays(layer, plain, before)


def _of(layer: Layer) -> str:
    return f"layer {layer.name!r} of class {type(layer).__name__}"


def _shapes(shapes: list[Any]) -> str:
    return str(shapes[0] if len(shapes) == 1 else shapes)
