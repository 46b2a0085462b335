"""The three networks that are timed, written for Keras and minicnn, which have the same names, and for PyTorch.

    simple   [conv 3×3 same + ReLU + max-pool 2] at 32, 64, 128; dense 128 + ReLU, dropout 0.5, dense 7
    vgg      [(conv 3×3 same without bias, batch norm, ReLU) × 2, max-pool 2, dropout 0.2] at 32, 64, 128, 256;
             flatten, dense 256 + ReLU, dropout 0.5, dense 7
    tiny     conv 3×3 same, batch norm, ReLU at 32; [max-pool 2, relu(conv, norm, ReLU, conv, norm + conv 1×1, norm)] at
             48, 96, 128; global average pooling, dropout 0.3, dense 7: a graph with skip connections

All return logits.
"""

from types import ModuleType
from typing import Any

SIDE, CLASSES = 48, 7
NAMES = ("simple", "vgg", "tiny")
FILTERS = {"simple": (32, 64, 128), "vgg": (32, 64, 128, 256), "tiny": (32, 48, 96, 128)}
HIDDEN = {"simple": 128, "vgg": 256}


def in_keras_words(keras: ModuleType, name: str) -> Any:
    """Return the net from ``keras``, or from ``minicnn``: the same lines build both."""
    layers = keras.layers
    if name == "tiny":
        return _tiny_in_keras_words(keras)
    body = [keras.Input((SIDE, SIDE, 1))]
    for filters in FILTERS[name]:
        if name == "simple":
            body += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
        else:
            for _ in range(2):
                body += [layers.Conv2D(filters, 3, padding="same", use_bias=False)]
                body += [layers.BatchNormalization(), layers.ReLU()]
            body += [layers.MaxPooling2D(), layers.Dropout(0.2)]
    body += [layers.Flatten(), layers.Dense(HIDDEN[name], activation="relu")]
    body += [layers.Dropout(0.5), layers.Dense(CLASSES)]
    return keras.Sequential(body)


def _tiny_in_keras_words(keras: ModuleType) -> Any:
    layers = keras.layers

    def conv_norm(x: Any, filters: int, size: int = 3) -> Any:
        x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((SIDE, SIDE, 1))
    first, *others = FILTERS["tiny"]
    x = layers.ReLU()(conv_norm(inputs, first))
    for filters in others:
        x = layers.MaxPooling2D()(x)
        main = conv_norm(layers.ReLU()(conv_norm(x, filters)), filters)
        x = layers.ReLU()(layers.Add()([main, conv_norm(x, filters, 1)]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


def in_torch_words(torch: ModuleType, name: str) -> Any:
    """Return the net as a torch.nn.Module, for (N, 1, 48, 48)."""
    nn = torch.nn
    if name == "tiny":
        return _tiny_in_torch_words(torch)
    body: list[Any] = []
    channels, side = 1, SIDE
    for filters in FILTERS[name]:
        if name == "simple":
            body += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        else:
            for inputs in (channels, filters):
                body += [nn.Conv2d(inputs, filters, 3, padding=1, bias=False)]
                body += [nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01), nn.ReLU()]
            body += [nn.MaxPool2d(2), nn.Dropout(0.2)]
        channels, side = filters, side // 2
    body += [nn.Flatten(), nn.Linear(channels * side * side, HIDDEN[name]), nn.ReLU()]
    return nn.Sequential(*body, nn.Dropout(0.5), nn.Linear(HIDDEN[name], CLASSES))


def _tiny_in_torch_words(torch: ModuleType) -> Any:
    nn = torch.nn

    def conv_norm(inputs: int, filters: int, size: int = 3) -> Any:
        convolution = nn.Conv2d(inputs, filters, size, padding=size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01))

    class Block(nn.Module):  # type: ignore[misc, name-defined]  # torch may be absent
        def __init__(self, inputs: int, filters: int) -> None:
            super().__init__()
            self.main = nn.Sequential(conv_norm(inputs, filters), nn.ReLU(), conv_norm(filters, filters))
            self.shortcut = conv_norm(inputs, filters, 1)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.main(x) + self.shortcut(x))

    first, *others = FILTERS["tiny"]
    body: list[Any] = [conv_norm(1, first), nn.ReLU()]
    channels = first
    for filters in others:
        body += [nn.MaxPool2d(2), Block(channels, filters)]
        channels = filters
    return nn.Sequential(
        *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(channels, CLASSES)
    )


def convolutions() -> list[tuple[int, int, int]]:
    """Return (side, channels, filters) of each different 3×3 convolution of simple and vgg, largest first."""
    found = set()
    for name in ("simple", "vgg"):
        channels, side = 1, SIDE
        for k in FILTERS[name]:
            found.add((side, channels, k))
            if name == "vgg":
                found.add((side, k, k))
            channels, side = k, side // 2
    return sorted(found, key=lambda conv: (-conv[0], conv[1], conv[2]))
