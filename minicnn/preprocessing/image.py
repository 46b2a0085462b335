"""What scripts import from `keras.preprocessing.image`, today's and that of Keras 2.

files.py        load_img, img_to_array, array_to_img, save_img
transforms.py   turning, moving, shearing, zooming, flipping, brightness: on a batch at once
generator.py    ImageDataGenerator, which draws such changes
iterators.py    the batches that its flow gives; folders.py: of flow_from_directory and flow_from_dataframe
"""

from minicnn._base import keras_errors
from minicnn.preprocessing.files import array_to_img, img_to_array, load_img, save_img
from minicnn.preprocessing.folders import DataFrameIterator, DirectoryIterator
from minicnn.preprocessing.generator import ImageDataGenerator
from minicnn.preprocessing.iterators import Iterator, NumpyArrayIterator

__getattr__ = keras_errors.names_of(__name__)
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
