"""CIFAR in the style of VGG: blocks in a loop, weight decay by regularizers, batch normalization."""

import numpy as np
from tensorflow.keras import layers, models, optimizers, regularizers

rng = np.random.default_rng(3)
y_train = rng.integers(0, 4, (40, 1))
x_train = rng.random((40, 16, 16, 3)).astype("float32")
x_train[range(40), :, y_train[:, 0] * 4] += 1
mean, std = np.mean(x_train, axis=(0, 1, 2, 3)), np.std(x_train, axis=(0, 1, 2, 3))
x_train = (x_train - mean) / (std + 1e-7)

weight_decay = 1e-4
model = models.Sequential()
model.add(layers.InputLayer(shape=(16, 16, 3)))
for filters in (8, 16):
    for _ in range(2):
        regularizer = regularizers.l2(weight_decay)
        model.add(layers.Conv2D(filters, (3, 3), padding="same", kernel_regularizer=regularizer))
        model.add(layers.Activation("elu"))
        model.add(layers.BatchNormalization())
    model.add(layers.MaxPooling2D(pool_size=(2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(4, activation="softmax"))
optimizer = optimizers.RMSprop(learning_rate=0.001)
model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=20, epochs=3, validation_data=(x_train[:10], y_train[:10]))
