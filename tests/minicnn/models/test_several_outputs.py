"""A model with several outputs in training; a subclass of Model that makes its graph in the constructor."""

import numpy as np
import pytest

import minicnn
from minicnn import Input, Model, callbacks, layers, losses, metrics, models
from minicnn.distributed import DataParallel
from minicnn.gradient_check import check_model
from minicnn.models.several_outputs import LossOfOutputs, MetricsOfOutputs, by_output

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4))
EMOTION, AGE = np.arange(20) % 3, RNG.normal(size=(20, 1))


def net(dtype="float64", seed=1):
    minicnn.random.set_seed(seed)
    inputs = Input((4,), dtype=dtype)
    x = layers.Dense(5, activation="tanh", kernel_regularizer="l2")(inputs)
    emotion = layers.Dense(3, activation="softmax", name="emotion")(x)
    return Model(inputs, [emotion, layers.Dense(1, name="age")(x)])


def compiled(weights=None, metrics_=None):
    model = net()
    options = {"loss_weights": weights, "metrics": metrics_ or {"emotion": "accuracy"}}
    model.compile("adam", {"age": "mse", "emotion": "sparse_categorical_crossentropy"}, **options)
    return model


@pytest.mark.parametrize("sample_weight", [None, np.arange(20.0), [np.arange(20.0), np.arange(20.0)[::-1]]])
def test_the_gradient_of_the_weighted_sum(sample_weight):
    model = compiled({"emotion": 0.7, "age": 3.0})
    report = check_model(model, X, [EMOTION, AGE], sample_weight=sample_weight)
    assert report.passed, report


def test_losses_and_means_by_hand():
    names = ["a", "b", "c"]
    loss = LossOfOutputs({"a": "mse", "b": "mae"}, {"a": 2.0, "b": 0.5}, names)  # c has none
    results = MetricsOfOutputs(loss, {"c": "mae"}, None)
    rng = np.random.default_rng(2)

    def batch(size):
        y, prediction = ([rng.normal(size=(size, width)) for width in (2, 1, 1)] for _ in range(2))
        a, b, c = (u - v for u, v in zip(y, prediction))
        each = np.mean(a**2), np.mean(abs(b)), np.mean(abs(c))
        return y, prediction, np.array([2 * each[0] + 0.5 * each[1], *each])

    seen = np.zeros(4)
    for number, size in enumerate((3, 5), start=1):
        y, prediction, expected = batch(size)
        total = loss.forward(y, prediction)
        assert isinstance(total, np.ndarray)
        np.testing.assert_allclose(total, expected[0], rtol=1e-14)
        logs, seen = results.update(total, y, prediction, None), seen + size * expected
        np.testing.assert_allclose(list(logs.values()), seen / (3 if number == 1 else 8), rtol=1e-14)
    assert list(logs) == ["loss", "a_loss", "b_loss", "c_mae"]
    copy = results.copy()
    y, prediction, expected = batch(8)
    logs = copy.update(expected[0], y, prediction, None)
    np.testing.assert_allclose(list(logs.values()), seen / 16 + expected / 2, rtol=1e-14)
    np.testing.assert_allclose(list(results.logs().values()), seen / 8, rtol=1e-14)  # sums of its own


def test_what_belongs_to_which_output():
    assert by_output((1, 2), ["a", "b"], "y") == [1, 2]
    for given, argument, end in ((np.zeros((2, 1)), "y", "output"), ({"q": 1}, "x", "input")):
        with pytest.raises(ValueError, match=f"(?s){argument}=.*expected a list of 2, one for each {end}"):
            by_output(given, ["a", "b"], argument)


@pytest.mark.slow
def test_the_loss_is_the_weighted_sum_of_the_outputs_and_the_penalty():
    model = compiled([0.7, 3.0], ["accuracy", None])
    results = model.evaluate(X, [EMOTION, AGE], verbose=0, return_dict=True, batch_size=7)
    assert list(results) == model.metrics_names == ["loss", "emotion_loss", "age_loss", "emotion_accuracy"]
    emotion, age = model.predict(X)
    expected = np.mean(-np.log(emotion[np.arange(20), EMOTION])), np.mean((AGE - age) ** 2)
    assert results["emotion_loss"] == pytest.approx(expected[0])
    assert results["age_loss"] == pytest.approx(expected[1])
    total = 0.7 * expected[0] + 3 * expected[1] + float(model.penalty())
    assert results["loss"] == pytest.approx(total)
    assert results["emotion_accuracy"] == np.mean(emotion.argmax(1) == EMOTION)
    assert [metric.name for metric in model.metrics][:3] == ["loss", "loss", "loss"]


def test_targets_by_list_by_name_in_batches_and_split():
    def batches():
        while True:
            for start in range(0, 20, 5):
                part = slice(start, start + 5)
                yield X[part], {"age": AGE[part], "emotion": EMOTION[part]}, [np.ones(5), np.ones(5)]

    histories = []
    for x, y, options in (
        (X, [EMOTION, AGE], {}),
        (X, {"age": AGE, "emotion": EMOTION}, {}),
        (batches(), None, {"steps_per_epoch": 4}),
    ):
        history = compiled().fit(x, y, epochs=2, batch_size=5, shuffle=False, verbose=0, **options).history
        histories.append({name: np.round(values, 12).tolist() for name, values in history.items()})
    assert histories[0] == histories[1] == histories[2]
    split = compiled().fit(X, (EMOTION, AGE), validation_split=0.25, batch_size=5, verbose=0).history
    assert set(split) == {*histories[0], *(f"val_{name}" for name in histories[0])}
    one, other = compiled(), compiled()
    one.train_on_batch(X, [EMOTION, AGE], sample_weight=[np.ones(20), np.zeros(20)])
    other.train_on_batch(X, [EMOTION, AGE], sample_weight=np.ones(20))
    assert not np.allclose(one.get_weights()[-1], other.get_weights()[-1])
    np.testing.assert_allclose(
        one.get_layer("emotion").bias.value, other.get_layer("emotion").bias.value, rtol=1e-9
    )


def test_not_several_inputs_among_processes():
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], layers.Add()([a, layers.Dense(4)(b)]))
    model.compile("sgd", "mse")
    with pytest.raises(NotImplementedError, match="has 2 inputs, and distributed"):
        model.fit([X, X], X, distributed=DataParallel(None, 2), verbose=0)


def test_not_among_processes():
    with pytest.raises(NotImplementedError, match="has 2 outputs, and distributed"):
        compiled().fit(X, [EMOTION, AGE], distributed=DataParallel(None, 2), verbose=0)


def test_a_step_with_nan_is_not_taken():
    model = compiled()
    before = model.get_weights()
    with pytest.warns(UserWarning, match="not finite, first the input"):
        model.fit(np.full_like(X, np.nan), [EMOTION, AGE], verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_an_output_without_loss_has_metrics_and_no_gradient():
    model = net()
    model.compile("sgd", [None, "mse"], metrics={"emotion": ["accuracy", metrics.AUC(name="auc")]})
    before = model.get_layer("emotion").get_weights()
    results = model.fit(X, [EMOTION, AGE], verbose=0).history
    assert list(results) == ["loss", "emotion_accuracy", "emotion_auc"]
    for a, b in zip(before, model.get_layer("emotion").get_weights()):
        np.testing.assert_array_equal(a, b)
    model.compile("sgd", [None, "mse"])
    assert list(model.fit(X, {"age": AGE}, verbose=0).history) == ["loss"]


def test_saved_resumed_and_copied(tmp_path):
    whole, halves = compiled([1.0, 0.5]), compiled([1.0, 0.5])
    whole.fit(X, [EMOTION, AGE], epochs=4, verbose=0)
    halves.fit(X, [EMOTION, AGE], epochs=2, verbose=0)
    halves.save(tmp_path / "two.npz")
    loaded = models.load_model(tmp_path / "two.npz")
    assert loaded.metrics_names == whole.metrics_names
    assert isinstance(loaded.loss.each[0], losses.SparseCategoricalCrossentropy)
    loaded.fit(X, [EMOTION, AGE], epochs=4, initial_epoch=2, verbose=0)
    for a, b in zip(whole.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(a, b)

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise InterruptedError

    backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    cut, resumed, through = compiled(), compiled(), compiled()
    expected = through.fit(X, [EMOTION, AGE], batch_size=5, verbose=0).history
    with pytest.raises(InterruptedError):
        cut.fit(X, [EMOTION, AGE], batch_size=5, verbose=0, callbacks=[backup, Stop()])
    backup = callbacks.BackupAndRestore(tmp_path / "backup")
    assert resumed.fit(X, [EMOTION, AGE], batch_size=5, verbose=0, callbacks=[backup]).history == expected
    inside = []
    evaluate = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: inside.append(whole.evaluate(X, [EMOTION, AGE], verbose=0))
    )
    whole.fit(X, [EMOTION, AGE], batch_size=5, verbose=0, callbacks=[evaluate])
    assert inside[-1] == whole.evaluate(X, [EMOTION, AGE], verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.compile("sgd", ["mse"] * 3), r"loss=.*list of 2, one for each output.*'emotion', 'age'"),
        (lambda m: m.compile("sgd", {"emotoin": "mse"}), "loss=.*'emotion', 'age'"),
        (lambda m: m.compile("sgd", [None, None]), "a loss for one output at least"),
        (lambda m: m.compile("sgd", "mse", metrics=["accuracy"]), "metrics=.*list of 2"),
        (lambda m: m.compile("sgd", "mse", loss_weights=[1.0]), "loss_weights=.*list of 2"),
        (lambda m: m.fit(X, EMOTION), "y=.*list of 2"),
        (lambda m: m.fit(X, [EMOTION, AGE[:5]]), "y has the shapes"),
        (lambda m: m.fit(X, {"emotion": EMOTION}), "output 'age' has a loss and no targets"),
        (lambda m: m.fit(X, [EMOTION, AGE], class_weight={0: 1.0}), "for several, give sample_weight"),
        (lambda m: m.fit(X, [EMOTION, AGE], sample_weight=[np.ones(20)]), "(?s)sample_weight=.*list of 2"),
        (lambda m: m.fit(X, [EMOTION, AGE], sample_weight=[np.full(20, np.nan)] * 2), "sample_weight is NaN"),
    ],
)
def test_mistakes(call, message):
    with pytest.raises(ValueError, match=message):
        call(compiled())


class Faces(Model):
    """A model as a class whose constructor makes the graph."""

    def __init__(self, width=5):
        inputs = Input((4,))
        self.width = width
        super().__init__(
            inputs=inputs, outputs=layers.Dense(3, activation="softmax")(layers.Dense(width)(inputs))
        )

    def features(self, x):
        return self.layers[1](np.asarray(x, "float32"))


class Named(Faces):
    def __init__(self, width=5, **kwargs):
        super().__init__(width, **kwargs)
        self.tag = "named"


def test_a_subclass_of_model_that_makes_its_graph(tmp_path):
    for kind in (Faces, Named):
        model = kind()
        assert isinstance(model, kind)
        assert isinstance(model, models.Functional)
        assert type(model).__name__ == kind.__name__
        assert model.count_params() == 4 * 5 + 5 + 5 * 3 + 3
        assert model.features(X).shape == (20, 5)
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(X, EMOTION, epochs=20, verbose=0).history["loss"]
        assert history[-1] < history[0]
        model.save(tmp_path / "faces.npz")
        loaded = models.load_model(tmp_path / "faces.npz", custom_objects={kind.__name__: kind})
        assert isinstance(loaded, kind)
        assert loaded.width == 5
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert isinstance(models.clone_model(model), kind)
    with pytest.raises(ValueError, match="custom_objects"):
        models.load_model(tmp_path / "faces.npz")


def test_a_subclass_whose_constructor_needs_arguments_says_so(tmp_path):
    class Wide(Faces):
        def __init__(self, width):
            super().__init__(width)

    model = Wide(3)
    model.save(tmp_path / "wide.npz")
    with pytest.raises(ValueError, match="defaults, or write get_config and from_config"):
        models.load_model(tmp_path / "wide.npz", custom_objects={"Wide": Wide})

    class Own(Wide):
        def get_config(self):
            return {"width": self.width}

        @classmethod
        def from_config(cls, config, custom_objects=None):
            return cls(**config)

    Own(3).save(tmp_path / "own.npz")
    assert models.load_model(tmp_path / "own.npz", custom_objects={"Own": Own}).width == 3


def test_a_subclass_with_call_is_refused_with_the_way_out():
    class Called(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(NotImplementedError, match=r"super\(\).__init__\(inputs=…, outputs=…\)"):
        Called()
