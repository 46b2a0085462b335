"""Squeeze and excitation: a weight for each channel from its mean, multiplied back."""

import numpy as np
from keras.layers import (
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Multiply,
    Reshape,
)
from keras.models import Model


def squeeze_excite(x, ratio=4):
    channels = x.shape[-1]
    s = GlobalAveragePooling2D()(x)
    s = Dense(channels // ratio, activation="relu")(s)
    s = Dense(channels, activation="sigmoid")(s)
    return Multiply()([x, Reshape((1, 1, channels))(s)])


inputs = Input((16, 16, 1))
x = Conv2D(8, 3, activation="relu")(inputs)
x = MaxPooling2D()(squeeze_excite(x))
x = squeeze_excite(Conv2D(12, 3, activation="relu")(x), ratio=3)
model = Model(inputs, Dense(4, activation="softmax")(Flatten()(x)))
rng = np.random.default_rng(7)
y = np.arange(40) % 4
x = rng.random((40, 16, 16, 1)).astype("float32")
x[range(40), y * 4] += 1
model.compile(loss="sparse_categorical_crossentropy", optimizer="adamw", metrics=["accuracy"])
history = model.fit(x, y, batch_size=10, epochs=3, validation_split=0.2)
