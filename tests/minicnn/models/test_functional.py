"""Model(inputs, outputs): trained, frozen, saved, taken apart and put together, drawn."""

import re

import numpy as np
import pytest

import minicnn
from minicnn import Input, Model, Sequential, callbacks, layers, models, ops, utils
from minicnn.gradient_check import check_model
from minicnn.layers.graph import Graph
from minicnn.models.saliency import grad_cam, input_gradient

CLASSES = 3


def net(dtype="float32", dropout=0.25):
    """A network that splits into three and joins in three ways, with all that is random or has a memory."""
    x = inputs = Input((8, 8, 1), dtype=dtype)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="first")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = split = layers.ReLU(name="split")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2", name="left")(x)
    x = layers.add([x, split])
    y = layers.Conv2D(2, 1, activation="tanh", name="right")(split)
    x = layers.Concatenate(name="joined")([x, y])
    gate = layers.Dense(6, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.multiply([x, gate])
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return Model(inputs, layers.Dense(CLASSES, activation="softmax", name="classes")(x))


def compiled(**kwargs):
    minicnn.utils.set_random_seed(5)
    model = net(**kwargs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def data(rng):
    """Images of three textures: rows, columns, a chequerboard."""
    labels = rng.integers(CLASSES, size=32)
    row, column = np.indices((8, 8))
    textures = np.array([row % 2, column % 2, (row + column) % 2])
    images = rng.uniform(0, 0.2, (32, 8, 8, 1)) + 0.6 * textures[labels][..., None]
    return images, labels


def weights_equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_every_gradient_of_its_loss(data):
    x, y = data
    report = check_model(compiled(dtype="float64"), x[:3], y[:3], sample_weight=np.array([1.0, 0.5, 2.0]))
    assert report.error <= 1e-12, str(report)


def test_it_learns_and_reports(data):
    model = compiled(dropout=0.0)
    model.optimizer.learning_rate = 0.03
    history = model.fit(*data, batch_size=8, epochs=12, validation_data=data, verbose=0).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["loss"][-1] < history["loss"][0] / 2
    assert model.evaluate(*data, verbose=0)[1] == history["val_accuracy"][-1]


def test_kernels_and_reference_train_alike(data):
    losses = []
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            losses.append(compiled(dtype="float64").fit(*data, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-10)


def test_the_softmax_meets_the_cross_entropy():
    """Where the probability underflows there would be no gradient through it; at the logits it is p − t."""
    x = Input((1,), dtype="float64")
    dense = layers.Dense(3, activation="softmax", kernel_initializer="ones")
    model = Model(x, dense(layers.add([x, x])))
    model.compile("sgd", "categorical_crossentropy")
    dense.kernel.assign([[1.0, -1.0, 0.0]])
    model.train_on_batch(np.array([[1000.0]]), np.array([[0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(dense.bias.grad, [1, -1, 0], atol=1e-15)


# ---- on disk -----------------------------------------------------------------------------------------------


def test_a_saved_model_predicts_the_same_and_trains_on_to_the_bit(data, tmp_path):
    whole, halves = compiled(), compiled()
    whole.fit(*data, epochs=4, verbose=0)
    halves.fit(*data, epochs=2, verbose=0)
    halves.save(tmp_path / "model.npz")
    loaded = models.load_model(tmp_path / "model.npz")
    assert isinstance(loaded, Model)
    assert loaded.to_json() == halves.to_json()
    np.testing.assert_array_equal(loaded.predict(data[0]), halves.predict(data[0]))
    loaded.fit(*data, epochs=4, initial_epoch=2, verbose=0)
    assert weights_equal(whole, loaded)


class Cut(Exception):
    """The power is gone."""


def test_a_training_that_was_cut_off_goes_on_to_the_bit(data, tmp_path):
    def cut(batch, logs):
        if batch == 2:
            raise Cut

    whole, resumed = compiled(), compiled()
    whole.fit(*data, batch_size=8, epochs=3, verbose=0)
    backup = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(Cut):
        compiled().fit(
            *data, batch_size=8, epochs=3, verbose=0,
            callbacks=[backup, callbacks.LambdaCallback(on_train_batch_end=cut)],
        )  # fmt: skip
    resumed.fit(*data, batch_size=8, epochs=3, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert weights_equal(whole, resumed)


def test_from_json_config_and_clone(data):
    model = net()
    for other in (
        models.model_from_json(model.to_json()),
        type(model).from_config(model.get_config()),
        Model.from_config(model.get_config()),
        models.clone_model(model),
    ):
        assert other.to_json() == model.to_json()
        assert not weights_equal(model, other)
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other.predict(data[0]), model.predict(data[0]))
    for text in ("no JSON", "[1]", '{"class_name": "Functional", "config": {}}'):
        with pytest.raises(ValueError, match="not the description of a model"):
            models.model_from_json(text)


def test_a_sequential_keeps_its_shape_and_type_in_json():
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    assert not models.model_from_json(model.to_json()).built
    model(np.ones((2, 4)))
    other = models.model_from_json(model.to_json())
    assert other.output_shape == (None, 2)
    assert other(np.ones((2, 4))).dtype == model(np.ones((2, 4))).dtype


def test_weights_alone(data, tmp_path):
    one, other = net(), net()
    one.save_weights(tmp_path / "w.npz")
    other.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(one.predict(data[0]), other.predict(data[0]))


class Double(layers.Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


def test_a_layer_of_ones_own(tmp_path):
    x = Input((2,))
    model = Model(x, layers.add([Double()(x), x]))
    model.save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="unknown layer 'Double'"):
        models.load_model(tmp_path / "m.npz")
    loaded = models.load_model(tmp_path / "m.npz", custom_objects={"Double": Double})
    np.testing.assert_array_equal(loaded(np.ones((1, 2))), [[3, 3]])
    assert models.clone_model(model).layers[1].name == model.layers[1].name


# ---- models in models --------------------------------------------------------------------------------------


def base():
    return Sequential(
        [Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()], name="base"
    )


def nested(inner):
    x = Input((8, 8, 1))
    y = layers.GlobalAveragePooling2D()(inner(x))
    return Model(x, layers.Dense(CLASSES, activation="softmax")(y))


@pytest.mark.parametrize("make", [base, net])
def test_a_model_is_a_layer_of_another(make, data, tmp_path):
    inner = make()
    x = Input((8, 8, 1))
    y = inner(x)
    y = layers.GlobalAveragePooling2D()(y) if len(y.shape) == 4 else y
    model = Model(x, layers.Dense(2)(y))
    assert [layer.name for layer in model.layers][1] == inner.name
    assert model.count_params() == inner.count_params() + model.layers[-1].count_params()
    model.compile("adam", "mse")
    report = check_model(model, data[0][:2], np.ones((2, 2)), entries=8)
    assert report.error <= 1e-12, str(report)
    model.save(tmp_path / "m.npz")
    np.testing.assert_array_equal(
        models.load_model(tmp_path / "m.npz").predict(data[0]), model.predict(data[0])
    )


def test_a_frozen_base_stays_as_it_is(data):
    inner = base()
    model = nested(inner)
    inner.trainable = False
    before = inner.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(*data, epochs=2, verbose=0)
    for old, new in zip(before, inner.get_weights()):
        np.testing.assert_array_equal(old, new)  # moving statistics too
    assert [weight.name for weight in model.trainable_weights] == ["kernel", "bias"]
    inner.trainable = True
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(*data, verbose=0)
    assert not any(np.array_equal(old, new) for old, new in zip(before, inner.get_weights()))


def test_trainable_reaches_every_layer_inside():
    block = layers.Residual([layers.Conv2D(1, 1), layers.BatchNormalization()], layers.Conv2D(1, 1))
    model = Sequential([Input((4, 4, 1)), layers.Chain([block])])
    model.trainable = False
    assert not any(layer.trainable for layer in (block, *block.main, *block.shortcut))
    assert model.trainable_weights == []
    model.trainable = True
    block.main[1].trainable = False
    assert len(model.trainable_weights) == 4


def test_told_not_to_train_it_runs_as_in_evaluation(data):
    inner = base()
    x = Input((8, 8, 1))
    model = Model(x, layers.GlobalAveragePooling2D()(inner(x, training=False)))
    model.compile("sgd", "mse")
    model.train_on_batch(data[0], np.zeros((32, 4)))
    assert not inner.layers[1].moving_mean.value.any()
    again = type(model).from_config(model.get_config())
    again.compile("sgd", "mse")
    again.train_on_batch(data[0], np.zeros((32, 4)))
    assert not again.layers[1].layers[1].moving_mean.value.any()


def test_layers_of_one_model_in_another(data):
    """Features from inside a Sequential, and a new head on the old layers, which keep their weights."""
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    features = Model(model.inputs, model.layers[2].output)
    x = data[0].astype("float32")
    for layer in model.layers[:3]:
        x = layer.forward(x)
    np.testing.assert_allclose(features.predict(data[0]), x, rtol=0, atol=1e-6)  # folded: to rounding
    kernel = model.layers[0].kernel
    head = Sequential([Input((8, 8, 1)), *model.layers[:-1], layers.Dense(5)])
    assert head.layers[0].kernel is kernel
    assert len(head.weights) == len(model.weights)
    model.pop()
    assert model.output_shape == model.output.shape == (None, 144)
    with pytest.raises(ValueError, match=r"expected .batch, height, width, channels"):
        model.add(layers.Conv2D(1, 3))
    model.add(layers.Dense(7))
    assert model.output_shape == (None, 7)


# ---- several of them ---------------------------------------------------------------------------------------


def test_several_inputs_and_outputs(data):
    a, b = Input((3,), name="a"), Input((3,), name="b")
    total, product = layers.add([a, b]), layers.multiply([a, b])
    model = Model([a, b], [total, product])
    x, y = np.array([[1, 2, 3]]), np.array([[4, 5, 6]])
    for given, expected in zip(model([x, y]), (x + y, x * y)):
        np.testing.assert_array_equal(given, expected)
    assert (model.input, model.output) == ([a, b], [total, product])
    assert model.output_shape == [(None, 3), (None, 3)]
    assert model.input_shape == [(None, 3), (None, 3)]
    one = Model([a, b], total)
    one.compile("sgd", "mse")
    for given in ([x, y], {"b": y, "a": x}):
        np.testing.assert_array_equal(one.predict(given), x + y)
        for found, expected in zip(model.predict(given), (x + y, x * y)):
            np.testing.assert_array_equal(found, expected)
        assert one.evaluate(given, [[5, 7, 6]]) == one.test_on_batch(given, [[5, 7, 6]]) == 3
    for wrong, message in (
        (
            [x],
            "x=.*expected a list of 2, one for each input, or a dictionary with the inputs' names, 'a', 'b'",
        ),
        ({"a": x, "c": y}, "the inputs' names, 'a', 'b'"),
        ([x, np.ones((2, 3))], r"x has the shapes \[\(1, 3\), \(2, 3\)\]: expected as many rows"),
        ([x, None], "x: expected"),
        ([x, np.ones((1, 4))], "expected"),
    ):
        with pytest.raises(ValueError, match=message):
            one.evaluate(wrong, x)
    with pytest.raises(TypeError, match="numbers"):
        one.predict([x, np.array([["a", "b", "c"]])])
    with pytest.raises(ValueError, match="got 1 inputs, expected 2"):
        model([x])
    with pytest.raises(NotImplementedError, match="gives 2 outputs"):
        model([a, b])
    loaded = models.model_from_json(model.to_json())
    np.testing.assert_array_equal(loaded([x, y])[1], x * y)
    again = layers.Dense(2)(one([a, b]))
    assert Model([a, b], again)([x, y]).shape == (1, 2)


def test_predict_of_several_outputs(data):
    model = net()
    both = Model(model.input, [model.get_layer("joined").output, model.output])
    maps, scores = both.predict(data[0], batch_size=5)
    assert maps.shape == (32, 8, 8, 6)
    np.testing.assert_allclose(scores, model.predict(data[0], batch_size=5), rtol=1e-6)


# ---- what it tells of itself -------------------------------------------------------------------------------


def test_layers_by_name_and_number():
    model = net()
    assert model.get_layer("joined") is model.get_layer(index=[s.name for s in model.symbols].index("joined"))
    assert isinstance(model.layers[0], layers.InputLayer)
    for wrong in ({"name": "none"}, {"index": 99}):
        with pytest.raises(
            ValueError, match=r"no layer .* in functional.*: there are input_layer.*, classes"
        ):
            model.get_layer(**wrong)


def test_summary(capsys):
    x = Input((8, 8, 1), name="image")
    y = layers.Conv2D(2, 3, name="conv", trainable=False)(x)
    z = layers.Add(name="sum")([y, y])
    inner = Sequential(
        [Input((6, 6, 2)), layers.Flatten(name="flat"), layers.Dense(3, name="dense")], name="inner"
    )
    model = Model(x, inner(z), name="whole")
    model.summary(expand_nested=True, show_trainable=True)
    lines = [re.split(r"  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ['Model: "whole"']
    assert lines[2] == ["Layer (type)", "Output shape", "Param #", "Connected to", "Trainable"]
    assert lines[4:10] == [
        ["image (InputLayer)", "(None, 8, 8, 1)", "0", "-", "-"],
        ["conv (Conv2D)", "(None, 6, 6, 2)", "20", "image[0][0]", "N"],
        ["sum (Add)", "(None, 6, 6, 2)", "0", "conv[0][0], conv[0][0]", "-"],
        ["inner (Sequential)", "(None, 3)", "219", "sum[0][0]", "Y"],
        ["└ flat (Flatten)", "(None, 72)", "0", lines[8][3], "-"],
        ["└ dense (Dense)", "(None, 3)", "219", "flat[0][0]", "Y"],
    ]
    assert lines[-3:] == [["Total params: 239"], ["Trainable params: 219"], ["Non-trainable params: 20"]]
    text = []
    Model(x, y).summary(print_fn=text.append)
    assert "Connected" not in text[0]


def test_where_it_looks(data):
    """Grad-CAM at any layer of a graph, beside its formula; the derivative by the
    complex step's gradients.
    """
    model = net(dtype="float64", dropout=0.0)
    x, classes = data[0][:4], np.array([2, 0, 1, 1])
    for place in ("joined", "split"):
        symbol = model.get_layer(place).output
        maps = Model(model.inputs, symbol).predict(x)
        last = model.get_layer("classes")
        rest = Graph([symbol, model.input], last.input)
        with ops.use("reference"):
            slopes = np.empty((4, maps.shape[-1]))
            for channel in range(maps.shape[-1]):
                nudged = maps.astype(complex)
                nudged[..., channel] += 1e-30j
                logits = rest.forward([nudged, x]) @ last.kernel.value + last.bias.value
                score = logits[np.arange(4), classes]
                slopes[:, channel] = score.imag / 1e-30 / 64  # the mean over 8×8 pixels
        expected = np.maximum((slopes[:, None, None] * maps).sum(-1), 0)
        np.testing.assert_allclose(grad_cam(model, x, classes, place), expected, rtol=0, atol=1e-12)
    # the last convolution is the one before the concatenation
    np.testing.assert_array_equal(grad_cam(model, x, classes), grad_cam(model, x, classes, "joined"))
    assert input_gradient(model, x, classes).shape == x.shape
    with pytest.raises(ValueError, match="one of each"):
        grad_cam(Model(model.inputs, [model.output, symbol]), x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda x: Model([x, Input((2,), name="spare")], layers.Dense(1)(x)),
            ValueError,
            "spare.*leads to none",
        ),
        (lambda x: Model(x, layers.add([x, Input((4,))])), ValueError, "not among the inputs"),
        (lambda x: type("Own", (Model,), {})(), NotImplementedError, r"Own: .* with call\(\)"),
        (
            lambda x: Model(x, layers.Dense(1)(x)).fit(np.ones((2, 4)), np.ones(2)),
            ValueError,
            "compile first",
        ),
        (
            lambda x: Model(x, layers.Dense(1)(x))(np.ones((2, 5))),
            ValueError,
            r"shape \(2, 5\), expected \(None, 4\)",
        ),
        (lambda x: Model(x, x, nme="a"), TypeError, "nme"),
        (lambda x: Model(input=x, output=x), TypeError, "'input'"),
        (lambda x: Model(x), TypeError, "outputs=None: expected a symbol"),
        (lambda x: Sequential([layers.Dense(2)]).output, ValueError, "does not know its input's shape"),
        (lambda x: Sequential([layers.Dense(2)(x)]), TypeError, "is not a layer"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(Input((4,)))


# ---- drawn -------------------------------------------------------------------------------------------------


def boxes(figure):
    """The boxes of a drawing: {first line of text: (x, y)}, and the arrows' ends."""
    (axes,) = figure.axes
    texts = {text.get_text(): text.get_position() for text in axes.texts}
    arrows = [patch.get_path() for patch in axes.patches if type(patch).__name__ == "FancyArrowPatch"]
    return texts, arrows


def test_a_drawing_has_a_box_a_layer_and_an_arrow_a_use(tmp_path):
    model = net()
    figure = utils.plot_model(model, None, show_layer_names=True, show_shapes=True, show_dtype=True)
    texts, arrows = boxes(figure)
    assert {layer.name for layer in model.layers} <= set(texts)
    assert len(arrows) == sum(len(symbol.inputs) for symbol in model.symbols)
    for symbol in model.symbols:
        for source in symbol.inputs:
            assert texts[source.name][1] > texts[symbol.name][1]  # above
    path = utils.plot_model(model, tmp_path / "model.png", show_trainable=True, show_layer_activations=True)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_no_two_boxes_overlap():
    (axes,) = utils.plot_model(net(), None, show_layer_names=True).axes
    rectangles = [p.get_bbox() for p in axes.patches if type(p).__name__ == "FancyBboxPatch"]
    for number, one in enumerate(rectangles):
        assert not any(one.overlaps(other) for other in rectangles[:number])


def test_a_drawing_s_errors(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(2)])
    for wrong in ({"rankdir": "LR"}, {"expand_nested": True}):
        with pytest.raises(NotImplementedError, match="from top to bottom"):
            utils.plot_model(model, None, **wrong)
    with pytest.raises(FileNotFoundError, match="no folder"):
        utils.plot_model(model, tmp_path / "none" / "m.png")
    with pytest.raises(ValueError, match="does not know its input's shape"):
        utils.plot_model(Sequential([layers.Dense(2)]), None)
