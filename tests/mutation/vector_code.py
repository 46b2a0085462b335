"""Judges of the two files of vector instructions, compiled: the machine code computes what the stand-ins
compute.

Each judge compiles one tile, or one transform of one size, for one float type, and calls it on random
arguments: tables of addresses, strides, few rows and columns, tiles that reach beyond their map. All arrays
have entries before and between those that are used; these must stay unchanged. Behind an array lies memory
that may not be touched.
"""

import ctypes
import mmap
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numba import njit

from minicnn.ops.kernels import register_tile, winograd_transform
from minicnn.ops.kernels.register_tile import ROWS, SHORT, VECTOR_BYTES, VECTORS
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
        for name in ("narrow_tile", "short_tile", "wide_tile")
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
        exact = make()
        given = {id(value): _guarded(value) for value in exact if isinstance(value, np.ndarray)}
        fast = [given.get(id(value), value) for value in exact]  # C and D may be one array
        compiled(*fast)
        getattr(stand_ins, name)(*exact)
        for one, other in zip(fast, exact):
            if isinstance(one, np.ndarray):
                scale = max(1.0, np.abs(other).max())
                if not np.abs(one - other).max() <= BOUNDS[dtype] * scale:
                    return False
    return True


def _guarded(array: np.ndarray) -> np.ndarray:
    """Return a copy behind whose last number the memory ends: to read or write on is a crash."""
    pages = -(-array.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    if protect(ctypes.c_void_p(start + pages * mmap.PAGESIZE), ctypes.c_size_t(mmap.PAGESIZE), 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    copy = np.frombuffer(memory, array.dtype, array.size, pages * mmap.PAGESIZE - array.nbytes)
    copy[...] = array
    return copy


def _compiled(function: Callable, arguments: int) -> Callable:
    """Return a machine-code function that calls an intrinsic with so many arguments."""
    names = ", ".join(f"x{i}" for i in range(arguments))
    space = {"function": function}
    exec(f"def caller({names}):\n    function({names})", space)
    return njit(error_model="numpy")(space["caller"])


def _tile_cases(name: str, dtype: type) -> Iterator[Callable[[], list]]:
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    for seed in range(CASES):
        yield partial(_tile_case, seed, dtype, lanes, name)


def _tile_case(seed: int, dtype: type, lanes: int, name: str) -> list:
    rng, wide = np.random.default_rng(seed), name != "narrow_tile"
    most = SHORT if name == "short_tile" else ROWS
    rows, first_row = int(rng.integers(1, most + 1)), int(rng.integers(0, 3))
    columns = VECTORS * lanes if wide else int(rng.integers(1, lanes + 1))
    depth, tap_count, step = int(rng.integers(0, 5)), int(rng.integers(0, 4)), int(rng.integers(1, 4))
    b_step, d_step = columns + int(rng.integers(0, 4)), int(rng.integers(0, 2))
    a_rows, taps = rng.integers(0, 100, first_row + rows), rng.integers(0, 60, 5)
    c_rows = rng.permutation(first_row + rows) * (VECTORS * lanes + 3)
    a_end = 20 + a_rows[first_row:].max() + taps[:tap_count].max(initial=0) + max(depth - 1, 0) * step + 1
    b_end = 30 + max(tap_count * depth - 1, 0) * b_step + columns
    c_end = 40 + c_rows[first_row:].max() + columns
    a, b, c, d = (rng.standard_normal(int(size)).astype(dtype) for size in (a_end, b_end, c_end, c_end))
    d = c if d_step and rng.integers(0, 2) else d  # C may be what it is added to
    # the wide tile takes no notice of the number of columns
    told = int(rng.integers(0, columns)) if wide else columns
    return [
        a, 20, a_rows, taps, tap_count, depth, step, b, 30, b_step, d, 40, d_step, c, 40, c_rows, first_row, rows, told,
    ]  # fmt: skip


def _transform_cases(name: str, points: tuple, dtype: type) -> Iterator[Callable[[], list]]:
    for seed in range(CASES // 2):
        yield partial(_transform_case, seed, name, points, dtype)


def _transform_case(seed: int, name: str, points: tuple, dtype: type) -> list:
    rng = np.random.default_rng(seed)
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    vectors = int(rng.integers(1, 4))
    width = vectors * lanes
    column = width + int(rng.integers(0, 5))
    first, last = rng.integers(-2, 2, 2), rng.integers(1, 8, 2)
    inside = int(first[0]), int(last[0]), int(first[1]), int(last[1])
    maps = []
    for side in TRANSFORMS[name](len(points) - 1):
        row = (side + 1) * column
        end = 20 + (side - 1) * (row + column) + width
        maps += [rng.standard_normal(end).astype(dtype), 20, row, column]
    outside, bias = rng.standard_normal((2, width)).astype(dtype)
    return [points, *maps, inside, outside, bias, vectors]
