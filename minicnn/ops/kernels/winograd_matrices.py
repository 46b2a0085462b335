"""Winograd's matrices, derived: polynomials are multiplied by their values.

A product of polynomials s(t) = g(t)·q(t), deg s < α, is fixed by its values at α points: evaluate g and q
there, multiply the values (α multiplications, however many coefficients), interpolate. The point ∞ stands for
the highest coefficient. With the Vandermonde matrix V[i, j] = p_i^j (its last row, for ∞, is 0 … 0 1),

    coefficients of s  =  V⁻¹ · [ (V_r g) ⊙ (V_m q) ]            V_n: the first n columns of V;  α = m + r − 1

That is a full convolution of r with m numbers. Its transpose in q is the correlation a layer needs, m outputs
of an r-entry filter over α inputs d, written F(m, r):

    y = Aᵀ [ (G g) ⊙ (Bᵀ d) ]            A = V_m (α×m)    G = V_r (α×r)    Bᵀ = (V⁻¹)ᵀ (α×α)

α = m + r − 1 multiplications instead of m·r. In two dimensions the same along both axes: F(4×4, 3×3) takes 36
multiplications for 16 outputs, where the definition takes 144. The other passes are the transposes of the
same trilinear form: dg = Gᵀ [(A dy) ⊙ (Bᵀ d)].

Row i of Bᵀ holds the coefficients of Π_{j≠i} (t − p_j) times a factor. This factor is moved to G, so that the
rows of Bᵀ have leading coefficient 1: G is applied once a step, and Bᵀ once a tile.

**Which points.** Large powers of large points lose digits: with the usual 0, ±1, ±2 the error in float32 is
8e-6 of the largest output, with 0, ±5/8, ±3/2 it is 2e-6. Points come in pairs ±p, whose rows share half of
their sums. They are halves, quarters and eighths, which float32 represents exactly.

Sources: Winograd, "Arithmetic complexity of computations" (1980); Lavin and Gray, "Fast algorithms for
convolutional neural networks" (2016); Barabasz and others, "Error analysis and improving the accuracy of
Winograd convolution for deep neural networks" (2020).
"""

from fractions import Fraction
from typing import NamedTuple

Matrix = list[list[Fraction]]

TAPS = 3
POINTS = {  # m outputs of 3 taps: the finite points, m + 1 of them
    3: (0.5, -0.5, 1.5, -1.5),
    4: (0.0, 0.625, -0.625, 1.5, -1.5),
}


class Transforms(NamedTuple):
    """The exact matrices of F(m, 3)."""

    AT: Matrix
    G: Matrix
    BT: Matrix


def transpose(matrix: Matrix) -> Matrix:
    """Return the transposed matrix."""
    return [list(column) for column in zip(*matrix)]


def inverse(matrix: Matrix) -> Matrix:
    """Return the exact inverse, by Gauss and Jordan."""
    n = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [value - rows[r][i] * head for value, head in zip(rows[r], rows[i])]
    return [row[n:] for row in rows]


def transforms(points: tuple[float, ...]) -> Transforms:
    """Return Aᵀ, G and Bᵀ for the given finite points and ∞."""
    alpha = len(points) + 1
    vandermonde = [[Fraction(p) ** j for j in range(alpha)] for p in points]
    vandermonde.append([Fraction(int(j == alpha - 1)) for j in range(alpha)])
    BT = transpose(inverse(vandermonde))
    leading = [next(value for value in reversed(row) if value) for row in BT]
    A = [row[: alpha - TAPS + 1] for row in vandermonde]
    A[-1] = [Fraction(int(j == alpha - TAPS)) for j in range(alpha - TAPS + 1)]
    G = [[value * factor for value in row[:TAPS]] for row, factor in zip(vandermonde, leading)]
    G[-1] = [Fraction(int(j == TAPS - 1)) * leading[-1] for j in range(TAPS)]
    BT = [[value / factor for value in row] for row, factor in zip(BT, leading)]
    return Transforms(transpose(A), G, BT)
