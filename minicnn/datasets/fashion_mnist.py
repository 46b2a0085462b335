"""Fashion-MNIST: 70,000 pieces of clothing of ten kinds, 28 × 28 pixels (Xiao, Rasul and Vollgraf, 2017)."""

import os

from minicnn.datasets import files

SOURCE = "https://github.com/zalandoresearch/fashion-mnist"


def load_data(path: str | os.PathLike[str] | None = None) -> files.Parts:
    """Return (x_train, y_train), (x_test, y_test): (60000, 28, 28) and (60000,), 10,000 for the test, uint8.

    Args:
        path: the folder with train-images-idx3-ubyte.gz and the three others; None: Keras's, fashion-mnist in
            ~/.keras/datasets.

    Raises:
        FileNotFoundError: a file is not there; the message says where to get them.
        ValueError: one is damaged.
    """
    folder = files.found(path, ("fashion-mnist",), "train-images-idx3-ubyte.gz", SOURCE)
    (x_train, y_train), (x_test, y_test) = (
        (
            files.idx(folder / f"{part}-images-idx3-ubyte.gz"),
            files.idx(folder / f"{part}-labels-idx1-ubyte.gz"),
        )
        for part in ("train", "t10k")
    )
    return (x_train, y_train), (x_test, y_test)
