"""The two networks that are timed, written for Keras and minicnn, which have the same names, and for PyTorch.

    simple   [conv 3×3 same + ReLU + max-pool 2] at 32, 64, 128; dense 128 + ReLU, dropout 0.5, dense 7
    vgg      [(conv 3×3 same without bias, batch norm, ReLU) × 2, max-pool 2, dropout 0.2] at 32, 64, 128, 256;
             flatten, dense 256 + ReLU, dropout 0.5, dense 7

Both return logits.
"""

from types import ModuleType
from typing import Any

SIDE, CLASSES = 48, 7
NAMES = ("simple", "vgg")
FILTERS = {"simple": (32, 64, 128), "vgg": (32, 64, 128, 256)}
HIDDEN = {"simple": 128, "vgg": 256}


def in_keras_words(keras: ModuleType, name: str) -> Any:
    """Return the net from ``keras``, or from ``minicnn``: the same lines build both."""
    layers = keras.layers
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


def in_torch_words(torch: ModuleType, name: str) -> Any:
    """Return the net as a torch.nn.Sequential, for (N, 1, 48, 48)."""
    nn = torch.nn
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


def convolutions() -> list[tuple[int, int, int]]:
    """Return (side, channels, filters) of each different 3×3 convolution of the two nets, largest first."""
    found = set()
    for name, filters in FILTERS.items():
        channels, side = 1, SIDE
        for k in filters:
            found.add((side, channels, k))
            if name == "vgg":
                found.add((side, k, k))
            channels, side = k, side // 2
    return sorted(found, key=lambda conv: (-conv[0], conv[1], conv[2]))
