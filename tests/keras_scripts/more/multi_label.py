"""Several labels for an image: sigmoids, binary cross-entropy, sample weights and weighted metrics."""

import keras
import numpy as np

rng = np.random.default_rng(20)
y = rng.integers(0, 2, (36, 4)).astype("float32")
x = rng.random((36, 8, 8, 1)).astype("float32")
for k in range(4):
    x[:, 2 * k] += y[:, k, None, None]
weights = 0.5 + rng.random(36)
model = keras.Sequential()
model.add(keras.layers.Input((8, 8, 1)))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(12, activation=keras.activations.relu))
model.add(keras.layers.Dense(4, activation=keras.activations.sigmoid))
model.compile("adam", "binary_crossentropy", weighted_metrics=["binary_accuracy"])
history = model.fit(x, y, epochs=4, batch_size=9, sample_weight=weights, validation_data=(x, y, weights))
