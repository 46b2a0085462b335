"""The convnet of Keras's own examples: expand_dims, to_categorical, validation_split."""

import keras
import numpy as np
from keras import layers

num_classes, input_shape = 4, (14, 14, 1)
rng = np.random.default_rng(1)
labels = np.arange(60) % num_classes
images = rng.random((60, 14, 14))
images[range(60), labels * 3] += 1
images = np.expand_dims(images.astype("float32"), -1)
y = keras.utils.to_categorical(labels, num_classes)

model = keras.Sequential(
    [
        keras.Input(shape=input_shape),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dense(num_classes, activation="softmax"),
    ]
)
model.summary()
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(images, y, batch_size=16, epochs=3, validation_split=0.1)
results = model.evaluate(images, y, verbose=0)
