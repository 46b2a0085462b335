"""A script with mistakes. mypy must report each line that ends in ``# error``, and no other."""

import numpy as np

import fer
import minicnn
from minicnn import (
    Input,
    Model,
    Sequential,
    callbacks,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)

images = np.zeros((8, 48, 48, 1))
labels = np.zeros(8)
inputs = Input((48, 48, 1))

layers.Conv2D(filters="x", kernel_size=3)  # error
layers.Conv2D(32, 3, actvation="relu")  # error
layers.Conv2D(32)  # error
layers.Conv2D(32, 3, padding=1)  # error
layers.Dense("7")  # error
layers.Dense(7, nme="last")  # error
layers.Dropout(rate="half")  # error
layers.BatchNormalization(momentum="0.9")  # error
layers.MaxPooling2D(pool=2)  # error
layers.Flaten()  # error
layers.Dense(7)(inputs).predict(images)  # error
print(layers.Dense(7)(images).layer)  # error
print(inputs + "x")  # error

model = Sequential([inputs, layers.Dense(7)])
Sequential([3])  # error
Model(inputs)  # error
Model(inputs, outputs="y")  # error
functional = Model(inputs, layers.Dense(7)(inputs))
functional.fitt(images, labels)  # error
model.fitt(1)  # error
model.fit(images, labels, epoch=3)  # error
model.fit(images, labels, epochs="3")  # error
model.fit(images, labels, callbacks=["EarlyStopping"])  # error
model.compile(optimiser="adam")  # error
model.compile("adam", loss=3)  # error
model.predict()  # error
model.evaluate(images, labels, batchsize=3)  # error
model.save(3)  # error
model.add("dense")  # error
model.optimizer.lr = 1  # error
model.optimizer.learning_rate = "fast"  # error
models.load_model("model.npz").fitt(images)  # error
models.load_modell("model.npz")  # error

optimizers.Adam(lr=1e-3)  # error
optimizers.SGD("0.1")  # error
optimizers.schedules.CosineDecay("0.1", 10)  # error
print(losses.MeanSquaredError(reduktion="sum").nam)  # error
losses.CategoricalCrossentropy(label_smoothing="0.1")  # error
metrics.F1Score(3)  # error
callbacks.EarlyStopping(patience="5")  # error
callbacks.EarlyStoping()  # error
initializers.HeNormal(seed="1")  # error
regularizers.L2("0.1")  # error
utils.to_categoricall(labels)  # error
minicnn.Sequentiall()  # error

print(fer.Predictor("vgg").predict("photo.jpg").emotionn)  # error
print(fer.Predictor("vgg").predict(["photo.jpg"]).emotion)  # error
fer.Predictor("vgg", ttta="flip")  # error
