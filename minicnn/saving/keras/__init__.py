"""Weights from Keras and for Keras.

load.py      load_keras_weights: from .weights.h5, .keras and the older .h5
match.py     which weights of the file belong to which layer
save.py      save_keras_weights: to .weights.h5 and .keras
layout.py    how Keras 3 lays weights out; config.py: the description in a .keras file
hdf5.py      reading HDF5 from an unknown source: numbers, and nothing else
"""

from minicnn.saving.keras.load import load_keras_weights
from minicnn.saving.keras.save import save_keras_weights

__all__ = ["load_keras_weights", "save_keras_weights"]
