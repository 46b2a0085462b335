"""Models in models: blocks as Sequential, a built model as the first layer."""

import numpy as np
from keras import Input, Model, Sequential, layers


def block(filters):
    return Sequential(
        [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(), layers.Activation("relu")]
    )


inputs = Input((12, 12, 1))
x = block(6)(inputs)
x = layers.MaxPooling2D()(x)
x = layers.add([block(6)(x), x])
body = Model(inputs, layers.Flatten()(x), name="body")
model = Sequential([body, layers.Dense(4, activation="softmax", name="head")])
rng = np.random.default_rng(23)
y = np.arange(32) % 4
x = rng.random((32, 12, 12, 1)).astype("float32")
x[range(32), y * 3] += 1
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary(expand_nested=True)
history = model.fit(x, y, epochs=3, batch_size=8)
results = [model.get_layer("body").count_params(), len(model.layers)]
