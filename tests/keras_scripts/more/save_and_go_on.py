"""A model is saved, loaded and trained on; its weights go to an equal model; json and back."""

import numpy as np
from tensorflow.keras.layers import BatchNormalization, Dense, Input
from tensorflow.keras.models import Sequential, clone_model, load_model, model_from_json

rng = np.random.default_rng(14)
x = rng.normal(size=(40, 6)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = Sequential(
    [Input((6,)), Dense(8, activation="relu"), BatchNormalization(), Dense(1, activation="sigmoid")]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=10)
model.save("model.keras")
model.save_weights("model.weights.h5")
loaded = load_model("model.keras")
results = [float(np.abs(loaded.predict(x) - model.predict(x)).max())]
more = loaded.fit(x, y, epochs=5, initial_epoch=3, batch_size=10)
results += more.history["loss"]
for other in (clone_model(model), model_from_json(model.to_json())):
    other.load_weights("model.weights.h5")
    results.append(float(other.predict(x).mean()))
