"""A table with a function for each class of layer: to export it, to explain it, …"""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class ClassDispatch:
    """A table of functions: which one to call for a layer."""

    def __init__(self) -> None:
        self.functions: dict[type, Function] = {}

    def register(self, *kinds: type) -> Callable[[Function], Function]:
        """Register the decorated function for layers of these classes."""

        def registered(function: Function) -> Function:
            self.functions.update(dict.fromkeys(kinds, function))
            return function

        return registered

    def find(self, layer: Any) -> Function | None:
        """Return the function for a layer's class or for the class that defines its forward pass, or None."""
        passes = ("forward", "pre_activation_forward")
        for kind in type(layer).__mro__:
            # a subclass with another forward pass is another layer
            if kind in self.functions and all(
                getattr(kind, each) is getattr(type(layer), each) for each in passes
            ):
                return self.functions[kind]
        return None
