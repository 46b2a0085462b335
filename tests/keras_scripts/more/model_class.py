"""A model as a class of its own, whose constructor makes the graph."""

import keras
import numpy as np


class EmotionNet(keras.Model):
    def __init__(self, classes=3, width=8):
        inputs = keras.Input((12, 12, 1))
        x = inputs
        for step in range(2):
            x = keras.layers.Conv2D(width * 2**step, 3, activation="relu", name=f"conv{step}")(x)
        outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(x))
        super().__init__(inputs=inputs, outputs=outputs)
        self.classes = classes

    def labels(self, x):
        return self.predict(x, verbose=0).argmax(axis=-1)


rng = np.random.default_rng(10)
y = np.arange(30) % 3
x = rng.random((30, 12, 12, 1)).astype("float32")
x[range(30), y * 4] += 1
model = EmotionNet()
model.compile(optimizer="sgd", loss=["sparse_categorical_crossentropy"], metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=10)
assert model.labels(x).shape == (30,)
results = [model.classes]
