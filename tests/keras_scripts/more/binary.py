"""Two classes: one sigmoid output, its metrics as objects, a threshold of one's own."""

import numpy as np
from keras.layers import Conv2D, Dense, Flatten, Input, LeakyReLU
from keras.metrics import AUC, BinaryAccuracy, Precision, Recall
from keras.models import Sequential

rng = np.random.default_rng(19)
y = np.arange(40) % 2
x = rng.random((40, 10, 10, 1)).astype("float32") + 0.3 * y[:, None, None, None]
model = Sequential(
    [
        Input((10, 10, 1)),
        Conv2D(6, 3, strides=2),
        LeakyReLU(negative_slope=0.1),
        Flatten(),
        Dense(1, activation="sigmoid"),
    ]
)
metrics = [
    BinaryAccuracy(threshold=0.6, name="at_0.6"),
    Precision(name="p"),
    Recall(name="r"),
    AUC(name="auc"),
]
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=metrics)
history = model.fit(x, y, epochs=3, batch_size=8, validation_data=(x, y))
predicted = (model.predict(x) > 0.5).astype("int32").ravel()
results = model.evaluate(x, y, verbose=0)
