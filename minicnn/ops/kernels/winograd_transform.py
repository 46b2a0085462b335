"""Winograd's transforms as vector code: Y = L X Lᵀ, each entry of X and Y a vector of neighbouring channels.

X is p × p and Y q × q; L is one of the constant matrices of winograd_matrices.py, so the generated code is a
sequence of additions and FMAs with constants, without loops or zeros. Shared sums save two thirds of the
multiplications:

    rows ±        r1 = e + o, r2 = e − o        (Bᵀ, G, A: p_i and −p_i differ in the signs of odd powers)
    columns ±     c·(x1 + x2), c'·(x1 − x2)     (Aᵀ, Gᵀ: the same, transposed)

So Bᵀ of F(4, 3) takes 12 instructions for 6 numbers, and 144 for the 36 of a tile, which also needs 36 loads
and 36 stores.

The *type* of the argument ``points`` selects the matrices, since a tuple's length is part of its type in
Numba. So one source serves all tile sizes, and their machine code has different keys on disk.
"""

from fractions import Fraction

from llvmlite import ir
from numba import types
from numba.core import cgutils

from minicnn.ops.kernels.register_tile import Memory, fused_multiply_add, vector_code, vector_type
from minicnn.ops.kernels.winograd_matrices import POINTS, transforms, transpose


def _mirror(first, second):
    """Return the signs s with second[j] = s[j]·first[j] if both signs occur, else None."""
    if any(abs(a) != abs(b) for a, b in zip(first, second)):
        return None
    signs = [1 if a == b else -1 for a, b in zip(first, second)]
    present = {sign for sign, a in zip(signs, first) if a}
    return signs if present == {1, -1} else None


class LinearCode:
    """Emits vector instructions for products with constant matrices."""

    def __init__(self, builder, vector):
        self.builder, self.vector, self.fma = builder, vector, fused_multiply_add(builder, vector)

    def _constant(self, value):
        return ir.Constant(self.vector, [float(value)] * self.vector.count)

    def _sum(self, terms, total=None):
        """Return total + Σ factor·value; factors ±1 take an addition, and come first; others an FMA."""
        for factor, value in sorted(terms, key=lambda term: abs(term[0]) != 1):
            if total is None:
                total = value if factor == 1 else self.builder.fmul(self._constant(factor), value)
            elif factor == 1:
                total = self.builder.fadd(total, value)
            elif factor == -1:
                total = self.builder.fsub(total, value)
            else:
                total = self.builder.call(self.fma, [self._constant(factor), value, total])
        return total

    def multiply(self, matrix: list[list[Fraction]], values: list) -> list:
        """Return the vectors matrix · values."""
        matrix, values = self._fold_columns(matrix, list(values))
        results: list = [None] * len(matrix)
        for i, row in enumerate(matrix):
            if results[i] is not None:
                continue
            mirrors = ((k, _mirror(row, matrix[k])) for k in range(i + 1, len(matrix)) if results[k] is None)
            k, signs = next((found for found in mirrors if found[1]), (None, None))
            if k is None:
                results[i] = self._sum([(c, x) for c, x in zip(row, values) if c])
                continue
            even = self._sum([(c, x) for c, x, s in zip(row, values, signs) if c and s == 1])
            odd = [(c, x) for c, x, s in zip(row, values, signs) if c and s == -1]
            factor = odd[-1][0]  # taken out of the odd sum: one multiplication less
            odd_sum = self._sum([(c / factor, x) for c, x in odd])
            results[i] = self._sum([(factor, odd_sum)], even)
            results[k] = self._sum([(-factor, odd_sum)], even)
        return results

    def _fold_columns(self, matrix, values):
        """Replace two columns that are equal up to signs, of x1 and x2, by those of x1 + x2 and x1 − x2."""
        columns = transpose(matrix)
        for i in range(len(columns)):
            for k in range(i + 1, len(columns)):
                signs = _mirror(columns[i], columns[k])
                if signs:
                    x1, x2 = values[i], values[k]
                    values[i], values[k] = self._sum([(1, x1), (1, x2)]), self._sum([(1, x1), (-1, x2)])
                    first = columns[i]
                    columns[i] = [c if s == 1 else Fraction(0) for c, s in zip(first, signs)]
                    columns[k] = [c if s == -1 else Fraction(0) for c, s in zip(first, signs)]
        return transpose(columns), values


def _transform(choose, edge=None, add_bias=False):
    """Return the intrinsic Y = L X Lᵀ (+ bias), L = ``choose(matrices)``, over
        ``vectors`` vectors of channels.

        Entry (i, j) of X is at x[x_start + i·x_row + j·x_column : …], that of Y likewise. A tile may extend
        beyond its map: with ``edge`` "x" (or "y"), only the entries of ``inside`` = (first row, end row, first
        column, end column) are read from (written to) the map, the others from (to) ``outside``: zeros to read,
        memory that is never read to write. To select an address costs less than a branch or a mask; it is selected
    once for all vectors of a tile, so ``outside`` has as many.
    """

    @vector_code
    def transform(
        context,
        points,
        x,
        x_start,
        x_row,
        x_column,
        y,
        y_start,
        y_row,
        y_column,
        inside,
        outside,
        bias,
        vectors,
    ):
        size = types.intp
        signature = types.void(
            points, x, size, size, size, y, size, size, size, types.UniTuple(size, 4), outside, bias, size
        )
        by_count = {len(p): p for p in POINTS.values()}
        matrix = choose(transforms(by_count[points.count]))

        def generate(ctx, builder, signature, arguments):
            _, _, x_start, x_row, x_column, _, y_start, y_row, y_column, inside, _, _, vectors = arguments
            source, target, elsewhere, offset = (
                cgutils.create_struct_proxy(signature.args[i])(ctx, builder, value=arguments[i]).data
                for i in (1, 5, 10, 11)
            )
            i64 = ir.IntType(64)
            vector = vector_type(ctx.get_value_type(x.dtype))
            memory, code = Memory(builder, vector), LinearCode(builder, vector)
            first_row, end_row, first_column, end_column = cgutils.unpack_tuple(builder, inside, 4)

            def between(first, i, end):
                above = builder.icmp_signed("<=", first, i64(i))
                return builder.and_(above, builder.icmp_signed("<", i64(i), end))

            rows = [between(first_row, i, end_row) for i in range(6)]
            columns = [between(first_column, j, end_column) for j in range(6)]

            def entries(pointer, start, row, column, shape, chosen):
                """Return the address of each entry's first vector: they are the same for all vectors of a tile."""
                place = builder.gep(pointer, [start])
                for i in range(shape[0]):
                    line = builder.gep(place, [builder.mul(row, i64(i))])
                    there = [builder.gep(line, [builder.mul(column, i64(j))]) for j in range(shape[1])]
                    if chosen:
                        within = [builder.and_(rows[i], column_within) for column_within in columns]
                        there = [builder.select(w, t, elsewhere) for w, t in zip(within, there)]
                    yield there

            p, q = len(matrix[0]), len(matrix)
            x_entries = list(entries(source, x_start, x_row, x_column, (p, p), edge == "x"))
            y_entries = list(entries(target, y_start, y_row, y_column, (q, q), edge == "y"))
            with cgutils.for_range(builder, vectors, intp=i64) as loop:
                lane = builder.mul(loop.index, i64(vector.count))
                halfway = []
                for column in zip(*x_entries):
                    xs = [memory.load(builder.gep(pointer, [lane])) for pointer in column]
                    halfway.append(code.multiply(matrix, xs))  # L X, column by column
                shift = memory.load(builder.gep(offset, [lane])) if add_bias else None
                for pointers, row in zip(y_entries, zip(*halfway)):
                    for pointer, value in zip(pointers, code.multiply(matrix, row)):  # (L X) Lᵀ, row by row
                        if add_bias:
                            value = builder.fadd(value, shift)
                        memory.store(value, builder.gep(pointer, [lane]))
            return ctx.get_dummy_value()

        return signature, generate

    return transform


input_transform = _transform(lambda matrices: matrices.BT, edge="x")
output_transform = _transform(lambda matrices: matrices.AT, edge="y", add_bias=True)
kernel_transform = _transform(lambda matrices: matrices.G)
output_gradient_transform = _transform(lambda matrices: transpose(matrices.AT), edge="x")
kernel_gradient_transform = _transform(lambda matrices: transpose(matrices.G))
