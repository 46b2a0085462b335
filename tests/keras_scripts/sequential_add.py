"""Facial emotions: a Sequential model, layer by layer with add, on the CSV file of FER2013."""

import sys

import numpy as np
import pandas as pd
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.optimizers import Adam
from keras.utils import set_random_seed, to_categorical

set_random_seed(42)
num_classes = 7
batch_size = 32
epochs = 4

data = pd.read_csv(sys.argv[1] + "/fer2013.csv")
pixels = [np.array(row.split(" "), dtype="float32") for row in data["pixels"]]
x = np.stack(pixels).reshape(-1, 48, 48, 1) / 255
y = to_categorical(data["emotion"], num_classes)

model = Sequential()
model.add(Conv2D(16, kernel_size=(3, 3), activation="relu", input_shape=(48, 48, 1)))
model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(64, activation="relu"))
model.add(Dropout(0.5))
model.add(Dense(num_classes, activation="softmax"))
model.summary()

model.compile(loss="categorical_crossentropy", optimizer=Adam(learning_rate=0.001), metrics=["accuracy"])
history = model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=1, validation_split=0.2, shuffle=True)

score = model.evaluate(x, y, verbose=0)
print("loss:", score[0])
print("accuracy:", 100 * score[1])
