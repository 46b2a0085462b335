"""Images named in a table: flow_from_dataframe, class_mode, a generator for the validation."""

import os

import numpy as np
import pandas as pd
from PIL import Image
from tensorflow.keras.layers import Conv2D, Dense, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator

rng = np.random.default_rng(16)
os.makedirs("pictures", exist_ok=True)
rows = []
for number in range(30):
    pixels = rng.integers(0, 100, (12, 12)) + 100 * (number % 2)
    Image.fromarray(pixels.astype("uint8")).save(f"pictures/{number:02d}.png")
    rows.append({"file": f"{number:02d}.png", "emotion": ["sad", "happy"][number % 2]})
df = pd.DataFrame(rows)
datagen = ImageDataGenerator(rescale=1.0 / 255)
options = {
    "directory": "pictures",
    "x_col": "file",
    "y_col": "emotion",
    "target_size": (12, 12),
    "batch_size": 10,
}
train = datagen.flow_from_dataframe(
    df[:20], color_mode="grayscale", class_mode="binary", shuffle=False, **options
)
valid = datagen.flow_from_dataframe(
    df[20:], color_mode="grayscale", class_mode="binary", shuffle=False, **options
)
model = Sequential()
model.add(Conv2D(4, 3, activation="relu", input_shape=(12, 12, 1)))
model.add(Flatten())
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(train, validation_data=valid, epochs=3, steps_per_epoch=2, validation_steps=1)
