"""Learning rates by a schedule, and several optimizers compared in a loop."""

import numpy as np
from tensorflow import keras

rng = np.random.default_rng(18)
x = rng.normal(size=(40, 6)).astype("float32")
y = np.argmax(x[:, :3], axis=1)


def build():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


rate = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.9, staircase=True)
pieces = keras.optimizers.schedules.PiecewiseConstantDecay([3, 6], [0.1, 0.05, 0.01])
optimizers = {
    "sgd": keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=1.0),
    "pieces": keras.optimizers.SGD(pieces, clipvalue=0.5),
    "rmsprop": keras.optimizers.RMSprop(1e-2, rho=0.8, centered=True),
    "adagrad": keras.optimizers.Adagrad(0.05),
    "adadelta": keras.optimizers.Adadelta(1.0),
    "nadam": keras.optimizers.Nadam(1e-2),
    "amsgrad": keras.optimizers.Adam(1e-2, amsgrad=True, weight_decay=0.01),
}
results = []
for optimizer in optimizers.values():
    model = build()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=3, batch_size=10, verbose=0)
    results += history.history["loss"]
