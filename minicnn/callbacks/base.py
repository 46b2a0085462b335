"""What a callback is: an object whose methods (hooks) a training loop calls; it may change the model.

    on_train_begin
        on_epoch_begin(epoch)
            on_train_batch_begin(batch), on_train_batch_end(batch, logs)        for every batch
            on_test_begin, on_test_batch_begin, on_test_batch_end, on_test_end  if there are validation data
        on_epoch_end(epoch, logs)
    on_train_end

``epoch`` and ``batch`` count from 0. ``logs`` holds the results so far: "loss", the metrics, and at the end
of an epoch "val_loss" and so on. All callbacks get the same dictionary, in the order of the list: the next
callback sees what one has added.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, Unpack

from minicnn._base import keras_errors, schema

Logs = dict[str, Any]  # the name of a result -> its value


class Callback:
    """Base class: your own callback overrides the hooks that it needs.

    Args:
        unknown: other arguments, for the error message: minicnn._base.keras_errors.

    Attributes:
        model: the model that is trained; ``model.stop_training = True`` ends the training.
        params: {"epochs": …, "steps": …, "verbose": …}.
    """

    runs_last: bool = False  # called after all others, and first when training begins: a backup needs this

    def __init__(self, **unknown: Any) -> None:
        keras_errors.check_arguments("callback", type(self), unknown)
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Set ``params``: fit calls this."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Set ``model``: fit calls this."""
        self.model = model

    @property
    def writes(self) -> bool:
        """Whether this process writes files: in a fit with ``distributed`` only process 0 does."""
        share = getattr(self.model, "distribution", None)
        return share is None or share.rank == 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Training begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Training has ended: after the last epoch, or because of ``stop_training``."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch has ended, validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A training batch begins."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The step on a training batch is done."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name of :meth:`on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """An evaluation begins, or the validation of an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """An evaluation has ended."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """An evaluation batch begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """An evaluation batch is done."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """A prediction begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """A prediction has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A prediction batch begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A prediction batch is done."""

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs: JSON-able values and arrays, by name."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned: the next training is a continuation."""


class Resumable(Callback):
    """A callback with a state, the attributes in ``state_names``: reset, or restored, as training begins."""

    state_names: tuple[str, ...] = ()
    state_content: Mapping[Any, Any] = {str: Any}  # what they hold, as a description for minicnn._base.schema

    def __init__(self, **unknown: Any) -> None:
        super().__init__(**unknown)
        self._resumed = False
        self.reset()

    def reset(self) -> None:
        """Set the state to that of the beginning of a training."""
        raise NotImplementedError(f"{type(self).__name__}.reset")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the state, except after :meth:`set_state`."""
        if not self._resumed:
            self.reset()
        self._resumed = False

    def get_state(self) -> dict[str, Any]:
        """Return the attributes named in ``state_names``."""
        return {name: getattr(self, name) for name in self.state_names}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned.

        Raises:
            ValueError: it lacks a part, or one is a list or dictionary here and not there.
        """
        schema.check(state, self.state_content, "the state")
        for name in self.state_names:
            kind, saved = type(getattr(self, name)), state.get(name)
            number = kind in (int, float, bool)
            if (number and not isinstance(saved, int | float)) or (
                kind in (list, dict) and not isinstance(saved, kind)
            ):
                raise ValueError(
                    f"the state of {type(self).__name__} has no {name}: expected a {kind.__name__}"
                )
            setattr(self, name, state[name])
        self._resumed = True


class Hooks(TypedDict, total=False):
    """The hooks of a callback, as functions."""

    on_train_begin: Callable[[Logs], Any] | None
    on_train_end: Callable[[Logs], Any] | None
    on_epoch_begin: Callable[[int, Logs], Any] | None
    on_epoch_end: Callable[[int, Logs], Any] | None
    on_train_batch_begin: Callable[[int, Logs], Any] | None
    on_train_batch_end: Callable[[int, Logs], Any] | None
    on_batch_begin: Callable[[int, Logs], Any] | None
    on_batch_end: Callable[[int, Logs], Any] | None
    on_test_begin: Callable[[Logs], Any] | None
    on_test_end: Callable[[Logs], Any] | None
    on_test_batch_begin: Callable[[int, Logs], Any] | None
    on_test_batch_end: Callable[[int, Logs], Any] | None
    on_predict_begin: Callable[[Logs], Any] | None
    on_predict_end: Callable[[Logs], Any] | None
    on_predict_batch_begin: Callable[[int, Logs], Any] | None
    on_predict_batch_end: Callable[[int, Logs], Any] | None


class LambdaCallback(Callback):
    """Functions as a callback: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))``.

    Args:
        **hooks: functions under the names of hooks, with the hooks' arguments.

    Raises:
        TypeError: there is no hook of that name.
    """

    def __init__(self, **hooks: Unpack[Hooks]) -> None:
        super().__init__()
        for name, function in hooks.items():
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise TypeError(
                    f"LambdaCallback: unknown hook {name!r}; there are on_epoch_end, on_train_begin, …"
                )
            if function is not None:
                setattr(self, name, function)
