"""The register tile: the innermost loop, which does nearly all arithmetic of this library.

    C[r, :] = D[r, :] + Σ_k A[r, k] · B[k, :]            r < ROWS,  C is ROWS × VECTORS vectors of VL lanes

**Arithmetic and traffic.** A core can start two vector FMAs and two loads a cycle. One FMA straight from
memory needs two loads, so it would wait for loads at least half of the time. The tile keeps all of C in
registers while k runs: a step loads VECTORS vectors of B, broadcasts ROWS numbers of A, and does ROWS·VECTORS
FMAs. An FMA's result is ready after 4 cycles, so two can start in every cycle only if at least 8 of them are
independent.

    AVX-512   32 registers of 16 floats   12 × 2 = 24 of C, 2 of B, 1 of A     14 loads for 24 FMAs
    AVX2      16 registers of  8 floats    6 × 2 = 12 of C, 2 of B, 1 of A      8 loads for 12 FMAs

**Addresses.** C and A have a table of row offsets, and k is a pair (tap, q) with a table of tap offsets, so
that the same loop multiplies matrices, transposed or not, and slides a window over an image without copying
the windows:

    A[r, (tap, q)] = a[a_start + a_rows[r] + taps[tap] + q · step]             q < depth
    B[k, :]        = b[b_start + k · b_step : …]                                k = tap · depth + q
    C[r, :]        = c[c_start + c_rows[r] : …]
    D[r, :]        = d[d_start + c_rows[r] · d_step : …]         d_step = 1: add to D; 0: one row for all (a bias)

Fewer than ROWS rows: the last one is computed again in place of each missing row, and written to the same
address. Fewer than VL columns: :data:`narrow_tile` masks the lanes beyond.

LLVM's vectoriser does not find this form by itself, so a Numba intrinsic generates the LLVM vector
instructions.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic


def _has_avx512() -> bool:
    """Return whether Numba compiles for AVX-512: NUMBA_CPU_FEATURES and
    NUMBA_CPU_NAME may change its target.
    """
    if config.CPU_FEATURES is not None:
        return "+avx512f" in config.CPU_FEATURES
    if config.CPU_NAME is not None and llvm.get_host_cpu_name() != config.CPU_NAME:
        return False
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


VECTOR_BYTES = 64 if _has_avx512() else 32
ROWS = 12 if VECTOR_BYTES == 64 else 6
VECTORS = 2
PANEL_BYTES = VECTORS * VECTOR_BYTES  # of one row of a tile


def vector_code(function):
    """Return Numba's intrinsic, or if Numba may not compile, a function that says what to do."""
    if not config.DISABLE_JIT:
        return intrinsic(function)

    def refuse(*_):
        raise RuntimeError(
            "NUMBA_DISABLE_JIT is set, but the kernels have vector instructions, which Python does not run. To "
            'step through the operations, use their definition in NumPy, minicnn.ops.use("reference"); to run '
            "the kernels, unset NUMBA_DISABLE_JIT"
        )

    return refuse


def vector_type(element) -> ir.VectorType:
    """Return the LLVM vector of ``element`` (float or double) that fills a register."""
    return ir.VectorType(element, VECTOR_BYTES // (4 if isinstance(element, ir.FloatType) else 8))


def vector_name(name: str, vector: ir.VectorType) -> str:
    """Return the name of an LLVM intrinsic for vectors: ("llvm.fmuladd", <16 x
    float>) -> llvm.fmuladd.v16f32.
    """
    return f"{name}.v{vector.count}{'f32' if isinstance(vector.element, ir.FloatType) else 'f64'}"


def fused_multiply_add(builder, vector):
    """Return the function a·b + c on vectors: one instruction where the CPU has it."""
    kind = ir.FunctionType(vector, [vector] * 3)
    return cgutils.get_or_insert_function(builder.module, kind, vector_name("llvm.fmuladd", vector))


def first_lanes(builder, vector, count):
    """Return a mask of ``vector``'s lanes, true in the first ``count``."""
    i64 = ir.IntType(64)
    lanes = ir.VectorType(i64, vector.count)
    return builder.icmp_signed(
        "<", ir.Constant(lanes, list(range(vector.count))), splat(builder, lanes, count)
    )


def splat(builder, vector, value):
    """Return ``value`` in every lane."""
    i32 = ir.IntType(32)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(i32, 0))
    zeros = ir.Constant(ir.VectorType(i32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


class Memory:
    """Vector loads and stores through an element pointer, of whole vectors or under a mask."""

    def __init__(self, builder, vector, mask=None):
        self.builder, self.vector, self.mask = builder, vector, mask
        self.alignment = 4 if isinstance(vector.element, ir.FloatType) else 8

    def _call(self, name, returns, kinds, arguments):
        function = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(returns, kinds), vector_name(name, self.vector) + ".p0"
        )
        return self.builder.call(function, arguments)

    def load(self, pointer):
        """Return the vector at ``pointer``; masked lanes are zero and their memory is not touched."""
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        if self.mask is None:
            return self.builder.load(pointer, align=self.alignment)
        alignment, zero = ir.Constant(ir.IntType(32), self.alignment), ir.Constant(self.vector, None)
        kinds = [pointer.type, alignment.type, self.mask.type, self.vector]
        return self._call("llvm.masked.load", self.vector, kinds, [pointer, alignment, self.mask, zero])

    def store(self, value, pointer):
        """Write the vector to ``pointer``, without its masked lanes."""
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        if self.mask is None:
            self.builder.store(value, pointer, align=self.alignment)
            return
        alignment = ir.Constant(ir.IntType(32), self.alignment)
        kinds = [self.vector, pointer.type, alignment.type, self.mask.type]
        self._call("llvm.masked.store", ir.VoidType(), kinds, [value, pointer, alignment, self.mask])


def _tile(vectors: int, masked: bool):
    """Return the tile as an intrinsic; the module's docstring gives its arguments."""

    @vector_code
    def tile(
        context, a, a_start, a_rows, taps, tap_count, depth, step, b, b_start, b_step,
        d, d_start, d_step, c, c_start, c_rows, first_row, rows, columns,
    ):  # fmt: skip
        size = types.intp
        signature = types.void(
            a, size, a_rows, taps, size, size, size, b, size, size,
            d, size, size, c, size, c_rows, size, size, size,
        )  # fmt: skip
        arrays = {0: a, 2: a_rows, 3: taps, 7: b, 10: d, 13: c, 15: c_rows}

        def generate(ctx, builder, signature, arguments):
            data = {
                i: cgutils.create_struct_proxy(kind)(ctx, builder, value=arguments[i]).data
                for i, kind in arrays.items()
            }
            _, a_start, _, _, tap_count, depth, step, _, b_start, b_step = arguments[:10]
            _, d_start, d_step, _, c_start, _, first_row, rows, columns = arguments[10:]
            i64 = ir.IntType(64)
            vector = vector_type(ctx.get_value_type(a.dtype))
            memory = Memory(builder, vector, first_lanes(builder, vector, columns) if masked else None)
            fma = fused_multiply_add(builder, vector)
            last = builder.sub(rows, i64(1))
            lane0 = [i64(v * vector.count) for v in range(vectors)]

            accumulators, a_row, c_row = [], [], []
            for r in range(ROWS):
                present = builder.select(builder.icmp_signed("<", i64(r), rows), i64(r), last)
                index = builder.add(first_row, present)
                a_row.append(
                    builder.gep(data[0], [builder.add(a_start, builder.load(builder.gep(data[2], [index])))])
                )
                offset = builder.load(builder.gep(data[15], [index]))
                c_row.append(builder.gep(data[13], [builder.add(c_start, offset)]))
                d_row = builder.gep(data[10], [builder.add(d_start, builder.mul(offset, d_step))])
                slots = [cgutils.alloca_once(builder, vector) for _ in range(vectors)]
                for v, slot in enumerate(slots):
                    builder.store(memory.load(builder.gep(d_row, [lane0[v]])), slot)
                accumulators.append(slots)

            with cgutils.for_range(builder, tap_count, intp=i64) as tap:
                tap_offset = builder.load(builder.gep(data[3], [tap.index]))
                b_tap = builder.gep(
                    data[7], [builder.add(b_start, builder.mul(builder.mul(tap.index, depth), b_step))]
                )
                a_tap = [builder.gep(row, [tap_offset]) for row in a_row]
                with cgutils.for_range(builder, depth, intp=i64) as loop:
                    b_row = builder.gep(b_tap, [builder.mul(loop.index, b_step)])
                    column = builder.mul(loop.index, step)
                    bs = [memory.load(builder.gep(b_row, [lane])) for lane in lane0]
                    for r in range(ROWS):
                        number = splat(builder, vector, builder.load(builder.gep(a_tap[r], [column])))
                        for v, slot in enumerate(accumulators[r]):
                            builder.store(builder.call(fma, [number, bs[v], builder.load(slot)]), slot)

            for row, slots in zip(c_row, accumulators):
                for v, slot in enumerate(slots):
                    memory.store(builder.load(slot), builder.gep(row, [lane0[v]]))
            return ctx.get_dummy_value()

        return signature, generate

    return tile


wide_tile = _tile(VECTORS, masked=False)
narrow_tile = _tile(1, masked=True)
