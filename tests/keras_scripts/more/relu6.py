"""MobileNet as Keras's own file writes it: ReLU(6.0), padding at one side, the classes by a convolution."""

import keras
import numpy as np
from keras import layers, models

rng = np.random.default_rng(6)
x_train = rng.normal(0, 20, (24, 16, 16, 3)).astype("float32")  # so that many values reach the limit
y_train = keras.utils.to_categorical(rng.integers(0, 4, 24), num_classes=4)


def depthwise_conv_block(inputs, filters, strides, block_id):
    x = inputs if strides == (1, 1) else layers.ZeroPadding2D(((0, 1), (0, 1)))(inputs)
    padding = "same" if strides == (1, 1) else "valid"
    x = layers.DepthwiseConv2D((3, 3), padding=padding, strides=strides, use_bias=False)(x)
    x = layers.ReLU(6.0, name="conv_dw_%d_relu" % block_id)(x)  # noqa: UP031
    x = layers.Conv2D(filters, (1, 1), padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(axis=-1)(x)
    return layers.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.05)(x)


image = layers.Input(shape=(16, 16, 3))
x = layers.Conv2D(8, (3, 3), padding="same", use_bias=False, strides=(2, 2))(image)
x = layers.Activation("relu6")(x)
x = depthwise_conv_block(x, 8, (1, 1), 1)
x = depthwise_conv_block(x, 16, (2, 2), 2)
x = layers.GlobalAveragePooling2D(keepdims=True)(x)
x = layers.Conv2D(4, (1, 1), padding="same")(x)
x = layers.Reshape((4,))(x)
model = models.Model(image, layers.Activation("softmax")(x))
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=8, epochs=4, shuffle=False)
results = [float(value) for value in model.predict(x_train)[:3].ravel()]
