"""Facial emotions: a functional model whose branches see small and large details;
names imported one by one.
"""

import sys

import numpy as np
import pandas as pd
from keras import Model
from keras.layers import Concatenate, Conv2D, Dense, Flatten, Input, MaxPooling2D, concatenate
from keras.optimizers import SGD
from keras.utils import set_random_seed, to_categorical

set_random_seed(11)

df = pd.read_csv(sys.argv[1] + "/fer2013.csv")
X = np.vstack(df["pixels"].apply(lambda s: np.fromstring(s, dtype=int, sep=" ")).to_list())
X = X.reshape(-1, 48, 48, 1).astype("float32") / 127.5 - 1
Y = to_categorical(df["emotion"])
train, valid = df["Usage"] == "Training", df["Usage"] == "PublicTest"

inputs = Input(shape=(48, 48, 1), name="face")
stem = Conv2D(8, (3, 3), strides=2, activation="relu", padding="same", name="stem")(inputs)
small = Conv2D(8, (1, 1), activation="relu", padding="same")(stem)
middle = Conv2D(8, (3, 3), activation="relu", padding="same")(stem)
large = Conv2D(8, (5, 5), activation="relu", padding="same")(stem)
pool = MaxPooling2D((3, 3), strides=1, padding="same")(stem)
merged = Concatenate(name="inception")([small, middle, large, pool])
x = MaxPooling2D()(merged)
left = Flatten()(Conv2D(4, 3, activation="tanh")(x))
right = Flatten()(MaxPooling2D(4)(x))
x = concatenate([left, right])
x = Dense(32, activation="relu", name="fc1")(x)
outputs = Dense(7, activation="softmax", name="emotion")(x)

model = Model(inputs=inputs, outputs=outputs, name="inception_small")
model.summary()
model.compile(
    optimizer=SGD(learning_rate=0.02, momentum=0.9, nesterov=True),
    loss="categorical_crossentropy",
    metrics=["acc"],
)
history = model.fit(
    X[train], Y[train], validation_data=(X[valid], Y[valid]), batch_size=32, epochs=4, verbose=2, shuffle=True
)
features = Model(inputs, model.get_layer("fc1").output)
print(features.predict(X[valid], verbose=0).shape)
