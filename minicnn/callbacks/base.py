"""What a callback is: an object that a training loop tells what happens, and that may act on the model.

    on_train_begin
        on_epoch_begin(epoch)
            on_train_batch_begin(batch), on_train_batch_end(batch, logs)        for every batch
            on_test_begin, on_test_batch_begin, on_test_batch_end, on_test_end  if there are validation data
        on_epoch_end(epoch, logs)
    on_train_end

``epoch`` and ``batch`` count from 0. ``logs`` holds the results so far: "loss", the metrics, and at the end
of an epoch "val_loss" and so on. All callbacks get the same dictionary, in their order in the list: what one
adds, the next ones see.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minicnn._base import keras_errors


class Callback:
    """Base class: a callback of your own overrides the hooks that it needs.

    Args:
        unknown: looked up in minicnn._base.keras_errors.

    Attributes:
        model: the model that is trained; ``model.stop_training = True`` ends the training.
        params: {"epochs": …, "steps": …, "verbose": …}.
    """

    runs_last = False  # told after all others (and before them when training begins), as a backup must be

    def __init__(self, **unknown: Any) -> None:
        keras_errors.check_arguments("callback", type(self), unknown)
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the facts about the training."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self.model = model

    def on_train_begin(self, logs=None) -> None:
        """Training begins."""

    def on_train_end(self, logs=None) -> None:
        """Training has ended, by itself or by ``stop_training``."""

    def on_epoch_begin(self, epoch, logs=None) -> None:
        """An epoch begins."""

    def on_epoch_end(self, epoch, logs=None) -> None:
        """An epoch has ended, validation included."""

    def on_train_batch_begin(self, batch, logs=None) -> None:
        """A training batch begins."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None) -> None:
        """The step on a training batch is done."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None) -> None:
        """Keras's older name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None) -> None:
        """Keras's older name of :meth:`on_train_batch_end`."""

    def on_test_begin(self, logs=None) -> None:
        """An evaluation begins, or the validation of an epoch."""

    def on_test_end(self, logs=None) -> None:
        """An evaluation has ended."""

    def on_test_batch_begin(self, batch, logs=None) -> None:
        """An evaluation batch begins."""

    def on_test_batch_end(self, batch, logs=None) -> None:
        """An evaluation batch is done."""

    def on_predict_begin(self, logs=None) -> None:
        """A prediction begins."""

    def on_predict_end(self, logs=None) -> None:
        """A prediction has ended."""

    def on_predict_batch_begin(self, batch, logs=None) -> None:
        """A prediction batch begins."""

    def on_predict_batch_end(self, batch, logs=None) -> None:
        """A prediction batch is done."""

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training must know: JSON-able values and arrays, by name."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned: the next training does not start over."""


class Resumable(Callback):
    """A callback whose attributes named in ``remembered`` begin anew with every training, unless resumed."""

    remembered: tuple[str, ...] = ()

    def __init__(self, **unknown: Any) -> None:
        super().__init__(**unknown)
        self._resumed = False
        self.reset()

    def reset(self) -> None:
        """Set the remembered attributes to where a training begins."""
        raise NotImplementedError(f"{type(self).__name__}.reset")

    def on_train_begin(self, logs=None) -> None:
        """Start over; not so after :meth:`set_state`."""
        if not self._resumed:
            self.reset()
        self._resumed = False

    def get_state(self) -> dict[str, Any]:
        """Return the remembered attributes."""
        return {name: getattr(self, name) for name in self.remembered}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned."""
        for name in self.remembered:
            setattr(self, name, state[name])
        self._resumed = True


class LambdaCallback(Callback):
    """Functions as a callback: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))``.

    Args:
        **hooks: functions under the names of hooks, with the hooks' arguments.

    Raises:
        TypeError: there is no hook of that name.
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        for name, function in hooks.items():
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise TypeError(
                    f"LambdaCallback: unknown hook {name!r}; there are on_epoch_end, on_train_begin, …"
                )
            if function is not None:
                setattr(self, name, function)
