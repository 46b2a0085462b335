"""A metric as a class with add_weight, one as a function, and a metric used by itself."""

import keras
import numpy as np


class MeanError(keras.metrics.Metric):
    def __init__(self, name="mean_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(abs(y_true - y_pred).sum())
        self.count.assign_add(float(y_pred.shape[0] * y_pred.shape[1]))

    def result(self):
        return self.total / self.count

    def reset_state(self):
        self.total.assign(0.0)
        self.count.assign(0.0)


def largest_error(y_true, y_pred):
    return abs(y_true - y_pred).max()


rng = np.random.default_rng(11)
x = rng.normal(size=(33, 5)).astype("float32")
y = (x @ rng.normal(size=(5, 2)) + 0.1).astype("float32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
model.compile(optimizer="adam", loss="mse", metrics=[MeanError(), largest_error])
history = model.fit(x, y, epochs=4, batch_size=8, validation_data=(x, y))
accuracy = keras.metrics.Accuracy()
results = [float(accuracy([1, 2, 3], [1, 2, 4])), float(accuracy([1], [1]))]
