"""MNIST: 70,000 handwritten digits, 28 × 28 pixels (LeCun, Cortes and Burges)."""

import os

from minicnn.datasets import files

SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


def load_data(path: str | os.PathLike[str] | None = None) -> files.Parts:
    """Return (x_train, y_train), (x_test, y_test): (60000, 28, 28) and (60000,), 10,000 for the test, uint8.

    Args:
        path: mnist.npz; None: that in Keras's folder, ~/.keras/datasets.

    Raises:
        FileNotFoundError: there is no such file; the message says where to get it.
        ValueError: it is damaged.
    """
    path = files.found(path, ("mnist.npz",), "", SOURCE)
    x_train, y_train, x_test, y_test = files.npz(path, ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)
