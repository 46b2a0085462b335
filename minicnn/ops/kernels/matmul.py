"""A product of any size, cut into register tiles.

    C = D + A · B        rows first_row … last_row of C, ``columns`` columns, k = taps × depth; addresses: register_tile

The columns are the outer loop: a strip of B, k × VECTORS vectors, is read again for each tile of rows and stays in the
L1 cache (k = 288: 36 KB), while A passes by it once a strip.
"""

from numba import njit

from minicnn.ops.kernels.parallel import JIT
from minicnn.ops.kernels.register_tile import ROWS, VECTOR_BYTES, VECTORS, narrow_tile, wide_tile


@njit(**JIT)
def product(
    a, a_start, a_rows, taps, tap_count, depth, step, b, b_start, b_step, b_panel,
    d, d_start, d_step, c, c_start, c_rows, first_row, last_row, columns,
):  # fmt: skip
    """C = D + A · B; all arrays are flat, see register_tile for what the arguments mean."""
    lanes = VECTOR_BYTES // a.itemsize
    column, panel = 0, b_start
    while column < columns:
        wide = columns - column >= VECTORS * lanes
        for row in range(first_row, last_row, ROWS):
            rows = min(ROWS, last_row - row)
            if wide:
                wide_tile(
                    a, a_start, a_rows, taps, tap_count, depth, step, b, panel, b_step,
                    d, d_start + column, d_step, c, c_start + column, c_rows, row, rows, 0,
                )  # fmt: skip
            else:
                narrow_tile(
                    a, a_start, a_rows, taps, tap_count, depth, step, b, panel, b_step,
                    d, d_start + column, d_step, c, c_start + column, c_rows, row, rows, columns - column,
                )  # fmt: skip
        column += VECTORS * lanes if wide else lanes
        panel += b_panel if wide else lanes
