"""A function for each class of layer: one that exports it, one that explains it, …"""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class ClassDispatch:
    """A table of functions: which one to call for a layer."""

    def __init__(self) -> None:
        self.functions: dict[type, Function] = {}

    def register(self, *kinds: type) -> Callable[[Function], Function]:
        """Make the decorated function the one for layers of these classes."""

        def registered(function: Function) -> Function:
            self.functions.update(dict.fromkeys(kinds, function))
            return function

        return registered

    def find(self, layer: Any) -> Function | None:
        """Return the function for a layer's class, or for the one that it has its forward pass from; or None."""
        for kind in type(layer).__mro__:
            # a subclass that computes something else is another layer
            if kind in self.functions and getattr(kind, "forward", None) is type(layer).forward:
                return self.functions[kind]
        return None
