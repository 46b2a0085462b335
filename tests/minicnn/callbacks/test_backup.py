"""A training that was cut off and goes on is the training that was never cut off."""

import csv

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, callbacks, layers, models, optimizers
from minicnn._base.registry import to_json
from minicnn.callbacks import BackupAndRestore

EPOCHS, STEPS = 3, 3


class Cut(Exception):
    """The power is gone."""


def data(rng):
    x = rng.integers(0, 256, (44, 8, 8, 1)).astype(np.uint8)
    return x, rng.integers(0, 3, 44)


def net(optimizer="adam"):
    """A net with all that is random or has a memory."""
    minicnn.utils.set_random_seed(5)
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.25),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    chosen = {
        "adam": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.01, EPOCHS * STEPS)),
        "averaged": lambda: optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.5),
    }[optimizer]()
    model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy", minicnn.metrics.F1Score()])
    return model


def hooks(kind, path):
    """Callbacks with a memory; those of "averaged" also act at the beginning of an epoch."""
    log = callbacks.CSVLogger(path / "log.csv")
    if kind == "adam":
        return [callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True), log]
    halved = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    return [callbacks.SwapEMAWeights(swap_on_epoch=True), halved, log]


def fit(model, rng_data, watching, epochs=EPOCHS, **options):
    x, y = rng_data
    held_out = x[40:], y[40:]
    return model.fit(
        x[:40],
        y[:40],
        batch_size=16,
        epochs=epochs,
        validation_data=held_out,
        verbose=0,
        callbacks=watching,
        **options,
    )


def cut_after(turn, number):
    """Return a callback that raises at the ``number``-th call of a hook."""
    left = [number]

    def count(*_):
        left[0] -= 1
        if left[0] == 0:
            raise Cut

    return callbacks.LambdaCallback(**{turn: count})


@pytest.fixture(scope="module", params=["adam", "averaged"])
def whole(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    faces = data(np.random.default_rng(3))
    model = net(request.param)
    history = fit(model, faces, hooks(request.param, path))
    return request.param, faces, model, history, (path / "log.csv").read_bytes()


@pytest.mark.parametrize(
    ("turn", "number"),
    [
        *(("on_train_batch_end", number) for number in range(1, EPOCHS * STEPS + 1)),
        *(
            (turn, number)
            for turn in ("on_test_begin", "on_test_batch_end", "on_epoch_end")
            for number in (1, 3)
        ),
        ("on_train_end", 1),
    ],
)
@pytest.mark.parametrize("save_freq", [2, "epoch"])
def test_history_and_weights_are_those_of_an_unbroken_training(whole, turn, number, save_freq, tmp_path):
    kind, faces, expected, history, log = whole
    backup = BackupAndRestore(tmp_path / "backup", save_freq=save_freq)
    with pytest.raises(Cut):
        fit(net(kind), faces, [backup, *hooks(kind, tmp_path), cut_after(turn, number)])

    minicnn.utils.set_random_seed(77)
    model = net(kind)
    again = fit(
        model, faces, [BackupAndRestore(tmp_path / "backup", save_freq=save_freq), *hooks(kind, tmp_path)]
    )
    assert again.epoch == history.epoch
    assert to_json(again.history) == to_json(history.history)
    for a, b in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_array_equal(a, b)
    for name, value in expected.optimizer.get_state().items():
        np.testing.assert_array_equal(model.optimizer.get_state()[name], value)
    assert (tmp_path / "log.csv").read_bytes() == log
    assert list((tmp_path / "backup").iterdir()) == []  # done, and cleared away


def test_in_the_middle_of_a_validation(whole, tmp_path):
    kind, faces, expected, history, _ = whole
    backup = BackupAndRestore(tmp_path / "b.npz", save_freq=99)

    def save_and_cut(*_):
        backup.save()
        raise Cut

    with pytest.raises(Cut):
        fit(
            net(kind),
            faces,
            [*hooks(kind, tmp_path), backup, callbacks.LambdaCallback(on_test_batch_end=save_and_cut)],
        )
    model = net(kind)
    trained = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda *_: trained.append(1))
    resumed = fit(model, faces, [*hooks(kind, tmp_path), BackupAndRestore(tmp_path / "b.npz"), count])
    assert len(trained) == (EPOCHS - 1) * STEPS
    assert to_json(resumed.history) == to_json(history.history)
    for a, b in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_more_epochs_may_be_asked_for_and_what_stopped_stays_stopped(rng, tmp_path):
    faces = data(rng)
    keep = {"delete_checkpoint": False}
    fit(net(), faces, [BackupAndRestore(tmp_path, **keep)], epochs=1)
    assert fit(net(), faces, [BackupAndRestore(tmp_path, **keep)]).epoch == [0, 1, 2]
    assert fit(net(), faces, [BackupAndRestore(tmp_path, **keep)]).epoch == [0, 1, 2]
    patient = [callbacks.EarlyStopping("loss", mode="max", patience=0, baseline=99.0)]
    other = BackupAndRestore(tmp_path / "other", **keep)
    assert fit(net(), faces, [*patient, other], epochs=9).epoch == [0, 1]
    with pytest.warns(
        UserWarning, match=r"a callback stopped this training after epoch 2, so epochs=9 adds none"
    ):
        assert fit(net(), faces, [*patient, other], epochs=9).epoch == [0, 1]


def test_a_new_training_after_the_end_starts_over(rng, tmp_path):
    faces = data(rng)
    model, stopping = net(), callbacks.EarlyStopping("val_loss", patience=9)
    for _ in range(2):
        assert fit(model, faces, [stopping, BackupAndRestore(tmp_path)]).epoch == [0, 1, 2]


def test_by_the_clock(rng, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        BackupAndRestore, "save", lambda self: saved.append(self.model.training_position.step)
    )
    fit(net(), data(rng), [BackupAndRestore(tmp_path, seconds=1e9)])
    assert saved == [0] * EPOCHS
    saved.clear()
    fit(net(), data(rng), [BackupAndRestore(tmp_path, seconds=0)])
    assert saved == [1, 2, 3, 0] * EPOCHS


def test_a_backup_is_a_model_too(rng, tmp_path):
    x, y = data(rng)
    model = net()
    fit(model, (x, y), [BackupAndRestore(tmp_path / "b.npz", delete_checkpoint=False)])
    np.testing.assert_array_equal(models.load_model(tmp_path / "b.npz").predict(x), model.predict(x))


def test_what_cannot_be_gone_on_from_is_named(rng, tmp_path):
    faces, path = data(rng), tmp_path / "b.npz"
    with pytest.raises(ValueError, match="save_freq='batch'"):
        BackupAndRestore(path, save_freq="batch")
    with pytest.raises(ValueError, match="backup_dir='': expected the name of a folder"):
        BackupAndRestore("")
    net().save(path)
    with pytest.raises(ValueError, match=r"b\.npz: a model, but no backup of a training"):
        fit(net(), faces, [BackupAndRestore(path)])
    path.write_text("")
    with pytest.raises(ValueError, match="damaged"):
        fit(net(), faces, [BackupAndRestore(path)])
    path.unlink()
    with pytest.raises(Cut):
        fit(net(), faces, [BackupAndRestore(path, save_freq=1), cut_after("on_train_batch_end", 3)])
    with pytest.raises(ValueError, match=r"b\.npz: the backup of a training of 3 batches an epoch, not of 2"):
        net().fit(faces[0][:24], faces[1][:24], 16, verbose=0, callbacks=[BackupAndRestore(path)])
    with pytest.raises(
        ValueError, match="the backup of another training: the saved state is that of the callbacks"
    ):
        fit(net(), faces, [BackupAndRestore(path), callbacks.EarlyStopping()])
    other = Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    other.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"the backup of another training: .* random generators"):
        fit(other, faces, [BackupAndRestore(path)])


def test_a_bar_and_a_line_are_no_other_training(rng, tmp_path, capsys):
    x, y = data(rng)
    with pytest.raises(Cut):
        net().fit(
            x, y, verbose=1, callbacks=[BackupAndRestore(tmp_path, 1), cut_after("on_train_batch_end", 2)]
        )
    net().fit(x, y, verbose=2, callbacks=[BackupAndRestore(tmp_path)])
    assert "Epoch 1/1" in capsys.readouterr().out


def test_the_log_loses_the_lines_that_are_repeated(rng, tmp_path):
    path = tmp_path / "log.csv"

    def watching():
        return [callbacks.CSVLogger(path), BackupAndRestore(tmp_path, save_freq=STEPS + 1)]

    with pytest.raises(Cut):
        fit(net(), data(rng), [*watching(), cut_after("on_epoch_end", 3)])
    with path.open() as file:
        assert len(list(csv.DictReader(file))) == 3  # the backup is from the third epoch's first batch
    fit(net(), data(rng), watching())
    with path.open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("callbacks", 1, "training.callbacks is 1: expected a list"),
        (
            "callbacks",
            [{"class_name": "History", "state": 5}],
            r"callbacks\[0\]\.state is 5: expected an object",
        ),
        (
            "callbacks",
            [{"class_name": "History", "state": {"epoch": 1, "history": {}, "skipped_steps": []}}],
            "epoch is 1: expected a list",
        ),
        ("epoch", -1, "training.epoch is -1: expected a whole number from 0"),
        ("epoch", "1", "training.epoch is '1'"),
        ("step", 10**9, "the backup of a training of"),
        ("stopped", 0, "training.stopped is 0: expected true or false"),
        ("results", [{"sums": {"result": 5.0}, "metric": None}], "the saved result is not that of a Mean"),
        ("results", None, "the backup of another training"),
        ("data", {"in arrays": "none"}, "it lacks 'none'"),
    ],
)
def test_a_backup_that_was_tampered_with(part, value, message, tmp_path):
    from minicnn import saving

    def train(epochs):
        model = Sequential([Input((2,)), layers.Dense(2, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        keep = callbacks.BackupAndRestore(tmp_path / "b.npz", save_freq=3, delete_checkpoint=False)
        return model.fit(np.ones((8, 2)), np.arange(8) % 2, 4, epochs, callbacks=[keep], verbose=0)

    train(2)
    config, arrays = saving.read(tmp_path / "b.npz")
    assert config["training"]["step"] == 1
    config["training"][part] = value
    saving.write(tmp_path / "b.npz", config, arrays)
    with pytest.raises(ValueError, match=message) as raised:
        train(3)
    assert str(raised.value).startswith(str(tmp_path / "b.npz"))
