"""Words for what stands between and behind the layers that compute: moves, joins, losses, optimizers.

Each is (title, forward, equation, backward, gradient, page), as in words.py.
"""

_MOVED, _MOVED_BACK = "y = J·x", "dx_i = Σ_o J_oi·dy_o"
_JOINS = "graphs.md#layers-that-join"

BETWEEN = {
    # ---- the same numbers elsewhere
    "Flatten": (
        "Flatten",
        "The same numbers in one row: rows, columns, channels, the last running fastest.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy in x's shape.",
        _MOVED_BACK,
        "shape.md",
    ),
    "Reshape": (
        "Reshape",
        "The same numbers in the same order, in another shape.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy in x's shape.",
        _MOVED_BACK,
        "shape.md",
    ),
    "Permute": (
        "Permute",
        "The same numbers, with the axes in another order.",
        _MOVED,
        "Each gradient goes back to where its number came from: dy with the axes put back.",
        _MOVED_BACK,
        "shape.md",
    ),
    "ZeroPadding2D": (
        "Zero padding",
        "The map with a border of zeros.",
        _MOVED,
        "The border came from nowhere: dx is dy without its border.",
        _MOVED_BACK,
        "shape.md",
    ),
    "UpSampling2D": (
        "Upsampling",
        "Each pixel is repeated.",
        _MOVED,
        "A pixel that was copied gets the sum of the gradients of its copies.",
        _MOVED_BACK,
        "shape.md",
    ),
    # ---- several values become one
    "Add": (
        "Sum",
        "Entry by entry, the sum of what comes in.",
        "y = a + b",
        "A sum copies: each term gets dy as it is.",
        "da = dy; db = dy",
        _JOINS,
    ),
    "Subtract": (
        "Difference",
        "Entry by entry, the first less the second.",
        "y = a − b",
        "The first gets dy, the second its opposite.",
        "da = dy; db = −dy",
        _JOINS,
    ),
    "Average": (
        "Mean",
        "Entry by entry, the mean of what comes in.",
        "y = (a + b)/2",
        "Each gets its share of dy.",
        "da = dy/2; db = dy/2",
        _JOINS,
    ),
    "Multiply": (
        "Product",
        "Entry by entry, the product of what comes in.",
        "y = a · b",
        "A product swaps: each factor gets dy times the other.",
        "da = dy · b; db = dy · a",
        _JOINS,
    ),
    "Maximum": (
        "Maximum",
        "Entry by entry, the largest of what comes in.",
        "y = max(a, b)",
        "The winner takes it all; of equals, the first.",
        "da = dy where a ≥ b, else 0; db = dy where b > a",
        _JOINS,
    ),
    "Minimum": (
        "Minimum",
        "Entry by entry, the smallest of what comes in: −max of the opposites.",
        "y = −max(−a, −b)",
        "The winner takes it all; of equals, the first.",
        "da = dy where −a ≥ −b, else 0; db = dy where −b > −a",
        _JOINS,
    ),
    "Concatenate": (
        "Concatenate",
        "What comes in, one behind the other.",
        "y = [a, b]",
        "It is cut where they met: each gets its own part of dy.",
        "da = the first part of dy; db = the rest",
        _JOINS,
    ),
    # ---- losses and optimizers
    "CategoricalCrossentropy": (
        "Cross-entropy",
        "How far the probabilities are from the target: the surprise at the right answer.",
        "ℓ = −Σ_k t_k·log p_k",
        "Together with the softmax before it: what is predicted, minus what should be.",
        "dz_j = dℓ·(p_j·Σ_k t_k − t_j) = dℓ·(p_j − t_j)",
        "softmax_cross_entropy.md",
    ),
    "MeanSquaredError": (
        "Squared error",
        "The mean of the squared differences from the target.",
        "ℓ = 1/K · Σ_k (p_k − t_k)²",
        "Twice the difference, divided by the number of entries.",
        "∂ℓ/∂p_k = 2/K · (p_k − t_k)",
        "losses.md",
    ),
    "SGD": (
        "SGD",
        "Each weight moves against its gradient, η of it; with momentum a velocity u remembers the pushes before.",
        "w ← w − η·g; u ← μ·u − η·g, w ← w + u",
        "",
        "",
        "optimizers.md#sgd",
    ),
    "Adam": (
        "Adam",
        "Each weight moves by the mean of its gradients over the root of the mean of their squares: about η, whatever "
        "their size. Both means start at 0; the factor with t divides that out.",
        "m ← m + (1 − β_1)·(g − m), v ← v + (1 − β_2)·(g² − v); "
        "w ← w − η·√(1 − β_2^t)/(1 − β_1^t) · m/(√v + ε)",
        "",
        "",
        "optimizers.md#adam",
    ),
    "AdamW": (
        "AdamW",
        "First each weight shrinks by the decay λ, which its gradient does not see; then it moves as Adam's.",
        "w ← w·(1 − η·λ); m ← m + (1 − β_1)·(g − m), v ← v + (1 − β_2)·(g² − v); "
        "w ← w − η·√(1 − β_2^t)/(1 − β_1^t) · m/(√v + ε)",
        "",
        "",
        "optimizers.md#weight-decay-and-adamw",
    ),
}
