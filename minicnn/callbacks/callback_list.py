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


def _flat(callbacks: Any) -> list[Any]:
    """Return callbacks in a row: Keras takes one alone, and lists of lists."""
    if not isinstance(callbacks, list | tuple):
        return [] if callbacks is None else [callbacks]
    return [one for inner in callbacks for one in _flat(inner)]


class CallbackList:
    """Callbacks in a row, called as one. A :class:`History` joins them at the end if there is none.

    Attributes:
        callbacks: the list.
        history: the History among them.
    """

    def __init__(
        self,
        callbacks: "Callback | Iterable[Any] | None" = None,
        model: Any = None,
        params: dict[str, Any] | None = None,
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
            callback.set_params(dict(params or {}))
            callback.set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Tell all that training begins, a backup first: what it restores, the others then keep."""
        for callback in sorted(self.callbacks, key=lambda callback: not callback.runs_last):
            callback.on_train_begin({} if logs is None else logs)

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
        there, expected = [one["class_name"] for one in saved], [type(one).__name__ for one in callbacks]
        if there != expected:
            raise ValueError(f"the saved state is that of the callbacks {there}, expected {expected}")
        for callback, one in zip(callbacks, saved):
            callback.set_state(one["state"])
