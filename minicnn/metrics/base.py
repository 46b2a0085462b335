"""What a metric is: an object that gets one batch after another and gives the result of all of them.

    metric.reset_state()                                   # an epoch begins
    metric.update_state(y_true, y_pred, sample_weight)     # a batch
    metric.result()

A metric sums over samples, not over batches: a last, smaller batch has less weight, and the result is that of
the whole epoch. Sums are kept in float64. Where nothing was counted, 0/0 is 0.

The sums are attributes that reset_state sets, or, as in Keras, variables that the constructor makes:

    class Errors(Metric):
        def __init__(self, name="errors", **kwargs):
            super().__init__(name=name, **kwargs)
            self.wrong = self.add_weight(name="wrong", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.wrong.assign_add(np.sum(y_true != np.argmax(y_pred, axis=-1)))

        def result(self):
            return self.wrong
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from minicnn import initializers
from minicnn._base import keras_errors
from minicnn._base.names import snake_case, unique_name
from minicnn._base.registry import Configured


class Variable(np.ndarray):
    """A sum that :meth:`Metric.add_weight` made: an array with Keras's methods."""

    def assign(self, value: Any) -> Self:
        """Set the values."""
        self[...] = value
        return self

    def assign_add(self, value: Any) -> Self:
        """Add to the values."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Self:
        """Subtract from the values."""
        return self.assign(self - value)

    def numpy(self) -> np.ndarray:
        """Return the values as an array of their own."""
        return np.array(self)


class _ResetWhenMade(type):
    """The class of Metric's classes: a new metric is reset once its constructor, which may be yours, is done."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        metric = super().__call__(*args, **kwargs)
        if not metric.variables:  # these have the values of their initializer
            metric.reset_state()
        return metric


class Metric(Configured, metaclass=_ResetWhenMade):
    """Base class. Your own metric defines :meth:`update_state`, :meth:`result`, and where its sums begin:
    :meth:`reset_state`, or :meth:`add_weight` in its constructor. It may use other metrics.

    Args:
        name: what the result is called; by default the class's name in snake_case, numbered from the second
            on.
        dtype: as in Keras; it changes nothing, sums are in float64.
        unknown: other arguments, for the error message: minicnn._base.keras_errors.

    Attributes:
        direction: "up" if larger is better, "down" if smaller; for callbacks with mode="auto".
    """

    direction = "up"
    _variables: tuple[Variable, ...] = ()

    def __init__(self, name: str | None = None, dtype: Any = None, **unknown: Any) -> None:
        keras_errors.check_arguments("metric", type(self), unknown)
        self.name = name or unique_name(snake_case(type(self).__name__))

    def add_weight(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Return a new sum, as in Keras; :meth:`reset_state` sets it to 0.

        Args:
            shape: its shape; () is a single number.
            initializer: an initializer or its name, for the first values.
            dtype: float64 by default.
            name: for the reader; it changes nothing.

        Raises:
            ValueError: there is no such initializer.
        """
        first: Any = initializers.get(initializer or "zeros")
        values = first(shape, np.float64, np.random.default_rng(0))  # the library's generators do not go on
        variable = np.asarray(values, dtype or np.float64).view(Variable)
        self._variables += (variable,)
        return variable

    add_variable = add_weight

    @property
    def variables(self) -> list[Variable]:
        """What :meth:`add_weight` made, in this metric and those that it uses."""
        return [*self._variables, *(each for metric in self._used() for each in metric.variables)]

    def _used(self) -> list["Metric"]:
        return [each for each in vars(self).values() if isinstance(each, Metric)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch, as :meth:`update_state`, and return the result over all batches so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def reset_state(self) -> None:
        """Start again, without batches: here, what :meth:`add_weight` made and the metrics that this one uses."""
        if not self._variables and not self._used():
            raise NotImplementedError(
                f"{type(self).__name__}.reset_state: expected this method, or sums by add_weight in the constructor"
            )
        for variable in self._variables:
            variable.assign(0)
        for metric in self._used():
            metric.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets, predictions, and weights, 1 by default: (N,), or as Keras broadcasts them."""
        raise NotImplementedError(f"{type(self).__name__}.update_state")

    def result(self) -> Any:
        """Return the metric over all batches since the last reset: a float, or one for each class."""
        raise NotImplementedError(f"{type(self).__name__}.result")

    def get_state(self) -> dict[str, Any]:
        """Return the sums over the batches so far: every attribute that is a number or an array, and what
        :meth:`add_weight` made, in this metric and those that it uses.
        """
        numbers = (int, float, np.number, np.ndarray)
        state = {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, numbers) and not isinstance(value, Variable)
        }
        state |= {f"variables/{index}": np.array(value) for index, value in enumerate(self._variables)}
        for number, metric in enumerate(self._used()):
            state |= {f"metrics/{number}/{name}": value for name, value in metric.get_state().items()}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned.

        Raises:
            ValueError: it is the state of another metric.
        """
        state = dict(state)
        for number, metric in enumerate(self._used()):
            place = f"metrics/{number}/"
            inner = [name for name in state if name.startswith(place)]
            metric.set_state({name[len(place) :]: state.pop(name) for name in inner})
        own = vars(self) | {f"variables/{index}": value for index, value in enumerate(self._variables)}
        for name, value in state.items():
            kept = np.asarray(value)
            # before the first batch some sums are one 0
            fits = name in own and np.shape(own[name]) in ((), kept.shape)
            if not fits or kept.dtype.kind not in "biuf":
                raise ValueError(f"{self.name}: the saved {name[:40]} is not that of a {type(self).__name__}")
        for name, value in state.items():
            if isinstance(own[name], Variable):
                own[name].assign(value)
            else:
                setattr(self, name, value)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-able values."""
        return {"name": self.name}


class Mean(Metric):
    """The weighted mean of values; those of more than one axis (N, …) are averaged over each sample first."""

    direction = "down"

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        """Start again, without batches."""
        self.total = self.count = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values, (N, …) or a single one, and their weights.

        The weights are those of the samples (N,), or, as in Keras, have as many axes as the values or
        fewer: the values are averaged over the axes that the weights lack. A number weighs the whole batch.

        Raises:
            ValueError: the weights do not broadcast to the values.
        """
        values = np.asarray(values, np.float64)
        if sample_weight is None:
            weights = np.ones(values.shape[:1])
        else:
            weights = np.asarray(sample_weight, np.float64)
            if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
                weights = weights[..., 0]
            elif weights.ndim == 1 and values.shape[1:] == (1,):
                weights = weights[:, None]
        values = _means(values, weights.ndim)
        weights = broadcast_weights(weights, values.shape, sample_weight)
        self.total += float(np.sum(_means(values * weights, 1)))
        self.count += float(np.sum(_means(weights, 1)))

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned; the two sums are numbers."""
        if any(np.ndim(value) for value in state.values()):
            raise ValueError(f"{self.name}: the saved sums are arrays, expected numbers")
        super().set_state(state)

    def result(self) -> float:
        """Return the mean so far."""
        return ratio(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of ``fn(y_true, y_pred, **arguments)``, which gives one value for each sample."""

    direction = "up"

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **arguments: Any
    ) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self._fn, self._arguments = fn, arguments

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch."""
        super().update_state(
            self._fn(np.asarray(y_true), np.asarray(y_pred), **self._arguments), sample_weight
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; of the wrapper itself there are none that JSON can hold."""
        if type(self) is MeanMetricWrapper:
            raise ValueError(f"metric {self.name!r}: a function cannot be saved; use a subclass of Metric")
        return super().get_config() | self._arguments


def _means(values: np.ndarray, kept: int) -> np.ndarray:
    """Return the means over all axes but the first ``kept``."""
    axes = tuple(range(kept, values.ndim))
    return values.mean(axis=axes) if values.size else values.sum(axis=axes)


def weights_of_entries(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the weight of each entry of predictions (N, …), in float64: all 1 for None.

    Args:
        sample_weight: one a sample, (N,); or, as in Keras, what broadcasts to the predictions, with as many
            axes or without the last one; or a number.
        shape: of the predictions.

    Raises:
        ValueError: they do not broadcast.
    """
    weights = np.asarray(1 if sample_weight is None else sample_weight, np.float64)
    if weights.shape == shape[:1]:  # one a sample
        weights = weights.reshape(-1, *[1] * (len(shape) - 1))
    elif weights.ndim < len(shape):
        weights = weights[..., None]
    return broadcast_weights(weights, shape, sample_weight)


def broadcast_weights(weights: np.ndarray, shape: tuple[int, ...], given: Any) -> np.ndarray:
    """Return weights broadcast to a shape; ``given`` is what the user gave.

    Raises:
        ValueError: they do not fit.
    """
    try:
        return np.broadcast_to(weights, shape)
    except ValueError:
        raise ValueError(
            f"sample_weight of shape {np.shape(given)}: expected {shape[:1]}, one a sample, or what broadcasts "
            f"to {shape}"
        ) from None


def ratio(part: Any, whole: Any) -> Any:
    """Return part / whole, and 0 where whole is 0: floats for floats, arrays for arrays."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    result = np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole != 0)
    return float(result) if result.ndim == 0 else result
