"""Small data sets, as `keras.datasets`: ``(x_train, y_train), (x_test, y_test) = mnist.load_data()``.

    mnist, fashion_mnist, cifar10     the standard files, from Keras's folder or a path; nothing is downloaded
    faces                             drawn faces in four moods: no file is needed

files.py reads the files, which may come from anybody.
"""

from minicnn._base import keras_errors
from minicnn.datasets import cifar10, faces, fashion_mnist, mnist

__all__ = ["cifar10", "faces", "fashion_mnist", "mnist"]
keras_errors.add_getattr(__name__)
