"""Age, gender and emotion of a face: three outputs, losses by name, weights of the losses."""

import numpy as np
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from tensorflow.keras.models import Model

rng = np.random.default_rng(9)
faces = rng.random((40, 16, 16, 1)).astype("float32")
gender, emotion = np.arange(40) % 2, np.arange(40) % 7
age = faces.mean(axis=(1, 2, 3)) * 2

inputs = Input(shape=(16, 16, 1))
x = Conv2D(8, (3, 3), activation="relu")(inputs)
x = MaxPooling2D((2, 2))(x)
x = Flatten()(x)
gender_output = Dense(1, activation="sigmoid", name="gender")(Dense(8, activation="relu")(x))
age_output = Dense(1, activation="relu", name="age", bias_initializer="ones")(x)
emotion_output = Dense(7, activation="softmax", name="emotion")(x)
model = Model(inputs=[inputs], outputs=[gender_output, age_output, emotion_output])
model.compile(
    loss={"gender": "binary_crossentropy", "age": "mse", "emotion": "sparse_categorical_crossentropy"},
    loss_weights={"gender": 1.0, "age": 0.1, "emotion": 0.5},
    optimizer="adam",
    metrics={"gender": "accuracy", "age": "mse", "emotion": "accuracy"},
)
targets = {"gender": gender.astype("float32"), "age": age, "emotion": emotion}
history = model.fit(faces, targets, batch_size=10, epochs=3, validation_data=(faces, targets))
g, a, e = model.predict(faces)
results = [float(g.mean()), float(a.mean()), float(e[:, 0].mean())]
