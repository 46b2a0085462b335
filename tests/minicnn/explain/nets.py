"""Small nets that between them have every layer and every connection that the page knows."""

import numpy as np

from minicnn import Input, Model, Sequential, activations, layers, losses, optimizers

SHAPE = (9, 8, 2)
OPAQUE = {"log_softmax"}  # the activations of the library that the page has no arithmetic for


def shaken(model, seed=3):
    """Give all weights values that show it when two are taken for each other; of float32's digits."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        value = rng.uniform(0.3, 1.3, weight.shape) * rng.choice([-1, 1], weight.shape)
        value *= 0.8 / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        weight.assign(np.abs(value) if "variance" in weight.name else value)
        weight.assign(weight.value.astype(np.float32))
    return model


def compiled(model, loss="categorical_crossentropy", optimizer="adam"):
    model.compile(optimizer, loss)
    return shaken(model)


def sequence(*several, shape=SHAPE, classes=3, dtype="float64"):
    return Sequential(
        [
            Input(shape, dtype=dtype),
            *several,
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def plain():
    return compiled(
        sequence(
            layers.Rescaling([0.5, 2.0], offset=[-1.0, 0.25]),
            layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu"),
            layers.MaxPooling2D(),
        )
    )


def normed():
    return compiled(
        sequence(
            layers.RandomFlip("horizontal"),
            layers.Normalization(mean=[1.0, -0.5], variance=[4.0, 0.25]),
            layers.Conv2D(3, 3, dilation_rate=2, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.1),
            layers.Conv2D(4, 2, padding="same", activation="elu"),
            layers.BatchNormalization(trainable=False, center=False),
            layers.GroupNormalization(2, gamma_initializer="random_normal"),
            layers.GaussianNoise(0.1),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Dropout(0.4),
        ),
        loss=losses.SparseCategoricalCrossentropy(label_smoothing=0.1),
        optimizer=optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.02),
    )


def separable():
    return compiled(
        sequence(
            layers.ZeroPadding2D(((1, 0), (2, 1))),
            layers.SeparableConv2D(4, 3, depth_multiplier=2, activation="gelu"),
            layers.DepthwiseConv2D(2, depth_multiplier=2, strides=2, padding="same", activation="tanh"),
            layers.UpSampling2D((2, 1)),
            layers.Cropping2D(((1, 2), (0, 1))),
            layers.SpatialDropout2D(0.5),
            layers.Reshape((-1, 2, 8)),
            layers.Permute((2, 1, 3)),
        ),
        optimizer=optimizers.AdamW(0.01, weight_decay=0.1),
    )


def enlarged():
    return compiled(
        sequence(
            layers.Conv2D(3, 3, strides=2, padding="same", activation="tanh"),
            layers.Conv2DTranspose(2, (3, 2), strides=(2, 1), padding="same", activation="relu"),
            layers.Conv2DTranspose(2, 2, dilation_rate=(2, 1), use_bias=False),
        )
    )


def residual():
    block = layers.Residual(
        [layers.Conv2D(3, 3, padding="same", kernel_regularizer="l2"), layers.BatchNormalization()],
        layers.Conv2D(3, 1, bias_regularizer="l1"),
    )
    inner = layers.Residual([layers.Residual([layers.Conv2D(3, 1, activation="sigmoid")]), layers.ReLU()])
    return compiled(
        sequence(block, layers.Chain([layers.ReLU(), inner]), layers.GlobalMaxPooling2D(keepdims=True))
    )


def graph():
    x = Input(SHAPE, dtype="float64")
    left = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    right = layers.Dropout(0.5)(layers.Conv2D(3, 1)(x), training=False)
    gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(left))
    inner = Sequential(
        [Input((9, 8, 3), dtype="float64"), layers.Conv2D(3, 2, padding="same"), layers.ReLU()]
    )
    several = [
        layers.Add()([left, right]),
        layers.Subtract()([left, right]),
        layers.Multiply()([left, gate]),
        layers.Average()([inner(left), right]),
        layers.Maximum()([left, right]),
        layers.Minimum()([left, right]),
        x,
    ]
    together = layers.Concatenate()(several)
    scores = layers.Dense(4)(layers.GlobalAveragePooling2D()(together))
    return compiled(
        Model(x, scores), loss=losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    )


def activated():
    """Return a net with every activation that the page can compute, side by side."""
    x = Input(SHAPE, dtype="float64")
    y = layers.Conv2D(3, 2)(x)
    several = [layers.Activation(name)(y) for name in activations.TABLE if name not in OPAQUE]
    several += [layers.ELU(0.5)(y), layers.ReLU(2, 0.25, 0.125)(y)]
    scores = layers.Dense(3)(layers.Flatten()(layers.Concatenate()(several)))
    return compiled(Model(x, scores), loss=losses.CategoricalCrossentropy(from_logits=True))


def squares():
    return compiled(
        Sequential([Input(SHAPE, dtype="float64"), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]),
        loss="mse",
        optimizer=optimizers.SGD(0.1),
    )


def opaque():
    return compiled(
        sequence(layers.Conv2D(3, 3), layers.PReLU(), layers.Activation("log_softmax"), layers.Conv2D(2, 3))
    )


def single():
    """Return a net where all that is counted is one."""
    return compiled(
        Sequential(
            [
                Input((9, 8, 2), dtype="float64"),
                layers.Conv2D(1, 8, strides=9, padding="same"),
                layers.MaxPooling2D(1),
                layers.AveragePooling2D(1),
                layers.Conv2D(1, 1),
                layers.Flatten(),
                layers.Dense(1),
                layers.Dense(6),
            ]
        ),
        loss="mse",
    )


class Restless(layers.Layer):
    """A layer of one's own that adds other numbers each time."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = np.random.default_rng(0)

    def forward(self, x, training=False):
        return x + self.generator.normal(size=x.shape)

    def backward(self, dy):
        return dy


def restless():
    return compiled(sequence(layers.Conv2D(3, 3), Restless(name="restless"), layers.Conv2D(2, 3)))


NETS = {
    f.__name__: f
    for f in (plain, normed, separable, enlarged, residual, graph, activated, squares, single, opaque)
}


def image(seed=0):
    """Return an image for any of them, of float32's digits."""
    return np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32).astype(np.float64)
