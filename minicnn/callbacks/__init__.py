"""Callbacks: objects that act during training, at its steps: ends of epochs, batches, evaluations.

    model.fit(x, y, epochs=50, validation_data=(x_val, y_val), callbacks=[
        ModelCheckpoint("best.npz", monitor="val_accuracy", save_best_only=True),
        EarlyStopping(patience=5, restore_best_weights=True),
        CSVLogger("history.csv"),
        BackupAndRestore("backup"),    # after an interruption, the same command continues, to the bit
    ])

Names, arguments and decisions are Keras 3's, with two exceptions: a NaN is never an improvement; and each
callback can be resumed in another process, with ``get_state`` and ``set_state``.
"""

from minicnn._base import keras_errors
from minicnn.callbacks.backup import BackupAndRestore
from minicnn.callbacks.base import Callback, LambdaCallback
from minicnn.callbacks.callback_list import CallbackList
from minicnn.callbacks.checkpoint import ModelCheckpoint
from minicnn.callbacks.control import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN
from minicnn.callbacks.logs import CSVLogger, History
from minicnn.callbacks.monitor import EarlyStopping, ReduceLROnPlateau
from minicnn.callbacks.tensorboard import TensorBoard

keras_errors.add_getattr(__name__)

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
    "TensorBoard",
    "TerminateOnNaN",
]
