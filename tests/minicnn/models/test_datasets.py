"""fit, evaluate and predict on generators and datasets: the same as on the arrays that they cut."""

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, callbacks, layers, utils
from minicnn._base.registry import to_json
from minicnn.models import datasets
from minicnn.preprocessing.image import ImageDataGenerator

SIZE = 4


class Cut(Exception):
    """The power is gone."""


class Counted(utils.PyDataset):
    """Arrays as a dataset, which remembers what it was asked for."""

    def __init__(self, *arrays, **options):
        super().__init__(**options)
        self.arrays, self.log = arrays, []

    def __len__(self):
        return -(-len(self.arrays[0]) // SIZE)

    def __getitem__(self, number):
        self.log.append(number)
        return tuple(array[SIZE * number : SIZE * (number + 1)] for array in self.arrays)

    def on_epoch_begin(self):
        self.log.append("begin")

    def on_epoch_end(self):
        self.log.append("end")


@pytest.fixture
def data(rng):
    return rng.integers(0, 256, (14, 6, 6, 1)).astype(np.uint8), rng.integers(0, 3, 14)


def net(built=True):
    utils.set_random_seed(5)
    model = Sequential(
        [
            *([Input((6, 6, 1))] if built else []),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def generator(*arrays, times=1):
    for _ in range(times):
        for start in range(0, len(arrays[0]), SIZE):
            yield tuple(array[start : start + SIZE] for array in arrays)


def fit(x, y=None, built=True, **options):
    model = net(built)
    history = model.fit(x, y, **{"epochs": 2, "verbose": 0} | options)
    return model, history


def assert_same(one, other):
    for a, b in zip(one[0].get_weights(), other[0].get_weights()):
        np.testing.assert_array_equal(a, b)
    assert one[1].history == other[1].history
    assert one[1].epoch == other[1].epoch


def test_batches_are_cast_to_the_models_type(data):
    seen = []

    class Watched(Sequential):
        def forward(self, x, training=False):
            seen.append(x.dtype)
            return super().forward(x, training)

    for dtype in (None, "float64"):
        model = Watched([layers.Flatten(), layers.Dense(3, activation="softmax")])
        model.dtype = dtype and np.dtype(dtype)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(generator(*data), steps_per_epoch=4, validation_data=Counted(*data), verbose=0)
        model.predict(Counted(*data))
        assert set(seen) == {np.dtype(dtype or "float32")}
        seen.clear()


@pytest.mark.parametrize("built", [True, False])
def test_a_generator_trains_as_the_arrays_do(data, built):
    x, y = data
    expected = fit(x, y, batch_size=SIZE, shuffle=False, validation_data=(x[:5], y[:5]), built=built)
    options = {
        "steps_per_epoch": 4,
        "validation_data": (x[:5], y[:5]),
        "validation_batch_size": SIZE,
        "built": built,
    }
    assert_same(fit(generator(x, y, times=2), **options), expected)
    assert_same(fit(Counted(x, y), shuffle=False, **options), expected)


def test_weights_and_class_weights(data):
    x, y = data
    weights = np.linspace(0.1, 2, 14)
    options = {"class_weight": {0: 3.0, 2: 0.5}, "shuffle": False}
    expected = fit(x, y, sample_weight=weights, batch_size=SIZE, **options)
    assert_same(fit(generator(x, y, weights, times=2), steps_per_epoch=4, **options), expected)
    assert_same(fit(Counted(x, y, weights), **options), expected)


def test_a_dataset_is_asked_for_each_batch_once_an_epoch_in_random_order(data):
    dataset = Counted(*data)
    fit(dataset, epochs=6)
    passes = [dataset.log[start : start + 6] for start in range(0, 36, 6)]
    assert len(dataset.log) == 36
    for one in passes:
        assert (one[0], one[-1]) == ("begin", "end")
        assert sorted(one[1:-1]) == [0, 1, 2, 3]
    assert len({tuple(one) for one in passes}) > 1
    dataset.log.clear()
    fit(dataset, shuffle=False, epochs=1)
    assert dataset.log == ["begin", 0, 1, 2, 3, "end"]


def test_steps_go_on_where_the_last_epoch_stopped(data):
    dataset = Counted(*data)
    fit(dataset, shuffle=False, steps_per_epoch=3, epochs=3)
    assert dataset.log == ["begin", 0, 1, 2, 3, "end", "begin", 0, 1, 2, 3, "end", "begin", 0]
    dataset.log.clear()
    fit(dataset, shuffle=False, steps_per_epoch=5, epochs=1)
    assert dataset.log == ["begin", 0, 1, 2, 3, "end", "begin", 0]
    # with shuffling: a pass has each batch once, wherever its epochs end
    dataset.log.clear()
    fit(dataset, steps_per_epoch=2, epochs=4)
    assert sorted(dataset.log[1:5]) == sorted(dataset.log[7:11]) == [0, 1, 2, 3]


def test_steps_of_arrays(data):
    x, y = data
    long = fit(x, y, batch_size=SIZE, shuffle=False, epochs=3)
    short = fit(x, y, batch_size=SIZE, shuffle=False, epochs=6, steps_per_epoch=2)
    for a, b in zip(long[0].get_weights(), short[0].get_weights()):
        np.testing.assert_array_equal(a, b)
    assert len(short[1].epoch) == 6
    # without batch_size, as many batches as steps: 14 samples in 3 are 5, 5, 4
    asked = fit(x, y, steps_per_epoch=3)
    assert asked[0].optimizer.iterations == 6
    assert_same(asked, fit(x, y, batch_size=5))


def test_validation_by_generator_and_dataset(data):
    x, y = data
    _, expected = fit(x, y, validation_data=(x[:8], y[:8]), validation_batch_size=SIZE)
    _, by_steps = fit(x, y, validation_data=Counted(x, y), validation_steps=2)
    _, endless = fit(x, y, validation_data=generator(x[:8], y[:8], times=9), validation_steps=2)
    assert by_steps.history == endless.history == expected.history
    _, whole = fit(x, y, validation_data=Counted(x, y))
    assert whole.history == fit(x, y, validation_data=(x, y), validation_batch_size=SIZE)[1].history


def test_evaluate_and_predict(data):
    x, y = data
    model = net()
    assert model.evaluate(generator(x, y), verbose=0) == model.evaluate(x, y, SIZE, verbose=0)
    assert model.evaluate(Counted(x, y), verbose=0) == model.evaluate(x, y, SIZE, verbose=0)
    assert model.evaluate(Counted(x, y), steps=2, verbose=0) == model.evaluate(x[:8], y[:8], SIZE, verbose=0)
    expected = model.predict(x, SIZE)
    np.testing.assert_array_equal(model.predict(generator(x, y)), expected)
    np.testing.assert_array_equal(model.predict(generator(x, y), steps=3), expected[:12])
    np.testing.assert_array_equal(model.predict(Counted(x, y)), expected)
    np.testing.assert_array_equal(model.predict(batch for batch in np.split(x, 7)), expected)
    endless = generator(x, y, times=10**9)
    np.testing.assert_array_equal(model.predict(endless, steps=2), expected[:8])


def test_images_changed_at_random_are_repeated_by_the_seed(data):
    x, y = data
    options = {"rotation_range": 20, "horizontal_flip": True, "zoom_range": 0.2}

    def train(seed):
        return fit(ImageDataGenerator(**options).flow(x, y, batch_size=SIZE, seed=seed))

    assert_same(train(3), train(3))
    assert train(3)[1].history != train(4)[1].history


def test_a_generator_that_ends_too_soon_ends_the_training(data):
    with pytest.warns(UserWarning, match=r"after 2 of an epoch's 3 batches.*steps_per_epoch \* epochs"):
        model, history = fit(generator(*data, times=2), steps_per_epoch=3, epochs=9)
    assert history.epoch == [0, 1, 2]
    assert model.optimizer.iterations == 8
    with pytest.warns(UserWarning, match="after 0 of an epoch's 2 batches"):
        model, history = fit(generator(*data), steps_per_epoch=2, epochs=9)
    assert history.epoch == [0, 1]


class Endless(utils.PyDataset):
    num_batches = None

    def __init__(self, x, y):
        super().__init__(workers=2, use_multiprocessing=True, max_queue_size=5)
        self.x, self.y = x, y

    def __getitem__(self, number):
        return self.x[number % 14][None], self.y[number % 14][None]


def test_a_dataset_without_end(data):
    x, y = data
    with pytest.raises(
        ValueError, match=r"steps_per_epoch: Endless does not give the number .* give steps_per_epoch="
    ):
        fit(Endless(*data))
    expected = fit(x, y, batch_size=1, shuffle=False)
    assert_same(fit(Endless(*data), steps_per_epoch=14, shuffle=False), expected)
    assert next(iter(Endless(*data)))[1] == y[0]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (lambda x, y: {"x": generator(x, y)}, "steps_per_epoch: generator does not give the number"),
        (lambda x, y: {"x": x, "y": y, "validation_data": generator(x, y)}, "validation_steps: generator"),
        (lambda x, y: {"x": generator(x, y), "y": y}, "y=…: generator gives it in its batches"),
        (lambda x, y: {"x": Counted(x, y), "sample_weight": y}, "sample_weight=…: Counted"),
        (lambda x, y: {"x": Counted(x, y), "validation_split": 0.2}, "validation_split needs arrays, not Counted"),
        (lambda x, y: {"x": Counted(x[:0], y[:0])}, "Counted has no batches"),
        (lambda x, y: {"x": Counted(x)}, "Counted gave a batch without targets"),
        (lambda x, y: {"x": x}, "needs targets"),
        (lambda x, y: {"x": Counted(x, y, y, y)}, "a batch of 4 parts"),
        (lambda x, y: {"x": Counted(x, y[:3])}, "x holds 4 samples but y has shape"),
        (lambda x, y: {"x": Counted(x[:, :5], y)}, "expected .None, 6, 6, 1."),
        (lambda x, y: {"x": x, "y": y, "steps_per_epoch": 14 / 4}, "steps=3.5: expected a positive integer"),
        (lambda x, y: {"x": Counted(x, y), "steps_per_epoch": 0}, "steps=0"),
        (lambda x, y: {"x": iter([]), "steps_per_epoch": 2, "built": False}, "there is no batch"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(data, arguments, match):
    with pytest.raises(ValueError, match=match):
        fit(**arguments(*data))


def test_nothing_left_to_look_at(data):
    empty = generator(*data, times=0)
    for use in (lambda: net().evaluate(empty), lambda: net().predict(empty)):
        with pytest.raises(ValueError, match="at its end, there is no batch"):
            use()


def test_a_dataset_without_a_length():
    with pytest.raises(NotImplementedError, match=r"PyDataset\.__len__"):
        datasets.source(utils.PyDataset())
    with pytest.raises(NotImplementedError, match="__getitem__"):
        utils.PyDataset()[0]


# ---- resuming ----------------------------------------------------------------------------------------------


def changed(data):
    return ImageDataGenerator(rotation_range=30, width_shift_range=0.2).flow(*data, batch_size=SIZE)


@pytest.mark.parametrize("cut", [1, 3, 4, 6, 11])
@pytest.mark.parametrize("save_freq", [1, "epoch"])
def test_a_training_on_changed_images_goes_on_to_the_bit(data, tmp_path, cut, save_freq):
    def train(*more):
        model = net()
        flow = changed(data)
        return model, model.fit(flow, epochs=3, verbose=0, validation_data=data, callbacks=[*more])

    expected = train()
    left = [cut]

    def count(*_):
        left[0] -= 1
        if left[0] == 0:
            raise Cut

    with pytest.raises(Cut):
        train(
            callbacks.BackupAndRestore(tmp_path, save_freq=save_freq),
            callbacks.LambdaCallback(on_train_batch_end=count),
            callbacks.BackupAndRestore(tmp_path / "unused"),
        )
    again = train(callbacks.BackupAndRestore(tmp_path, save_freq=save_freq))
    for a, b in zip(again[0].get_weights(), expected[0].get_weights()):
        np.testing.assert_array_equal(a, b)
    assert to_json(again[1].history) == to_json(expected[1].history)


@pytest.mark.parametrize(
    "source",
    [
        lambda x, y: {"x": generator(x, y, times=9), "steps_per_epoch": 4},
        lambda x, y: {"x": Counted(x, y)},
        lambda x, y: {"x": x, "y": y, "batch_size": SIZE, "steps_per_epoch": 3},
    ],
)
def test_a_backup_inside_an_epoch_needs_data_that_can_be_wound(data, tmp_path, source):
    with pytest.raises(ValueError, match='save_freq="epoch", or arrays'):
        fit(**source(*data), callbacks=[callbacks.BackupAndRestore(tmp_path, save_freq=2)])
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    fit(**source(*data), callbacks=[backup], epochs=1)
    minicnn.utils.set_random_seed(9)
    _, history = fit(**source(*data), callbacks=[backup], epochs=3)
    assert history.epoch == [0, 1, 2]
