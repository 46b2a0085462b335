"""Prediction by a plan: the numbers of the layers themselves, and no change of a weight or a setting is missed."""

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Model, Sequential, ops
from minicnn.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAveragePooling2D,
    GroupNormalization,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    Normalization,
    ReLU,
    Residual,
    SeparableConv2D,
    Softmax,
)
from minicnn.models import inference
from minicnn.models.inference_steps import Branches, Linear, Live, MaxPool, Norm, Segments, Sum
from tests.minicnn.models.threads import at_once


def draw_weights(model, rng):
    """Give every weight random numbers: at the first ones, batch norm would change nothing."""
    for weight in model.weights:
        weight.assign(
            rng.uniform(0.5, 2, weight.shape)
            if "variance" in weight.name
            else 0.3 * rng.standard_normal(weight.shape)
        )
    return model


def in_float64(model, x, logits=False):
    """Return what the reference computes for the model and x, in float64."""
    wide = model.detached_copy()
    for layer in wide.walk():
        layer.dtype = np.dtype(np.float64)
        for weight in layer.own_parameters:
            weight.value = weight.value.astype(np.float64)
    with ops.use("reference"):
        return (wide.pre_activation_forward if logits else wide.forward)(x.astype(np.float64))


class Doubled(Layer):
    """A layer of one's own."""

    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Shifted(Conv2D):
    """A subclass with another forward pass."""

    def pre_activation_forward(self, x, training=False):
        return super().pre_activation_forward(x, training) + 1


def kernel(filters, size=3, **arguments):
    return Conv2D(filters, size, padding="same", **arguments)


MODELS = {
    "conv, norm, relu, pool": lambda: [
        kernel(16), BatchNormalization(), ReLU(), MaxPooling2D(), kernel(16, use_bias=False),
        BatchNormalization(scale=False), Dropout(0.5), Activation("relu"), Flatten(), Dense(5, activation="softmax"),
    ],
    "two norms, none with a shift": lambda: [
        kernel(5, strides=2), BatchNormalization(center=False), BatchNormalization(center=False, scale=False),
    ],
    "relu, pool": lambda: [kernel(20, activation="relu"), MaxPooling2D(3, 2, "same"), Flatten(), Dense(3), Softmax()],
    "pool, relu": lambda: [kernel(4), MaxPooling2D(), ReLU()],
    "norm first": lambda: [BatchNormalization(), ReLU(), MaxPooling2D(), ReLU(), BatchNormalization()],
    "dense, norm": lambda: [
        Flatten(), Dense(6, use_bias=False), BatchNormalization(), ReLU(), Dense(1, activation="sigmoid"),
    ],
    "dense over channels": lambda: [Dense(6), BatchNormalization(), Dense(3, activation=LeakyReLU(0.1))],
    "other activations": lambda: [kernel(4, activation="tanh"), BatchNormalization(), LeakyReLU(0.2), ReLU(6.0, 0.1)],
    "other layers": lambda: [
        Normalization(mean=0.1, variance=2.0), DepthwiseConv2D(3), BatchNormalization(), SeparableConv2D(6, 3),
        GroupNormalization(3), AveragePooling2D(), GaussianNoise(0.3), GlobalAveragePooling2D(), Dense(4),
    ],
    "residuals": lambda: [
        kernel(16),
        Residual([kernel(16), BatchNormalization(), ReLU(), kernel(16), BatchNormalization()]), ReLU(),
        Residual([Doubled(), kernel(8, 1)], [kernel(8, 1), BatchNormalization()]),
        Residual([Dropout(0.4)], [Doubled()]), ReLU(),
        Residual([]), MaxPooling2D(),
    ],
    "own layers": lambda: [
        Shifted(4, 3), BatchNormalization(), Doubled(), ReLU(), kernel(4, activation="relu"), Doubled(),
    ],
    "nested": lambda: [
        Sequential([kernel(4), BatchNormalization()]), ReLU(), Sequential([Flatten(), Dense(4, activation="softmax")]),
    ],
}  # fmt: skip


def sequential(name, dtype=np.float32, side=9, channels=3):
    model = Sequential([Input((side, side, channels), dtype=str(np.dtype(dtype))), *MODELS[name]()])
    return draw_weights(model, np.random.default_rng(len(name)))


def graph():
    """Forks and joins: a value that is used three times, an output in the middle of a sum."""
    inputs = Input((8, 8, 3))
    x = Activation("relu")(kernel(16)(inputs))
    y = BatchNormalization()(kernel(16)(x))
    z = ReLU()(Add()([x, y]))
    w = MaxPooling2D()(ReLU()(Add()([y, Dropout(0.1)(z)])))
    three = Add()([kernel(16)(w), kernel(16, 1)(w), w])
    return draw_weights(
        Model(inputs, Dense(4, activation="softmax")(Flatten()(three))), np.random.default_rng(5)
    )


def close(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("samples", [1, 7])
def test_predictions_are_those_of_the_reference(name, samples, rng):
    model = sequential(name)
    x = rng.standard_normal((samples, 9, 9, 3)).astype(np.float32)
    before = x.copy()
    for _ in range(2):  # the second time, with what the first has prepared
        close(model.predict(x), in_float64(model, x))
        if model.last_function:
            close(model.infer(x, logits=True), in_float64(model, x, logits=True))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", MODELS)
def test_in_float64_they_are_the_reference_s_to_1e_12(name, rng):
    model = sequential(name, np.float64)
    x = rng.standard_normal((2, 9, 9, 3))
    expected = in_float64(model, x)
    assert model.predict(x).dtype == np.float64
    np.testing.assert_allclose(
        model.predict(x), expected, rtol=0, atol=1e-12 * max(1, np.abs(expected).max())
    )


def test_a_graph_is_that_of_the_reference(rng):
    model, x = graph(), rng.standard_normal((3, 8, 8, 3)).astype(np.float32)
    for _ in range(2):
        close(model.predict(x), in_float64(model, x))
        close(model.infer(x, logits=True), in_float64(model, x, logits=True))


def test_several_outputs_may_be_parts_of_a_sum(rng):
    inputs = Input((4, 4, 16))
    a, b = kernel(16)(inputs), kernel(16)(inputs)
    model = draw_weights(Model(inputs, [a, ReLU()(Add()([a, b])), b]), rng)
    x = rng.standard_normal((2, 4, 4, 16)).astype(np.float32)
    for found, expected in zip(model.predict(x), in_float64(model, x), strict=True):
        close(found, expected)


def kinds(steps):
    return [type(step) for step in steps]


def test_which_layers_are_one_step():
    steps = {name: inference.steps_of([sequential(name)], None) for name in MODELS}
    assert kinds(steps["conv, norm, relu, pool"]) == [Linear, Linear, Live, Linear]
    assert kinds(steps["two norms, none with a shift"]) == [Linear]
    assert kinds(steps["norm first"]) == [Norm, MaxPool, Norm]
    assert kinds(steps["dense, norm"]) == [Live, Linear, Linear]
    assert kinds(steps["other activations"]) == [Linear, Norm, Live, Live]
    assert kinds(steps["own layers"]) == [Live, Norm, Live, Live, Linear, Live]
    assert kinds(steps["nested"]) == [Linear, Live, Linear]
    assert kinds(steps["residuals"]) == [Linear, Branches, Branches, Branches, Branches, MaxPool]
    assert kinds(inference.steps_of([graph()], None)) == [Segments]
    sums = [row for _, row, *_ in inference.steps_of([graph()], None)[0]._rows if type(row[0]) is Sum]
    assert [row[0]._spare for row in sums] == [
        None,
        1,
        0,
    ]  # the others have another use, or are the model's input


def test_evaluate_starts_from_the_same_logits(rng):
    model = sequential("conv, norm, relu, pool")
    x, y = rng.standard_normal((6, 9, 9, 3)).astype(np.float32), np.arange(6) % 5
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(x, y, verbose=0)
    z = in_float64(model, x, logits=True)
    expected = np.mean(np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1) - z[np.arange(6), y])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert accuracy == np.mean(z.argmax(1) == y)


# ---- no change is missed -------------------------------------------------------------------------------------


def changes(path):
    """The ways to change a model's weights: name -> function(model, number of a weight, generator)."""

    def by_file(model, number, rng):
        other = draw_weights(model.detached_copy(), rng)
        other.save_weights(path)
        model.load_weights(path)

    def by_training(model, number, rng):
        model.compile("sgd", "mse")
        model.train_on_batch(rng.standard_normal((4, 6, 6, 2)), rng.standard_normal((4, 3)))

    def in_a_step(model, number, rng):
        model.weights[number].value[...] *= 1.5

    def by_a_view(model, number, rng):
        view = model.weights[number].value.reshape(-1)[::2]
        model.infer(np.zeros((1, 6, 6, 2), np.float32))
        view += 0.25

    def after_a_look(model, number, rng):
        held = model.weights[number].value
        for _ in range(2):
            model.infer(np.zeros((1, 6, 6, 2), np.float32))
        held[...] = held[::-1].copy() + 0.5

    def by_another_array(model, number, rng):
        weight = model.weights[number]
        weight.value = weight.value + np.float32(0.5)

    def by_a_part_of_another(model, number, rng):
        weight = model.weights[number]
        whole = np.stack([weight.value, weight.value])
        weight.value = whole[0]
        model.infer(np.zeros((1, 6, 6, 2), np.float32))
        whole += 0.25

    def by_fit(model, number, rng):
        model.compile("sgd", "mse")
        model.fit(rng.standard_normal((4, 6, 6, 2)), rng.standard_normal((4, 3)), verbose=0)

    def by_a_cache(model, number, rng):
        """Through what a layer keeps for its backward pass, which holds the kernel itself."""
        model.layers[0].forward(np.zeros((1, 6, 6, 2), np.float32))
        model.infer(np.zeros((1, 6, 6, 2), np.float32))
        held = [each for each in model.layers[0]._cache if each is model.layers[0].kernel.value]
        held[0][...] += 0.25

    def by_another_thread(model, number, rng):
        held, seen = model.weights[number].value, threading.Event()
        thread = threading.Thread(target=lambda: seen.wait() and np.multiply(held, 1.5, out=held))
        thread.start()
        model.infer(np.zeros((1, 6, 6, 2), np.float32))
        seen.set()
        thread.join()

    def by_augmented_assignment(model, number, rng):
        model.weights[number].value *= 2

    def by_memoryview(model, number, rng):
        view = memoryview(model.weights[number].value.reshape(-1))
        view[0] = view[0] + 9.0

    def by_copyto(model, number, rng):
        value = model.weights[number].value
        np.copyto(value, value + 0.5)

    return {
        "fit": by_fit,
        "a layer's cache": by_a_cache,
        "another thread": by_another_thread,
        "*=": by_augmented_assignment,
        "np.copyto": by_copyto,
        "a memoryview": by_memoryview,
        "assign": lambda model, number, rng: model.weights[number].assign(
            model.weights[number].numpy() + 0.5
        ),
        "set_weights": lambda model, number, rng: model.set_weights([w + 0.25 for w in model.get_weights()]),
        "layer.set_weights": lambda model, number, rng: model.layers[0].set_weights(
            [w * 2 for w in model.layers[0].get_weights()]
        ),
        "load_weights": by_file,
        "training": by_training,
        "in place": in_a_step,
        "one entry": lambda model, number, rng: model.weights[number].value.__setitem__(
            (0,) * model.weights[number].value.ndim, 3
        ),
        "a view": by_a_view,
        "an array that was taken before": after_a_look,
        "another array": by_another_array,
        "a part of another": by_a_part_of_another,
    }


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_changed_weight_is_never_missed(tmp_path_factory, data):
    ways = changes(tmp_path_factory.mktemp("weights") / "w.npz")
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    model = Sequential(
        [
            Input((6, 6, 2)), kernel(16), BatchNormalization(), ReLU(),
            Residual([kernel(16), BatchNormalization()], [kernel(16, 1)]), BatchNormalization(),
            Flatten(), Dense(3),
        ]
    )  # fmt: skip
    draw_weights(model, rng)
    x = rng.standard_normal((2, 6, 6, 2)).astype(np.float32)
    close(model.predict(x), in_float64(model, x))
    for way in data.draw(st.lists(st.sampled_from(sorted(ways)), min_size=1, max_size=4)):
        number = data.draw(st.integers(0, len(model.weights) - 1))
        before = model.get_weights()
        ways[way](model, number, rng)
        assert any((a != b).any() for a, b in zip(before, model.get_weights()))
        close(model.predict(x), in_float64(model, x))


SETTINGS = {
    "activation of a layer": lambda model: setattr(model.layers[0], "activation", "tanh"),
    "slope": lambda model: setattr(model.layers[5], "negative_slope", 0.5),
    "limit": lambda model: setattr(model.layers[5], "max_value", 0.01),
    "activation": lambda model: setattr(model.layers[2], "activation", "sigmoid"),
    "epsilon": lambda model: setattr(model.layers[1], "epsilon", 0.7),
    "strides": lambda model: setattr(model.layers[0], "strides", (1, 1)),
    "padding": lambda model: setattr(model.layers[0], "padding", "valid"),
    "pool": lambda model: setattr(model.layers[3], "strides", (1, 1)),
    "no bias": lambda model: setattr(model.layers[0], "use_bias", False),
    "another layer": lambda model: model.add(Doubled()),
    "fewer layers": lambda model: model.pop(),
    "a pass in a layer": lambda model: vars(model.layers[1]).update(forward=lambda x, training=False: 3 * x),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_changed_setting_is_not_missed(name, rng):
    model = Sequential(
        [
            Input((8, 8, 2)),
            kernel(3, strides=2),
            BatchNormalization(),
            Activation("relu"),
            MaxPooling2D(),
            kernel(3),
            ReLU(),
            GlobalAveragePooling2D(),
        ]
    )
    draw_weights(model, rng)
    x = rng.standard_normal((2, 8, 8, 2)).astype(np.float32)
    before = model.predict(x)
    SETTINGS[name](model)
    found, expected = model.predict(x), model.forward(x)
    close(found, expected)
    assert found.shape != before.shape or np.abs(found - before).max() > 1e-3


@pytest.mark.parametrize("kind", [Conv2D, Activation, BatchNormalization, Sequential])
def test_a_pass_that_is_replaced_in_a_class_is_not_missed(kind, monkeypatch, rng):
    model = Sequential(
        [Input((6, 6, 2)), kernel(3, activation="relu"), BatchNormalization(), Activation("relu")]
    )
    draw_weights(model, rng)
    x = rng.standard_normal((2, 6, 6, 2)).astype(np.float32)
    before, real = model.predict(x), kind.forward
    monkeypatch.setattr(kind, "forward", lambda self, x, training=False: 3 * real(self, x, training))
    found, expected = model.predict(x), model.forward(x)
    close(found, expected)
    assert np.abs(found - before).max() > 1e-3


def test_maps_of_another_size(rng):
    model = Sequential([Input((4, 5, 3)), kernel(16), kernel(16), GlobalAveragePooling2D()])
    draw_weights(model, rng)
    for side in (4, 9, 4):
        x = rng.standard_normal((2, side, side + 1, 3)).astype(np.float32)
        close(model.infer(x), in_float64(model, x))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: model.detached_copy()], ids=["deepcopy", "detached"]
)
def test_a_copy_and_its_original_are_apart(copied, rng):
    model = sequential("residuals")
    x = rng.standard_normal((2, 9, 9, 3)).astype(np.float32)
    expected = model.predict(x)
    other = copied(model)
    draw_weights(other, rng)
    close(other.predict(x), in_float64(other, x))
    np.testing.assert_array_equal(model.predict(x), expected)
    draw_weights(model, rng)
    close(model.predict(x), in_float64(model, x))


def test_a_weight_can_be_pickled():
    weight = sequential("pool, relu").weights[0]
    weight.version()
    again = pickle.loads(pickle.dumps(weight))
    np.testing.assert_array_equal(again.value, weight.value)
    version = again.version()
    again.value[0] = 2
    assert again.version() != version


def test_after_fit_no_layer_holds_a_weight(rng):
    """A prediction then compares no weight with its copy."""
    model = Sequential(
        [Input((8, 8, 2)), kernel(16), BatchNormalization(), ReLU(), DepthwiseConv2D(3), SeparableConv2D(4, 3),
         Residual([kernel(4)]), Flatten(), Dense(3)]
    )  # fmt: skip
    model.compile("sgd", "mse")
    x, y = rng.standard_normal((4, 8, 8, 2)), rng.standard_normal((4, 3))
    model.fit(x, y, epochs=2, verbose=0)
    for weight in model.weights:
        weight.version()
    assert [weight.path for weight in model.weights if weight._was_read] == []
    close(model.predict(x), in_float64(model, x.astype(np.float32)))
    model.fit(x, y, verbose=0)  # and it can be trained again
    with pytest.raises(AttributeError, match="_cache"):
        model.layers[0].backward(np.zeros((4, 8, 8, 16)))


def test_an_unread_weight_is_not_compared_again():
    weight = sequential("pool, relu").weights[0]
    version = weight.version()
    assert not weight._was_read
    assert weight.version() == version == weight.version()
    held = weight.value
    assert (weight.version(), weight._was_read) == (version, True)
    del held


# ---- when there is no plan -----------------------------------------------------------------------------------


def test_the_reference_never_sees_a_plan(monkeypatch, rng):
    model = sequential("conv, norm, relu, pool")
    x = rng.standard_normal((2, 9, 9, 3)).astype(np.float32)
    monkeypatch.setattr(inference.Plan, "run", lambda *_: pytest.fail("a plan ran"))
    with ops.use("reference"):
        np.testing.assert_array_equal(model.predict(x), model.forward(x))


def test_a_model_with_a_forward_pass_of_its_own_keeps_it(rng):
    class Twice(Sequential):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

    model = draw_weights(Twice([Input((4, 4, 1)), kernel(2), BatchNormalization()]), rng)
    x = rng.standard_normal((2, 4, 4, 1)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x), model.forward(x))


def test_a_loss_of_one_s_own_is_that_of_evaluate(rng):
    class Other(Sequential):
        def forward_loss(self, x, y, sample_weight=None, training=False):
            return 7.0, self.forward(x, training)

    model = Other([Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((3, 2)), np.ones((3, 1)), verbose=0) == 7


def test_a_call_can_still_be_differentiated(rng):
    """model(x) keeps what the backward pass needs, also if a prediction comes between the two."""
    model = sequential("conv, norm, relu, pool")
    x = rng.standard_normal((2, 9, 9, 3)).astype(np.float32)
    y = model(x)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    expected = model.backward(dy)
    model(x)
    assert np.array_equal(model.backward(dy), expected)


@pytest.mark.parametrize("name", ["conv, norm, relu, pool", "residuals", "nested"])
def test_threads_get_the_bits_of_one(name, rng):
    model = sequential(name)
    x = rng.standard_normal((8, 3, 9, 9, 3)).astype(np.float32)
    alone = [model.predict(batch).tobytes() for batch in x]
    assert at_once(lambda number: [model.predict(x[number]).tobytes() for _ in range(5)]) == [
        [each] * 5 for each in alone
    ]


def test_any_number_of_threads_gives_the_same_bits(rng):
    import numba

    model = graph()
    x = rng.standard_normal((5, 8, 8, 3)).astype(np.float32)
    model.predict(x)
    several = numba.get_num_threads()
    whole = model.predict(x)
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(model.predict(x), whole)
    finally:
        numba.set_num_threads(several)


def test_no_sample_is_no_output():
    model = sequential("pool, relu")
    assert model.infer(np.zeros((0, 9, 9, 3), np.float32)).shape == (0, 4, 4, 4)
