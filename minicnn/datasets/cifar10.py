"""CIFAR-10: 60,000 photographs of ten kinds of things, 32 × 32 pixels in color (Krizhevsky, 2009)."""

import os

import numpy as np

from minicnn.datasets import files

SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz, unpacked"
FOLDERS = tuple(
    f"{folder}cifar-10-batches-py"
    for folder in ("cifar-10-batches-py-target/", "", "cifar-10-batches-py_extracted/")
)


def load_data(path: str | os.PathLike[str] | None = None) -> files.Parts:
    """Return (x_train, y_train), (x_test, y_test): (50000, 32, 32, 3) and (50000, 1), 10,000 for the test, uint8.

    Args:
        path: the folder with data_batch_1 to data_batch_5 and test_batch; None: Keras's, in ~/.keras/datasets.

    Raises:
        FileNotFoundError: a file is not there; the message says where to get them.
        ValueError: one is damaged, or refused because it holds something else than numbers.
    """
    folder = files.found(path, FOLDERS, "data_batch_1", SOURCE)
    batches = [files.pickled_images(folder / f"data_batch_{number}") for number in range(1, 6)]
    x_test, y_test = files.pickled_images(folder / "test_batch")
    x_train, y_train = (np.concatenate(each) for each in zip(*batches))
    return (x_train, y_train[:, None]), (x_test, y_test[:, None])
