"""Pictures from files and folders, and random changes to them: Keras's `preprocessing`."""

from minicnn import spellings
from minicnn.preprocessing import image

__getattr__ = spellings.names_of(__name__)

__all__ = ["image"]
