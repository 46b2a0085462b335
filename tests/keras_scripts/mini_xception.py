"""Facial emotions: mini-Xception (Arriaga et al., arXiv:1710.07557), a functional net of residual blocks."""

import sys

import keras
import numpy as np
from keras import layers
from keras.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    SeparableConv2D,
)
from keras.models import Model
from keras.regularizers import l2

keras.utils.set_random_seed(5)


def mini_XCEPTION(input_shape, num_classes, l2_regularization=0.01):
    regularization = l2(l2_regularization)

    img_input = Input(input_shape)
    x = Conv2D(8, (3, 3), strides=(1, 1), kernel_regularizer=regularization, use_bias=False)(img_input)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2D(8, (3, 3), strides=(1, 1), kernel_regularizer=regularization, use_bias=False)(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)

    for filters in (16, 32):
        residual = Conv2D(filters, (1, 1), strides=(2, 2), padding="same", use_bias=False)(x)
        residual = BatchNormalization()(residual)

        x = SeparableConv2D(
            filters, (3, 3), padding="same", depthwise_regularizer=regularization, use_bias=False
        )(x)
        x = BatchNormalization()(x)
        x = Activation("relu")(x)
        x = SeparableConv2D(
            filters, (3, 3), padding="same", pointwise_regularizer=regularization, use_bias=False
        )(x)
        x = BatchNormalization()(x)

        x = MaxPooling2D((3, 3), strides=(2, 2), padding="same")(x)
        x = layers.add([x, residual])

    x = Conv2D(num_classes, (3, 3), padding="same")(x)
    x = GlobalAveragePooling2D()(x)
    output = Activation("softmax", name="predictions")(x)

    return Model(img_input, output)


def preprocess_input(x):
    return (x.astype("float32") / 255.0 - 0.5) * 2.0


data = np.load(sys.argv[1] + "/fer2013.npz")
faces = preprocess_input(np.expand_dims(data["x_train"], -1))
emotions = keras.utils.to_categorical(data["y_train"], 7)

model = mini_XCEPTION((48, 48, 1), 7)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.summary()
history = model.fit(faces, emotions, batch_size=32, epochs=4, verbose=1, validation_split=0.2)
