# ruff: noqa: F403, F405
"""LeNet-5: tanh, average pooling, names from keras.layers imported with a star."""

import numpy as np
from keras.layers import *
from keras.models import Sequential
from keras.optimizers import SGD

rng = np.random.default_rng(2)
y = np.arange(48) % 3
x = rng.normal(size=(48, 28, 28, 1)).astype("float32")
x[range(48), y * 6] += 2

model = Sequential()
model.add(Conv2D(6, (5, 5), padding="same", activation="tanh", input_shape=(28, 28, 1)))
model.add(AveragePooling2D((2, 2), strides=2))
model.add(Conv2D(16, (5, 5), activation="tanh"))
model.add(AveragePooling2D((2, 2), strides=2))
model.add(Flatten())
model.add(Dense(120, activation="tanh"))
model.add(Dense(84, activation="tanh"))
model.add(Dense(3, activation="softmax"))
model.compile(SGD(learning_rate=0.05), loss="sparse_categorical_crossentropy", metrics=["acc"])
history = model.fit(x, y, batch_size=8, epochs=3, verbose=2)
