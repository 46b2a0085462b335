"""Facial emotions: rare emotions count more; a log file; hand-written standardisation."""

import sys

import numpy as np
import pandas as pd
from tensorflow import keras
from tensorflow.keras import layers, regularizers

keras.utils.set_random_seed(13)

df = pd.read_csv(sys.argv[1] + "/fer2013.csv")
train = df[df["Usage"] == "Training"]
pixels = train["pixels"].str.split(expand=True).to_numpy(dtype="float32").reshape(-1, 48, 48, 1)
mean, std = pixels.mean(), pixels.std()
x_train = (pixels - mean) / std
y_train = train["emotion"].to_numpy()

counts = np.bincount(y_train, minlength=7)
class_weight = {i: len(y_train) / (7 * count) for i, count in enumerate(counts)}
print(class_weight)

model = keras.Sequential()
model.add(keras.Input(shape=(48, 48, 1)))
model.add(layers.Conv2D(8, 5, strides=2, padding="same", kernel_regularizer=regularizers.l2(1e-3)))
model.add(layers.LeakyReLU(negative_slope=0.1))
model.add(layers.AveragePooling2D(3, strides=2))
model.add(layers.BatchNormalization())
model.add(layers.Conv2D(16, 3, activation="gelu"))
model.add(layers.GlobalMaxPooling2D())
model.add(layers.Dense(7, kernel_regularizer="l2", activation="softmax"))
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
    weighted_metrics=["accuracy"],
)
history = model.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=4,
    class_weight=class_weight,
    validation_split=0.15,
    callbacks=[keras.callbacks.CSVLogger("training.log", append=False), keras.callbacks.TerminateOnNaN()],
)
print(pd.read_csv("training.log"))
