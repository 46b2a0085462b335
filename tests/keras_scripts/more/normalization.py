"""Normalization by known numbers, GroupNormalization, initializers and regularizers as objects."""

import numpy as np
from tensorflow.keras import initializers, layers, models, regularizers

rng = np.random.default_rng(24)
y = np.arange(30) % 3
x = 50 + 20 * rng.normal(size=(30, 10, 10, 2)).astype("float32")
x[range(30), y * 3] += 40
scaling = layers.Normalization(mean=50.0, variance=400.0)
model = models.Sequential()
model.add(layers.Input((10, 10, 2)))
model.add(scaling)
model.add(
    layers.Conv2D(
        8,
        3,
        kernel_initializer=initializers.HeNormal(seed=1),
        bias_initializer=initializers.Constant(0.1),
        kernel_regularizer=regularizers.L1L2(l1=1e-5, l2=1e-4),
    )
)
model.add(layers.GroupNormalization(groups=4))
model.add(layers.Activation("relu"))
model.add(layers.Flatten())
model.add(layers.Dense(3, activation="softmax", bias_regularizer=regularizers.l1(1e-3)))
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=10)
