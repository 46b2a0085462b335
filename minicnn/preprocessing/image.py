"""The names of `keras.preprocessing.image`, those of Keras 2 included.

files.py        load_img, img_to_array, array_to_img, save_img
transforms.py   rotation, shift, shear, zoom, flip, brightness: on a whole batch
generator.py    ImageDataGenerator, which draws such changes
iterators.py    the batches of its flow; folders.py: those of flow_from_directory and flow_from_dataframe
"""

from minicnn._base import keras_errors
from minicnn.preprocessing.files import array_to_img, img_to_array, load_img, save_img
from minicnn.preprocessing.folders import DataFrameIterator, DirectoryIterator
from minicnn.preprocessing.generator import ImageDataGenerator
from minicnn.preprocessing.iterators import Iterator, NumpyArrayIterator

keras_errors.add_getattr(__name__)
__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
]
