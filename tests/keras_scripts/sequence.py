"""Facial emotions: batches of one's own, by a Sequence and by a Python generator, with sample weights."""

import math
import sys

import keras
import numpy as np
from keras.layers import Conv2D, Dense, Flatten, MaxPool2D, PReLU
from keras.models import Sequential

keras.utils.set_random_seed(17)
BATCH = 32


class FaceSequence(keras.utils.Sequence):
    def __init__(self, faces, labels, weights, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.faces, self.labels, self.weights = faces, labels, weights
        self.batch_size = batch_size
        self.epoch = 0

    def __len__(self):
        return math.ceil(len(self.faces) / self.batch_size)

    def __getitem__(self, idx):
        part = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
        return self.faces[part, :, :, None] / 255.0, self.labels[part], self.weights[part]

    def on_epoch_end(self):
        self.epoch += 1


def validation_batches(faces, labels):
    while True:
        for start in range(0, len(faces), BATCH):
            yield faces[start : start + BATCH, :, :, None] / 255.0, labels[start : start + BATCH]


data = np.load(sys.argv[1] + "/fer2013.npz")
x_train, y_train, x_val, y_val = (data[name] for name in ("x_train", "y_train", "x_val", "y_val"))
weights = np.where(y_train == 3, 0.5, 1.0)

model = Sequential(
    [
        Conv2D(8, 3, strides=2, padding="same", input_shape=(48, 48, 1)),
        PReLU(shared_axes=[1, 2]),
        MaxPool2D(2),
        Conv2D(16, 3, activation="elu"),
        Flatten(),
        Dense(7),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
batches = FaceSequence(x_train, y_train, weights, BATCH, workers=1)
history = model.fit(
    batches,
    epochs=4,
    initial_epoch=0,
    validation_data=validation_batches(x_val, y_val),
    validation_steps=math.ceil(len(x_val) / BATCH),
    shuffle=True,
    verbose=2,
)
logits = model.predict(validation_batches(x_val, y_val), steps=math.ceil(len(x_val) / BATCH))
print(
    "right:", int((logits.argmax(axis=-1) == y_val).sum()), "of", len(y_val), "after", batches.epoch, "epochs"
)
