"""Facial emotions: the best model is kept, loaded again and looked at, class by class."""

import sys

import numpy as np
import pandas as pd
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential, load_model
from keras.utils import set_random_seed, to_categorical

set_random_seed(29)
emotions = ["Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"]

df = pd.read_csv(sys.argv[1] + "/fer2013.csv")


def load(usage):
    part = df.loc[df["Usage"] == usage]
    x = np.array([np.array(p.split(), dtype="uint8").reshape(48, 48, 1) for p in part["pixels"]])
    return x / 255.0, to_categorical(part["emotion"], len(emotions))


x_train, y_train = load("Training")
x_val, y_val = load("PublicTest")
x_test, y_test = load("PrivateTest")

model = Sequential(
    [
        Conv2D(16, 3, activation="relu", input_shape=(48, 48, 1)),
        BatchNormalization(),
        MaxPooling2D(3),
        Conv2D(32, 3, activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(32, activation="relu"),
        Dropout(0.3),
        Dense(7, activation="softmax"),
    ]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=4,
    validation_data=(x_val, y_val),
    callbacks=[
        ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True, verbose=1),
        ModelCheckpoint("epoch-{epoch:02d}.weights.h5", save_weights_only=True),
        EarlyStopping(monitor="val_loss", patience=3),
        CSVLogger("log.csv", separator=";"),
    ],
)
model.save("last.keras")
model.save_weights("last.weights.h5")

best = load_model("best.keras")
loss, accuracy = best.evaluate(x_val, y_val, verbose=0)
assert np.isclose(loss, min(history.history["val_loss"]), atol=1e-3), (loss, history.history)

last = load_model("last.keras")
assert np.allclose(last.predict(x_test, verbose=0), model.predict(x_test, verbose=0), atol=1e-5)
best.load_weights("last.weights.h5")
assert np.allclose(best.predict(x_test, verbose=0), model.predict(x_test, verbose=0), atol=1e-5)

predicted = np.argmax(last.predict(x_test), axis=1)
true = np.argmax(y_test, axis=1)
for number, emotion in enumerate(emotions):
    right = np.sum((predicted == number) & (true == number))
    precision = right / max(np.sum(predicted == number), 1)
    recall = right / max(np.sum(true == number), 1)
    print(f"{emotion:10} precision {precision:.2f} recall {recall:.2f} of {np.sum(true == number)}")
