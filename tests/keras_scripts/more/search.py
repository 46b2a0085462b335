"""A search over widths and rates, and cross-validation by hand: many small models in loops."""

import itertools

import numpy as np
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam

rng = np.random.default_rng(26)
x = rng.normal(size=(30, 4)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("int32")


def create_model(units, learning_rate):
    model = Sequential([Input((4,)), Dense(units, activation="relu"), Dense(2, activation="softmax")])
    model.compile(Adam(learning_rate), "sparse_categorical_crossentropy", metrics=None)
    return model


results = []
folds = np.array_split(np.arange(30), 3)
for units, rate in itertools.product((4, 8), (1e-2, 1e-3)):
    scores = []
    for fold in folds:
        rest = np.setdiff1d(np.arange(30), fold)
        model = create_model(units, rate)
        history = model.fit(x[rest], y[rest], epochs=2, batch_size=10, verbose=0)
        scores.append(model.evaluate(x[fold], y[fold], verbose=0))
    results.append(float(np.mean(scores)))
K.clear_session()
