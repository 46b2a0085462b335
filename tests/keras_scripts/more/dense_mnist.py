"""Digits, the first script of many courses: Flatten, Dense, evaluate, predict."""

import numpy as np
import tensorflow.keras as keras

rng = np.random.default_rng(0)
y_train = np.arange(80) % 5
x_train = rng.integers(0, 100, (80, 14, 14))
x_train[range(80), y_train * 2] += 150
x_train = x_train / 255.0

model = keras.models.Sequential(
    [
        keras.layers.Flatten(input_shape=(14, 14)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=4)
results = model.evaluate(x_train, y_train, verbose=2)
predicted = np.argmax(model.predict(x_train[:3]), axis=1)
