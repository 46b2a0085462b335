"""Facial emotions: ImageDataGenerator.flow and the usual callbacks."""

import sys

import numpy as np
import pandas as pd
import tensorflow.keras.utils as ku
from tensorflow.keras.callbacks import EarlyStopping, ReduceLROnPlateau
from tensorflow.keras.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    InputLayer,
    MaxPool2D,
)
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator

ku.set_random_seed(7)

df = pd.read_csv(f"{sys.argv[1]}/fer2013.csv")


def to_arrays(usage):
    part = df[df.Usage == usage]
    images = np.array([list(map(int, p.split())) for p in part.pixels], dtype=np.uint8)
    return images.reshape(-1, 48, 48, 1), ku.to_categorical(part.emotion, 7)


X_train, y_train = to_arrays("Training")
X_valid, y_valid = to_arrays("PublicTest")

train_datagen = ImageDataGenerator(
    featurewise_center=False,
    rescale=1.0 / 255,
    rotation_range=15,
    width_shift_range=0.15,
    height_shift_range=0.15,
    shear_range=0.15,
    zoom_range=0.15,
    horizontal_flip=True,
)
train_datagen.fit(X_train)
valid_datagen = ImageDataGenerator(rescale=1.0 / 255)

model = Sequential(name="DCNN")
model.add(InputLayer(shape=(48, 48, 1)))
for filters in (16, 32):
    model.add(Conv2D(filters, (3, 3), padding="same", kernel_initializer="he_normal"))
    model.add(Activation("elu"))
    model.add(BatchNormalization())
    model.add(MaxPool2D((2, 2)))
    model.add(Dropout(0.2))
model.add(Flatten())
model.add(Dense(32, activation="elu"))
model.add(Dense(7, activation="softmax", name="out_layer"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.summary()

callbacks = [
    EarlyStopping(
        monitor="val_accuracy", min_delta=0.00005, patience=11, verbose=1, restore_best_weights=True
    ),
    ReduceLROnPlateau(monitor="val_accuracy", factor=0.5, patience=1, min_lr=1e-7, verbose=1),
]
history = model.fit(
    train_datagen.flow(X_train, y_train, batch_size=32),
    validation_data=valid_datagen.flow(X_valid, y_valid, batch_size=32, shuffle=False),
    epochs=5,
    callbacks=callbacks,
)
print(sorted(history.history))
