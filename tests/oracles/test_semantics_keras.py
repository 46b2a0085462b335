"""What `compile`, `fit`, `evaluate` and the callbacks do, in the same lines in both
vocabularies: numbers and names.
"""

import csv

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import minicnn  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning", "ignore::ImportWarning"
)  # of Keras
SAMPLES, CLASSES = 22, 3


@pytest.fixture
def data(rng):
    images = rng.integers(0, 256, (SAMPLES, 6, 5, 1)).astype("float32")
    return images, rng.integers(0, CLASSES, SAMPLES)


@pytest.fixture
def pair():
    """Make the same compiled model in both libraries, with the same weights:
    yields (library, model) twice.
    """

    def make(
        optimizer=lambda k: k.optimizers.SGD(0.05, momentum=0.9), loss="categorical_crossentropy", **options
    ):
        keras.utils.set_random_seed(3)
        for k in (keras, minicnn):
            k.utils.clear_session()
        models = []
        for k in (keras, minicnn):
            model = k.models.Sequential()
            model.add(k.layers.Rescaling(1 / 255, input_shape=(6, 5, 1)))
            model.add(
                k.layers.Conv2D(4, (3, 3), padding="same", use_bias=False, kernel_initializer="he_normal")
            )
            model.add(k.layers.BatchNormalization())
            model.add(k.layers.Activation("relu"))
            model.add(k.layers.MaxPool2D())
            model.add(k.layers.Flatten())
            model.add(
                k.layers.Dense(CLASSES, activation="softmax", kernel_regularizer=k.regularizers.l2(1e-3))
            )
            if models:
                model.set_weights(models[0].get_weights())
            model.compile(optimizer=optimizer(k), loss=loss, **options)
            models.append(model)
        return list(zip((keras, minicnn), models))

    return make


def one_hot(labels):
    return minicnn.utils.to_categorical(labels, CLASSES)


def assert_alike(ours, theirs):
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("given", ["class_weight", "sample_weight"])  # both at once: Keras refuses
@pytest.mark.parametrize("sparse", [False, True], ids=["one-hot", "sparse"])
def test_weights_enter_the_loss_and_the_reported_loss(given, sparse, pair, data, rng):
    images, labels = data
    options = {
        "class_weight": {"class_weight": {0: 0.5, 1: 2.0, 2: 1.25}},
        "sample_weight": {"sample_weight": rng.uniform(0.2, 3, SAMPLES).astype("float32")},
    }[given]
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    histories = [
        model.fit(
            images,
            labels if sparse else one_hot(labels),
            batch_size=9,
            epochs=2,
            shuffle=False,
            verbose=0,
            **options,
        ).history
        for _, model in pair(loss=loss, metrics=["acc"], weighted_metrics=["accuracy"])
    ]
    assert_alike(histories[1], histories[0])


def test_validation_split_is_the_end_of_the_data(pair, data):
    images, labels = data
    weights = np.linspace(0.5, 2, SAMPLES).astype("float32")  # those of the end serve the validation
    histories = [
        model.fit(
            images, one_hot(labels), sample_weight=weights, batch_size=4, epochs=2, shuffle=False, verbose=0,
            validation_split=0.3,
        ).history
        for _, model in pair(metrics=["accuracy"])
    ]  # fmt: skip
    assert_alike(histories[1], histories[0])


@pytest.mark.parametrize(
    "metrics",
    [
        lambda k: ["acc"],
        lambda k: ["accuracy", "mse"],
        lambda k: ["Precision", k.metrics.Recall(), k.metrics.AUC(name="auc")],
        lambda k: [k.metrics.CategoricalAccuracy(name="z"), "categorical_crossentropy"],
        lambda k: [k.metrics.categorical_accuracy, k.losses.categorical_crossentropy],
        lambda k: [k.metrics.TopKCategoricalAccuracy(2), k.metrics.F1Score(average="macro")],
        lambda k: ["AUC", "f1_score", "categorical_accuracy"],
        lambda k: [k.metrics.TruePositives(name="tp"), k.metrics.FalseNegatives(), "binary_accuracy"],
        lambda k: [k.metrics.AUC(curve="PR", name="prc"), k.metrics.AUC(multi_label=True, num_thresholds=50)],
        lambda k: None,
    ],
)
def test_names_and_values_of_metrics(metrics, pair, data):
    images, labels = data
    logs = []
    for k, model in pair():
        model.compile("sgd", k.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=metrics(k))
        history = model.fit(
            images, one_hot(labels), batch_size=12, epochs=2, shuffle=False, verbose=0, validation_split=0.2
        ).history
        logs.append(history | model.evaluate(images, one_hot(labels), verbose=0, return_dict=True))
    assert_alike(logs[1], logs[0])


def test_metrics_must_be_a_list(pair):
    for _, model in pair():
        with pytest.raises(ValueError, match="metrics"):
            model.compile("sgd", "mse", metrics="accuracy")


@pytest.mark.parametrize("loss", ["function", "class", "instance", "name"])
def test_a_loss_in_four_ways(loss, pair, data):
    images, labels = data
    ways = {
        "function": lambda k: k.losses.categorical_crossentropy,
        "class": lambda k: k.losses.CategoricalCrossentropy,
        "instance": lambda k: k.losses.CategoricalCrossentropy(),
        "name": lambda k: "categorical_crossentropy",
    }
    results = []
    for k, model in pair():
        model.compile("rmsprop", ways[loss](k), ["accuracy"]) if k is minicnn else model.compile(
            "rmsprop", ways[loss](k), metrics=["accuracy"]
        )
        model.fit(images, one_hot(labels), batch_size=12, epochs=2, shuffle=False, verbose=0)
        results.append(model.evaluate(images, one_hot(labels), verbose=0))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-4)


HOOKS = [
    f"on_{phase}{part}_{end}"
    for phase in ("train", "test", "predict")
    for part in ("", "_batch")
    for end in ("begin", "end")
] + ["on_epoch_begin", "on_epoch_end"]


def recorder(k, calls):
    """A callback that writes down each call: its hook, number, and what the logs hold."""

    def note(hook):
        def call(self, *number, logs=None):
            if len(number) > (hook.count("_") > 2 or "epoch" in hook):
                *number, logs = number
            calls.append((hook, *number, tuple(sorted(logs or {}))))

        return call

    return type("Recorder", (k.callbacks.Callback,), {hook: note(hook) for hook in HOOKS})()


def test_order_of_the_callbacks_and_what_their_logs_hold(pair, data):
    images, labels = data
    told, parameters = [], []
    for k, model in pair(metrics=["accuracy"]):
        calls = []
        callback = recorder(k, calls)
        model.fit(
            images, one_hot(labels), batch_size=12, epochs=3, initial_epoch=1, verbose=0, callbacks=[callback],
            validation_split=0.3, validation_freq=2,
        )  # fmt: skip
        parameters.append(dict(callback.params))
        model.evaluate(images, one_hot(labels), batch_size=12, verbose=0, callbacks=[callback])
        model.predict(images, batch_size=12, verbose=0, callbacks=[callback])
        told.append(calls)
    assert [call[:-1] for call in told[1]] == [call[:-1] for call in told[0]]
    for ours, theirs in zip(told[1], told[0]):
        if not ours[0].startswith("on_predict"):  # Keras's hand the outputs over
            assert ours == theirs
    assert parameters[1] == parameters[0]


def test_files_of_the_callbacks(pair, data, tmp_path):
    images, labels = data
    names, rows = [], []
    for k, model in pair(metrics=["acc"]):
        folder = tmp_path / k.__name__
        folder.mkdir()
        model.fit(
            images, one_hot(labels), batch_size=12, epochs=3, shuffle=False, verbose=0, validation_split=0.3,
            callbacks=[
                k.callbacks.ModelCheckpoint(str(folder / "weights.{epoch:02d}-{val_loss:.2f}.keras")),
                k.callbacks.ModelCheckpoint(
                    folder / "best.weights.h5", monitor="val_acc", mode="max", save_best_only=True,
                    save_weights_only=True,
                ),
                k.callbacks.CSVLogger(str(folder / "log.csv"), separator=";"),
            ],
        )  # fmt: skip
        names.append(sorted(path.name for path in folder.iterdir()))
        with open(folder / "log.csv", newline="") as file:
            rows.append(list(csv.DictReader(file, delimiter=";")))
    if not any(name.endswith(".h5") for name in names[0]):  # h5py is not installed
        names[1].remove("best.weights.h5")
    assert names[1] == names[0]
    assert [list(row) for row in rows[1]] == [list(row) for row in rows[0]]
    for ours, theirs in zip(rows[1], rows[0]):
        np.testing.assert_allclose(
            [float(v) for v in ours.values()], [float(v) for v in theirs.values()], atol=1e-4
        )


def test_what_a_checkpoint_holds(data, tmp_path, pair):
    images, labels = data
    (_, _), (k, model) = pair(metrics=["acc"])
    checkpoint = k.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    model.fit(images, one_hot(labels), epochs=3, verbose=0, callbacks=checkpoint)
    loaded = k.models.load_model(tmp_path / "best.keras")
    np.testing.assert_array_equal(loaded.predict(images), model.predict(images))


@pytest.mark.parametrize(
    "callback",
    [
        lambda k: k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate),
        lambda k: k.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch)),
        lambda k: k.callbacks.ReduceLROnPlateau(
            "loss", factor=0.3, patience=1, min_delta=0.2, cooldown=1, min_lr=1e-4
        ),
        lambda k: k.callbacks.EarlyStopping(
            "val_loss", patience=1, min_delta=0.05, restore_best_weights=True
        ),
        lambda k: k.callbacks.EarlyStopping("val_accuracy", patience=1, baseline=0.9, start_from_epoch=1),
        lambda k: k.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch)),
        lambda k: k.callbacks.SwapEMAWeights(),
    ],
)
def test_a_training_with_a_callback(callback, pair, data):
    images, labels = data
    histories, weights = [], []
    for k, model in pair(
        lambda k: k.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.8), metrics=["accuracy"]
    ):
        histories.append(
            model.fit(
                images, one_hot(labels), batch_size=12, epochs=5, shuffle=False, verbose=0, callbacks=[callback(k)],
                validation_split=0.3,
            ).history
        )  # fmt: skip
        weights.append([np.array(weight) for weight in model.get_weights()])
    assert len(histories[1]["loss"]) == len(histories[0]["loss"])
    assert set(histories[1]) == set(histories[0])
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, atol=1e-4, rtol=1e-4, err_msg=name)
    for ours, theirs in zip(weights[1], weights[0]):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_loss_that_is_not_a_number_ends_the_training(pair, data):
    images, labels = data
    images = images.copy()
    images[9] = np.nan
    epochs = [
        model.fit(
            images, one_hot(labels), batch_size=12, epochs=4, shuffle=False, verbose=0,
            callbacks=[k.callbacks.TerminateOnNaN()],
        ).epoch
        for k, model in pair()
    ]  # fmt: skip
    assert epochs[1] == epochs[0] == [0]


@pytest.mark.parametrize("call", ["layer", "sequential", "graph", "predict"])
@pytest.mark.parametrize("training", [None, True, False])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomFlip", {"mode": "horizontal"}),
        ("RandomRotation", {"factor": 0.1}),
        ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3}),
        ("RandomZoom", {"height_factor": 0.3}),
        ("RandomErasing", {}),
        ("RandomContrast", {"factor": 0.5, "value_range": (0, 1)}),
        ("RandomBrightness", {"factor": 0.5, "value_range": (0, 1)}),
        ("Dropout", {"rate": 0.5}),
        ("GaussianNoise", {"stddev": 0.5}),
    ],
)
def test_which_call_changes_images(name, arguments, training, call):
    x = np.random.default_rng(4).uniform(size=(32, 6, 5, 3)).astype("float32")

    def changed(library):
        layer, start = getattr(library.layers, name)(**arguments), library.Input((6, 5, 3))
        model = library.Model(start, layer(start)) if call == "graph" else library.Sequential([layer])
        if call == "predict":
            return np.abs(np.asarray(model.predict(x, verbose=0)) - x).max() > 1e-6
        given = {} if training is None else {"training": training}
        y = (layer if call == "layer" else model)(x, **given)
        y = y if library is minicnn else keras.ops.convert_to_numpy(y)
        return np.abs(y - x).max() > 1e-6

    assert changed(minicnn) == changed(keras)
