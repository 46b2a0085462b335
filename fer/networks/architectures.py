"""Networks by name: each takes raw gray images (N, 48, 48, 1), 0-255, and gives the probability of each class.

    name     layers                                                            parameters
    simple   conv 32-64-128, each with ReLU and max-pooling; dense 128            683,527
    vgg      (conv, batch norm, ReLU) twice at each of 32-64-128-256            1,176,359
    tiny     conv 32, then residual blocks of 48-96-128                           440,039

The first layer of each normalises the images, so that a saved model can be used without further preparation
of the data. With ``augment`` the images are changed at random before it, in training only.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fer.emotions import EMOTIONS
from minicnn import Sequential, initializers, layers, utils

MEAN, STD = 129.47, 65.03  # of FER2013's training pixels
INPUT_SHAPE = (48, 48, 1)
CLASSES = len(EMOTIONS)
AUGMENTATIONS = ("none", "light", "full", "strong")
# rotation in degrees, zoom, shift in pixels, the share of faces with an erased box, its largest area
STRENGTHS = {"full": (10, 0.12, 4, 0.25, 0.2), "strong": (15, 0.2, 7, 0.5, 0.25)}

Layers = list[Any]


def simple(classes: int = CLASSES, dropout: float = 1.0, batch_norm: bool = True) -> Layers:
    """Return the classic Keras network: three convolutions with pooling, and a hidden layer; no batch norm."""
    body: Layers = []
    for filters in (32, 64, 128):
        body += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    return [
        *body,  # (N, 48, 48, 1) -> (N, 6, 6, 128)
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5 * dropout),
        layers.Dense(classes, activation="softmax"),
    ]


def vgg(classes: int = CLASSES, dropout: float = 1.0, batch_norm: bool = True) -> Layers:
    """Return a small VGG with batch norm: two convolutions at each of four sizes, global average pooling.

    Source: Simonyan and Zisserman, arXiv:1409.1556; Ioffe and Szegedy, arXiv:1502.03167.
    """
    body: Layers = []
    for filters in (32, 64, 128, 256):
        body += [
            *_conv_norm_relu(filters, batch_norm),
            *_conv_norm_relu(filters, batch_norm),
            layers.MaxPooling2D(),
            layers.Dropout(0.1 * dropout),
        ]
    return [
        *body,  # (N, 48, 48, 1) -> (N, 3, 3, 256)
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.4 * dropout),
        output_layer(classes),
    ]


def tiny(classes: int = CLASSES, dropout: float = 1.0, batch_norm: bool = True) -> Layers:
    """Return a residual network of under 0.45 million parameters.

    Source: He et al., arXiv:1512.03385.
    """
    body = _conv_norm_relu(32, batch_norm)
    for filters in (48, 96, 128):
        body += [layers.MaxPooling2D(), *_residual(filters, batch_norm)]
    return [
        *body,  # (N, 48, 48, 1) -> (N, 6, 6, 128)
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.3 * dropout),
        output_layer(classes),
    ]


def augmentation(kind: str) -> Layers:
    """Return layers that change the training images at random.

    Args:
        kind: "none"; "light": flips and shifts of up to 2 pixels, for trainings of about twelve epochs;
            "full": also rotations, zooms and erased boxes, for long trainings; "strong": the same, stronger,
            for trainings that still overfit with "full".
    """
    if kind not in AUGMENTATIONS:
        raise ValueError(f"augment={kind!r}: expected one of {', '.join(AUGMENTATIONS)}")
    if kind == "light":
        return [layers.RandomFlip("horizontal"), layers.RandomTranslation(2 / 48, 2 / 48)]
    if kind in STRENGTHS:
        turn, zoom, shift, erased, area = STRENGTHS[kind]
        return [
            layers.RandomAffine("horizontal", turn / 360, zoom, shift / 48, shift / 48),
            layers.RandomErasing(factor=erased, scale=(0.02, area)),
        ]
    return []


ARCHITECTURES: dict[str, Callable[[int, float, bool], Layers]] = {"simple": simple, "vgg": vgg, "tiny": tiny}

DESCRIPTIONS = {
    "simple": "conv 32-64-128 with ReLU and max-pooling, dense 128, dropout (0.68M parameters)",
    "vgg": "(conv, batch norm, ReLU) twice at 32-64-128-256, global average pooling (1.18M parameters)",
    "tiny": "residual blocks of 48-96-128 channels, global average pooling (0.44M parameters)",
}


def build(
    name: str,
    seed: int | None = None,
    input_shape: tuple[int, int, int] = INPUT_SHAPE,
    classes: int | Sequence[str] = EMOTIONS,
    augment: str = "none",
    dropout: float = 1.0,
    batch_norm: bool = True,
) -> Sequential:
    """Return a network with fresh weights, not yet compiled.

    Args:
        name: "simple", "vgg" or "tiny".
        seed: of the weights, dropout, augmentation and shuffling; None: continue with the present generator.
        input_shape: of one image, (height, width, channels).
        classes: how many probabilities it gives, or the names of the classes, which are saved with it.
        augment: the kind of :func:`augmentation`.
        dropout: a factor for the network's dropout rates.
        batch_norm: False: without it; the convolutions then have biases.

    Raises:
        ValueError: no network, or no augmentation, has this name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"name={name!r}: no such network, expected one of {', '.join(ARCHITECTURES)}")
    if seed is not None:
        utils.set_random_seed(seed)
    count = classes if isinstance(classes, int) else len(classes)
    model = Sequential(
        [
            layers.Input(input_shape),
            *augmentation(augment),
            layers.Normalization(mean=MEAN, variance=STD**2),
            *ARCHITECTURES[name](count, dropout, batch_norm),
        ],
        name=name,
    )
    if not isinstance(classes, int):
        model.metadata = {"classes": list(classes)}
    return model


def output_layer(classes: int) -> Any:
    """Return the last layer; its weights are small, so that at first the classes are about equally probable.

    So the first loss is ln 7; after batch norm, weights of the usual size give 2.1 to 3.8.
    """
    small = initializers.RandomNormal(stddev=0.01)
    return layers.Dense(classes, activation="softmax", kernel_initializer=small)


def _conv_norm(filters: int, kernel_size: int, batch_norm: bool) -> Layers:
    """Return a convolution and its batch norm; with it there is no bias: the norm would subtract it."""
    convolution = layers.Conv2D(
        filters, kernel_size, padding="same", use_bias=not batch_norm, kernel_initializer="he_normal"
    )
    return [convolution, layers.BatchNormalization()] if batch_norm else [convolution]


def _conv_norm_relu(filters: int, batch_norm: bool) -> Layers:
    return [*_conv_norm(filters, 3, batch_norm), layers.ReLU()]


def _residual(filters: int, batch_norm: bool) -> Layers:
    """Return relu(main(x) + shortcut(x)); the shortcut only changes the number of channels."""
    return [
        layers.Residual(
            main=[*_conv_norm_relu(filters, batch_norm), *_conv_norm(filters, 3, batch_norm)],
            shortcut=_conv_norm(filters, 1, batch_norm),
        ),
        layers.ReLU(),
    ]
