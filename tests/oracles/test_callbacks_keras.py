"""Decisions of callbacks against Keras's: random results, the same epochs, rates and restored weights."""

import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from minicnn import callbacks  # noqa: E402

RESULTS = st.lists(
    st.integers(0, 12).map(lambda value: value / 4), min_size=1, max_size=15
)  # ties are frequent
MODE = st.sampled_from(["auto", "min", "max"])
COMMON = {
    "patience": st.integers(0, 3),
    "min_delta": st.sampled_from([0, 0.25, 0.3]),
    "mode": MODE,
}  # of both callbacks


def run(callback, results):
    """Return the epochs run, the rates after each, and the weights at the end (numbers of epochs)."""
    model = SimpleNamespace(
        stop_training=False, optimizer=SimpleNamespace(learning_rate=1.0), weights=None, metrics=[]
    )
    model.get_weights = lambda: model.weights
    model.set_weights = lambda weights: setattr(model, "weights", weights)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, result in enumerate(results):
        callback.on_epoch_begin(epoch)
        model.weights = epoch
        callback.on_epoch_end(epoch, {"val_loss": result})
        rates.append(model.optimizer.learning_rate)
        if model.stop_training:
            break
    callback.on_train_end()
    return len(rates), rates, model.weights


@given(
    RESULTS,
    st.fixed_dictionaries(
        {
            **COMMON,
            "baseline": st.sampled_from([None, 1.0, 2.0]),
            "restore_best_weights": st.booleans(),
            "start_from_epoch": st.integers(0, 3),
        }
    ),
)
def test_early_stopping(results, options):
    assert run(callbacks.EarlyStopping(**options), results) == run(
        keras.callbacks.EarlyStopping(**options), results
    )


@given(
    RESULTS,
    st.fixed_dictionaries(
        {
            **COMMON,
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0.0, 0.2]),
            "factor": st.sampled_from([0.5, 0.1]),
        }
    ),
)
def test_reduce_on_plateau(results, options):
    ours = run(callbacks.ReduceLROnPlateau(**options), results)
    assert ours == run(keras.callbacks.ReduceLROnPlateau(**options), results)
