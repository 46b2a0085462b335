"""What fit would silently take for something else is refused, or warned of."""

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, metrics
from minicnn.models import checks

NAN = float("nan")


@pytest.fixture
def data(rng):
    return rng.standard_normal((30, 4)).astype(np.float32), np.arange(30) % 3


def net(*measured, units=3):
    model = Sequential([Input((4,)), layers.Dense(units, activation="softmax" if units > 1 else "sigmoid")])
    model.compile("sgd", "sparse_categorical_crossentropy" if units > 1 else "binary_crossentropy", measured)
    return model


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ({"0": 5.0}, TypeError, "the key '0' is not a class number"),
        ({True: 5.0}, TypeError, "the key True"),
        ({0.5: 5.0}, TypeError, "the key 0.5"),
        (
            {1: 1.0, 2: 2.0, 3: 3.0},
            ValueError,
            "there are 3, numbered from 0 to 2|class 3, which is not in y",
        ),
        ({-1: 1.0}, ValueError, "-1 is none"),
        ({0: NAN}, ValueError, "class 0 has the weight nan"),
        ({0: -1.0}, ValueError, "class 0 has the weight -1.0"),
        ({2: float("inf")}, ValueError, "class 2 has the weight inf"),
        ({0: "1"}, ValueError, "class 0 has the weight '1'"),
        (
            "balanced",
            TypeError,
            r"n = np.bincount\(y\), then dict\(enumerate\(len\(y\) / \(len\(n\) \* n\)\)\)",
        ),
        ([1.0, 2.0, 3.0], TypeError, r"for a list of weights, dict\(enumerate\(weights\)\)"),
        (np.ones(3), TypeError, r"dict\(enumerate\(weights\)\)"),
    ],
)
def test_class_weights_that_would_not_be_used(class_weight, error, message, data):
    x, y = data
    for targets in (y, y[:, None]):
        with pytest.raises(error, match=message):
            net().fit(x, targets, class_weight=class_weight, verbose=0)
    with pytest.raises(error, match=message):
        net().train_on_batch(x, y, class_weight=class_weight)
    with pytest.raises(error, match=message):
        net().fit(((x, y) for _ in range(1)), steps_per_epoch=1, class_weight=class_weight, verbose=0)


def test_class_weights_of_two_classes_and_of_rows(data):
    x, y = data
    with pytest.raises(ValueError, match="class 2, which is not in y, but not 0, which is"):
        net(units=1).fit(x, y % 2, class_weight={1: 1.0, 2: 5.0}, verbose=0)
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match="3 is none: there are 3, numbered from 0 to 2"):
        model.fit(x, np.eye(3)[y], class_weight={3: 1.0}, verbose=0)


@pytest.mark.parametrize("class_weight", [{1: 5.0}, {np.int64(0): 1, 1: 2.0, 2: np.float32(3)}, {0: 0.0}])
def test_class_weights_that_are_right(class_weight, data):
    x, y = data
    by_sample = np.array([class_weight.get(label, 1.0) for label in y.tolist()])
    results = []
    for options in ({"class_weight": class_weight}, {"sample_weight": by_sample}):
        model = net()
        model.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()])
        model.fit(x, y, shuffle=False, verbose=0, **options)
        results.append(model.get_weights())
    for one, other in zip(*results):
        np.testing.assert_array_equal(one, other)
    net().fit(x[y > 0], y[y > 0], class_weight={0: 2.0, 1: 1.0, 2: 1.0}, verbose=0)  # no sample of class 0


def test_the_recipe_for_balanced_weights():
    y = np.array([0] * 6 + [1] * 3 + [2])
    n = np.bincount(y)
    # sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=y)
    np.testing.assert_allclose(len(y) / (len(n) * n), [0.55555556, 1.11111111, 3.33333333])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"sample_weight": np.array([1.0] * 7 + [NAN] * 2 + [1.0] * 21)},
            ValueError,
            "NaN for 2 of 30 .* number 7",
        ),
        ({"epochs": -1}, ValueError, "epochs=-1: expected an integer from 0"),
        ({"epochs": 2.0}, ValueError, "epochs=2.0"),
        ({"epochs": True}, ValueError, "epochs=True"),
        ({"initial_epoch": -3}, ValueError, "initial_epoch=-3"),
        ({"epochs": 5, "initial_epoch": 10}, ValueError, "for 5 more give epochs=15"),
        ({"batch_size": 0}, ValueError, "batch_size=0"),
        ({"steps_per_epoch": 0}, ValueError, "steps=0"),
        ({"validation_freq": 0}, ValueError, r"validation_freq=0: expected a positive integer, .* \[1, 3\]"),
        ({"validation_freq": "1"}, ValueError, "validation_freq='1'"),
        ({"validation_freq": [1, 0]}, ValueError, r"validation_freq=\[1, 0\]"),
        (
            {"y": np.array(["happy"] * 30)},
            TypeError,
            r"such as 'happy', .* names, y = np.unique\(y, return_inverse",
        ),
        ({"y": np.array(["happy"] * 30, object)}, TypeError, "such as 'happy'"),
        ({"y": [b"a"] * 30}, TypeError, "such as b'a'"),
        (
            {"y": [None] * 30},
            TypeError,
            "dtype object, such as None, expected numbers: give an array of numbers",
        ),
        ({"x": None}, ValueError, "x=None: expected samples"),
    ],
)
def test_arguments_of_fit(options, error, message, data):
    x, y = data
    with pytest.raises(error, match=message):
        net().fit(**({"x": x, "y": y, "verbose": 0} | options))


def test_nothing_is_no_sample():
    with pytest.raises(ValueError, match="x=None: expected samples"):
        net().predict(None)
    with pytest.raises(ValueError, match="x=None: expected samples"):
        net().evaluate(None, [1])


def test_no_epoch_is_no_fault(data):
    assert net().fit(*data, epochs=0, verbose=0).history == {}
    assert net().fit(*data, epochs=3, initial_epoch=3, verbose=0).history == {}
    assert net().fit(*data, epochs=3, initial_epoch=2, verbose=0).epoch == [2]


@pytest.mark.parametrize(("freq", "expected"), [([1, 3], [1, 3]), ({4}, [4]), (2, [2, 4]), (1, [1, 2, 3, 4])])
def test_validated_epochs_are_keras_s(freq, expected, data):
    validated = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: validated.append(epoch + 1) if "val_loss" in logs else None
    )
    net().fit(*data, validation_data=data, validation_freq=freq, epochs=4, callbacks=[note], verbose=0)
    assert validated == expected


# ---- rows in order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "targets", [np.sort, lambda y: np.sort(y)[::-1, None], lambda y: np.eye(3)[np.sort(y)]]
)
def test_a_split_of_sorted_rows_is_told(targets, data):
    x, y = data
    model = (
        net()
        if targets(y).shape[-1] != 3
        else Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    )
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="sorted by class: .* hold only [02], .* Shuffle x and y") as told:
        checks_only(x, targets(y))
    assert len(told) == 1


def checks_only(x, y):
    from minicnn.models import data as arrays

    arrays.split(0.2, x, y)


@pytest.mark.parametrize(
    "y",
    [
        np.arange(30) % 3,
        np.linspace(0, 1, 30),  # no classes
        np.arange(30),  # nor these: each number comes once
        np.array([0] * 29 + [1] + [0] * 10),
        np.zeros(30, int),
        np.array([0] * 10 + [1] * 10 + [0] * 5 + [1] * 5),
        np.linspace(0, 1, 60).reshape(30, 2),
    ],
)
def test_other_rows_are_not(y):
    checks.warn_if_sorted(y[:24], y[24:], "")


def test_the_warning_points_to_the_line_of_fit(data):
    x, y = data
    with pytest.warns(
        UserWarning, match="those for validation hold only 2, those for training only 0, 1, 2"
    ) as told:
        net().fit(x, np.sort(y), validation_split=0.2, verbose=0)
    assert told[0].filename == __file__


# ---- what is watched ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("measured", [metrics.F1Score(name="f1_score"), "f1_score"])
@pytest.mark.parametrize(
    "watch", [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau, callbacks.ModelCheckpoint]
)
def test_one_number_for_each_class_is_not_watched(measured, watch, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = ["m.npz"] if watch is callbacks.ModelCheckpoint else []
    model, ran = net(measured), []
    hooks = [
        watch(*path, monitor="val_f1_score", mode="max"),
        callbacks.LambdaCallback(on_train_begin=lambda _: ran.append(1)),
    ]
    with pytest.raises(
        ValueError, match=rf'{watch.__name__}\(monitor=\'val_f1_score\'\): .*F1Score\("macro"\)'
    ):
        model.fit(*data, validation_data=data, callbacks=hooks, verbose=0)
    assert not ran


def test_other_results_of_several_numbers(data):
    model = net(metrics.Precision([0.2, 0.5], name="precise"))
    with pytest.raises(ValueError, match=r"'precise'.*several numbers"):
        model.fit(*data, callbacks=[callbacks.EarlyStopping("precise", mode="max")], verbose=0)
    model = net(metrics.F1Score("macro", name="f1"), metrics.F1Score(name="each"))
    history = model.fit(*data, callbacks=[callbacks.EarlyStopping("f1", mode="max")], verbose=0)
    assert len(history.history["each"][0]) == 3


def test_a_loss_that_was_set_by_its_name_is_refused(data):
    model = net()
    model.loss = "mse"
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"loss='mse': expected a Loss; call compile"):
            method(*data)
