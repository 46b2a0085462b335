"""A training loop of one's own: train_on_batch, test_on_batch, predict_on_batch."""

import numpy as np
from keras import layers, models, optimizers

rng = np.random.default_rng(15)
y = np.arange(60) % 3
x = rng.random((60, 8, 8, 1)).astype("float32")
x[range(60), y * 2] += 1
model = models.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(6, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizers.SGD(0.1), metrics=["accuracy"])
history = {"loss": [], "accuracy": []}
for _ in range(3):
    for start in range(0, 60, 20):
        logs = model.train_on_batch(x[start : start + 20], y[start : start + 20], return_dict=True)
    for name in history:
        history[name].append(float(logs[name]))
results = [float(value) for value in model.test_on_batch(x, y)]
assert model.predict_on_batch(x[:5]).shape == (5, 3)
