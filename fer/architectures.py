"""Named networks: each takes raw gray images, (N, 48, 48, 1) of 0-255, and gives probabilities (N, 7).

    name     what it is                                                        parameters
    simple   conv 32-64-128, each with ReLU and max-pooling; dense 128            683,527
    vgg      (conv, batch norm, ReLU) twice at each of 32-64-128-256            1,176,359
    tiny     residual blocks of 32-64-64-128 channels                             383,271

Normalisation is the first layer of each, so that a saved model needs no other knowledge of the data. With
``augment`` the images are changed at random before it, in training only.
"""

from collections.abc import Callable
from typing import Any

from minicnn import Sequential, initializers, layers, utils

MEAN, DEVIATION = 129.47, 65.03  # of FER2013's training pixels
INPUT_SHAPE = (48, 48, 1)
CLASSES = 7
AUGMENTATIONS = ("none", "light", "full")

Layers = list[Any]


def simple(classes: int = CLASSES) -> Layers:
    """Return the classic Keras network: three convolutions, each halving the image, and a hidden layer."""
    body: Layers = []
    for filters in (32, 64, 128):
        body += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    return [
        *body,  # (N, 48, 48, 1) -> (N, 6, 6, 128)
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(classes, activation="softmax"),
    ]


def vgg(classes: int = CLASSES) -> Layers:
    """Return a small VGG with batch norm: two convolutions at each of four sizes, then the image's mean.

    Source: Simonyan and Zisserman, arXiv:1409.1556; Ioffe and Szegedy, arXiv:1502.03167.
    """
    body: Layers = []
    for filters in (32, 64, 128, 256):
        body += [
            *_conv_norm_relu(filters),
            *_conv_norm_relu(filters),
            layers.MaxPooling2D(),
            layers.Dropout(0.1),
        ]
    return [
        *body,  # (N, 48, 48, 1) -> (N, 3, 3, 256)
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.4),
        _undecided(classes),
    ]


def tiny(classes: int = CLASSES) -> Layers:
    """Return a residual network of under 0.45 million parameters.

    Source: He et al., arXiv:1512.03385.
    """
    return [
        *_conv_norm_relu(32),
        layers.MaxPooling2D(),  # (N, 24, 24, 32)
        *_residual(32, 32),
        *_residual(32, 64, strides=2),  # (N, 12, 12, 64)
        *_residual(64, 64),
        *_residual(64, 128, strides=2),  # (N, 6, 6, 128)
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.3),
        _undecided(classes),
    ]


def augmentation(kind: str) -> Layers:
    """Return layers that change images in training as a photographer might have taken them differently.

    Args:
        kind: "none"; "light", flips and shifts of up to 2 pixels, for nets that train a dozen epochs; "full", also
            turns, zooms and erased boxes, for those that train long enough to need it.
    """
    if kind not in AUGMENTATIONS:
        raise ValueError(f"augment={kind!r}: expected one of {', '.join(AUGMENTATIONS)}")
    if kind == "light":
        return [layers.RandomFlip("horizontal"), layers.RandomTranslation(2 / 48, 2 / 48)]
    if kind == "full":
        return [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(4 / 48, 4 / 48),
            layers.RandomRotation(10 / 360),
            layers.RandomZoom(0.12),
            layers.RandomErasing(factor=0.25, scale=(0.02, 0.2)),
        ]
    return []


ARCHITECTURES: dict[str, Callable[[int], Layers]] = {"simple": simple, "vgg": vgg, "tiny": tiny}

DESCRIPTIONS = {
    "simple": "conv 32-64-128 with ReLU and max-pooling, dense 128, dropout (0.68M parameters)",
    "vgg": "(conv, batch norm, ReLU) twice at 32-64-128-256, global average pooling (1.18M parameters)",
    "tiny": "residual blocks of 32-64-64-128 channels, global average pooling (0.38M parameters)",
}


def build(
    name: str,
    seed: int | None = None,
    input_shape: tuple[int, int, int] = INPUT_SHAPE,
    classes: int = CLASSES,
    augment: str = "none",
) -> Sequential:
    """Return a network with fresh weights, not yet compiled.

    Args:
        name: "simple", "vgg" or "tiny".
        seed: of the weights, and of dropout, augmentation and shuffling; None goes on with the last one.
        input_shape: of one image, (height, width, channels).
        classes: how many probabilities it gives.
        augment: the kind of :func:`augmentation` at the front.

    Raises:
        ValueError: no network, or no augmentation, has this name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"name={name!r}: no such network, expected one of {', '.join(ARCHITECTURES)}")
    if seed is not None:
        utils.set_random_seed(seed)
    return Sequential(
        [
            layers.Input(input_shape),
            *augmentation(augment),
            layers.Normalization(mean=MEAN, variance=DEVIATION**2),
            *ARCHITECTURES[name](classes),
        ],
        name=name,
    )


def _conv(filters: int, kernel_size: int, strides: int = 1) -> Any:
    """Return a convolution without bias, which the batch norm behind it would take away again."""
    return layers.Conv2D(
        filters, kernel_size, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )


def _undecided(classes: int) -> Any:
    """Return the last layer, with weights so small that all classes begin about equally probable: a loss of ln 7.

    Behind batch norm the usual weights begin with a loss of 2.1 to 3.8, as if the network knew something.
    """
    small = initializers.RandomNormal(stddev=0.01)
    return layers.Dense(classes, activation="softmax", kernel_initializer=small)


def _conv_norm_relu(filters: int) -> Layers:
    return [_conv(filters, 3), layers.BatchNormalization(), layers.ReLU()]


def _residual(channels: int, filters: int, strides: int = 1) -> Layers:
    """Return relu(main(x) + shortcut(x)); the shortcut is x itself where the shape allows."""
    same_shape = strides == 1 and channels == filters
    return [
        layers.Residual(
            main=[
                _conv(filters, 3, strides),
                layers.BatchNormalization(),
                layers.ReLU(),
                _conv(filters, 3),
                layers.BatchNormalization(),
            ],
            shortcut=None if same_shape else [_conv(filters, 1, strides), layers.BatchNormalization()],
        ),
        layers.ReLU(),
    ]
