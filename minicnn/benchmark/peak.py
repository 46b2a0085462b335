"""The largest number of multiplications and additions per second that this CPU can do: on registers alone.

A core starts two fused multiply-adds per cycle (Apple's four), and each takes four or five cycles. So as many
independent chains as the register tile has keep it busy:

    acc[r] = acc[r] · a + b          r < CHAINS, each acc a vector in a register, repeated

All chains share a and b, so that everything fits the registers of every instruction set (AVX2: 12 + 2 of 16).
Nothing is loaded or stored, so no direct convolution can be faster. An algorithm with fewer multiplications,
Winograd's, can: its *effective* GFLOP/s count the multiplications of the definition.
"""

import time

import numpy as np
from llvmlite import ir
from numba import njit, prange, set_num_threads, types
from numba.core import cgutils
from numba.extending import intrinsic

from minicnn.ops.kernels.parallel import OPTIONS
from minicnn.ops.kernels.register_tile import (
    ROWS,
    VECTOR_BYTES,
    VECTORS,
    fused_multiply_add,
    splat,
    vector_type,
)

CHAINS, REPEATS = ROWS * VECTORS, 4_000_000
LANES = VECTOR_BYTES // 4  # of a float32 vector


@intrinsic
def _chains(context, start, factor, repeats):
    """Run CHAINS chains for ``repeats`` steps; return one number of them, so that the compiler keeps them."""
    signature = types.float32(types.float32, types.float32, types.intp)

    def generate(ctx, builder, signature, arguments):
        start, factor, repeats = arguments
        vector = vector_type(ir.FloatType())
        fma = fused_multiply_add(builder, vector)
        a, b = splat(builder, vector, factor), splat(builder, vector, start)
        # every chain starts with another number: equal chains would be computed once
        numbers = [builder.fadd(start, ir.Constant(ir.FloatType(), float(r))) for r in range(CHAINS)]
        slots = [cgutils.alloca_once_value(builder, splat(builder, vector, number)) for number in numbers]
        with cgutils.for_range(builder, repeats):
            for slot in slots:
                builder.store(builder.call(fma, [builder.load(slot), a, b]), slot)
        total = builder.load(slots[0])
        for slot in slots[1:]:
            total = builder.fadd(total, builder.load(slot))
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return signature, generate


@njit(parallel=True, **OPTIONS)
def _run(result, factor, repeats):
    for piece in prange(result.size):
        result[piece] = _chains(np.float32(piece), factor, repeats)


def multiply_add(threads: int, rounds: int = 7) -> float:
    """Return the best GFLOP/s of ``threads`` threads; a multiplication and an addition are two operations."""
    set_num_threads(threads)
    result, factor = np.empty(threads, np.float32), np.float32(0.5)
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        _run(result, factor, REPEATS)
        times.append(time.perf_counter() - start)
    return threads * REPEATS * 2 * CHAINS * LANES / min(times[1:]) / 1e9
