"""A convolutional autoencoder: images are their own targets; encoder and decoder as models of their own."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(8)
x_train = rng.random((32, 8, 8, 1)).astype("float32") ** 3
noisy = np.clip(x_train + 0.2 * rng.normal(size=x_train.shape), 0.0, 1.0)

image = keras.Input(shape=(8, 8, 1))
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(image)
encoded = layers.MaxPooling2D((2, 2), padding="same", name="code")(x)
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(encoded)
x = layers.UpSampling2D((2, 2))(x)
decoded = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
model = keras.Model(image, decoded)
encoder = keras.Model(image, encoded)
model.compile(optimizer="adam", loss="mse")
history = model.fit(noisy, x_train, epochs=4, batch_size=8, validation_data=(noisy, x_train))
assert encoder.predict(x_train).shape == (32, 4, 4, 8)
results = [float(np.mean((model.predict(noisy) - x_train) ** 2))]
