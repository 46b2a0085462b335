"""Images from files and folders, and random changes of images: Keras's `preprocessing`."""

from typing import TYPE_CHECKING

from minicnn._base import keras_errors
from minicnn.preprocessing import image

if not TYPE_CHECKING:  # a type checker reports unknown names itself
    __getattr__ = keras_errors.names_of(__name__)

__all__ = ["image"]
