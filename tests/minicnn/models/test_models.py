"""Sequential and its training loop: what it computes, what it reports, and what survives on disk."""

import json
import re

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, layers, losses, models, ops, optimizers
from minicnn._base.registry import to_json
from minicnn.gradient_check import complex_step, worst_error


def faces(rng, samples=48, classes=3, side=8):
    """Images whose class shows: a bright bar at a place that depends on it."""
    labels = rng.integers(classes, size=samples)
    images = rng.uniform(0, 60, (samples, side, side, 1))
    for image, label in zip(images, labels):
        image[1 + 2 * label : 3 + 2 * label] += 150
    return images.astype(np.uint8), labels


def small_net(dtype="float32", seed=5, dropout=0.25):
    minicnn.utils.set_random_seed(seed)
    return Sequential(
        [
            Input((8, 8, 1), dtype=dtype),
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Residual(layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2")),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )


def compiled(**kwargs):
    model = small_net(**kwargs)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_training_learns_and_reports(rng):
    x, y = faces(rng, 96)
    model = compiled(dropout=0.0)
    history = model.fit(x, y, batch_size=16, epochs=12, validation_data=(x[:24], y[:24]), verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.epoch == list(range(12))
    assert history.history["loss"][-1] < history.history["loss"][0] / 3
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.9
    predicted = model.predict(x, batch_size=7).argmax(1)
    assert (predicted == y).mean() == pytest.approx(accuracy)
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {
        "loss": loss,
        "accuracy": pytest.approx(accuracy),
    }


def test_kernels_and_reference_train_alike_in_float64(rng):
    x, y = faces(rng)
    logs = {}
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            model = compiled(dtype="float64")
            logs[implementation] = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(logs["kernels"], logs["reference"], rtol=1e-10)


def test_the_same_seed_gives_the_same_bits(rng):
    x, y = faces(rng)
    first, second = (compiled() for _ in range(2))
    for model in (first, second):
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_every_weight_gets_the_gradient_of_the_whole_loss(rng):
    """Through all layers, the softmax, the loss, weights of samples and the regulariser."""
    x, y = faces(rng, 5)
    weights = np.array([1.0, 2.0, 0.5, 0.0, 3.0])
    model = compiled(dtype="float64")
    model.layers[1].trainable = False
    state = [g.bit_generator.state for g in model.generators]
    with ops.use("reference"):

        def forward_loss(**arrays):
            for generator, saved in zip(model.generators, state):
                generator.bit_generator.state = saved
            for weight in model.trainable_weights:
                weight.value = arrays[weight.path]
            prediction = model.forward(x.astype(float), training=True)
            return losses.get("sparse_categorical_crossentropy")(y, prediction, weights) + model.penalty()

        values = {weight.path: weight.value.copy() for weight in model.trainable_weights}
        exact = complex_step(forward_loss, values, np.array(1.0))
        forward_loss(**values)
        for generator, saved in zip(model.generators, state):
            generator.bit_generator.state = saved
        model.optimizer = optimizers.SGD(0.0)
        model.train_step(x.astype(float), y, weights)
    for weight in model.trainable_weights:
        assert worst_error(weight.grad, exact[weight.path]) <= 1e-12, weight.path


def test_input_gradient_and_where_backward_stops(rng):
    model = small_net()
    x = faces(rng, 4)[0].astype("float32")
    dy = rng.standard_normal((4, 3)).astype("float32")
    model.forward(x)
    model.needs_dx = True
    assert model.backward(dy).shape == x.shape
    kernel = model.layers[2].kernel.grad.copy()
    model.forward(x)
    model.needs_dx = False
    assert model.backward(dy) is None
    assert not model.layers[2].needs_dx
    np.testing.assert_array_equal(model.layers[2].kernel.grad, kernel)


def test_saved_model_predicts_and_trains_on_to_the_bit(rng, tmp_path):
    x, y = faces(rng)
    whole = compiled()
    whole.fit(x, y, batch_size=16, epochs=4, verbose=0)
    halves = compiled()
    halves.fit(x, y, batch_size=16, epochs=2, verbose=0)
    halves.save(tmp_path / "model.npz")
    minicnn.utils.set_random_seed(999)
    loaded = models.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(x), halves.predict(x))
    loaded.fit(x, y, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
    for a, b in zip(whole.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_every_layer_survives_saving(rng, tmp_path):
    model = Sequential(
        [
            Input((12, 12, 2)),
            layers.RandomTranslation(0.1, (-0.2, 0.1)),
            layers.RandomRotation(0.05, fill_mode="nearest"),
            layers.RandomZoom(0.1),
            layers.RandomErasing(0.5),
            layers.Normalization(mean=[1.0, 2.0], variance=[3.0, 4.0]),
            layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, activation="gelu"),
            layers.DepthwiseConv2D((3, 2), padding="same", dilation_rate=2, depthwise_regularizer="l1"),
            layers.LeakyReLU(0.1),
            layers.AveragePooling2D(2, 1),
            layers.ELU(0.5),
            layers.Residual([layers.Conv2D(4, 1), layers.BatchNormalization()], layers.Conv2D(4, 1)),
            layers.SpatialDropout2D(0.2, seed=3),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, kernel_initializer=minicnn.initializers.HeNormal(seed=1)),
            layers.Softmax(),
        ]
    )
    x = rng.standard_normal((3, 12, 12, 2)).astype("float32")
    model.save(tmp_path / "all.npz")
    loaded = models.load_model(tmp_path / "all.npz")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert json.dumps(to_json(loaded)) == json.dumps(to_json(model))


def test_weights_alone(rng, tmp_path):
    first, second = small_net(seed=1), small_net(seed=2)
    x = faces(rng)[0]
    assert not np.array_equal(first.predict(x), second.predict(x))
    first.save_weights(tmp_path / "w.npz")
    second.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(first.predict(x), second.predict(x))
    with pytest.raises(ValueError, match="weights only"):
        models.load_model(tmp_path / "w.npz")


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        models.load_model(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", **{"config.json": np.array([{}], dtype=object)})
    for name in ("text", "other", "pickle"):
        with pytest.raises(ValueError, match=f"{name}.npz"):
            models.load_model(tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        small_net().save(tmp_path / "model.pkl")
    with pytest.raises(FileNotFoundError, match="no folder"):
        small_net().save(tmp_path / "nowhere" / "model.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.npz", "pickle.npz", "text.npz"]


def test_truncated_file_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    small_net().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        models.load_model(path)


def test_class_weight_equals_sample_weight(rng):
    x, y = faces(rng)
    by_class = {0: 0.5, 1: 2.0, 2: 1.0}
    one, other = compiled(), compiled()
    a = one.fit(x, y, class_weight=by_class, verbose=0, epochs=2)
    b = other.fit(x, y, sample_weight=np.array([by_class[label] for label in y]), verbose=0, epochs=2)
    assert a.history == b.history
    # a class without a weight counts once
    a = compiled().fit(x, y, class_weight={0: 3}, verbose=0)
    b = compiled().fit(x, y, class_weight={0: 3, 1: 1, 2: 1}, verbose=0)
    assert a.history == b.history


def test_validation_split_takes_the_end_before_shuffling(rng):
    x, y = faces(rng)
    one, other = compiled(), compiled()
    a = one.fit(x, y, validation_split=0.25, verbose=0)
    b = other.fit(x[:36], y[:36], validation_data=(x[36:], y[36:]), verbose=0)
    assert a.history == b.history


def test_the_reported_loss_is_the_mean_over_samples(rng):
    x, y = faces(rng, 10)
    model = compiled()
    parts = [model.evaluate(x[:8], y[:8], verbose=0)[0], model.evaluate(x[8:], y[8:], verbose=0)[0]]
    assert model.evaluate(x, y, batch_size=8, verbose=0)[0] == pytest.approx(
        (8 * parts[0] + 2 * parts[1]) / 10
    )


def test_summary_by_hand(capsys):
    model = Sequential(
        [
            Input((5, 5, 1)),
            layers.Conv2D(2, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    model.summary()
    text = capsys.readouterr().out
    assert "Total params: 85" in text  # 3·3·1·2 + 2 = 20, 4·2 = 8, 18·3 + 3 = 57
    assert "Trainable params: 81" in text
    assert "Non-trainable params: 4" in text
    assert re.search(r"\(None, 3, 3, 2\) +20\n", text)


def test_a_model_without_input_shape_builds_on_data(rng):
    model = Sequential(
        [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    )
    with pytest.raises(ValueError, match="Input"):
        model.summary()
    x, y = faces(rng)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.output_shape == (None, 3)


def test_input_shape_on_the_first_layer():
    model = Sequential()
    model.add(layers.Conv2D(2, 3, input_shape=(6, 6, 1)))
    model.add(layers.Flatten())
    model.add(layers.Dense(4))
    assert model.output_shape == (None, 4)
    assert [weight.shape for weight in model.weights] == [(3, 3, 1, 2), (2,), (32, 4), (4,)]
    model.pop()
    assert model.output_shape == (None, 32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x, y: m.fit(x[..., 0], y), r"one channel, x\[\.\.\., None\]"),
        (lambda m, x, y: m.predict(x[0]), r"x\[None\]"),
        (lambda m, x, y: m.fit(x, y[:-1]), "48 samples but y has shape"),
        (lambda m, x, y: m.fit(x), "needs targets"),
        (lambda m, x, y: m.fit(x, y, batch_size=-3), "batch_size=-3"),
        (lambda m, x, y: m.fit(x, y, verbose=7), "verbose=7"),
        (lambda m, x, y: m.fit(x, y + 1), "label 3, expected an integer from 0 to 2"),
        (lambda m, x, y: m.fit(x, y, validation_split=1.5), "validation_split=1.5"),
        (lambda m, x, y: m.fit(x[:0], y[:0]), "at least one sample"),
        (lambda m, x, y: m.set_weights([]), "got 0 arrays, expected"),
        (lambda m, x, y: m.add("dense"), "is not a layer"),
        (lambda m, x, y: m.add(m.layers[-1]), "in the chain already"),
    ],
)
def test_errors_say_what_and_how(call, message, rng):
    x, y = faces(rng)
    with pytest.raises((ValueError, TypeError), match=message):
        call(compiled(), x, y)


def test_fit_needs_compile(rng):
    with pytest.raises(ValueError, match="compile first"):
        small_net().fit(*faces(rng))


def test_verbose_prints_a_line_an_epoch(rng, capsys):
    x, y = faces(rng)
    compiled().fit(x, y, epochs=2, verbose=2, validation_split=0.25)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 2
    assert re.match(
        r"Epoch 1/2 - \d+\.\ds - loss: \d\.\d+ - accuracy: \d\.\d+ - val_loss: .* - val_accuracy: ", lines[0]
    )
    compiled().fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""
    compiled().fit(x, y, epochs=1, verbose=1)
    assert "Epoch 1/1" in capsys.readouterr().out


def test_a_step_whose_loss_is_not_finite_is_not_taken(rng):
    x, y = faces(rng, 8)
    model = compiled()
    before = [weight.value.copy() for weight in model.trainable_weights]
    assert not np.isfinite(model.train_on_batch(x, y, sample_weight=np.full(8, np.inf))[0])
    for old, weight in zip(before, model.trainable_weights):
        np.testing.assert_array_equal(weight.value, old)
    assert model.optimizer.iterations == 0
