"""Facial emotions: the layers in a list, augmentation and scaling among them; sparse labels."""

import os
import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

faces = np.load(os.path.join(sys.argv[1], "fer2013.npz"))
x_train, y_train = faces["x_train"][..., np.newaxis], faces["y_train"]
x_val, y_val = faces["x_val"][..., np.newaxis], faces["y_val"]
print(x_train.shape, x_train.dtype)

data_augmentation = keras.Sequential(
    [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.1),
        layers.RandomTranslation(0.1, 0.1),
    ],
    name="augmentation",
)

model = keras.Sequential(
    [
        keras.Input(shape=(48, 48, 1)),
        data_augmentation,
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", kernel_initializer="he_normal", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.SpatialDropout2D(0.1),
        layers.GlobalAveragePooling2D(),
        layers.Dense(7),
        layers.Softmax(),
    ]
)

model.compile(
    optimizer=keras.optimizers.RMSprop(learning_rate=2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
history = model.fit(x_train, y_train, epochs=5, batch_size=16, validation_data=(x_val, y_val))

model.summary()
loss, acc = model.evaluate(x_val, y_val)
print(f"val loss {loss:.3f}, val accuracy {acc:.3f}")
