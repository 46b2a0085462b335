"""Words for losses and optimizers."""

from minicnn.explain.describe.words import Words

LOSSES = {
    "CategoricalCrossentropy": Words(
        "Cross-entropy",
        "How far the probabilities are from the target: for one true class, −log of its probability.",
        "ℓ = −Σ_k t_k·log p_k",
        "Together with the softmax before it: the prediction minus the target.",
        "dz_j = dℓ·(p_j·Σ_k t_k − t_j) = dℓ·(p_j − t_j)",
        "softmax_cross_entropy.md",
    ),
    "MeanSquaredError": Words(
        "Squared error",
        "The mean of the squared differences from the target.",
        "ℓ = 1/K · Σ_k (p_k − t_k)²",
        "Twice the difference, divided by the number of entries.",
        "∂ℓ/∂p_k = 2/K · (p_k − t_k)",
        "losses.md",
    ),
}

OPTIMIZERS = {
    "SGD": Words(
        "SGD",
        "Each weight moves against its gradient, by η times the gradient. With momentum, a velocity u keeps "
        "a part of the earlier steps.",
        "w ← w − η·g; u ← μ·u − η·g, w ← w + u",
        "",
        "",
        "optimizers.md#sgd",
    ),
    "Adam": Words(
        "Adam",
        "Each weight moves by the mean of its gradients over the root of the mean of their squares: about η, "
        "whatever their size. Both means start at 0; the factor with t corrects that.",
        "m ← m + (1 − β_1)·(g − m), v ← v + (1 − β_2)·(g² − v); "
        "w ← w − η·√(1 − β_2^t)/(1 − β_1^t) · m/(√v + ε)",
        "",
        "",
        "optimizers.md#adam",
    ),
    "AdamW": Words(
        "AdamW",
        "First each weight shrinks by the decay λ, which is not part of its gradient; then it moves as in Adam.",
        "w ← w·(1 − η·λ); m ← m + (1 − β_1)·(g − m), v ← v + (1 − β_2)·(g² − v); "
        "w ← w − η·√(1 − β_2^t)/(1 − β_1^t) · m/(√v + ε)",
        "",
        "",
        "optimizers.md#weight-decay-and-adamw",
    ),
}
