"""Recipes: the settings with which the networks that come with fer were trained, by name.

    python -m fer.train --recipe vgg --data fer2013.csv               trains fer/weights/vgg.npz again
    train.run(Config(**recipes.RECIPES["vgg"], data="fer2013.csv"))   the same from Python

docs/recipes.md tells what was tried on the way, and what each part of a recipe is worth.
"""

from typing import Any

_COMMON: dict[str, Any] = {
    "batch_size": 128,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "cosine",
    "label_smoothing": 0.1,
    "ema": 0.99,
    "class_weight": "none",
    "augment": "full",
}

RECIPES: dict[str, dict[str, Any]] = {
    "vgg": {"arch": "vgg", "epochs": 100, "learning_rate": 2e-3, **_COMMON},
    "tiny": {"arch": "tiny", "epochs": 100, "learning_rate": 2e-3, **_COMMON},
}
