"""ResNet for CIFAR: a function for a layer, stacks with a projection, Add, global pooling."""

import numpy as np
from keras.layers import Activation, Add, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Input
from keras.models import Model
from keras.optimizers import Adam


def resnet_layer(inputs, num_filters=8, kernel_size=3, strides=1, activation="relu"):
    x = Conv2D(
        num_filters,
        kernel_size,
        strides=strides,
        padding="same",
        kernel_initializer="he_normal",
        use_bias=False,
    )(inputs)
    x = BatchNormalization()(x)
    return x if activation is None else Activation(activation)(x)


def resnet_v1(input_shape, blocks=2, num_classes=5):
    inputs = Input(shape=input_shape)
    x = resnet_layer(inputs)
    num_filters = 8
    for stack in range(2):
        for block in range(blocks):
            strides = 2 if stack > 0 and block == 0 else 1
            y = resnet_layer(x, num_filters, strides=strides)
            y = resnet_layer(y, num_filters, activation=None)
            if strides == 2:
                x = resnet_layer(x, num_filters, 1, strides, None)
            x = Activation("relu")(Add()([x, y]))
        num_filters *= 2
    x = GlobalAveragePooling2D()(x)
    return Model(inputs=inputs, outputs=Dense(num_classes, activation="softmax")(x))


rng = np.random.default_rng(4)
y_train = np.arange(30) % 5
x_train = rng.random((30, 12, 12, 3)).astype("float32")
x_train[range(30), y_train * 2] += 1
model = resnet_v1((12, 12, 3))
model.compile(Adam(learning_rate=1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=15, epochs=3, validation_data=(x_train, y_train))
