"""The optimizer as the page shows it: SGD, Adam or AdamW, at its next step, with its state.

What the page has no arithmetic for is left out, and noted: clipping, AMSGrad, averages of the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import optimizers
from minicnn.layers.base import Parameter
from minicnn.optimizers import SGD, Adam, AdamW, Optimizer

# names of the state in minicnn -> on the page, where they are those of the equations
SLOTS: dict[type, dict[str, str]] = {
    SGD: {"momentum": "momentum"},
    Adam: {"momentum": "m", "velocity": "v"},
    AdamW: {"momentum": "m", "velocity": "v"},
}


@dataclass
class Update:
    """One step of an optimizer.

    Attributes:
        optimizer: the one that takes it: without clipping and the like, the learning
            rate a number, its state empty.
        parameters: those of the model that it moves.
        state: the optimizer's ``get_state()`` before the step, "slot/index" by their order.
    """

    optimizer: Optimizer
    parameters: list[Parameter]
    state: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return the optimizer for the recording."""
        names = ("learning_rate", "momentum", "nesterov", "beta_1", "beta_2", "epsilon", "weight_decay")
        found = {name: getattr(self.optimizer, name, None) for name in names}
        numbers = {name: value for name, value in found.items() if value is not None}
        kind = {"type": type(self.optimizer).__name__, "iterations": self.state["iterations"]}
        return kind | {"weight_decay": 0.0} | numbers

    def moves(self, parameter: Parameter) -> bool:
        """Whether the step changes this parameter."""
        return any(each is parameter for each in self.parameters)

    def decays(self, parameter: Parameter) -> bool:
        """Whether weight decay shrinks this parameter."""
        return bool(
            self.optimizer.weight_decay and self.moves(parameter) and self.optimizer.decays(parameter)
        )

    def move(self, pairs: Sequence[tuple[Parameter, Parameter]]) -> None:
        """Let the step move copies of parameters, each (the model's own, the copy), by the gradients that they have."""
        numbers = {id(parameter): number for number, parameter in enumerate(self.parameters)}
        state = {name: value for name, value in self.state.items() if "/" not in name}
        moving: list[Parameter] = []
        for own, copy in pairs:
            if copy.grad is None:
                continue
            if own.regularizer is not None:
                copy.grad = copy.grad + own.regularizer.gradient(copy.value)
            for slot in self.optimizer.slots:
                key = f"{slot}/{numbers[id(own)]}"
                if key in self.state:
                    state[f"{slot}/{len(moving)}"] = self.state[key].astype(copy.value.dtype)
            moving.append(copy)
        self.optimizer.build(moving)
        self.optimizer.set_state(state)
        self.optimizer.apply(moving)

    def slots(self, parameter: Parameter) -> dict[str, np.ndarray]:
        """Return the parameter's state under the page's names; nothing before the first step: all is 0."""
        names, numbers = SLOTS[type(self.optimizer)], range(len(self.parameters))
        number = next((n for n in numbers if self.parameters[n] is parameter), None)
        keys = {names[slot]: f"{slot}/{number}" for slot in self.optimizer.slots}
        return {slot: self.state[key] for slot, key in keys.items() if key in self.state}


def update_of(model: Any, optimizer: Any, note: Any) -> Update:
    """Return the step that an optimizer would take next.

    Args:
        model: its trainable weights are those that move.
        optimizer: an optimizer, a name for a new one, or None for the model's own.
        note: called with sentences that the page is to show.

    Raises:
        ValueError: the page does not know this optimizer.
    """
    given = model.optimizer if optimizer is None else optimizers.get(optimizer)
    if given is None:
        given = Adam()
        note("The model is not compiled; its optimizer here is a new Adam.")
    if type(given) not in SLOTS:
        raise ValueError(
            f"optimizer={given.name!r} cannot be explained, expected SGD, Adam or AdamW: give another, such "
            'as optimizer="adam"'
        )
    for name in ("clipnorm", "clipvalue", "global_clipnorm", "amsgrad", "use_ema"):
        value = vars(given).get(name)
        if value:
            note(f"The optimizer has {name}={value!r}, which is left out here.")
    parameters = model.trainable_weights
    return Update(_plain(given, parameters), parameters, _state(given, parameters))


def _plain(given: Any, parameters: list[Parameter]) -> Optimizer:
    """Return an optimizer with the same numbers, at the learning rate of the next step, and nothing else."""
    own = ["momentum", "nesterov"] if isinstance(given, SGD) else ["beta_1", "beta_2", "epsilon"]
    arguments = {name: getattr(given, name) for name in ["learning_rate", "weight_decay", *own]}
    plain = type(given)(**arguments)
    plain.exclude_from_weight_decay([each for each in parameters if not given.decays(each)])
    return plain


def _state(given: Optimizer, parameters: list[Parameter]) -> dict[str, Any]:
    """Return the optimizer's state, numbered in the order of ``parameters``."""
    state = given.get_state()
    # before the first step, a loaded state is in the order of the model's parameters
    known = given.parameters or parameters
    places = {id(parameter): index for index, parameter in enumerate(known)}
    arrays = {
        f"{slot}/{number}": state[f"{slot}/{places[id(parameter)]}"]
        for slot in given.slots
        for number, parameter in enumerate(parameters)
        if id(parameter) in places and f"{slot}/{places[id(parameter)]}" in state
    }
    return {"iterations": given.iterations, "averages_in_model": False} | arrays
