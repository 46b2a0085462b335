"""Dense layer: every output depends on every input.

    y[n,u] = bias[u] + Σ_d x[n,d] · kernel[d,u]                y = x·W + b

Each y is a sum of products. So the gradient of each factor is dy times the other factor, summed over all y
that use this factor:

    dbias[u]     = Σ_n dy[n,u]
    dkernel[d,u] = Σ_n x[n,d] · dy[n,u]                        dW = xᵀ·dy
    dx[n,d]      = Σ_u dy[n,u] · kernel[d,u]                   dx = dy·Wᵀ

Shapes: x (N, D), kernel (D, U), bias (U,) or None, y (N, U).
"""

from minicnn.ops.types import Array, ArrayOrNone, Cache

__all__ = ["dense_backward", "dense_forward"]


def dense_forward(x: Array, kernel: Array, bias: Array | None = None) -> tuple[Array, Cache]:
    """Return (y, cache); see the module's equations."""
    y = x @ kernel  # (N,D) @ (D,U) -> (N,U)
    if bias is not None:
        y = y + bias
    return y, (x, kernel, bias is not None)


def dense_backward(dy: Array, cache: Cache, need_dx: bool = True) -> tuple[ArrayOrNone, Array, ArrayOrNone]:
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, kernel, has_bias = cache
    dkernel = x.T @ dy  # (D,N) @ (N,U) -> (D,U)
    dx = dy @ kernel.T if need_dx else None  # (N,U) @ (U,D) -> (N,D)
    dbias = dy.sum(axis=0) if has_bias else None
    return dx, dkernel, dbias
