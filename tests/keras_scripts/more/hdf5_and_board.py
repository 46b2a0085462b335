"""Older habits: TensorBoard and model.h5. Only here: Keras's TensorBoard needs TensorFlow."""

import datetime

import numpy as np
from tensorflow.keras.callbacks import ModelCheckpoint, TensorBoard
from tensorflow.keras.layers import Dense, Dropout, Input
from tensorflow.keras.models import Sequential, load_model

rng = np.random.default_rng(29)
x = rng.normal(size=(30, 4)).astype("float32")
y = np.argmax(x, axis=1)
model = Sequential([Input((4,)), Dense(16, activation="relu"), Dropout(0.1), Dense(4, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
log_dir = "logs/fit/" + datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
board = TensorBoard(log_dir=log_dir, histogram_freq=1)
best = ModelCheckpoint("best.hdf5", monitor="loss", save_best_only=True, verbose=1)
history = model.fit(x, y, epochs=3, callbacks=[board, best], validation_data=(x, y))
model.save("model.h5")
results = [float(np.abs(load_model("model.h5").predict(x) - model.predict(x)).max())]
