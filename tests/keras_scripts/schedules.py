"""Facial emotions: AdamW on a cosine schedule with label smoothing, then a LearningRateScheduler."""

import sys

import keras
import numpy as np
from keras import layers
from keras.callbacks import Callback, LearningRateScheduler
from keras.optimizers import AdamW
from keras.optimizers.schedules import CosineDecay

keras.utils.set_random_seed(23)

data = np.load(sys.argv[1] + "/fer2013.npz")
x_train = data["x_train"].astype("float32")[..., None] / 255
y_train = keras.utils.to_categorical(data["y_train"], num_classes=7)
x_val = data["x_val"].astype("float32")[..., None] / 255
y_val = keras.utils.to_categorical(data["y_val"], num_classes=7)


def conv_block(model, filters):
    model.add(layers.Conv2D(filters, (3, 3), padding="same"))
    model.add(layers.BatchNormalization())
    model.add(layers.Activation("relu"))
    model.add(layers.MaxPooling2D((2, 2)))


class RateLogger(Callback):
    def on_epoch_end(self, epoch, logs=None):
        rates.append(float(self.model.optimizer.learning_rate))


model = keras.Sequential([layers.Input((48, 48, 1))])
for filters in (8, 16, 16):
    conv_block(model, filters)
model.add(layers.Flatten())
model.add(layers.Dense(7, activation="softmax", kernel_initializer=keras.initializers.HeUniform(seed=1)))

steps = -(-len(x_train) // 16)
loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
metrics = ["accuracy", keras.metrics.TopKCategoricalAccuracy(k=2, name="top2")]
model.compile(
    AdamW(CosineDecay(3e-3, decay_steps=3 * steps), weight_decay=1e-3, clipnorm=1.0), loss, metrics=metrics
)
first = model.fit(x_train, y_train, batch_size=16, epochs=3, validation_data=(x_val, y_val))

rates = []
model.compile(AdamW(learning_rate=1e-3), loss=loss, metrics=metrics)
history = model.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=5,
    initial_epoch=3,
    validation_data=(x_val, y_val),
    callbacks=[LearningRateScheduler(lambda epoch, lr: lr * 0.5, verbose=1), RateLogger()],
)
print(first.history.keys(), rates)
