"""Images from files and folders, and random changes of images: Keras's `preprocessing`."""

from minicnn._base import keras_errors
from minicnn.preprocessing import image
from minicnn.preprocessing.image_dataset import image_dataset_from_directory

keras_errors.add_getattr(__name__)

__all__ = ["image", "image_dataset_from_directory"]
