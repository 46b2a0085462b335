"""DenseNet: each layer sees all before it, by concatenate; transitions halve the channels."""

import numpy as np
from tensorflow.keras import Input, Model
from tensorflow.keras import layers as L


def dense_block(x, layers, growth):
    for _ in range(layers):
        y = L.BatchNormalization()(x)
        y = L.ReLU()(y)
        y = L.Conv2D(growth, 3, padding="same", use_bias=False)(y)
        x = L.concatenate([x, y])
    return x


inputs = Input((12, 12, 1))
x = L.Conv2D(8, 3, padding="same")(inputs)
x = dense_block(x, 3, 4)
x = L.Conv2D(10, 1)(x)
x = L.AveragePooling2D(2)(x)
x = dense_block(x, 2, 4)
x = L.GlobalMaxPooling2D()(x)
model = Model(inputs, L.Dense(3, activation="softmax")(x), name="densenet")
rng = np.random.default_rng(5)
labels = np.arange(36) % 3
images = rng.normal(size=(36, 12, 12, 1))
images[range(36), :, labels * 4] += 1.5
model.compile(optimizer="nadam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(images, labels, epochs=3, batch_size=12)
