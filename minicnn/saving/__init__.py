"""Models as files: minicnn's own .npz, Keras's weight files and .keras, and ONNX.

    npz.py       what model.save writes: arrays and one JSON text
    checks.py    what is checked before a file is read or written
    keras/       load_keras_weights, save_keras_weights; needs h5py, the extra [keras]
    onnx/        export_onnx; needs onnx, the extra [onnx]

h5py and onnx are imported when a function that needs them is called.
"""

from minicnn._base.files import replacing
from minicnn.saving.keras import load_keras_weights, save_keras_weights
from minicnn.saving.npz import checked_name, pack, read, unpack, write
from minicnn.saving.onnx import export_onnx

__all__ = [
    "checked_name",
    "export_onnx",
    "load_keras_weights",
    "pack",
    "read",
    "replacing",
    "save_keras_weights",
    "unpack",
    "write",
]
