"""A stranger's function in which np.zeros, np.empty and float(…) keep complex numbers.

Many people write their results into np.zeros(shape). A complex step gets lost there. The function itself is not
changed: this is a copy of it with other globals, in which ``np`` is a NumPy whose new arrays are complex. Functions
and classes that it uses are copied in the same way.
"""

import builtins
import copy
import functools
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

BUFFERS = ("zeros", "empty", "ones", "full", "array", "asarray", "ascontiguousarray")
MAKERS = (*BUFFERS, "zeros_like", "empty_like", "ones_like", "full_like", "float64", "float32", "float_")
FOREIGN = {"minicnn", "numpy", "scipy", *sys.stdlib_module_names}  # modules that are left as they are
OWN = __name__.rsplit(".", 2)[0]
NAMED_OTHERWISE = {"pow": "power", "fabs": "abs"}


Number = Callable[[str, float], Any]  # the name of a number, its value -> the value in the copy


def rebound(function: Callable[..., Any], kind: type[np.ndarray], number: Number | None = None) -> Any:
    """Return a copy of a function whose new arrays are complex and of this class.

    ``number``: is asked for the value of each number in it: options, defaults, globals, literals with a point.
    """
    return _Rebinding(kind, number).of(function)


class _Like:
    """A module with some functions replaced."""

    def __init__(self, module: Any, replaced: dict[str, Any]) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced[name] if name in self._replaced else getattr(self._module, name)


class _Rebinding:
    def __init__(self, kind: type[np.ndarray], number: Number | None) -> None:
        self.kind, self.number = kind, number
        self._made: dict[int, Any] = {}  # id of a thing -> its copy
        self._kept: list[Any] = []  # so that ids stay
        makers = {name: self._maker(getattr(np, name)) for name in MAKERS if hasattr(np, name)}
        self._modules = {
            np: _Like(np, makers),
            math: _Like(np, {"pow": np.power, "fabs": np.abs, "pi": np.pi}),
        }
        self._makers = {id(getattr(np, name)): made for name, made in makers.items()}

    def of(self, thing: Any) -> Any:
        """Return the copy of a thing; the thing itself if it needs none."""
        if isinstance(thing, types.ModuleType):
            return self._modules.get(thing, thing)
        if id(thing) in self._makers:
            return self._makers[id(thing)]
        if id(thing) not in self._made:
            self._kept.append(thing)
            self._made[id(thing)] = thing  # while its copy is made
            self._made[id(thing)] = self._copied(thing)
        return self._made[id(thing)]

    def _copied(self, thing: Any) -> Any:
        if isinstance(thing, types.FunctionType):
            return self._function(thing)
        if isinstance(thing, types.MethodType):
            return types.MethodType(self.of(thing.__func__), self.of(thing.__self__))
        if isinstance(thing, functools.partial):
            return functools.partial(self.of(thing.func), *thing.args, **thing.keywords)
        if isinstance(thing, type):
            return self._class(thing) if _strange(thing) else thing
        cls = type(thing)
        if not hasattr(thing, "__dict__") or isinstance(thing, np.ndarray):
            return thing
        if cls.__module__.startswith(OWN):  # the checker's own: it holds the user's functions
            made = copy.copy(thing)
            for name, value in vars(thing).items():
                if callable(value):
                    setattr(made, name, self.of(value))
                elif isinstance(value, dict):  # the options
                    setattr(
                        made,
                        name,
                        {key: self._value(key, self._array(each)) for key, each in value.items()},
                    )
            return made
        if not _strange(cls) or self.of(cls) is cls:
            return thing
        made = object.__new__(self.of(cls))
        made.__dict__ = thing.__dict__  # what it changes, the original sees
        return made

    def _function(self, function: types.FunctionType) -> Any:
        own = (function.__module__ or "").startswith(OWN)
        if not own and not _strange(function):
            return function
        names = function.__globals__ if own else self._globals(function.__globals__)
        cells = []
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            try:
                content = cell.cell_contents
            except ValueError:  # not yet set
                content = None
            wanted = name != "__class__" and (callable(content) or isinstance(content, types.ModuleType))
            content = self.of(content) if wanted else self._value(name, content)
            cells.append(types.CellType(content) if wanted or self._is_number(content) else cell)
        code, defaults, named = function.__code__, function.__defaults__, function.__kwdefaults__
        if self.number and not own:
            literals = (self._value(str(c), c) if isinstance(c, float) else c for c in code.co_consts)
            code = code.replace(co_consts=tuple(literals))
            last = code.co_varnames[: code.co_argcount][-len(defaults or ()) :]
            defaults = defaults and tuple(map(self._value, last, defaults))
            named = named and {key: self._value(key, value) for key, value in named.items()}
        made = types.FunctionType(code, names, function.__name__, defaults, tuple(cells))
        made.__kwdefaults__ = named
        return made

    def _is_number(self, value: Any) -> bool:
        return self.number is not None and type(value) in (int, float)

    def _value(self, name: str, value: Any) -> Any:
        return self.number(name, value) if self.number and self._is_number(value) else value

    def _globals(self, names: dict[str, Any]) -> dict[str, Any]:
        if id(names) not in self._made:
            self._kept.append(names)
            made = self._made[id(names)] = dict(names)
            made["float"] = lambda x=0.0: x if isinstance(x, self.kind) else builtins.float(x)
            for name, value in names.items():
                if isinstance(value, float):
                    made[name] = self._value(name, value)
                if (
                    isinstance(value, types.ModuleType | types.FunctionType | type)
                    or id(value) in self._makers
                ):
                    made[name] = self.of(value)
        return self._made[id(names)]

    def _class(self, cls: type) -> type:
        methods = {n: self.of(f) for n, f in vars(cls).items() if isinstance(f, types.FunctionType)}
        plain = type(cls) is type and methods  # not one with a metaclass, or written in C
        return type(cls.__name__, (cls,), methods) if plain else cls

    def _array(self, thing: Any) -> Any:
        is_array = isinstance(thing, np.ndarray) and thing.dtype.kind == "f"
        return thing.astype(complex).view(self.kind) if is_array else thing

    def _maker(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **options: Any) -> Any:
            if "dtype" in options and np.dtype(options["dtype"]).kind == "f":
                options["dtype"] = complex
            args = tuple(complex if _is_float(arg) else arg for arg in args)
            if isinstance(make, type):  # np.float64
                return args[0] if isinstance(args[0], self.kind) else make(*args)
            result = make(*args, **options)
            if result.dtype.kind == "f":
                result = result.astype(complex)
            return result.view(self.kind) if result.dtype.kind == "c" else result

        return made


def _is_float(thing: Any) -> bool:
    """Whether this is a dtype of real numbers, given without a name."""
    return thing is float or (isinstance(thing, type) and issubclass(thing, np.floating))


def _strange(thing: Any) -> bool:
    """Whether a function or class is the user's, not of an installed package."""
    module = thing.__module__ or ""
    package = module.partition(".")[0]
    file = str(getattr(sys.modules.get(package), "__file__", ""))
    return not module.startswith(OWN) and package not in FOREIGN and "-packages" not in file
