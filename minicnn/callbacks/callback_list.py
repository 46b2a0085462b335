"""CallbackList: several callbacks, called as one."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from minicnn.callbacks.base import Callback, Logs
from minicnn.callbacks.logs import History


def _hook(hook: str) -> Callable[..., None]:
    def call(self: "CallbackList", logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)({} if logs is None else logs)

    return call


def _hook_with_number(hook: str) -> Callable[..., None]:
    def call(self: "CallbackList", number: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs  # one dictionary for all: what a callback adds, the next ones see
        for callback in self.callbacks:
            getattr(callback, hook)(number, logs)

    return call


def _flat(callbacks: Any) -> list[Any]:
    """Return a flat list: as in Keras, a single callback and nested lists are accepted."""
    if not isinstance(callbacks, list | tuple):
        return [] if callbacks is None else [callbacks]
    return [one for inner in callbacks for one in _flat(inner)]


class CallbackList:
    """Several callbacks, called as one. A :class:`History` is added at the end if there is none.

    Args:
        callbacks, model, params: what is called, and what each gets by ``set_model`` and ``set_params``.
        in_use: callbacks of a training that runs, which keep its model and params.

    Attributes:
        callbacks: the list.
        history: the History among them.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Any] | None = None,
        model: Any = None,
        params: dict[str, Any] | None = None,
        in_use: Container[Callback] = (),
    ) -> None:
        self.callbacks = _flat(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callback {callback!r}: expected an instance of callbacks.Callback")
        histories = [callback for callback in self.callbacks if isinstance(callback, History)]
        self.history = histories[0] if histories else History()
        if not histories:
            self.callbacks.append(self.history)
        self.callbacks.sort(key=lambda callback: callback.runs_last)
        for callback in self.callbacks:
            if callback not in in_use:
                callback.set_params(dict(params or {}))
                callback.set_model(model)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call all callbacks, a backup first: the others then keep what it has restored."""
        for callback in sorted(self.callbacks, key=lambda callback: not callback.runs_last):
            callback.on_train_begin({} if logs is None else logs)

    on_train_end = _hook("on_train_end")
    on_test_begin = _hook("on_test_begin")
    on_test_end = _hook("on_test_end")
    on_predict_begin = _hook("on_predict_begin")
    on_predict_end = _hook("on_predict_end")
    on_epoch_begin = _hook_with_number("on_epoch_begin")
    on_epoch_end = _hook_with_number("on_epoch_end")
    on_train_batch_begin = _hook_with_number("on_train_batch_begin")
    on_train_batch_end = _hook_with_number("on_train_batch_end")
    on_test_batch_begin = _hook_with_number("on_test_batch_begin")
    on_test_batch_end = _hook_with_number("on_test_batch_end")
    on_predict_batch_begin = _hook_with_number("on_predict_batch_begin")
    on_predict_batch_end = _hook_with_number("on_predict_batch_end")

    def get_state(self) -> list[dict[str, Any]]:
        """Return the class and state of each callback that has one, in order."""
        return [{"class_name": type(one).__name__, "state": one.get_state()} for one in self._with_state()]

    def _with_state(self) -> list[Callback]:
        return [one for one in self.callbacks if type(one).get_state is not Callback.get_state]

    def set_state(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Continue from what :meth:`get_state` of a list of the same classes returned.

        Raises:
            ValueError: these are other callbacks.
        """
        saved = list(state)
        callbacks = self._with_state()
        found, expected = [one["class_name"] for one in saved], [type(one).__name__ for one in callbacks]
        if found != expected:
            raise ValueError(f"the saved state is that of the callbacks {found}, expected {expected}")
        for callback, one in zip(callbacks, saved):
            callback.set_state(one["state"])
