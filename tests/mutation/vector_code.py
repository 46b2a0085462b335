"""Judges of the two files of vector instructions, compiled: what the machine does is what the stand-ins say.

Each judge compiles one tile, or one transform of one size, for one float type, and calls it on random arguments: tables
of addresses, strides, few rows and columns, tiles that stick out of their map. All arrays have room around what is
used, which must stay as it was.
"""

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace

import numpy as np
from numba import njit

from minicnn.ops.kernels import register_tile, winograd_transform
from minicnn.ops.kernels.register_tile import ROWS, VECTOR_BYTES, VECTORS
from minicnn.ops.kernels.winograd_matrices import POINTS
from tests.mutation import stand_ins
from tests.mutation.judges import Judge

DTYPES = (np.float32, np.float64)
BOUNDS = {np.float32: 1e-5, np.float64: 1e-12}
CASES = 40
TRANSFORMS = {  # name -> (entries on a side of X, of Y) beside m outputs of three taps
    "input_transform": lambda m: (m + 2, m + 2),
    "output_transform": lambda m: (m + 2, m),
    "kernel_transform": lambda m: (3, m + 2),
    "output_gradient_transform": lambda m: (m, m + 2),
    "kernel_gradient_transform": lambda m: (m + 2, 3),
}


def judges() -> list[Judge]:
    """Return all of them, the quickest to compile first."""
    njit(error_model="numpy")(lambda x: x.size)(np.zeros(1))  # what Numba does once, it does before the forks
    found = [
        Judge(f"{name} {dtype.__name__}", partial(_agree, name, dtype, _tile_cases(name, dtype)))
        for name in ("narrow_tile", "wide_tile")
        for dtype in DTYPES
    ]
    return found + [
        Judge(
            f"{name} F({len(points) - 1}, 3) {dtype.__name__}",
            partial(_agree, name, dtype, _transform_cases(name, points, dtype)),
        )
        for name in TRANSFORMS
        for points in POINTS.values()
        for dtype in DTYPES
    ]


def _agree(name: str, dtype: type, cases: Iterator[Callable[[], list]]) -> bool:
    """Tell whether the compiled function leaves in every array what the stand-in leaves there."""
    home = register_tile if name.endswith("_tile") else winograd_transform
    compiled = _compiled(getattr(home, name), arguments=19 if name.endswith("_tile") else 13)
    for make in cases:
        fast, exact = make(), make()
        compiled(*fast)
        getattr(stand_ins, name)(*exact)
        for one, other in zip(fast, exact):
            if isinstance(one, np.ndarray):
                scale = max(1.0, np.abs(other).max())
                if not np.abs(one - other).max() <= BOUNDS[dtype] * scale:
                    return False
    return True


def _compiled(function: Callable, arguments: int) -> Callable:
    """Return a machine-code function that calls an intrinsic with so many arguments."""
    names = ", ".join(f"x{i}" for i in range(arguments))
    space = {"function": function}
    exec(f"def caller({names}):\n    function({names})", space)
    return njit(error_model="numpy")(space["caller"])


def _tile_cases(name: str, dtype: type) -> Iterator[Callable[[], list]]:
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for seed in range(CASES):
        yield partial(_tile_case, seed, dtype, lanes, name == "wide_tile")


def _tile_case(seed: int, dtype: type, lanes: int, wide: bool) -> list:
    rng = np.random.default_rng(seed)
    p = SimpleNamespace(rows=int(rng.integers(1, ROWS + 1)), first=int(rng.integers(0, 3)))
    columns = VECTORS * lanes if wide else int(rng.integers(1, lanes + 1))
    depth, tap_count = int(rng.integers(0, 5)), int(rng.integers(0, 4))
    b_step = columns + int(rng.integers(0, 4))
    a, b, c, d = (rng.standard_normal(size).astype(dtype) for size in (400, 600, 1600, 1600))
    a_rows, taps = rng.integers(0, 100, ROWS + 4), rng.integers(0, 60, 5)
    line = VECTORS * lanes + 3
    c_rows = rng.permutation(ROWS + 4) * line
    d_step = int(rng.integers(0, 2))
    adds = d_step and rng.integers(0, 2)  # C is what it is added to
    c_start = 40 + int(rng.integers(0, 9))
    return [
        a, 20, a_rows, taps, tap_count, depth, int(rng.integers(1, 4)), b, 30, b_step,
        c if adds else d, c_start if adds else 50, d_step, c, c_start, c_rows, p.first, p.rows, columns,
    ]  # fmt: skip


def _transform_cases(name: str, points: tuple, dtype: type) -> Iterator[Callable[[], list]]:
    for seed in range(CASES // 2):
        yield partial(_transform_case, seed, name, points, dtype)


def _transform_case(seed: int, name: str, points: tuple, dtype: type) -> list:
    rng = np.random.default_rng(seed)
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    vectors = int(rng.integers(1, 4))
    sides = TRANSFORMS[name](len(points) - 1)
    column = vectors * lanes + int(rng.integers(0, 5))
    (x, x_row), (y, y_row) = ((rng.standard_normal(40 + 8 * side * column).astype(dtype), (side + 1) * column)
                              for side in sides)  # fmt: skip
    first = rng.integers(-2, 2, 2)
    end = first + rng.integers(1, 8, 2)
    inside = int(first[0]), int(end[0]), int(first[1]), int(end[1])
    outside, bias = rng.standard_normal((2, vectors * lanes + 7)).astype(dtype)
    return [points, x, 20, x_row, column, y, 20, y_row, column, inside, outside, bias, vectors]
