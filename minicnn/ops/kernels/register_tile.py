"""The register tile: the innermost loop, which does nearly all arithmetic of this library.

    C[r, :] = D[r, :] + Σ_k A[r, k] · B[k, :]            r < ROWS,  C is ROWS × VECTORS vectors of VL lanes

**Arithmetic and traffic.** A core can start two vector FMAs and two loads a cycle. One FMA straight from
memory needs two loads, so it would wait for loads at least half of the time. The tile keeps all of C in
registers while k runs: a step loads VECTORS vectors of B, broadcasts ROWS numbers of A, and does ROWS·VECTORS
FMAs. An FMA's result is ready after 4 cycles, so two can start in every cycle only if at least 8 of them are
independent. How many there can be, the registers decide, of both kinds: C, B and one number of A take vectors;
the address of each row, of B, the two steps and the count of k take general registers (:data:`TILES`). One
too many, and the loop reads it from the stack in every step.

**Addresses.** C and A have a table of row offsets, and k is a pair (tap, q) with a table of tap offsets, so
that the same loop multiplies matrices, transposed or not, and slides a window over an image without copying
the windows:

    A[r, (tap, q)] = a[a_start + a_rows[r] + taps[tap] + q · step]             q < depth
    B[k, :]        = b[b_start + k · b_step : …]                                k = tap · depth + q
    C[r, :]        = c[c_start + c_rows[r] : …]
    D[r, :]        = d[d_start + c_rows[r] · d_step : …]         d_step = 1: add to D; 0: one row for all (a bias)

The addresses of A's rows stay as they are; all rows share the column, taps[tap] + q · step, which alone moves.

Fewer rows: :data:`short_tile` has SHORT of them, so that 32 rows are filled where ROWS is 6 (4·6 + 2·4). Of
rows that are still missing, the last one is computed again, and written to the same address. Fewer than VL
columns: :data:`narrow_tile` masks the lanes beyond.

LLVM's vectoriser does not find this form by itself, so a Numba intrinsic generates the LLVM vector
instructions. C is a value that each step of the loop hands to the next (a phi node), never a variable in memory.
"""

import platform
from typing import NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic


class Tile(NamedTuple):
    """The tile of an instruction set: C takes rows · vectors of its vector registers."""

    vector_bytes: int
    rows: int
    vectors: int


# vector registers: C + B + one number of A (+ a product, where multiplication and addition are two instructions)
TILES = {
    "avx512": Tile(64, 8, 2),  # 16 + 2 + 1 of 32; 12 rows would have 12 addresses, of 15 general registers
    "avx2": Tile(32, 6, 2),  # 12 + 2 + 1 of 16
    "neon": Tile(16, 6, 4),  # 24 + 4 + 1 of 32
    "sse": Tile(16, 6, 2),  # 12 + 2 + 1 + 1 of 16
}


def instruction_set() -> str:
    """Return which of TILES Numba compiles for: NUMBA_CPU_FEATURES and NUMBA_CPU_NAME may change its target."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "neon"
    if config.CPU_FEATURES is not None:
        features = set(config.CPU_FEATURES.split(","))
    elif config.CPU_NAME is not None and llvm.get_host_cpu_name() != config.CPU_NAME:
        features = {"+avx2"}  # an older processor; its features are not known
    else:
        features = {f"+{name}" for name, there in llvm.get_host_cpu_features().items() if there}
    if "+avx512f" in features:
        return "avx512"
    return "avx2" if features & {"+avx2", "+avx"} else "sse"


VECTOR_BYTES, ROWS, VECTORS = TILES[instruction_set()]
SHORT = 4
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


def multiply(builder, memory, a_rows, taps, tap_count, depth, step, b, b_step, start):
    """Emit the loops over taps and q. Return C = ``start`` + A · B, rows of vectors, as ``start`` is.

    Args:
        a_rows: a pointer to A's row, for each row.
        taps, b: pointers to the tap offsets and to B.
    """
    i64, vector = ir.IntType(64), memory.vector
    fma = fused_multiply_add(builder, vector)
    vectors = range(len(start[0]))

    def carried(values, block):
        """Return phi nodes that have ``values`` when the loop is entered from ``block``."""
        nodes = [builder.phi(value.type) for value in values]
        for node, value in zip(nodes, values):
            node.add_incoming(value, block)
        return nodes

    def repeat(nodes, values, block):
        for node, value in zip(nodes, values):
            node.add_incoming(value, block)

    before, names = builder.block, ("tap", "step", "next", "done")
    tap_block, step_block, next_block, done = (builder.append_basic_block(name) for name in names)
    flat = [value for row in start for value in row]
    some = builder.icmp_signed(">", builder.mul(tap_count, depth), i64(0))
    builder.cbranch(some, tap_block, done)

    builder.position_at_end(tap_block)
    outer = carried([i64(0), b, *flat], before)
    tap, b_tap = outer[:2]
    first_column = builder.load(builder.gep(taps, [tap]))
    builder.branch(step_block)

    builder.position_at_end(step_block)
    inner = carried([depth, first_column, b_tap, *outer[2:]], tap_block)
    left, column, b_row = inner[:3]
    bs = [memory.load(builder.gep(b_row, [i64(v * vector.count)])) for v in vectors]
    sums = []
    for r, row in enumerate(a_rows):
        number = splat(builder, vector, builder.load(builder.gep(row, [column])))
        sums += [builder.call(fma, [number, bs[v], inner[3 + r * len(vectors) + v]]) for v in vectors]
    b_next, left = builder.gep(b_row, [b_step]), builder.sub(left, i64(1))
    repeat(inner, [left, builder.add(column, step), b_next, *sums], step_block)
    builder.cbranch(builder.icmp_signed(">", left, i64(0)), step_block, next_block)

    builder.position_at_end(next_block)
    tap = builder.add(tap, i64(1))
    repeat(outer, [tap, b_next, *sums], next_block)
    builder.cbranch(builder.icmp_signed("<", tap, tap_count), tap_block, done)

    builder.position_at_end(done)
    ends = carried(flat, before)
    repeat(ends, sums, next_block)
    return [ends[r : r + len(vectors)] for r in range(0, len(ends), len(vectors))]


def _tile(tile_rows: int, vectors: int, masked: bool):
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
            last = builder.sub(rows, i64(1))

            def row_of(pointer, offset):
                return [
                    builder.gep(pointer, [builder.add(offset, i64(v * vector.count))]) for v in range(vectors)
                ]

            a_row, c_row, start = [], [], []
            for r in range(tile_rows):
                present = builder.select(builder.icmp_signed("<", i64(r), rows), i64(r), last)
                index = builder.add(first_row, present)
                a_offset = builder.load(builder.gep(data[2], [index]))
                a_row.append(builder.gep(data[0], [builder.add(a_start, a_offset)]))
                offset = builder.load(builder.gep(data[15], [index]))
                c_row.append(row_of(data[13], builder.add(c_start, offset)))
                d_row = row_of(data[10], builder.add(d_start, builder.mul(offset, d_step)))
                start.append([memory.load(pointer) for pointer in d_row])
            b_row = builder.gep(data[7], [b_start])
            sums = multiply(
                builder, memory, a_row, data[3], tap_count, depth, step, b_row, b_step, start
            )  # fmt: skip
            for pointers, values in zip(c_row, sums):
                for pointer, value in zip(pointers, values):
                    memory.store(value, pointer)
            return ctx.get_dummy_value()

        return signature, generate

    return tile


wide_tile = _tile(ROWS, VECTORS, masked=False)
short_tile = _tile(SHORT, VECTORS, masked=False)
narrow_tile = _tile(ROWS, 1, masked=True)
