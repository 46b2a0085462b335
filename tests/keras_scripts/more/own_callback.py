"""A callback as a class, one of functions, and a training that a callback ends."""

import keras
import numpy as np
from keras.callbacks import Callback, LambdaCallback, ReduceLROnPlateau

seen = []


class StopAt(Callback):
    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def on_train_begin(self, logs=None):
        seen.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        seen.append((epoch, sorted(logs)))
        if logs.get("loss") < self.loss:
            self.model.stop_training = True


rng = np.random.default_rng(17)
x = rng.normal(size=(30, 4)).astype("float32")
y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")
model = keras.models.Sequential()
model.add(keras.layers.Input(shape=(4,)))
model.add(keras.layers.Dense(1, kernel_initializer="zeros"))
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9), loss="mean_squared_error")
rates = []
history = model.fit(
    x,
    y,
    epochs=30,
    batch_size=30,
    verbose=0,
    callbacks=[
        StopAt(0.5),
        ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=0.1),
        LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(float(logs["learning_rate"]))),
    ],
)
results = [len(seen), *rates]
