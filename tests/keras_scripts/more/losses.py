"""Losses beside cross-entropy: Huber, Kullback-Leibler, focal, hinge."""

import numpy as np
from keras import layers, losses, models

rng = np.random.default_rng(25)
x = rng.normal(size=(40, 5)).astype("float32")
classes = np.argmax(x[:, :3], axis=1)
one_hot = np.eye(3, dtype="float32")[classes]
soft = 0.8 * one_hot + 0.2 / 3
choices = [
    (losses.Huber(delta=0.5), None, x[:, :3] ** 2),
    (losses.KLDivergence(), "softmax", soft),
    (losses.CategoricalFocalCrossentropy(gamma=2.0), "softmax", one_hot),
    (losses.BinaryFocalCrossentropy(), "sigmoid", one_hot),
    (losses.CategoricalHinge(), None, one_hot),
]
results = []
for loss, activation, targets in choices:
    model = models.Sequential(
        [layers.Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(3, activation=activation)]
    )
    model.compile(optimizer="adam", loss=loss)
    history = model.fit(x, targets, epochs=3, batch_size=10, verbose=0)
    results += history.history["loss"]
