"""A GAN: two networks train against each other, batch by batch; the one inside the other is frozen meanwhile."""

import numpy as np
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, Input, LeakyReLU, Reshape, UpSampling2D
from keras.models import Model, Sequential
from keras.optimizers import Adam

rng = np.random.RandomState(0)
images = rng.uniform(-1, 1, (40, 8, 8, 1)).astype("float32")
noise = rng.normal(0, 1, (8, 10)).astype("float32")

discriminator = Sequential(
    [Input(shape=(8, 8, 1)), Conv2D(8, kernel_size=3, strides=2, padding="same"), LeakyReLU(0.2)]
)
discriminator.add(Flatten())
discriminator.add(Dense(1, activation="sigmoid"))
discriminator.compile(loss="binary_crossentropy", optimizer=Adam(0.0002, 0.5), metrics=["accuracy"])

generator = Sequential()
generator.add(Input(shape=(10,)))
generator.add(Dense(8 * 4 * 4, activation="relu"))
generator.add(Reshape((4, 4, 8)))
generator.add(UpSampling2D())
generator.add(Conv2D(8, kernel_size=3, padding="same"))
generator.add(BatchNormalization(momentum=0.8))
generator.add(Conv2D(1, kernel_size=3, padding="same", activation="tanh"))

z = Input(shape=(10,))
discriminator.trainable = False
model = Model(z, discriminator(generator(z)))
model.compile(loss="binary_crossentropy", optimizer=Adam(0.002, 0.5))

history = {"loss": []}
results = []
for step in range(5):
    loss = model.train_on_batch(noise, np.ones((8, 1)))
    discriminator.trainable = True
    real = discriminator.train_on_batch(images[step * 8 : step * 8 + 8], np.ones((8, 1)))
    fake = discriminator.train_on_batch(generator.predict(noise, verbose=0), np.zeros((8, 1)))
    discriminator.trainable = False
    print("%d [D loss: %f] [G loss: %f]" % (step, 0.5 * (real[0] + fake[0]), loss))  # noqa: UP031
    history["loss"].append(float(loss))
    results += [float(real[0]), float(fake[0])]
