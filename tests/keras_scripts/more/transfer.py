"""Transfer: a net is trained on some classes, frozen, and gets a new head; then its last layers learn too."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

rng = np.random.default_rng(12)
y = np.arange(48) % 6
x = rng.random((48, 12, 12, 1)).astype("float32")
x[range(48), y * 2] += 1

base = keras.Sequential(
    [
        layers.Input((12, 12, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(8, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
    ],
    name="base",
)
first = keras.Sequential([base, layers.Dense(6, activation="softmax")])
first.compile("adam", loss="sparse_categorical_crossentropy")
first.fit(x, y, epochs=2, batch_size=12)

base.trainable = False
inputs = keras.Input(shape=(12, 12, 1))
outputs = layers.Dense(2, activation="softmax")(base(inputs, training=False))
model = keras.Model(inputs, outputs)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y % 2, epochs=2, batch_size=12)
base.trainable = True
for layer in base.layers[:-2]:
    layer.trainable = False
model.compile(keras.optimizers.Adam(1e-4), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
results = model.fit(x, y % 2, epochs=2, batch_size=12).history["loss"]
