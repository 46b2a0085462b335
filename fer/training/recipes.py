"""Recipes: the settings with which the networks that come with fer are trained, by name.

    python -m fer.train --recipe vgg --data fer2013.csv               trains fer/weights/vgg.npz again
    train.run(Config(**recipes.RECIPES["vgg"], data="fer2013.csv"))   the same from Python

docs/recipes.md says what else was tried, and how much each part of a recipe gives.
"""

from typing import Any

_COMMON: dict[str, Any] = {
    "batch_size": 128,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "cosine",
    "label_smoothing": 0.1,
    "class_weight": "none",
}

RECIPES: dict[str, dict[str, Any]] = {
    "vgg": {
        "arch": "vgg",
        "dropout": 0.5,
        "augment": "strong",
        "drop_faulty": True,
        "epochs": 130,
        "learning_rate": 4e-3,
        "ema": 0.999,
        "keep": "last",
        **_COMMON,
    },
    "tiny": {
        "arch": "tiny",
        "augment": "full",
        "epochs": 100,
        "learning_rate": 2e-3,
        "ema": 0.99,
        **_COMMON,
    },
}
