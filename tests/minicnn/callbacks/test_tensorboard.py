"""TensorBoard's files, read again by TensorBoard's own reader."""

import numpy as np
import pytest

import minicnn
from minicnn import callbacks, layers
from minicnn.callbacks import tensorboard

X, Y = np.random.default_rng(0).normal(size=(10, 3)).astype("float32"), np.arange(10) % 2


@pytest.fixture(params=tensorboard.PACKAGES)
def writer(request, monkeypatch):
    """One of the two packages that can write the files."""
    pytest.importorskip("tensorboard", reason='needs pip install ".[tensorboard]"')
    pytest.importorskip(request.param, reason="needs pip install tensorboardX")
    monkeypatch.setattr(tensorboard, "PACKAGES", {request.param: tensorboard.PACKAGES[request.param]})


def written(folder):
    """Return {(part, tag): [(step, value)]}."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found = {}
    for path in folder.glob("*/events.out.tfevents.*"):
        for event in map(Event.FromString, RawEventFileLoader(str(path)).Load()):
            for value in event.summary.value:
                content = value.histo if value.HasField("histo") else value.simple_value
                found.setdefault((path.parent.name, value.tag), []).append((event.step, content))
    return found


def fit(**options):
    minicnn.random.set_seed(0)
    model = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(2, activation="softmax", name="out")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    board = callbacks.TensorBoard(**options)
    history = model.fit(X, Y, epochs=3, batch_size=4, validation_data=(X, Y), verbose=0, callbacks=[board])
    return model, history.history


def test_results_of_epochs(tmp_path, writer):
    _, history = fit(log_dir=str(tmp_path / "logs"))
    found = written(tmp_path / "logs")
    assert {tag for part, tag in found if part == "train"} == {
        "epoch_loss",
        "epoch_accuracy",
        "epoch_learning_rate",
    }
    for part, prefix in (("train", ""), ("validation", "val_")):
        for name in ("loss", "accuracy"):
            expected = list(enumerate(np.float32(history[prefix + name])))
            assert found[part, f"epoch_{name}"] == expected
    assert found["train", "epoch_learning_rate"][2] == (2, np.float32(0.001))
    over_steps = found["validation", "evaluation_loss_vs_iterations"]
    assert [step for step, _ in over_steps] == [3, 6, 9]  # three batches in an epoch
    assert over_steps[-1][1] == np.float32(history["val_loss"][-1])


def test_results_of_batches_and_histograms(tmp_path, writer):
    model, _ = fit(log_dir=tmp_path, update_freq=2, histogram_freq=2, write_graph=False)
    found = written(tmp_path)
    assert [step for step, _ in found["train", "batch_loss"]] == [2, 4, 6, 8]
    (first, _), (last, histogram) = found["train", "out/kernel/histogram"]
    assert (first, last) == (0, 2)
    kernel = model.layers[0].kernel.value.astype("float64")
    facts = [getattr(histogram, name) for name in ("min", "max", "num", "sum", "sum_squares")]
    assert facts == pytest.approx([kernel.min(), kernel.max(), 6, kernel.sum(), (kernel**2).sum()])
    assert len(histogram.bucket_limit) == len(histogram.bucket) == tensorboard.BINS
    assert histogram.bucket_limit[-1] == kernel.max()
    for limit, total in zip(histogram.bucket_limit, np.cumsum(histogram.bucket)):
        assert total == (kernel < limit).sum() or limit == kernel.max()
    fit(log_dir=tmp_path / "again", update_freq="batch")
    assert [step for step, _ in written(tmp_path / "again")["train", "batch_loss"]] == list(range(1, 10))


def test_without_a_package_training_goes_on_only_if_the_script_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "PACKAGES", {})
    with pytest.raises(ImportError, match=r"pip install \"minicnn-fer\[tensorboard\]\".*missing_ok=True"):
        callbacks.TensorBoard(tmp_path)
    _, history = fit(log_dir=tmp_path, missing_ok=True, histogram_freq=1)
    assert len(history["loss"]) == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update_freq": "step"}, 'update_freq=\'step\': expected "epoch", "batch" or an integer'),
        ({"histogram_freq": -1}, "histogram_freq=-1: expected an integer from 0"),
        ({"write_images": True}, "write_images=True is Keras's, but not in minicnn"),
    ],
)
def test_arguments(options, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        callbacks.TensorBoard(missing_ok=True, **options)
    callbacks.TensorBoard("logs", missing_ok=True, write_images=False, profile_batch=0, embeddings_freq=0)
