"""What every optimizer does beside its rule, in this order at each step:

    1. clip the gradients      by value, by each parameter's norm, or by the norm of all of them
    2. decay the weights       w ← w·(1 − η·λ), except those excluded
    3. move the weights        the rule of the subclass; 1 to 3 are one fused pass, in `ops.…_update`
    4. average the weights     w̄ ← β·w̄ + (1 − β)·w, with `use_ema`: often a better network than the last w

Clipping by a norm c scales by c / max(‖g‖, c): a gradient with a norm up to c is not changed, a longer one
gets the norm c and keeps its direction.
"""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from minicnn import ops
from minicnn._base import keras_errors
from minicnn._base.names import is_ours
from minicnn._base.registry import Configured, arguments_of, serialize
from minicnn.optimizers import schedules
from minicnn.optimizers.checks import check, check_clipping, checked_rate
from minicnn.optimizers.schedules import LearningRateSchedule
from minicnn.optimizers.state import AVERAGE, State

Rate = float | LearningRateSchedule | Callable[[], float]
Arrays = Mapping[str, np.ndarray]  # slot -> array of the weights' shape and dtype

# Gradients and steps below this cannot make a finite float32 infinite, not even by Adam's g². Only for larger
# ones, and for some rules, does apply_if_finite pay for copies.
LARGE = 1e15


class OptimizerOptions(TypedDict, total=False):
    """The arguments of every optimizer that are given by name: see :class:`Optimizer`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    name: str | None


class UpdateOptions(TypedDict):
    """What every operation in minicnn.ops.reference.updates takes besides the numbers of its rule."""

    weight_decay: float
    scale: float
    limit: float


class Optimizer(Configured):
    """Base class. Your own optimizer defines :attr:`slots` and :meth:`update_step`.

    Args:
        learning_rate: a number, a :class:`~minicnn.optimizers.schedules.LearningRateSchedule`, or a function
            of no arguments. A number can be changed between steps: ``optimizer.learning_rate = 1e-4``.
        weight_decay: λ of the decoupled decay; None for no decay. As in Keras **every** trainable weight
            decays, also biases and batch norm's gamma and beta, except those of
            :meth:`exclude_from_weight_decay`.
        clipnorm: largest norm of the gradient of each parameter.
        clipvalue: largest absolute value of each entry of the gradients.
        global_clipnorm: largest norm of all gradients together.
        use_ema: keep a moving average of the weights. It replaces the weights at the end of training
            (:meth:`finalize_variable_values`, which ``fit`` calls), or temporarily (:meth:`swap_averages`).
        ema_momentum: β of that average.
        ema_overwrite_frequency: copy the averages into the weights every this many steps too; None: never.
        name: by default the class's name in lower case.
        unknown: other arguments, for the error message: minicnn._base.keras_errors.

    Raises:
        ValueError: an argument is out of its range, or several kinds of clipping are given.
        TypeError: there is no such argument.
        NotImplementedError: Keras has it, minicnn has not.
    """

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        keras_errors.check_arguments("optimizer", type(self), unknown)
        check_clipping(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        decay, every = weight_decay, ema_overwrite_frequency
        check(decay is None or decay >= 0, "weight_decay", decay, "a number from 0, or None")
        check(0 <= ema_momentum <= 1, "ema_momentum", ema_momentum, "a number from 0 to 1")
        check(every is None or every == int(every) >= 1, "ema_overwrite_frequency", every, "1, 2, … or None")
        self.name = name or type(self).__name__.lower()
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.iterations = 0  # steps taken
        self.averages_in_model = False  # between two calls of swap_averages()
        self._learning_rate = checked_rate(learning_rate)
        self._undecayed: dict[str, list[str]] = {"paths": [], "names": []}
        self._state = State()
        self._without_gradient: set[str] = set()  # the weights of which a warning was given

    if not TYPE_CHECKING:  # a type checker reports unknown names itself

        def __getattr__(self, name: str) -> Any:
            raise keras_errors.no_attribute("optimizer", self, name)

    # ---- the learning rate ---------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return float(self._learning_rate(self.iterations))
        return float(self._learning_rate()) if callable(self._learning_rate) else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        if callable(self._learning_rate) and not callable(value):
            raise TypeError(
                f"learning_rate={value!r}: this optimizer follows {self._learning_rate!r}, which a number would "
                "replace. Set another schedule, such as schedules.Constant, or make the optimizer with a number"
            )
        self._learning_rate = checked_rate(value)

    # ---- a step --------------------------------------------------------------------------------------------

    slots_start: float = 0.0  # what every entry of the slots is before the first step

    @property
    def slots(self) -> list[str]:
        """The names of the state arrays that the rule keeps for each parameter; they start at 0, or at
        ``slots_start``.
        """
        raise NotImplementedError(f"{type(self).__name__}.slots")

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place.

        Args:
            w: the weights.
            dw: their gradient, of the same shape, not yet clipped.
            state: the arrays of the slots, to be changed in place.
            rate: the learning rate.
            options: to pass on to the operation.
        """
        raise NotImplementedError(f"{type(self).__name__}.update_step")

    @property
    def parameters(self) -> list[Any]:
        """The parameters that the state is of, in the order of its indices; empty before the first step."""
        return list(self._state.parameters)

    def build(self, parameters: Iterable[Any]) -> None:
        """Make the state of these parameters. The first call decides; later ones do nothing."""
        self._state.build(
            parameters, [*self.slots, AVERAGE] if self.use_ema else self.slots, self.slots_start
        )

    def apply(self, parameters: Iterable[Any]) -> None:
        """Take one step from the ``grad`` of each parameter. (Keras's ``apply`` takes gradients.)"""
        self.apply_gradients((parameter.grad, parameter) for parameter in parameters)

    def apply_if_finite(self, parameters: Iterable[Any]) -> bool:
        """Take the step of :meth:`apply` whole or not at all; return whether it was taken.

        It is not if an entry of a gradient is not finite, or if one of the weights or of the state's arrays
        would not be. Then all of them, and ``iterations``, are as before: a step that is not taken does not
        count for a schedule or for Adam's t, as in Keras's LossScaleOptimizer and PyTorch's GradScaler.
        """
        pairs = list(parameters)
        largest = _largest([parameter.grad for parameter in pairs if parameter.grad is not None])
        if not math.isfinite(largest):
            return False
        if self._has_safe_rule() and largest * max(self.learning_rate, 1.0) < LARGE:
            self.apply(pairs)
            return True
        self.build(pairs)
        changed = [parameter.value for parameter in pairs] + self._state.all_arrays()
        before, iterations = [array.copy() for array in changed], self.iterations
        self.apply(pairs)
        if all(np.isfinite(array).all() for array in changed):
            return True
        for array, old in zip(changed, before):
            array[...] = old
        self.iterations = iterations
        return False

    def _has_safe_rule(self) -> bool:
        """Return whether only large numbers can make a weight infinite: not by 0/0, in a rule of one's own or
        without epsilon, nor by a learning rate from a function, which is not called here: it may count its calls.
        """
        rate = self._learning_rate
        return (
            is_ours(type(self).update_step)
            and vars(self).get("epsilon", 1) > 0
            and (not callable(rate) or isinstance(rate, LearningRateSchedule))
        )

    def apply_gradients(self, grads_and_vars: Iterable[tuple[np.ndarray | None, Any]]) -> None:
        """Take one step from pairs of a gradient and its parameter.

        Raises:
            ValueError: there is no gradient, one of another shape, or a parameter that the first step did not
                have.
            RuntimeError: the averages are in the model.
        """
        pairs = list(grads_and_vars)
        if self.averages_in_model:
            raise RuntimeError(
                "the averages are in the model: call optimizer.swap_averages() before the next step"
            )
        self.build(parameter for _, parameter in pairs)
        indices = [self._state.index(parameter) for _, parameter in pairs]
        missing = [parameter.path for gradient, parameter in pairs if gradient is None]
        if len(missing) == len(pairs):
            raise ValueError(f"no gradient for {missing}: run the backward pass before the step")
        if not self._without_gradient.issuperset(missing):
            self._without_gradient.update(missing)
            warnings.warn(f"no gradient for {missing}: they stay as they are", stacklevel=2)
        for gradient, parameter in pairs:
            if gradient is not None and gradient.shape != parameter.shape:
                raise ValueError(
                    f"{parameter.path}: dw has shape {gradient.shape}, expected {parameter.shape}"
                )

        rate, scales = self.learning_rate, self._scales([gradient for gradient, _ in pairs])
        for index, (gradient, parameter), scale in zip(indices, pairs, scales):
            if gradient is None:
                continue
            options: UpdateOptions = {
                "weight_decay": self.weight_decay if self.weight_decay and self.decays(parameter) else 0.0,
                "scale": scale,
                "limit": math.inf if self.clipvalue is None else self.clipvalue,
            }
            state = {slot: arrays[index] for slot, arrays in self._state.arrays.items()}
            self.update_step(parameter.value, gradient, state, rate, options)
        if self.use_ema:
            self._average()
        self.iterations += 1

    def _scales(self, gradients: list[np.ndarray | None]) -> list[float]:
        """Return the factor for each gradient that brings it within ``clipnorm`` or ``global_clipnorm``."""
        limit = self.clipnorm or self.global_clipnorm
        if limit is None:
            return [1.0] * len(gradients)
        squares = [0.0 if gradient is None else ops.squared_norm(gradient) for gradient in gradients]
        if self.global_clipnorm:
            squares = [sum(squares)] * len(squares)
        # an infinite norm makes the weights NaN, which apply_if_finite notices; limit/∞ = 0 would hide it
        return [limit / max(math.sqrt(s), limit) if math.isfinite(s) else math.nan for s in squares]

    # ---- weight decay --------------------------------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Choose the weights that do not decay; an earlier choice is replaced.

        The usual choice, the weights that only shift or scale:

            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])

        Args:
            var_list: parameters.
            var_names: strings; a parameter is excluded if its name contains one of them.
        """
        paths = [parameter.path for parameter in var_list or []]
        self._undecayed = {"paths": paths, "names": list(var_names or [])}

    def decays(self, parameter: Any) -> bool:
        """Return whether weight decay reaches a parameter: it is not excluded from it."""
        by_name = any(re.search(name, parameter.name) for name in self._undecayed["names"])
        return not by_name and parameter.path not in self._undecayed["paths"]

    # ---- the moving average of the weights -----------------------------------------------------------------

    def _average(self) -> None:
        momentum = self.ema_momentum if self.iterations else 0.0  # the first average is the first w
        overwrite = self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0
        for parameter, average in self._state.averages():
            ops.average_update(average, parameter.value, momentum)
            if overwrite:
                parameter.value[...] = average

    @ops.in_turn
    def swap_averages(self) -> None:
        """Exchange the weights and their averages: once before an evaluation, once after it.

        Raises:
            ValueError: there are no averages: the optimizer has not ``use_ema=True``, or is not built.
        """
        pairs = self._state.averages()
        check(bool(pairs), "use_ema", self.use_ema, "True, and a first step, to have averages")
        for parameter, average in pairs:
            parameter.value[...], average[...] = average.copy(), parameter.value.copy()
        self.averages_in_model = not self.averages_in_model

    @ops.in_turn
    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """End training: with ``use_ema``, put the averages of these parameters into them."""
        final = {id(parameter) for parameter in var_list}
        for parameter, average in self._state.averages():
            if self.averages_in_model:
                average[...] = parameter.value
            elif id(parameter) in final:
                parameter.value[...] = average
        self.averages_in_model = False

    # ---- checkpoints ---------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return what the next step depends on, without the configuration: numbers, "slot/index" -> array."""
        state: dict[str, Any] = {"iterations": self.iterations, "averages_in_model": self.averages_in_model}
        if not callable(self._learning_rate):
            state["learning_rate"] = self._learning_rate
        return state | self._state.dump()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned, to the bit; before the first step or after any.

        Raises:
            ValueError: the state is of another kind of optimizer, or of parameters of other shapes. The
                arrays are checked when the parameters are known, which can be in the first step.
        """
        if state["averages_in_model"] and not self.use_ema:
            raise ValueError("averages_in_model is True in the state, but this optimizer keeps no averages")
        self._state.load({key: value for key, value in state.items() if "/" in key})
        self.iterations, self.averages_in_model = int(state["iterations"]), bool(state["averages_in_model"])
        if "learning_rate" in state and not callable(self._learning_rate):
            self._learning_rate = float(state["learning_rate"])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, and the choice of what does not decay, as JSON-able values.

        An argument is kept in the attribute of its name.
        """
        rate = self._learning_rate
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            raise ValueError(
                f"learning_rate={rate!r}: a function cannot be saved; a LearningRateSchedule can"
            )
        config = {name: getattr(self, name) for name in ("weight_decay", *OptimizerOptions.__annotations__)}
        config |= {"learning_rate": serialize(rate) if callable(rate) else rate, **arguments_of(self)}
        if any(self._undecayed.values()):
            config["exclude_from_weight_decay"] = self._undecayed
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Optimizer":
        """Make an optimizer from what :meth:`get_config` returned."""
        arguments = dict(config)
        undecayed = arguments.pop("exclude_from_weight_decay", None)
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = schedules.get(arguments["learning_rate"])
        optimizer = cls(**arguments)
        optimizer._undecayed = undecayed or optimizer._undecayed
        return optimizer


def _largest(gradients: list[np.ndarray]) -> float:
    """Return the largest absolute value of all entries; NaN if one is NaN."""
    ends = [end for gradient in gradients if gradient.size for end in (gradient.max(), -gradient.min())]
    return float(np.max(ends, initial=0.0))
