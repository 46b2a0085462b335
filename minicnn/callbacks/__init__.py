"""Callbacks: what happens beside training, at its turning points.

    model.fit(x, y, epochs=50, validation_data=(x_val, y_val), callbacks=[
        ModelCheckpoint("best.npz", monitor="val_accuracy", save_best_only=True),
        EarlyStopping(patience=5, restore_best_weights=True),
        CSVLogger("history.csv"),
        BackupAndRestore("backup"),    # cut off, the same command goes on where it was, to the bit
    ])

Names, arguments and decisions are Keras 3's, except where a NaN is concerned (it is never an improvement) and
that each callback can be resumed: ``get_state`` and ``set_state`` carry it from one process to the next.
"""

from minicnn._base import keras_errors
from minicnn.callbacks.backup import BackupAndRestore
from minicnn.callbacks.base import Callback, LambdaCallback
from minicnn.callbacks.callback_list import CallbackList
from minicnn.callbacks.checkpoint import ModelCheckpoint
from minicnn.callbacks.control import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN
from minicnn.callbacks.logs import CSVLogger, History
from minicnn.callbacks.monitor import EarlyStopping, ReduceLROnPlateau

__getattr__ = keras_errors.names_of(__name__)

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TerminateOnNaN",
]
