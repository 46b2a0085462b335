"""MobileNet: depthwise and pointwise convolutions in place of whole ones, ZeroPadding2D before strides."""

import keras
import numpy as np
from keras.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)

model = keras.Sequential([keras.Input((20, 20, 3), name="image")], name="mobilenet")
model.add(Conv2D(8, 3, strides=2, padding="same", use_bias=False))
model.add(BatchNormalization())
model.add(ReLU())
for filters, strides in ((12, 1), (16, 2)):
    if strides == 2:
        model.add(ZeroPadding2D(((0, 1), (0, 1))))
    model.add(
        DepthwiseConv2D(3, strides=strides, padding="same" if strides == 1 else "valid", use_bias=False)
    )
    model.add(BatchNormalization())
    model.add(ReLU())
    model.add(Conv2D(filters, 1, padding="same", use_bias=False))
    model.add(BatchNormalization())
    model.add(ReLU())
model.add(GlobalAveragePooling2D())
model.add(Dense(2, activation="softmax"))
rng = np.random.default_rng(6)
y = np.arange(24) % 2
x = rng.random((24, 20, 20, 3)).astype("float32") + y[:, None, None, None] * rng.random((20, 20, 3)) / 2
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
history = model.fit(x, y, epochs=3, batch_size=8)
