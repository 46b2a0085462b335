"""Checkpoints under several names, early stopping, a log: what is left on disk."""

import os

import numpy as np
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint
from keras.layers import Dense, Input
from keras.models import Sequential

rng = np.random.default_rng(28)
x = rng.normal(size=(40, 3)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = Sequential()
model.add(Input(shape=(3,)))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
history = model.fit(
    x,
    y,
    validation_split=0.25,
    epochs=4,
    batch_size=10,
    callbacks=[
        ModelCheckpoint("best.keras", monitor="val_loss", mode="min", save_best_only=True),
        ModelCheckpoint("w-{epoch:02d}.weights.h5", save_weights_only=True),
        EarlyStopping(monitor="val_accuracy", mode="max", patience=2, restore_best_weights=True),
        CSVLogger("log.csv"),
    ],
)
with open("log.csv") as log:
    results = [len([name for name in os.listdir() if name.endswith(".h5")]), len(log.readlines())]
