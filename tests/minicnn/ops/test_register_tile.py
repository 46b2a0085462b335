"""The machine code of the register tile and of the peak's loop, for every instruction set: C stays in registers.

The generated instructions are compiled here for each processor, whichever this one is, and read.
"""

import re

import llvmlite.binding as llvm
import numba
import pytest
from llvmlite import ir
from numba import config

from minicnn.benchmark import peak
from minicnn.ops.kernels import register_tile
from minicnn.ops.kernels.register_tile import TILES, Memory, multiply

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
PROCESSORS = [  # instruction set, target, processor, what multiplies and adds, how the stack is addressed
    ("avx512", X86, "skylake-avx512", r"vfmadd\w+p[sd]\s.*%zmm", r"\((%rsp|%rbp)"),
    ("avx512", X86, "znver4", r"vfmadd\w+p[sd]\s.*%zmm", r"\((%rsp|%rbp)"),
    ("avx2", X86, "haswell", r"vfmadd\w+p[sd]\s.*%ymm", r"\((%rsp|%rbp)"),
    ("avx2", X86, "znver2", r"vfmadd\w+p[sd]\s.*%ymm", r"\((%rsp|%rbp)"),
    ("neon", ARM, "apple-m1", r"fmla\s", r"\[(sp|x29)"),
    ("neon", ARM, "neoverse-n1", r"fmla\s", r"\[(sp|x29)"),
    ("sse", X86, "x86-64", r"mulp[sd]\s", r"\((%rsp|%rbp)"),
]
NUMBERS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


def assembly(tile, target, processor, element):
    """Return the machine code of a function that computes one tile, as text."""
    module, i64 = ir.Module(), ir.IntType(64)
    module.triple = target
    numbers, size = element.as_pointer(), i64
    kinds = [numbers, size.as_pointer(), size.as_pointer(), size, size, size, numbers, size, numbers]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "tile")
    builder = ir.IRBuilder(function.append_basic_block())
    a, rows, taps, tap_count, depth, step, b, b_step, c = function.args
    itemsize = 4 if isinstance(element, ir.FloatType) else 8
    memory = Memory(builder, ir.VectorType(element, tile.vector_bytes // itemsize))
    a_rows = [builder.gep(a, [builder.load(builder.gep(rows, [i64(r)]))]) for r in range(tile.rows)]
    places = [
        [builder.gep(c, [i64((r * tile.vectors + v) * memory.vector.count)]) for v in range(tile.vectors)]
        for r in range(tile.rows)
    ]
    start = [[memory.load(place) for place in row] for row in places]
    sums = multiply(builder, memory, a_rows, taps, tap_count, depth, step, b, b_step, start)
    for row, values in zip(places, sums):
        for place, value in zip(row, values):
            memory.store(value, place)
    builder.ret_void()
    machine = llvm.Target.from_triple(target).create_target_machine(cpu=processor, opt=3)
    compiled = llvm.parse_assembly(str(module))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(compiled, passes)
    return machine.emit_assembly(compiled)


def innermost_loop(text, arithmetic):
    """Return the lines of the shortest loop with instructions of a kind: from its label to the jump back."""
    lines, loops = text.splitlines(), []
    labels = {match[1]: i for i, line in enumerate(lines) if (match := re.match(r"([.\w$]+):", line))}
    for i, line in enumerate(lines):
        jump = re.match(r"\s+(?:j\w+|b\.?\w*|cbn?z|tbn?z)\s+.*?([.\w$]+)$", line)
        if jump and labels.get(jump[1], i) < i:
            loops.append(lines[labels[jump[1]] : i + 1])
    return min((loop for loop in loops if any(re.search(arithmetic, line) for line in loop)), key=len)


@pytest.fixture(scope="module", autouse=True)
def _all_targets():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(("name", "target", "processor", "arithmetic", "stack"), PROCESSORS)
def test_the_innermost_loop_does_not_touch_the_stack(name, target, processor, arithmetic, stack, dtype):
    tile = TILES[name]
    loop = innermost_loop(assembly(tile, target, processor, NUMBERS[dtype]), arithmetic)
    count = sum(bool(re.search(arithmetic, line)) for line in loop)
    assert count >= tile.rows * tile.vectors
    assert count % (tile.rows * tile.vectors) == 0  # the compiler may unroll the loop
    assert [line for line in loop if re.search(stack, line)] == []


@pytest.mark.skipif(config.DISABLE_JIT, reason="reads machine code")
def test_as_numba_compiles_it_here():
    name = register_tile.instruction_set()
    _, _, _, arithmetic, stack = next(row for row in PROCESSORS if row[0] == name)
    names = [f"x{i}" for i in range(19)]
    space = {"tile": register_tile.wide_tile}
    exec(f"def caller({', '.join(names)}):\n    tile({', '.join(names)})", space)
    numbers, offsets = numba.float32[::1], numba.intp[::1]
    kinds = [numbers, numba.intp, offsets, offsets, *[numba.intp] * 3, numbers, *[numba.intp] * 2]
    kinds += [numbers, numba.intp, numba.intp, numbers, numba.intp, offsets, *[numba.intp] * 3]
    (text,) = numba.njit(tuple(kinds))(space["caller"]).inspect_asm().values()
    loop = innermost_loop(text, arithmetic)
    assert (
        sum(bool(re.search(arithmetic, line)) for line in loop) >= register_tile.ROWS * register_tile.VECTORS
    )
    assert [line for line in loop if re.search(stack, line)] == []


@pytest.mark.skipif(config.DISABLE_JIT, reason="reads machine code")
def test_the_loop_of_the_peak_reads_no_memory():
    """Registers alone: a loop that loads what it adds is slower than a convolution."""
    name = register_tile.instruction_set()
    _, _, _, arithmetic, _ = next(row for row in PROCESSORS if row[0] == name)

    @numba.njit
    def caller(start, factor, repeats):
        return peak._chains(start, factor, repeats)

    kinds = numba.float32, numba.float32, numba.intp
    caller.compile(kinds)
    loop = innermost_loop(caller.inspect_asm(kinds), arithmetic)
    assert sum(bool(re.search(arithmetic, line)) for line in loop) % peak.CHAINS == 0
    assert [line for line in loop[1:] if re.search(r"\(|, \[", line)] == []


def test_a_tile_that_needs_too_many_registers_is_found():
    """The same reading finds what it looks for: 8 rows of 2 vectors do not fit 16 registers."""
    name, target, processor, arithmetic, stack = next(row for row in PROCESSORS if row[0] == "avx2")
    text = assembly(TILES[name]._replace(rows=8), target, processor, ir.FloatType())
    assert [line for line in innermost_loop(text, arithmetic) if re.search(stack, line)]
