"""Activations: the equations of ``ops/reference/activations.py``, each compiled to one loop.

    forward   y[i]  = f(x[i])
    backward  dx[i] = dy[i] · f'(kept[i])           kept: y where f' follows from it, else x

ReLU, sigmoid and tanh keep y. That costs no memory, since the next layer keeps it as its input anyway. Two
functions make every loop from a scalar function, which LLVM inlines and vectorises.

The exponential and what is made of it are in exponential.py.
"""

import math

from numba import prange
from numba.extending import register_jitable

from minicnn.ops.kernels.exponential import exp, expm1, normal_cdf, tanh
from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import CHUNKS, OPTIONS, compiled, piece, prepare

__all__ = [
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "hard_sigmoid_backward",
    "hard_sigmoid_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "mish_backward",
    "mish_forward",
    "relu6_backward",
    "relu6_forward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh_backward",
    "tanh_forward",
]

# LLVM does not vectorise a loop that calls a function, and does not inline long functions by itself
_INLINE = OPTIONS | {"forceinline": True}

_GELU_CUBIC = 0.044715
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


# ---------------------------------------------------------------------------------------------------- loops


def _forward_kernel(function):
    """Return the kernel y[i] = function(x[i], parameter)."""

    @compiled(parallel=True)
    def forward(x, parameter, y):
        for chunk in prange(CHUNKS):
            xs, ys = piece(x, chunk), piece(y, chunk)
            for i in range(ys.size):
                ys[i] = function(xs[i], parameter)

    return forward


def _backward_kernel(gradient):
    """Return the kernel dx[i] = gradient(dy[i], kept[i], parameter)."""

    @compiled(parallel=True)
    def backward(dy, kept, parameter, dx):
        for chunk in prange(CHUNKS):
            dxs, dys, kepts = piece(dx, chunk), piece(dy, chunk), piece(kept, chunk)
            for i in range(dxs.size):
                dxs[i] = gradient(dys[i], kepts[i], parameter)

    return backward


class _Activation:
    """The two passes of one function; ``keeps`` is "x" or "y", what the backward pass computes f' from.

    The scalar functions must be ``register_jitable`` functions of this module, neither closures nor
    ``compiled``: only then does a kernel that uses them have the same key on disk at the next start.
    """

    def __init__(self, function, gradient, keeps):
        self._forward, self._backward = _forward_kernel(function), _backward_kernel(gradient)
        self._keeps = keeps

    def forward(self, x, parameter=0.0):
        x = prepare(x)
        y = empty_like(x)
        number = x.dtype.type
        parameter = tuple(map(number, parameter)) if isinstance(parameter, tuple) else number(parameter)
        self._forward(x.reshape(-1), parameter, y.reshape(-1))
        return y, (y if self._keeps == "y" else x, parameter)

    def backward(self, dy, cache):
        kept, parameter = cache
        dy, kept = prepare(dy, kept)
        dx = empty_like(dy)
        self._backward(dy.reshape(-1), kept.reshape(-1), parameter, dx.reshape(-1))
        return dx


# ---------------------------------------------------------------- f(x, parameter) and dx(dy, kept, parameter)
# Tests are written `<= 0`, so that NaN takes the other branch and stays NaN.


@register_jitable(**_INLINE)
def _relu(x, zero):  # a zero of x's own type, as a plain 0 would make the loop float64
    return zero if x <= zero else x


@register_jitable(**_INLINE)
def _relu_dx(dy, y, zero):
    return zero if y <= zero else dy


@register_jitable(**_INLINE)
def _leaky_relu(x, slope):
    return slope * x if x <= 0 else x


@register_jitable(**_INLINE)
def _leaky_relu_dx(dy, x, slope):
    return slope * dy if x <= 0 else dy


@register_jitable(**_INLINE)
def _relu6(x, limits):
    most, slope, threshold = limits
    if x <= threshold:
        return slope * (x - threshold) if slope != 0 else slope
    return most if x >= most else x


@register_jitable(**_INLINE)
def _relu6_dx(dy, x, limits):
    most, slope, threshold = limits
    return slope * dy if x <= threshold else 0 * slope if x >= most else dy


@register_jitable(**_INLINE)
def _elu(x, alpha):
    return alpha * expm1(x) if x <= 0 else x


@register_jitable(**_INLINE)
def _elu_dx(dy, x, alpha):
    return dy * alpha * exp(x) if x <= 0 else dy


@register_jitable(**_INLINE)
def _sigmoid(x, _):
    return 1 / (1 + exp(-x))


@register_jitable(**_INLINE)
def _sigmoid_dx(dy, y, _):
    return dy * y * (1 - y)


@register_jitable(**_INLINE)
def _tanh_y(x, _):
    return tanh(x)


@register_jitable(**_INLINE)
def _tanh_dx(dy, y, _):
    return dy * (1 - y * y)


@register_jitable(**_INLINE)
def _gelu(x, _):
    return x * normal_cdf(x)


@register_jitable(**_INLINE)
def _gelu_dx(dy, x, _):
    return dy * (normal_cdf(x) + x * exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


@register_jitable(**_INLINE)
def _gelu_by_tanh(x, _):
    t = tanh(_SQRT_2_OVER_PI * (x + _GELU_CUBIC * x * x * x))
    return x * (1 + t) / 2


@register_jitable(**_INLINE)
def _gelu_by_tanh_dx(dy, x, _):
    t = tanh(_SQRT_2_OVER_PI * (x + _GELU_CUBIC * x * x * x))
    du = _SQRT_2_OVER_PI * (1 + 3 * _GELU_CUBIC * x * x)
    return dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * du)


@register_jitable(**_INLINE)
def _hard_sigmoid(x, _):
    return 0.0 if x <= -3 else 1.0 if x >= 3 else (x + 3) / 6


@register_jitable(**_INLINE)
def _hard_sigmoid_dx(dy, x, _):
    return 0.0 if abs(x) >= 3 else dy / 6


@register_jitable(**_INLINE)
def _mish_terms(x):
    """Return (e, p, q) with e = e^(−|x|) and tanh(log(1 + eˣ)) = p/q; p and q are sums of positive terms.

    With E = eˣ: tanh(log(1 + E)) = ((1 + E)² − 1)/((1 + E)² + 1) = (E² + 2·E)/(E² + 2·E + 2). For
    x > 0 both are divided by E².
    """
    e = exp(-abs(x))
    p = e * (e + 2) if x <= 0 else 1 + 2 * e
    return e, p, p + (2 if x <= 0 else 2 * e * e)


@register_jitable(**_INLINE)
def _mish(x, _parameter):
    _, p, q = _mish_terms(x)
    return x * (p / q)


@register_jitable(**_INLINE)
def _mish_dx(dy, x, _):
    e, p, q = _mish_terms(x)
    slope = 4 * (1 + e) * (e if x <= 0 else e * e)  # of p/q, times q²: 4·E·(1 + E), for x > 0 divided by E⁴
    return dy * (p / q + x * (slope / (q * q)))


# --------------------------------------------------------------------------------------------- the operations

_RELU = _Activation(_relu, _relu_dx, keeps="y")
_LEAKY_RELU = _Activation(_leaky_relu, _leaky_relu_dx, keeps="x")
_RELU6 = _Activation(_relu6, _relu6_dx, keeps="x")
_ELU = _Activation(_elu, _elu_dx, keeps="x")
_SIGMOID = _Activation(_sigmoid, _sigmoid_dx, keeps="y")
_TANH = _Activation(_tanh_y, _tanh_dx, keeps="y")
_GELU = _Activation(_gelu, _gelu_dx, keeps="x")
_GELU_BY_TANH = _Activation(_gelu_by_tanh, _gelu_by_tanh_dx, keeps="x")
_HARD_SIGMOID = _Activation(_hard_sigmoid, _hard_sigmoid_dx, keeps="x")
_MISH = _Activation(_mish, _mish_dx, keeps="x")


def relu_forward(x):
    """Return (y, cache), as the reference does."""
    return _RELU.forward(x)


def relu_backward(dy, cache):
    """Return dx, as the reference does."""
    return _RELU.backward(dy, cache)


def leaky_relu_forward(x, negative_slope=0.3):
    """Return (y, cache), as the reference does."""
    return _LEAKY_RELU.forward(x, negative_slope)


def leaky_relu_backward(dy, cache):
    """Return dx, as the reference does."""
    return _LEAKY_RELU.backward(dy, cache)


def relu6_forward(x, max_value=6.0, negative_slope=0.0, threshold=0.0):
    """Return (y, cache), as the reference does."""
    return _RELU6.forward(x, (math.inf if max_value is None else max_value, negative_slope, threshold))


def relu6_backward(dy, cache):
    """Return dx, as the reference does."""
    return _RELU6.backward(dy, cache)


def elu_forward(x, alpha=1.0):
    """Return (y, cache), as the reference does."""
    return _ELU.forward(x, alpha)


def elu_backward(dy, cache):
    """Return dx, as the reference does."""
    return _ELU.backward(dy, cache)


def sigmoid_forward(x):
    """Return (y, cache), as the reference does."""
    return _SIGMOID.forward(x)


def sigmoid_backward(dy, cache):
    """Return dx, as the reference does."""
    return _SIGMOID.backward(dy, cache)


def tanh_forward(x):
    """Return (y, cache), as the reference does."""
    return _TANH.forward(x)


def tanh_backward(dy, cache):
    """Return dx, as the reference does."""
    return _TANH.backward(dy, cache)


def gelu_forward(x, approximate=False):
    """Return (y, cache), as the reference does."""
    form = _GELU_BY_TANH if approximate else _GELU
    y, cache = form.forward(x)
    return y, (form, cache)


def gelu_backward(dy, cache):
    """Return dx, as the reference does."""
    form, cache = cache
    return form.backward(dy, cache)


def hard_sigmoid_forward(x):
    """Return (y, cache), as the reference does."""
    return _HARD_SIGMOID.forward(x)


def hard_sigmoid_backward(dy, cache):
    """Return dx, as the reference does."""
    return _HARD_SIGMOID.backward(dy, cache)


def mish_forward(x):
    """Return (y, cache), as the reference does."""
    return _MISH.forward(x)


def mish_backward(dy, cache):
    """Return dx, as the reference does."""
    return _MISH.backward(dy, cache)
