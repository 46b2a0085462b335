"""A training step is whole or not at all, and one that was not taken is told."""

import copy
import math

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, callbacks, layers, models, ops, optimizers, random
from minicnn.layers.base import Parameter
from minicnn.models.first_nan import NotFinite, first_not_finite

LARGEST = float(np.finfo(np.float32).max)


class Means(layers.Layer):
    """Passes on what it gets; keeps a mean of all batches, as an array that is replaced at each."""

    def build(self, input_shape):
        super().build(input_shape)
        self.mean = self.add_weight("mean", input_shape[1:], "zeros", trainable=False)

    def forward(self, x, training=False):
        if training:
            self.mean.value = (self.mean.value + x.mean(0)).astype(x.dtype)
        return x

    def backward(self, dy):
        return dy


def net(optimizer=None):
    """A model with moving statistics: in a layer, in a model inside, and in a layer of one's own."""
    inside = Sequential(
        [Input((4,)), layers.Dense(4), layers.BatchNormalization(name="inside")], name="inner"
    )
    inputs = Input((4,))
    x = layers.BatchNormalization(name="outside")(inputs)
    x = Means()(inside(x))
    model = Model(inputs, layers.Dense(3, activation="softmax", name="head")(layers.Dropout(0.5)(x)))
    model.compile(optimizer or optimizers.Adam(0.01, use_ema=True), "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def batch(rng):
    return rng.standard_normal((6, 4)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])


def everything(model):
    state = model.optimizer.get_state()
    return [*model.get_weights(), *(np.asarray(state[name]) for name in sorted(state))]


def assert_not_taken(model, before):
    assert model.skipped_steps == 1
    after = everything(model)
    assert len(before) == len(after)
    for old, new in zip(before, after):
        np.testing.assert_array_equal(new, old)


def test_a_large_gradient_of_a_finite_loss():
    # p = w·x = 2e18, loss = p² = 4e36; dL/dw = 2·p·x = 8e41, more than the largest float32, 3.4e38
    model = Sequential([Input((2,)), layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(0.01), "mse")
    model.set_weights([np.full((2, 1), 1e-5)])
    with np.errstate(over="ignore"), pytest.warns(UserWarning, match=r"first the gradient of \w+/kernel;"):
        history = model.fit(np.array([[2e23, 0.0]]), np.zeros((1, 1)), verbose=0)
    assert history.history["loss"] == [pytest.approx(4e36, rel=1e-5)]
    np.testing.assert_array_equal(model.get_weights()[0], np.full((2, 1), 1e-5, np.float32))
    assert model.optimizer.iterations == 0


def test_an_infinite_loss_of_a_finite_gradient():
    # p = w·x = 1e20, loss = p² = 1e40, more than the largest float32; dL/dw = 2·p·x = 2e20
    model = Sequential([Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.set_weights([np.full((1, 1), 1e20)])
    with np.errstate(over="ignore"):
        assert model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1))) == math.inf
    assert model.get_weights()[0] == np.float32(1e20)
    assert model.skipped_steps == 1


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_wrong_image_changes_nothing(value, implementation, batch):
    x, y = batch
    with ops.use(implementation), np.errstate(all="ignore"):
        model = net()
        model.train_on_batch(x, y)
        before, drawn = everything(model), random.state(model.generators[-1])
        model.train_on_batch(np.where(x == x[2, 1], value, x), y)
        assert_not_taken(model, before)
        assert random.state(model.generators[-1]) != drawn  # the only thing that went on
        model.train_on_batch(x, y)
        assert all((new != old).any() for old, new in zip(before, model.get_weights()))
        assert model.optimizer.iterations == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_wrong_entry_of_one_gradient(value, batch, monkeypatch):
    model = net()
    model.train_on_batch(*batch)
    before, original = everything(model), type(model).set_gradients

    def spoil(self):
        original(self)
        self.trainable_weights[1].grad.flat[-1] = value

    monkeypatch.setattr(type(model), "set_gradients", spoil)
    path = model.trainable_weights[1].path
    with pytest.warns(UserWarning, match=rf"^train_on_batch: .* first the gradient of {path};") as told:
        model.train_on_batch(*batch)
    assert [each.filename for each in told if each.category is UserWarning] == [__file__]
    assert_not_taken(model, before)
    model.train_on_batch(*batch)  # told once
    assert model.skipped_steps == 2


def test_statistics_that_hide_behind_finite_outputs(batch):
    x, y = batch
    model = net()
    model.train_on_batch(x, y)
    before = everything(model)
    large = x.copy()
    large[:, 0] = [2e19, -2e19] * 3  # a variance of 4e38; and x̂ = x/∞ = 0 is finite
    with np.errstate(over="ignore"):
        assert first_not_finite(model, large, y) == NotFinite("statistic", "outside/moving_variance")
        with pytest.warns(UserWarning, match=r"first the statistic of outside/moving_variance;"):
            loss = model.train_on_batch(large, y)
    assert math.isfinite(loss)
    assert_not_taken(model, before)


def test_a_mask_of_infinities_is_no_fault(batch):
    class Masked(Means):
        def forward(self, x, training=False):
            self.mean.value[0] = -np.inf  # it was so at the beginning
            return x

    masked = Masked()
    model = Sequential([Input((4,)), masked, layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    masked.mean.value[:] = -np.inf
    model.train_on_batch(*batch)
    assert model.skipped_steps == 0
    assert model.optimizer.iterations == 1


def test_an_error_in_the_backward_pass_leaves_the_statistics(batch):
    model = net()
    before = model.get_weights()
    with pytest.raises(ValueError, match="label 99"):
        model.train_step(batch[0], np.full(6, 99))
    model.get_layer("head").backward = None
    with pytest.raises(TypeError):
        model.train_step(*batch)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(new, old)


# ---- the optimizer's part ----------------------------------------------------------------------------------


def weight(gradient, value=(1.0, 1.0), dtype=np.float32):

    result = Parameter(np.array(value, dtype), "kernel", "dense/kernel")
    result.grad = np.array(gradient, dtype)
    return result


@pytest.mark.parametrize("way", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_clipping_hides_no_infinity(way):
    one = weight([np.inf, 0.0])
    assert not optimizers.SGD(1.0, **{way: 1.0}).apply_if_finite([weight([1.0, 2.0]), one])
    assert one.value.tolist() == [1.0, 1.0]


def test_clipping_a_norm_that_only_float64_has_not():
    one = weight([3e200, 4e200], dtype=np.float64)  # its squared norm is infinite
    assert not optimizers.SGD(1.0, clipnorm=1.0).apply_if_finite([one])
    assert one.value.tolist() == [1.0, 1.0]


def test_a_long_gradient_is_clipped_and_the_step_taken():
    one = weight([3e30, 4e30])
    assert optimizers.SGD(1.0, clipnorm=1.0).apply_if_finite([one])
    np.testing.assert_allclose(one.value, [1 - 0.6, 1 - 0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "gradient"),
    [
        (optimizers.SGD(1e10), [1e30, 0.0]),  # the weight: 1e40
        (optimizers.SGD(1e30), [1e10, 0.0]),
        (optimizers.SGD(optimizers.schedules.Constant(1e30)), [-1e10, 0.0]),
        (optimizers.Adam(0.001), [0.0, 1e22]),  # g² in the state: 1e44
        (optimizers.RMSprop(0.001), [0.0, -1e22]),
        (optimizers.SGD(1e10, momentum=0.9, use_ema=True), [1e30, 0.0]),
    ],
)
def test_a_finite_gradient_with_an_infinite_step(optimizer, gradient):
    first, second = weight([0.5, 0.25]), weight([0.5, 0.25])
    optimizer._learning_rate, rate = 0.01, optimizer._learning_rate
    assert optimizer.apply_if_finite([first, second])
    optimizer._learning_rate = rate
    before, values = copy.deepcopy(optimizer.get_state()), [first.value.copy(), second.value.copy()]
    second.grad = np.array(gradient, np.float32)
    with np.errstate(over="ignore"):
        assert not optimizer.apply_if_finite([first, second])
    for one, value in zip((first, second), values):
        np.testing.assert_array_equal(one.value, value)
    assert {name: np.asarray(value).tolist() for name, value in optimizer.get_state().items()} == {
        name: np.asarray(value).tolist() for name, value in before.items()
    }


def test_a_large_step_that_stays_finite_is_taken():
    one = weight([1e20, -1e20])
    assert optimizers.SGD(0.1).apply_if_finite([one])
    np.testing.assert_allclose(one.value, [-1e19, 1e19], rtol=1e-6)
    assert weight([LARGEST, 0.0]).grad[0] == LARGEST
    assert optimizers.SGD(0.5).apply_if_finite([weight([LARGEST, 0.0])])


class OwnRule(optimizers.Optimizer):
    """AdaGrad as one first writes it: 0/0 where all gradients have been 0."""

    slots = ("squares",)

    def update_step(self, w, dw, state, rate, options):
        state["squares"] += dw * dw
        w -= rate * dw / np.sqrt(state["squares"])


@pytest.mark.parametrize(
    ("optimizer", "gradient"),
    [
        (OwnRule(0.1), 0.0),
        (optimizers.Adam(0.1, epsilon=0.0), 0.0),
        (optimizers.RMSprop(0.1, epsilon=0.0), 0.0),
        (optimizers.SGD(lambda: math.nan), 1.0),
    ],
    ids=["own rule", "Adam", "RMSprop", "rate"],
)
def test_a_rule_that_makes_nan_of_small_gradients(optimizer, gradient):
    one, two = weight([2.0, gradient]), weight([1.0, 3.0])
    before = one.value.copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        assert not optimizer.apply_if_finite([one, two])
    np.testing.assert_array_equal(one.value, before)
    assert not any(array.any() for name, array in optimizer.get_state().items() if "/" in name)
    assert optimizer.iterations == 0


def test_a_function_as_learning_rate_is_asked_once_a_step():
    asked = []
    optimizer = optimizers.SGD(lambda: asked.append(1) or 0.1)
    assert optimizer.apply_if_finite([weight([1.0, 1.0])])
    assert len(asked) == 1


# ---- what is reported --------------------------------------------------------------------------------------


def spoiled_data(rng):
    x, y = rng.standard_normal((12, 4)).astype(np.float32), np.arange(12) % 3
    x[5, 2] = x[9, 0] = np.nan
    return x, y


def test_fit_counts_and_warns_once(rng):
    x, y = spoiled_data(rng)
    model, seen = net(), []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(model.skipped_steps))
    with pytest.warns(UserWarning, match="this step was not taken") as told:
        history = model.fit(x, y, 2, epochs=2, shuffle=False, callbacks=[watch], verbose=0)
    (warning,) = (each for each in told if each.category is UserWarning)
    assert str(warning.message).startswith("epoch 1, batch 3:")
    assert "first the input of" in str(warning.message)
    assert warning.filename == __file__
    assert seen == [0, 0, 1, 1, 2, 2] * 2
    assert history.skipped_steps == [2, 2]
    assert set(history.history) == {"loss"}
    assert model.optimizer.iterations == 8
    assert all(np.isfinite(each).all() for each in model.get_weights())
    with pytest.warns(UserWarning, match="this step was not taken"):  # once for each fit
        model.fit(x, y, 2, shuffle=False, verbose=0)


def test_without_fault_nothing_is_counted(batch):
    history = net().fit(*batch, 2, epochs=3, verbose=0)
    assert history.skipped_steps == [0, 0, 0]


def test_the_count_survives_an_interruption(rng, tmp_path):
    x, y = spoiled_data(rng)

    def fit(cut=None):
        def stop(batch, logs):
            if model.training_position.epoch == 1 and batch == cut:
                raise KeyboardInterrupt

        hooks = [callbacks.BackupAndRestore(tmp_path, 1), callbacks.LambdaCallback(on_train_batch_begin=stop)]
        model = net()
        with pytest.warns(UserWarning, match="this step was not taken"):
            return model.fit(x, y, 2, epochs=2, shuffle=False, callbacks=hooks, verbose=0)

    with pytest.raises(KeyboardInterrupt):
        fit(cut=3)
    assert fit().skipped_steps == [2, 2]


def test_terminate_on_nan_also_stops_at_a_gradient(batch, capsys, monkeypatch):
    model = net()
    original = type(model).set_gradients
    monkeypatch.setattr(
        type(model), "set_gradients", lambda self: (original(self), self.weights[0].grad.fill(np.nan))
    )
    with pytest.warns(UserWarning, match="this step was not taken"):
        model.fit(*batch, 2, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert "batch 0: a gradient or a statistic is not finite, training stops" in capsys.readouterr().out
    assert model.training_position.epoch == 1


def test_a_saved_model_goes_on(batch, tmp_path):
    model = net()
    with np.errstate(all="ignore"):
        model.train_on_batch(np.full_like(batch[0], np.nan), batch[1])
    model.save(tmp_path / "m.npz")
    again = models.load_model(tmp_path / "m.npz", {"Means": Means})
    for each in (model, again):
        each.train_on_batch(*batch)
    for one, other in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(one, other)
