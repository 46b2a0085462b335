"""Callbacks, told the story of a training by a stand-in for the model: decisions, files, and resumption."""

import csv
import json
import math

import numpy as np
import pytest

from minicnn import callbacks, metrics, optimizers
from minicnn.layers.base import Parameter


class Model:
    """What callbacks need of a model: one weight, which is the number of the epoch."""

    def __init__(self, optimizer=None):
        self.stop_training, self.optimizer = False, optimizer or optimizers.SGD(0.5)
        self.weight = Parameter(np.zeros(1), "kernel", "dense/kernel")
        self.trainable_weights, self.metrics, self.saved = [self.weight], [metrics.Mean("error")], []

    def get_weights(self):
        return [self.weight.value.copy()]

    def set_weights(self, weights):
        self.weight.assign(weights[0])

    def save(self, path):
        self.saved.append(("model", str(path)))

    def save_weights(self, path):
        self.saved.append(("weights", str(path)))


def train(model, hooks, values, monitor="val_loss", first=0, end=True, batches=0):
    """Run epochs whose result is given by ``values``, until the model is told to
    stop. Returns the epochs run.
    """
    model.stop_training = False
    ran = callbacks.CallbackList(hooks, model, {"epochs": first + len(values)})
    ran.on_train_begin()
    for epoch, value in enumerate(values, start=first):
        ran.on_epoch_begin(epoch)
        for batch in range(batches):
            ran.on_train_batch_begin(batch)
            ran.on_train_batch_end(batch, {"loss": value})
        model.weight.value[:] = epoch + 1
        ran.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            break
    if end:
        ran.on_train_end()
    return epoch + 1 - first


def through_json(state):
    """A state as it comes back from a file: numbers as JSON, arrays as arrays."""
    return {k: v if isinstance(v, np.ndarray) else json.loads(json.dumps(v)) for k, v in state.items()}


# ---- order -------------------------------------------------------------------------------------------------


def test_every_hook_is_told_in_order():
    told = []
    names = [name for name in dir(callbacks.CallbackList) if name.startswith("on_")]
    assert len(names) == 14
    first, second = (
        callbacks.LambdaCallback(
            **{name: lambda *a, name=name, who=who: told.append((who, name, a)) for name in names}
        )
        for who in "ab"
    )
    hooks = callbacks.CallbackList([first, second], Model())
    for name in names:
        numbered = "epoch" in name or "batch" in name
        getattr(hooks, name)(*([3] if numbered else []), {"loss": 1.0})
        arguments = (*([3] if numbered else []), {"loss": 1.0})
        assert told[-2:] == [("a", name, arguments), ("b", name, arguments)]
        getattr(hooks, name)(*([3] if numbered else []))
        assert told[-1][2][-1] == {}


def test_a_backup_is_told_last_but_first_of_the_beginning():
    told = []

    def watch(name, last):
        hooks = {
            hook: lambda *_, hook=hook: told.append((name, hook))
            for hook in ("on_train_begin", "on_epoch_end", "on_train_end")
        }
        callback = callbacks.LambdaCallback(**hooks)
        callback.runs_last = last
        return callback

    hooks = callbacks.CallbackList([watch("a", False), watch("backup", True), watch("b", False)], Model())
    for hook in (hooks.on_train_begin, hooks.on_train_end):
        hook()
    hooks.on_epoch_end(0, {})
    assert [name for name, _ in told] == ["backup", "a", "b", "a", "b", "backup", "a", "b", "backup"]


def test_what_one_callback_adds_the_next_ones_see():
    history = callbacks.History()
    train(Model(), [callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch), history], [3.0, 2.0])
    assert history.history == {"val_loss": [3.0, 2.0], "learning_rate": [1.0, 0.5]}


def test_history_is_added_once_and_reset_by_a_new_training():
    model = Model()
    hooks = callbacks.CallbackList([], model)
    assert hooks.callbacks == [hooks.history]
    own = callbacks.History()
    assert callbacks.CallbackList([own], model).callbacks == [own]
    train(model, [own], [1.0, 2.0])
    train(model, [own], [3.0])
    assert (own.epoch, own.history, model.history) == ([0], {"val_loss": [3.0]}, own)


def test_wrong_callbacks_are_named():
    with pytest.raises(TypeError, match="expected an instance"):
        callbacks.CallbackList([print], Model())
    with pytest.raises(TypeError, match="on_epoch_over"):
        callbacks.LambdaCallback(on_epoch_over=print)


# ---- monitoring --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "monitor", "values", "epochs", "weight"),
    [
        ({}, "val_loss", [3, 2, 2, 1], 3, 3),
        ({"patience": 2}, "val_loss", [3, 2, 4, 5, 1], 4, 4),
        ({"patience": 2}, "val_loss", [3, 2, 4, 1, 5, 5, 0], 6, 6),
        ({"patience": 2, "restore_best_weights": True}, "val_loss", [3, 2, 4, 5, 1], 4, 2),
        ({"patience": 9, "restore_best_weights": True}, "val_loss", [3, 2, 4], 3, 2),  # also without stopping
        ({"patience": 1, "min_delta": 0.5}, "val_loss", [3, 2.6, 1], 2, 2),
        ({"patience": 1, "min_delta": -0.5}, "val_loss", [3, 2.4, 1.8, 1.4], 4, 4),
        ({"patience": 1}, "val_accuracy", [0.1, 0.3, 0.2, 0.5], 3, 3),
        ({"patience": 1, "mode": "min"}, "val_accuracy", [0.3, 0.1, 0.2], 3, 3),
        ({"patience": 1, "mode": "max"}, "val_loss", [1, 2, 1.5], 3, 3),
        ({"patience": 1}, "val_error", [3, 2, 4], 3, 3),  # the model's metric of that name says: down
        ({"patience": 2, "baseline": 1.5}, "val_loss", [3, 2, 1.9, 1.8], 4, 4),  # improving does not stop …
        (
            {"patience": 2, "baseline": 1.5},
            "val_loss",
            [3, 2.5, 2.6, 1],
            3,
            3,
        ),  # … but counts while above 1.5
        ({"patience": 1, "start_from_epoch": 2}, "val_loss", [1, 2, 4, 3, 5], 5, 5),
        ({"patience": 1}, "val_loss", [math.nan, math.nan, 1], 2, 2),
        (
            {"patience": 2, "restore_best_weights": True},
            "val_loss",
            [math.nan, 3, 2, math.nan, math.nan],
            5,
            3,
        ),
    ],
)
def test_early_stopping(options, monitor, values, epochs, weight):
    model = Model()
    stopping = callbacks.EarlyStopping(monitor=monitor, **options)
    assert train(model, [stopping], values, monitor) == epochs
    assert model.weight.value[0] == weight


def test_a_new_training_starts_over():
    model, stopping = Model(), callbacks.EarlyStopping(patience=1)
    assert train(model, [stopping], [1, 2, 3]) == 2
    assert train(model, [stopping], [9, 8, 8.5]) == 3


def test_a_missing_result_is_told_with_those_there_are():
    with pytest.warns(UserWarning, match="'val_f1', but the results are \\['val_loss'\\]"):
        train(Model(), [callbacks.EarlyStopping("val_f1")], [1.0])


def test_direction_must_be_known():
    with pytest.raises(ValueError, match='mode="max" or mode="min"'):
        train(Model(), [callbacks.EarlyStopping("val_charm")], [1.0, 2.0], "val_charm")
    with pytest.raises(ValueError, match="mode='maximum'"):
        callbacks.EarlyStopping(mode="maximum")


def test_verbose_tells_what_was_done(capsys):
    train(Model(), [callbacks.EarlyStopping(restore_best_weights=True, verbose=1)], [1, 2])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2: early stopping",
        "Restoring the weights of the best epoch, 1",
    ]


@pytest.mark.parametrize(
    ("options", "values", "rates"),
    [
        ({"patience": 1}, [3, 2, 2, 2], [1, 1, 0.5, 0.25]),
        ({"patience": 2}, [3, 2, 2, 2, 2, 2], [1, 1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "cooldown": 2}, [3, 3, 3, 3, 3], [1, 0.5, 0.5, 0.25, 0.25]),
        ({"patience": 1, "min_lr": 0.4}, [3, 3, 3, 3], [1, 0.5, 0.4, 0.4]),
        ({"patience": 1, "min_delta": 0.5}, [3, 2.8, 2.6, 2.4], [1, 0.5, 0.25, 0.25]),
        ({"patience": 1}, [3, math.nan, 2], [1, 0.5, 0.5]),
    ],
)
def test_reduce_on_plateau(options, values, rates):
    model, seen = Model(optimizers.SGD(1.0)), []
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, **options)
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.optimizer.learning_rate)
    )
    train(model, [reduce, watch], values)
    assert seen == rates


def test_reduce_on_plateau_refuses_growth_and_schedules():
    with pytest.raises(ValueError, match="factor=2"):
        callbacks.ReduceLROnPlateau(factor=2)
    model = Model(optimizers.SGD(optimizers.schedules.Constant(0.5)))
    with pytest.raises(TypeError, match="follows"):
        train(model, [callbacks.ReduceLROnPlateau(patience=1)], [1, 1])


# ---- checkpoints -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("{epoch:02d}-{val_loss:.1f}.npz", {}, ["01-3.0", "02-1.0", "03-2.0"]),
        ("{epoch}.npz", {"save_best_only": True}, ["1", "2"]),
        ("{epoch}.npz", {"save_best_only": True, "mode": "max"}, ["1"]),
        ("{epoch}.npz", {"save_best_only": True, "initial_value_threshold": 2.5}, ["2"]),
        ("{epoch}-{batch}.npz", {"save_freq": 2}, ["1-2", "2-1", "2-3", "3-2"]),
        ("{epoch}.npz", {"save_freq": 3, "save_best_only": True, "monitor": "loss"}, ["1", "2"]),
    ],
)
def test_checkpoints_are_saved_when_due(tmp_path, name, options, expected):
    model = Model()
    train(model, [callbacks.ModelCheckpoint(tmp_path / "new" / name, **options)], [3.0, 1.0, 2.0], batches=3)
    assert model.saved == [("model", str(tmp_path / "new" / f"{stem}.npz")) for stem in expected]
    assert (tmp_path / "new").is_dir()


def test_checkpoint_of_weights_and_its_words(tmp_path, capsys):
    model, path = Model(), tmp_path / "best.npz"
    checkpoint = callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True, verbose=1)
    train(model, [checkpoint], [2.0, 3.0])
    assert model.saved == [("weights", str(path))]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved to 2.00000",
        f"Epoch 1: saved the model to {path}",
        "Epoch 2: val_loss is 3.00000 (best so far: 2.00000)",
    ]


def test_a_model_of_nan_is_never_the_best(tmp_path):
    model = Model()
    train(
        model,
        [callbacks.ModelCheckpoint(tmp_path / "{epoch}.npz", save_best_only=True)],
        [math.nan, 3.0, math.nan],
    )
    assert [path[-5:] for _, path in model.saved] == ["2.npz"]


def test_checkpoint_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match=r"best\.tf: expected a file name that ends in \.npz"):
        callbacks.ModelCheckpoint("best.tf")
    with pytest.raises(ValueError, match="save_freq='batch'"):
        callbacks.ModelCheckpoint("best.npz", save_freq="batch")
    with pytest.raises(KeyError, match="there is no 'val_acc'"):
        train(Model(), [callbacks.ModelCheckpoint(tmp_path / "{val_acc}.npz")], [1.0])


# ---- files -------------------------------------------------------------------------------------------------


def rows(path, separator=","):
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_is_complete_after_each_epoch(tmp_path):
    path, seen = tmp_path / "history.csv", []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(path.read_text()))
    train(Model(), [callbacks.CSVLogger(path), watch], [0.1, 1 / 3], end=False)
    assert seen == ["epoch,val_loss\n0,0.1\n", "epoch,val_loss\n0,0.1\n1,0.3333333333333333\n"]


def test_csv_appends_or_overwrites(tmp_path):
    path = tmp_path / "history.csv"
    train(Model(), [callbacks.CSVLogger(path, separator=";")], [1.0])
    train(Model(), [callbacks.CSVLogger(path, separator=";", append=True)], [2.0], first=1)
    assert rows(path, ";") == [["epoch", "val_loss"], ["0", "1.0"], ["1", "2.0"]]
    train(Model(), [callbacks.CSVLogger(path)], [3.0])
    assert rows(path) == [["epoch", "val_loss"], ["0", "3.0"]]


def test_csv_gets_columns_when_they_turn_up(tmp_path):
    path = tmp_path / "history.csv"
    train(Model(), [callbacks.CSVLogger(path)], [1.0], "loss")
    train(Model(), [callbacks.CSVLogger(path, append=True)], [np.array([0.5, 0.25])], "val_f1", first=1)
    assert rows(path) == [["epoch", "loss", "val_f1"], ["0", "1.0", "NA"], ["1", "NA", "[0.5, 0.25]"]]
    assert sorted(tmp_path.iterdir()) == [path]


# ---- control -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch: 0.5**epoch, [1.0, 0.5, 0.25]),
        (lambda epoch, rate: rate / 2, [0.25, 0.125, 0.0625]),
        (optimizers.schedules.ExponentialDecay(1.0, 2, 0.25), [1.0, 0.5, 0.25]),
    ],
)
def test_learning_rate_scheduler(schedule, rates):
    model, seen = Model(), []
    watch = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(model.optimizer.learning_rate)
    )
    train(model, [callbacks.LearningRateScheduler(schedule), watch], [1.0] * 3)
    assert seen == rates


def test_learning_rate_scheduler_wants_a_number():
    with pytest.raises(TypeError, match="returned None for epoch 0"):
        train(Model(), [callbacks.LearningRateScheduler(lambda epoch: None)], [1.0])


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_terminate_on_nan(loss, capsys):
    model = Model()
    assert train(model, [callbacks.TerminateOnNaN()], [1.0, loss, 1.0], batches=1) == 2
    assert f"the loss is {loss}" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="clip the gradients"):
        train(model, [callbacks.TerminateOnNaN(raise_error=True)], [loss], batches=1)


@pytest.mark.parametrize(("on_epoch", "saved"), [(False, [1.0, 2.0, 3.0]), (True, [1.0, 1.5, 2.25])])
def test_swap_averages_for_evaluation(on_epoch, saved):
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    model, tested, ended = Model(optimizer), [], []
    hooks = callbacks.CallbackList(
        [
            callbacks.SwapEMAWeights(swap_on_epoch=on_epoch),
            callbacks.LambdaCallback(
                on_test_begin=lambda logs: tested.append(model.weight.value[0]),
                on_epoch_end=lambda epoch, logs: ended.append(model.weight.value[0]),
            ),
        ],
        model,
    )
    for epoch in range(3):  # weights 1, 2, 3; averages 1, 1.5, 2.25
        hooks.on_epoch_begin(epoch)
        model.weight.grad = np.array([-1.0])
        optimizer.apply([model.weight])
        hooks.on_test_begin()
        hooks.on_test_end()
        hooks.on_epoch_end(epoch)
    assert (tested, ended) == ([1.0, 1.5, 2.25], saved)
    optimizer.finalize_variable_values([model.weight])
    assert model.weight.value[0] == 2.25


def test_swap_needs_averages():
    with pytest.raises(ValueError, match="use_ema=False"):
        callbacks.CallbackList([callbacks.SwapEMAWeights()], Model()).on_test_begin()


# ---- resumption --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_resumed_training_decides_as_an_unbroken_one(cut, tmp_path):
    values = [3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 1.0]

    def hooks():
        return [
            callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1),
            callbacks.EarlyStopping(patience=4, restore_best_weights=True),
            callbacks.ModelCheckpoint(tmp_path / "{epoch}.npz", save_best_only=True),
            callbacks.History(),
        ]

    straight, whole = Model(), hooks()
    epochs = train(straight, whole, values)
    broken, first = Model(), hooks()
    train(broken, first, values[:cut], end=False)
    resumed = hooks()
    states = callbacks.CallbackList(first, broken).get_state()
    states = [{**one, "state": through_json(one["state"])} for one in states]
    callbacks.CallbackList(resumed, broken).set_state(states)
    assert cut + train(broken, resumed, values[cut:], first=cut) == epochs == 6
    assert broken.saved == straight.saved
    assert broken.optimizer.learning_rate == straight.optimizer.learning_rate == 0.125
    assert broken.weight.value[0] == straight.weight.value[0] == 2.0
    assert resumed[-1].history == whole[-1].history
    assert resumed[-1].epoch == list(range(6))


def test_states_of_other_callbacks_are_refused():
    model = Model()
    state = callbacks.CallbackList([callbacks.EarlyStopping()], model).get_state()
    with pytest.raises(ValueError, match=r"\['EarlyStopping', 'History'\], expected \['History'\]"):
        callbacks.CallbackList([], model).set_state(state)
