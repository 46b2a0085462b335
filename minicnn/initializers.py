"""The values of weights before training.

A layer adds fan_in products. For the outputs of each layer to have about the variance of its inputs, the
weights need a variance of 1/fan_in (LeCun). ReLU sets half of the values to 0, so 2/fan_in (He). In the
backward pass the sum has fan_out terms; 2/(fan_in + fan_out) is a compromise for both directions (Glorot,
Keras's default):

    VarianceScaling    variance = scale / n,   n = fan_in, fan_out or their mean
        uniform            in ±√(3·variance)
        truncated normal   drawn again beyond two deviations, then scaled by 1/0.8796… to have that variance

    dense kernel (D, U)                fan_in = D         fan_out = U
    convolution kernel (kh, kw, C, K)  fan_in = kh·kw·C   fan_out = kh·kw·K

Every initializer is called as ``initializer(shape, dtype="float32", generator=None)``. Values are drawn in
float64 and rounded to the dtype: networks in float32 and float64 start with the same weights.

Sources: LeCun et al., "Efficient BackProp" (1998); Glorot and Bengio (2010); He et al. (2015); Saxe et al.
(2014).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import random
from minicnn._base import keras_errors
from minicnn._base.messages import shown
from minicnn._base.registry import Configured, Registry
from minicnn._base.registry import serialize as serialize

TRUNCATED_DEVIATION = 0.87962566103423978  # standard deviation of a standard normal that is cut off at ±2
MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class Initializer(Configured):
    """Base class. Your own defines ``_values(shape, generator)``; as a dataclass it can also be saved.

    With a ``seed``, an initializer returns the same values at every call, as in Keras. Otherwise it draws
    from ``generator``, or from the next one of ``minicnn.random``.
    """

    seed: int | None = None

    def __call__(
        self, shape: Sequence[int], dtype: Any = "float32", generator: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return an array of ``shape`` and ``dtype``."""
        if self.seed is not None:
            generator = np.random.default_rng(self.seed)
        return np.asarray(self._values(tuple(shape), generator or random.generator()), dtype)

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__}._values")


@dataclass(frozen=True)
class Constant(Initializer):
    """All entries are ``value``, which may also be an array that broadcasts to the weight's shape."""

    value: float | Sequence[float] | np.ndarray = 0.0

    def __post_init__(self) -> None:
        if np.asarray(self.value).dtype.kind not in "fiub":
            raise ValueError(f"value={shown(self.value)}: expected a number")

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Zeros(Initializer):
    """All entries are 0."""

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return np.zeros(shape)


@dataclass(frozen=True)
class Ones(Initializer):
    """All entries are 1."""

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return np.ones(shape)


@dataclass(frozen=True)
class Identity(Initializer):
    """A matrix with ``gain`` on its diagonal, 0 elsewhere."""

    gain: float = 1.0

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"shape={shape}: Identity makes matrices, expected two dimensions")
        return self.gain * np.eye(*shape)


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Normal with ``mean`` and ``stddev``."""

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return generator.normal(self.mean, self.stddev, shape)


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normal; values more than two ``stddev`` from ``mean`` are drawn again: deviation 0.88 ``stddev``."""

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return self.mean + self.stddev * _truncated_normal(shape, generator)


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Uniform from ``minval`` to ``maxval``."""

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return generator.uniform(self.minval, self.maxval, shape)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """``gain`` times a matrix with orthonormal columns, or rows if those are fewer: it keeps lengths.

    With more than two dimensions, the last one are the matrix's columns and all others its rows. The signs of
    Q are set so that all orthogonal matrices are equally likely.
    """

    gain: float = 1.0
    seed: int | None = None

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"shape={shape}: Orthogonal makes matrices, expected at least two dimensions")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.copysign(1.0, np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Variance ``scale`` / n; ``mode`` chooses n and ``distribution`` the form, see the module's table."""

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.scale > 0:
            raise ValueError(f"scale={self.scale!r}: expected a positive number")
        if self.mode not in MODES:
            raise ValueError(f"mode={self.mode!r}: expected one of {MODES}")
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(f"distribution={self.distribution!r}: expected one of {DISTRIBUTIONS}")

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        fan_in, fan_out = compute_fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return generator.normal(0.0, deviation, shape)
        return deviation / TRUNCATED_DEVIATION * _truncated_normal(shape, generator)


class _Preset(VarianceScaling):
    """A named choice of scale, mode and distribution."""

    settings: tuple[float, str, str]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self.settings, seed=seed)


class GlorotUniform(_Preset):
    """Uniform in ±√(6/(fan_in + fan_out)): Keras's default for kernels."""

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal with variance 2/(fan_in + fan_out)."""

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform in ±√(6/fan_in), for layers with ReLU."""

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal with variance 2/fan_in, for layers with ReLU."""

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform in ±√(3/fan_in)."""

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal with variance 1/fan_in."""

    settings = (1.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class FromFunction(Initializer):
    """The values of a function of shape and dtype. It cannot be saved with a model."""

    function: Callable[..., Any]

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        values = np.asarray(self.function(shape, dtype="float64"))
        if values.shape != shape:
            raise ValueError(f"initializer {self.function!r} returned shape {values.shape}, expected {shape}")
        return values

    def get_config(self) -> dict[str, Any]:
        """Raise: a function has no JSON form."""
        raise ValueError(
            f"initializer {self.function!r}: a function cannot be saved; use a subclass of Initializer"
        )


def compute_fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight array: the number of terms in a forward and in a backward sum.

    A depthwise kernel (kh, kw, C, M) counts as a convolution's, as in Keras: fan_in = kh·kw·C.
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Return standard normal values, drawn again until all are within ±2."""
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values = np.where(outside, generator.standard_normal(shape), values)
    return values


# Keras's older spellings of the same classes
constant, identity, ones, orthogonal, zeros = Constant, Identity, Ones, Orthogonal, Zeros
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
keras_errors.add_getattr(__name__)

_registry = Registry(
    "initializer",
    [
        *(Constant, Identity, Ones, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal),
        *(VarianceScaling, Zeros),
        *(GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform),
    ],
    {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform},
)


def get(identifier: Any) -> Initializer | None:
    """Return the initializer of a name ("he_normal"), a dictionary, a class, a function or an object.

    Raises:
        ValueError: there is no initializer of that name.
        TypeError: ``identifier`` is something else.
    """
    found = None if identifier is None else _registry.get(identifier)
    if found is None or isinstance(found, Initializer):
        return found
    if not callable(found):
        raise TypeError(f"initializer={identifier!r}: expected a name, a function or an Initializer")
    return FromFunction(found)


deserialize = get
