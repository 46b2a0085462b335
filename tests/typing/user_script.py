"""A script as a user writes it. mypy --strict must find nothing in it: every public call is typed.

It is not run. Annotations such as ``output: np.ndarray = model(images)`` state what the types are.
"""

import numpy as np

import fer
import minicnn as keras
from minicnn import (
    Input,
    Model,
    Sequential,
    callbacks,
    gradient_check,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    utils,
)
from minicnn.layers import Layer, Parameter
from minicnn.layers.symbol import Symbol
from minicnn.optimizers import schedules

# ---- data ----------------------------------------

utils.set_random_seed(1)
images: np.ndarray = random.generator(1).random((64, 48, 48, 1))
labels = np.arange(64) % 7
one_hot: np.ndarray = utils.to_categorical(labels, 7)

# ---- a layer, a callback, a loss, a metric and an optimizer of your own ------------------------------------


class Scale(Layer):
    """y = s · x, one s for each channel."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.s = self.add_weight("s", (int(input_shape[-1] or 0),), "ones", regularizer="l2")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.x = x
        y: np.ndarray = x * self.s.value
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        self.s.grad = (dy * self.x).sum(axis=(0, 1, 2))
        dx: np.ndarray = dy * self.s.value
        return dx


class StopAt(callbacks.Callback):
    """Stop when the loss is below a limit."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs and logs["loss"] < self.limit:
            self.model.stop_training = True


class Absolute(losses.Loss):
    """|p − t|, the mean over a sample's entries."""

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        error = y_pred - y_true
        return np.abs(error).mean(axis=1), error

    def gradient(self, dlosses: np.ndarray, cache: np.ndarray) -> np.ndarray:
        dy_pred: np.ndarray = np.sign(cache) * dlosses[:, None] / cache.shape[1]
        return dy_pred


def entropy(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return the entropy of each prediction."""
    entropies: np.ndarray = -np.sum(y_pred * np.log(y_pred), axis=-1)
    return entropies


# ---- models ----------------------------------------

model = Sequential(
    [
        Input((48, 48, 1)),
        layers.Rescaling(1 / 255, offset=0.5),
        layers.RandomFlip("horizontal", seed=3),
        layers.RandomRotation(0.05),
        layers.RandomTranslation((-0.1, 0.1), 0.1),
        layers.RandomZoom(0.1),
        layers.RandomAffine("horizontal", rotation_factor=0.03),
        layers.RandomErasing(0.5, scale=(0.02, 0.1)),
        layers.Conv2D(32, 3, padding="same", activation="relu", name="first"),
        layers.Conv2D(32, (3, 3), strides=2, kernel_initializer="he_normal", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(negative_slope=0.1),
        layers.MaxPooling2D(),
        layers.AveragePooling2D((2, 2), strides=1, padding="same"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, depthwise_regularizer=regularizers.L2(1e-4)),
        layers.SeparableConv2D(16, 3, activation=keras.activations.relu, dtype="float32"),
        layers.Residual([layers.Conv2D(16, 3, padding="same"), layers.PReLU(shared_axes=[1, 2])]),
        layers.ZeroPadding2D(((1, 0), (0, 1))),
        layers.UpSampling2D(2),
        layers.SpatialDropout2D(0.1),
        layers.GaussianNoise(0.1),
        Scale(),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5, seed=1),
        layers.Dense(32, activation=layers.LeakyReLU(0.1), kernel_initializer=initializers.HeNormal(seed=1)),
        layers.Dense(7, activation="softmax", trainable=True),
    ]
)
model.add(layers.Softmax())
last: Layer = model.pop()

inputs = Input(shape=(48, 48, 1), batch_size=None)
x = layers.Conv2D(16, 3, padding="same")(inputs)
y = layers.Conv2D(16, 3, padding="same")(x)
z = layers.Activation("relu")(layers.Add()([x, y])) * 0.5 + x
both: Symbol = layers.concatenate([z, layers.add([x, y])], axis=-1)
features = layers.Flatten()(both)
functional = Model(inputs, layers.Dense(7, activation="softmax")(features), name="functional")
also_functional: Model = keras.models.Model(inputs=inputs, outputs=both)

# ---- layers on arrays, weights ----------------------------------------

output: np.ndarray = model(images, training=False)
hidden: np.ndarray = layers.Dense(3)(np.ones((2, 4)))
joined: np.ndarray = layers.Concatenate()([hidden, hidden])
added: np.ndarray = layers.add([hidden, hidden])
layer: Layer = model.get_layer("first")
kernel: Parameter = layer.trainable_weights[0]
kernel.assign(np.zeros(kernel.shape))
for inner in model.walk():
    print(inner.name, inner.count_params(), inner.output_shape if isinstance(inner, Model) else None)
model.set_weights(model.get_weights())
layer.trainable = False

# ---- training ----------------------------------------

rate = schedules.CosineDecay(1e-3, decay_steps=1000, warmup_target=1e-2, warmup_steps=10)
optimizer = optimizers.AdamW(rate, weight_decay=0.01, clipnorm=1.0, use_ema=True)
optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
model.compile(
    optimizer,
    loss=losses.SparseCategoricalCrossentropy(label_smoothing=0.1),
    metrics=["accuracy", metrics.F1Score("macro"), entropy],
    weighted_metrics=[metrics.Recall(class_id=1)],
)
functional.compile(optimizer="sgd", loss=Absolute(), metrics=["mse"])
model.optimizer.learning_rate = 1e-4
history = model.fit(
    images,
    labels,
    batch_size=16,
    epochs=3,
    validation_data=(images, labels),
    class_weight={0: 2.0},
    callbacks=[
        StopAt(0.1),
        callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(factor=0.5),
        callbacks.ModelCheckpoint("best.npz", save_best_only=True),
        callbacks.LearningRateScheduler(lambda epoch, current: current * 0.9),
        callbacks.CSVLogger("history.csv"),
        callbacks.BackupAndRestore("backup"),
        callbacks.TerminateOnNaN(),
        callbacks.SwapEMAWeights(),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)),
    ],
)
print(history.history["loss"][-1], history.epoch)
loss, accuracy = model.evaluate(images, labels, verbose=0)
results: dict[str, float] = model.evaluate(images, labels, return_dict=True)
predictions: np.ndarray = model.predict(images, batch_size=8)
model.train_on_batch(images, labels)
print(metrics.classification_report(labels, predictions, ["a", "b", "c", "d", "e", "f", "g"]).to_text())
matrix: np.ndarray = metrics.confusion_matrix(labels, predictions)

for each in (optimizers.SGD(0.1, momentum=0.9, nesterov=True), optimizers.RMSprop(), optimizers.Adam(1e-3)):
    each.apply(model.trainable_weights)
print(losses.categorical_crossentropy(one_hot, predictions).mean(), losses.get("mse").name)

# ---- files ----------------------------------------

model.summary(show_trainable=True)
model.save("model.npz")
model.save_weights("weights.npz")
loaded: Model = models.load_model("model.npz", custom_objects={"Scale": Scale})
loaded.load_weights("weights.npz")
copied: Sequential = models.clone_model(model)
from_json: Model = models.model_from_json(model.to_json())
print(loaded.predict(images).argmax(axis=1), loaded.input_shape, loaded.layers[0].name)

# ---- operations, gradient checks, faces ----------------------------------------

with ops.use("reference"):
    convolved, cache = ops.conv2d_forward(images, np.ones((3, 3, 1, 4)), np.zeros(4))
    dx, dkernel, dbias = ops.conv2d_backward(np.ones_like(convolved), cache)
    rectified, relu_cache = ops.relu_forward(convolved)
report = gradient_check.check_layer(Scale(), (2, 5, 5, 3))
print(report.passed, report)
print(gradient_check.check_model(model, images[:2], labels[:2]))

predictor = fer.Predictor("vgg", tta="flip")
prediction = predictor.predict("photo.jpg")
print(prediction.emotion, prediction.probabilities["Happy"], prediction.confidence)
several: list[fer.Prediction] = predictor.predict(["one.jpg", "two.jpg"])
found: list[fer.Prediction] = predictor.predict("group.jpg", find_faces=True)
faces = fer.load("fer2013.csv")
print(faces.train.images.shape)
