"""A siamese network: two images, one network for both, and what differs between its two outputs."""

import keras
import numpy as np
from keras import layers
from keras.models import Model

rng = np.random.default_rng(5)
labels = rng.integers(0, 2, 48)
left = rng.random((48, 10, 10, 1)).astype("float32")
right = np.where(labels[:, None, None, None] == 1, left, 1 - left).astype("float32")


def create_base_network(shape):
    image = layers.Input(shape=shape)
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return Model(image, layers.Dense(8, activation="tanh")(x))


base = create_base_network((10, 10, 1))
input_a = layers.Input(shape=(10, 10, 1), name="left")
input_b = layers.Input(shape=(10, 10, 1), name="right")
a, b = base(input_a), base(input_b)
d = layers.Subtract()([a, b])
both = layers.Concatenate()([layers.Multiply()([d, d]), layers.multiply([a, b])])
model = Model([input_a, input_b], layers.Dense(1, activation="sigmoid")(both))
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.RMSprop(0.01), metrics=["accuracy"])
history = model.fit([left, right], labels, batch_size=8, epochs=4, shuffle=False, validation_split=0.25)


def pairs():
    while True:
        yield {"left": left[:16], "right": right[:16]}, labels[:16]


results = [
    *model.predict([left, right])[:, 0],
    *model.predict({"right": right, "left": left}, batch_size=5)[:, 0],
    *model.evaluate([left, right], labels, verbose=0),
    *model.evaluate(pairs(), steps=2, verbose=0),
    *model.test_on_batch([left[:6], right[:6]], labels[:6]),
    *model.train_on_batch([left, right], labels, class_weight={0: 1.0, 1: 2.0}),
    *model.predict_on_batch([left, right])[:, 0],
]
