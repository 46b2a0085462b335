"""Arrays that differentiate code which was not written for complex numbers.

:class:`Nudged` is an array x + i·h·v that a function takes for an array of real numbers. The complex step
(numeric.py) reads the derivative along v from the imaginary part. For that, each operation must be the
real one, continued: |x| is x·sign(x), not √(zz̄), and a conjugate changes nothing.

**Decisions.** NumPy orders complex numbers by the real part, and equal ones by the imaginary part. So x + i·h·v
is compared like x + ε·v with an ε > 0 that is smaller than every number. At a tie, or at a kink, every decision
(a comparison, a maximum, a sort, an argmax) is then the one that holds a little further along v, and the
imaginary part is the *one-sided* derivative along v, exactly. With −v it is that of the other side. If the two
differ, there is a kink, and these are its slopes.

What cannot be continued raises :class:`Lost`, or an error of NumPy's: a cast to float, a Fourier transform, a
decomposition. The caller then uses differences.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Z = np.ndarray


READERS: list[list[bool]] = []  # those who want to know whether a function reads real parts


class Lost(TypeError):
    """An operation that has no continuation here."""


class Nudged(np.ndarray):
    """A complex array with an infinitesimal imaginary part; its elements are arrays of this class too."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [_plain(each) for each in inputs]
        rule = UFUNCS.get(ufunc)
        if rule is None or not any(np.iscomplexobj(each) for each in plain):
            given = {} if out is None else {"out": tuple(_plain(each) for each in out)}
            result = getattr(ufunc, method)(*plain, **given, **kwargs)
            return out[0] if out is not None and len(out) == 1 else wrapped(result)
        if method != "__call__" or kwargs:
            raise Lost(f"{ufunc.__name__}.{method} with {sorted(kwargs)}")
        with np.errstate(all="ignore"):
            result = rule(*map(np.asarray, plain))
        if out is None:
            return wrapped(np.asarray(result))
        np.copyto(_plain(out[0]), result)
        return out[0]

    def __array_function__(self, func, types, args, kwargs):
        if (func.__module__ or "").startswith("numpy.fft") or func in LOSES:
            raise Lost(func.__name__)
        rule = FUNCTIONS.get(func)
        return wrapped(
            rule(*args, **kwargs) if rule else super().__array_function__(func, types, args, kwargs)
        )

    def __getitem__(self, key):
        return wrapped(super().__getitem__(key))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @property  # type: ignore[misc]
    def real(self):
        """The real part, an ordinary array: for decisions that the function takes itself."""
        for each in READERS:
            each.append(True)
        return self.view(np.ndarray).real

    def conj(self):  # noqa: D102
        return self

    conjugate = conj

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **kwargs):  # noqa: D102
        return _var(self, axis, ddof=ddof, keepdims=keepdims, **_none(dtype=dtype, out=out, **kwargs))

    def std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **kwargs):  # noqa: D102
        return np.sqrt(self.var(axis, dtype, out, ddof, keepdims, **kwargs))

    def item(self, *args):  # noqa: D102
        return self[args if args else ()] if self.size == 1 or args else super().item()


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    """Return x += y and so on. A number x[i] is an array here, but must not change where it is also used."""

    def method(self, other):
        if self.ndim == 0:
            return getattr(self, f"__{name}__")(other)
        return getattr(super(Nudged, self), f"__i{name}__")(other)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Nudged, f"__i{_name}__", _in_place(_name))


def wrapped(result: Any) -> Any:
    """Return complex results as Nudged, others unchanged."""
    if isinstance(result, tuple | list):
        return type(result)(map(wrapped, result)) if type(result) in (tuple, list) else result
    if isinstance(result, np.ndarray | np.generic) and result.dtype.kind == "c":
        return np.asarray(result).view(Nudged)
    return result


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, Nudged) else x


def _none(**unused: Any) -> dict[str, Any]:
    """Refuse arguments that are seldom used."""
    if any(value is not None and value is not np._NoValue for value in unused.values()):
        raise Lost(f"arguments {sorted(unused)}")
    return {}


# ---- what NumPy does not have for complex numbers, or defines in another way -------------------------------


def _sign(z: Z) -> Z:
    """The sign a little further along: 0 only if both parts are 0."""
    return np.where(z.real != 0, np.sign(z.real), np.sign(z.imag))


def _abs(z: Z) -> Z:
    return np.where(_sign(z) < 0, -z, z)


def _floor(z: Z) -> Z:
    down = np.floor(z.real)
    return down - ((down == z.real) & (z.imag < 0))


def _ceil(z: Z) -> Z:
    return -_floor(-z)


def _arctan2(y: Z, x: Z) -> Z:
    turn = (y.imag * x.real - x.imag * y.real) / (x.real**2 + y.real**2)
    return np.arctan2(y.real, x.real) + 1j * turn


def _logaddexp(a: Z, b: Z) -> Z:
    return np.maximum(a, b) + np.log1p(np.exp(-_abs(a - b)))


def _cbrt(z: Z) -> Z:
    root = np.cbrt(z.real)
    return root + 1j * z.imag / (3 * root**2)


UFUNCS: dict[np.ufunc, Callable[..., Z]] = {
    np.absolute: _abs,
    np.fabs: _abs,
    np.sign: _sign,
    np.conjugate: lambda z: z,
    np.signbit: lambda z: _sign(z) < 0,
    np.copysign: lambda a, b: _abs(a) * np.where(_sign(b) < 0, -1, 1),
    np.heaviside: lambda z, at_0: np.where(z == 0, at_0, _sign(z) > 0),
    np.floor: _floor,
    np.ceil: _ceil,
    np.trunc: lambda z: np.where(_sign(z) < 0, _ceil(z), _floor(z)),
    np.remainder: lambda a, b: a - _floor(a / b) * b,
    np.floor_divide: lambda a, b: _floor(a / b),
    np.hypot: lambda a, b: np.sqrt(a * a + b * b),
    np.arctan2: _arctan2,
    np.logaddexp: _logaddexp,
    np.logaddexp2: lambda a, b: _logaddexp(a * np.log(2), b * np.log(2)) / np.log(2),
    np.cbrt: _cbrt,
}


def _var(x: Any, axis: Any = None, ddof: int = 0, keepdims: Any = False, **unused: Any) -> Any:
    _none(**unused)
    centered = x - np.mean(x, axis=axis, keepdims=True)
    squares = np.sum(centered * centered, axis=axis, keepdims=keepdims is True)
    return squares / (x.size // max(squares.size, 1) - ddof)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = tuple(range(np.ndim(x))) if axis is None else axis
    several = not isinstance(axes, int) and len(axes) == 2
    if ord in (None, "fro") or (ord == 2 and not several):
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))
    if ord in (1, np.inf) and not several:
        return (np.sum if ord == 1 else np.max)(np.abs(x), axis=axes, keepdims=keepdims)
    raise Lost(f"norm with ord={ord!r}")


def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    if len(v) > len(a):
        raise Lost("correlate with the longer array second")
    return np.convolve(a, v[::-1], mode)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.var: _var,
    np.std: lambda *args, **kwargs: np.sqrt(_var(*args, **kwargs)),
    np.vdot: lambda a, b: np.sum(np.ravel(a) * np.ravel(b)),
    np.linalg.norm: _norm,
    np.correlate: _correlate,
}
LOSES = {
    np.real,
    np.nanvar,
    np.nanstd,
    np.cov,
    np.corrcoef,
    np.linalg.cholesky,
    np.linalg.eigh,
    np.linalg.qr,
    np.linalg.svd,
    np.linalg.pinv,
    np.linalg.lstsq,
}
