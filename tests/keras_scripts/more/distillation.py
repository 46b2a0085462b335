"""A small net learns what a larger one says: soft targets, both losses in one model."""

import keras
import numpy as np

rng = np.random.default_rng(27)
y = np.arange(36) % 3
x = rng.random((36, 10, 10, 1)).astype("float32")
x[range(36), y * 3] += 1


def net(width, name):
    inputs = keras.Input((10, 10, 1))
    h = keras.layers.Conv2D(width, 3, activation="relu")(inputs)
    h = keras.layers.Flatten()(h)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(h), name=name)


teacher = net(8, "teacher")
teacher.compile("adam", "sparse_categorical_crossentropy")
teacher.fit(x, y, epochs=3, batch_size=12, verbose=0)
soft = teacher.predict(x, verbose=0)

student = net(2, "student")
probabilities = student.output
hard, soft_too = (keras.layers.Activation("linear", name=name)(probabilities) for name in ("hard", "soft"))
model = keras.Model(student.input, [hard, soft_too])
model.compile("adam", loss=["sparse_categorical_crossentropy", "kl_divergence"], loss_weights=[0.3, 0.7])
history = model.fit(x, [y, soft], epochs=3, batch_size=12)
results = [float(student.predict(x)[:, 0].mean())]
