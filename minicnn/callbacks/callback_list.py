"""CallbackList: callbacks in a row, called as one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minicnn.callbacks.base import Callback
from minicnn.callbacks.logs import History


def _to_all(hook: str) -> Callable[..., None]:
    def call(self: "CallbackList", logs: dict[str, Any] | None = None) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)({} if logs is None else logs)

    return call


def _to_all_numbered(hook: str) -> Callable[..., None]:
    def call(self: "CallbackList", number: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs  # one dictionary for all: what a callback adds, the next ones see
        for callback in self.callbacks:
            getattr(callback, hook)(number, logs)

    return call


class CallbackList:
    """Callbacks in a row, called as one. A :class:`History` joins them at the end if there is none.

    Attributes:
        callbacks: the list.
        history: the History among them.
    """

    def __init__(
        self,
        callbacks: Iterable[Callback] | None = None,
        model: Any = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.callbacks = list(callbacks or [])
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callback {callback!r}: expected an instance of callbacks.Callback")
        histories = [callback for callback in self.callbacks if isinstance(callback, History)]
        self.history = histories[0] if histories else History()
        if not histories:
            self.callbacks.append(self.history)
        for callback in self.callbacks:
            callback.set_params(dict(params or {}))
            callback.set_model(model)

    on_train_begin = _to_all("on_train_begin")
    on_train_end = _to_all("on_train_end")
    on_test_begin = _to_all("on_test_begin")
    on_test_end = _to_all("on_test_end")
    on_predict_begin = _to_all("on_predict_begin")
    on_predict_end = _to_all("on_predict_end")
    on_epoch_begin = _to_all_numbered("on_epoch_begin")
    on_epoch_end = _to_all_numbered("on_epoch_end")
    on_train_batch_begin = _to_all_numbered("on_train_batch_begin")
    on_train_batch_end = _to_all_numbered("on_train_batch_end")
    on_test_batch_begin = _to_all_numbered("on_test_batch_begin")
    on_test_batch_end = _to_all_numbered("on_test_batch_end")
    on_predict_batch_begin = _to_all_numbered("on_predict_batch_begin")
    on_predict_batch_end = _to_all_numbered("on_predict_batch_end")

    def get_state(self) -> list[dict[str, Any]]:
        """Return the class and state of each callback, in order."""
        return [{"class_name": type(one).__name__, "state": one.get_state()} for one in self.callbacks]

    def set_state(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Continue from what :meth:`get_state` of a list of the same classes returned.

        Raises:
            ValueError: these are other callbacks.
        """
        saved = list(state)
        there, expected = [one["class_name"] for one in saved], [type(one).__name__ for one in self.callbacks]
        if there != expected:
            raise ValueError(f"the saved state is that of the callbacks {there}, expected {expected}")
        for callback, one in zip(self.callbacks, saved):
            callback.set_state(one["state"])
