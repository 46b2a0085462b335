"""Features of a layer inside the net, all activations at once, and the weights of a layer."""

import keras
import numpy as np
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Model, Sequential

model = Sequential()
model.add(Conv2D(4, (3, 3), activation="relu", input_shape=(10, 10, 1), name="block1_conv1"))
model.add(MaxPooling2D((2, 2), name="block1_pool"))
model.add(Flatten(name="flatten"))
model.add(Dense(6, activation="relu", name="fc1"))
model.add(Dense(2, activation="softmax", name="predictions"))
model.compile(loss="sparse_categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
rng = np.random.default_rng(13)
x, y = rng.random((20, 10, 10, 1)).astype("float32"), np.arange(20) % 2
history = model.fit(x, y, epochs=3, batch_size=5, verbose=0)

extractor = Model(inputs=model.inputs, outputs=model.get_layer("fc1").output)
features = extractor.predict(x)
everything = Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
activations = everything.predict(x)
filters, biases = model.get_layer("block1_conv1").get_weights()
assert [a.shape for a in activations][:2] == [(20, 8, 8, 4), (20, 4, 4, 4)]
results = [float(features.mean()), float(activations[-1][:, 0].mean()), float(filters.sum() + biases.sum())]
keras.backend.clear_session()
