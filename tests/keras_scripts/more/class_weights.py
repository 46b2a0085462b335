"""Rare classes: class_weight by hand, label smoothing, top-k accuracy, F1."""

import numpy as np
from tensorflow.keras import Sequential, layers, losses, metrics
from tensorflow.keras.utils import to_categorical

rng = np.random.default_rng(21)
labels = np.where(rng.random(50) < 0.7, 0, rng.integers(1, 5, 50))
x = rng.random((50, 10, 10, 1)).astype("float32")
x[range(50), labels * 2] += 1
y = to_categorical(labels, 5)
counts = np.bincount(labels, minlength=5)
class_weight = {k: float(50 / (5 * max(n, 1))) for k, n in enumerate(counts)}
model = Sequential(
    [
        layers.Input((10, 10, 1)),
        layers.Conv2D(5, 3),
        layers.PReLU(),
        layers.Flatten(),
        layers.Dense(5, activation="softmax"),
    ]
)
model.compile(
    optimizer="adam",
    loss=losses.CategoricalCrossentropy(label_smoothing=0.1),
    metrics=["accuracy", metrics.TopKCategoricalAccuracy(k=2, name="top2"), metrics.F1Score(average="macro")],
)
history = model.fit(x, y, epochs=3, batch_size=10, class_weight=class_weight)
