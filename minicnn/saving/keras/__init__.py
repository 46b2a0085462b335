"""Read and write Keras's weight files.

load.py      load_keras_weights: from .weights.h5, .keras and the older .h5
match.py     the layer of each weight in a file
save.py      save_keras_weights: to .weights.h5, .keras and the older .h5
layout.py    the layout of Keras 3's weight files; config.py: the description of the model in a .keras file
hdf5.py      reading HDF5 files from untrusted sources: only numbers
"""

from minicnn.saving.keras.load import is_for_keras_alone, load_keras_weights
from minicnn.saving.keras.save import save_keras_weights, with_keras

__all__ = ["is_for_keras_alone", "load_keras_weights", "save_keras_weights", "with_keras"]
