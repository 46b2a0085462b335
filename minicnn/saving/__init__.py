"""Models as files: minicnn's own .npz, Keras's weight files and .keras, and ONNX.

    npz.py       what model.save writes: arrays and one JSON text
    arrays.py    the arrays of a .npz file from anybody, in bounded memory
    checks.py    what is checked before a file is read or written
    keras/       load_keras_weights, save_keras_weights; needs h5py, the extra [keras]
    onnx/        export_onnx; needs onnx, the extra [onnx]

h5py and onnx are imported when a function that needs them is called.
"""

from minicnn._base import schema
from minicnn._base.files import UnusableFile, check_regular, regular, replacing
from minicnn._base.messages import reason, shortened, shown
from minicnn.saving.keras import load_keras_weights, save_keras_weights
from minicnn.saving.npz import UNFIT, checked_name, naming, pack, read, unpack, write
from minicnn.saving.onnx import export_onnx

__all__ = [
    "UNFIT",
    "UnusableFile",
    "check_regular",
    "checked_name",
    "export_onnx",
    "load_keras_weights",
    "naming",
    "pack",
    "read",
    "reason",
    "regular",
    "replacing",
    "save_keras_weights",
    "schema",
    "shortened",
    "shown",
    "unpack",
    "write",
]
