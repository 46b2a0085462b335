"""A batch in shards, in one process: the loss, the gradients and the statistics are those of the whole batch."""

import subprocess
import sys

import numpy as np
import pytest

import minicnn
from minicnn import Model, Sequential, callbacks, layers, ops, regularizers
from minicnn.distributed import DataParallel
from minicnn.distributed.batch_norm import SynchronizedBatchNormalization
from minicnn.distributed.shards import ShardedLayer, ShardedUnit, Shards
from minicnn.models.running import TrainingPosition


def in_a_row():
    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 3, activation="relu", kernel_regularizer=regularizers.L2(0.01)),
            layers.MaxPooling2D(2),
            layers.Residual(
                [layers.Flatten(), layers.Dense(5), layers.BatchNormalization()], [layers.Flatten()]
            ),
            layers.Activation("relu"),
            layers.BatchNormalization(scale=False),
            layers.Dense(3, activation="softmax"),
        ]
    )


def with_forks():
    inputs = layers.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    added = layers.ReLU()(layers.Add()([x, y]))  # a fused pair of several inputs
    z = layers.Concatenate()([added, x, layers.BatchNormalization(center=False)(x)])
    inner = Sequential([layers.Input((8, 8, 12)), layers.Conv2D(3, 1), layers.GlobalAveragePooling2D()])
    return Model(inputs, layers.Dense(3, activation="softmax")(inner(z)))


def trained(make, share, samples=7, dtype="float64", loss="sparse_categorical_crossentropy", weights=None):
    """Return the model after one step of SGD, its loss, its prediction, and the gradients."""
    minicnn.utils.set_random_seed(3)
    before = minicnn.backend.floatx()
    minicnn.backend.set_floatx(dtype)
    try:
        model = make()
    finally:
        minicnn.backend.set_floatx(before)
    rng = np.random.default_rng(5)
    for weight in model.weights:  # ones and zeros would hide a fault
        weight.assign(weight.value + 0.3 * rng.random(weight.shape))
    x, y = rng.standard_normal((samples, 8, 8, 1)).astype(dtype), rng.integers(0, 3, samples)
    model.compile(minicnn.optimizers.SGD(0.1), loss)
    if share is not None:
        model.training_position = TrainingPosition(0)
        share.begin(model)
        model.distribution = share
    value, prediction = model.train_step(x, y, weights)
    return model, value, prediction, [weight.grad for weight in model.trainable_weights]


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("make", [in_a_row, with_forks])
@pytest.mark.parametrize(("shards", "samples"), [(1, 7), (3, 7), (4, 16), (5, 3)])
def test_a_step_is_that_of_the_whole_batch(make, shards, samples, implementation):
    weights = np.random.default_rng(1).random(samples)
    with ops.use(implementation):
        one, *whole = trained(make, None, samples, weights=weights)
        other, *parts = trained(make, DataParallel(None, shards), samples, weights=weights)
    for a, b in zip(whole[:2], parts[:2]):
        np.testing.assert_allclose(b, a, rtol=1e-12)
    for a, b in zip(whole[2], parts[2]):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)
    for a, b in zip(one.weights, other.weights):
        np.testing.assert_allclose(b.value, a.value, rtol=1e-11, atol=1e-13, err_msg=a.path)


@pytest.mark.parametrize("relu", [False, True])
def test_synchronized_batch_norm_has_the_gradient_of_the_complex_step(relu):
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((7, 2, 3)), rng.standard_normal((7, 2, 3))
    layer = layers.BatchNormalization()
    layer.build_for(x.shape, "float64")
    layer.gamma.assign(rng.standard_normal(3))
    layer.beta.assign(rng.standard_normal(3))
    share = DataParallel(None, 3)

    def run(x, gamma, beta):
        layer.gamma.value, layer.beta.value = gamma, beta
        norm = SynchronizedBatchNormalization(layer, share.combine)
        share.begin_batch(len(x))
        y = np.concatenate(norm.forward(share.cut(x, len(x)), True).parts)
        return norm, (np.where(y.real > 0, y, 0) if relu else y)

    arrays = [x, layer.gamma.value, layer.beta.value]
    with ops.use("reference"):
        norm, y = run(*arrays)
        gate = (y > 0) if relu else np.ones_like(y)
        upstream = dy * gate
        dx = np.concatenate(norm.backward(share.cut(upstream, 7)).parts)
        sums = [np.sum(parts, axis=0) for parts in zip(*norm.gradients(3))]
        for place, gradient in enumerate([dx, *sums]):
            for index in np.ndindex(gradient.shape):
                stepped = [array.astype(complex) for array in arrays]
                stepped[place][index] += 1e-30j
                expected = np.sum(dy * run(*stepped)[1]).imag / 1e-30
                np.testing.assert_allclose(gradient[index], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize(("scale", "center"), [(True, True), (True, False), (False, True)])
def test_without_training_batch_norm_of_shards_is_the_layer(scale, center, implementation):
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 7, 3)).astype(np.float32)
    layer = layers.BatchNormalization(scale=scale, center=center)
    layer.build_for(x.shape, "float32")
    for weight in layer.weights:
        weight.assign(rng.random(weight.shape))
    share = DataParallel(None, 3)
    share.begin_batch(len(x))
    norm = SynchronizedBatchNormalization(layer, share.combine)
    with ops.use(implementation):
        norm.forward(share.cut(x, len(x)), training=True)
        norm.backward(share.cut(dy, len(x)))
        assert {each.dtype for part in norm.gradients(3) for each in part} == {np.dtype("float32")}
        y, dx = layer.forward(x), layer.backward(dy)
        parts = norm.forward(share.cut(x, len(x)))
        np.testing.assert_array_equal(np.concatenate(parts.parts), y)
        np.testing.assert_array_equal(np.concatenate(norm.backward(share.cut(dy, len(x))).parts), dx)
    found = norm.gradients(3)
    assert [len(each) for each in found] == [scale + center] * 3
    for weight, *gradients in zip(layer.trainable_weights, *found):
        np.testing.assert_allclose(sum(gradients), weight.grad, rtol=1e-5, atol=1e-6)


def doubling(kind):
    """Return a subclass of a layer or container whose passes are its own."""

    class Doubling(kind):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

        def backward(self, dy):
            return super().backward(2 * dy)

    return Doubling


class Listed:
    def forward(self, x, training):
        assert isinstance(x, list)
        return sum(x)

    def backward(self, dy):
        return dy  # of one input: not a list


def test_a_layer_of_several_inputs_gets_lists_of_one_shard_each():
    unit = ShardedUnit([Listed(), Listed()], multiple_inputs=True)
    x = Shards([np.ones(2), np.full(2, 5.0)])
    assert [part.tolist() for part in unit.forward([x, x]).parts] == [[2, 2], [10, 10]]
    assert [part.tolist() for part in unit.forward([x]).parts] == [[1, 1], [5, 5]]
    (dx,) = unit.backward(x)
    assert [part.tolist() for part in dx.parts] == [[1, 1], [5, 5]]


def test_only_a_relu_is_computed_together_with_batch_norm():
    norm = SynchronizedBatchNormalization(layers.BatchNormalization(), None)
    for relu in layers.Activation("relu"), layers.ReLU():
        assert norm.fused_with(relu).norm is norm
        assert norm.fused_with(ShardedLayer(relu, 2)).norm is norm
    for apart in layers.Activation("tanh"), layers.Dropout(0.5), doubling(layers.Activation)("relu"):
        assert norm.fused_with(apart) is None
        assert norm.fused_with(ShardedLayer(apart, 2)) is None


def test_a_frozen_batch_norm_uses_and_keeps_its_moving_statistics():
    def frozen():
        model = in_a_row()
        for layer in model.layers:
            layer.trainable = not isinstance(layer, layers.BatchNormalization)
        return model

    one, *whole = trained(frozen, None)
    other, *parts = trained(frozen, DataParallel(None, 3))
    for a, b in zip([*whole[:2], *whole[2]], [*parts[:2], *parts[2]]):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)
    for a, b in zip(one.weights, other.weights):
        np.testing.assert_allclose(b.value, a.value, rtol=1e-11, atol=1e-13)
    for layer in other.layers[1], other.layers[8]:
        before = trained(frozen, None)[0].get_layer(index=other.layers.index(layer))
        np.testing.assert_array_equal(layer.moving_mean.value, before.moving_mean.value)


def test_statistics_of_shards_move_by_the_mean_of_the_shards():
    def norm_alone():
        return Sequential([layers.Input((8, 8, 1)), layers.BatchNormalization(momentum=0.5), layers.Flatten(),
                           layers.Dense(3, activation="softmax")])  # fmt: skip

    start, *_ = trained(norm_alone, None, samples=6)
    rng = np.random.default_rng(5)
    first = [0.3 * rng.random(weight.shape) for weight in start.weights]  # as in trained()
    x = rng.standard_normal((6, 8, 8, 1))
    model, *_ = trained(norm_alone, DataParallel(None, 2, synchronized=False), samples=6)
    norm = model.layers[0]
    mean, variance = first[2], 1 + first[3]
    np.testing.assert_allclose(norm.moving_mean.value, (mean + x.mean()) / 2, rtol=1e-12)
    of_shards = (x[:3].var() + x[3:].var()) / 2
    np.testing.assert_allclose(norm.moving_variance.value, (variance + of_shards) / 2, rtol=1e-12)
    mean, variance = (mean + x.mean()) / 2, (variance + of_shards) / 2
    model.train_step(x[:1], np.zeros(1, int))  # one shard: its copy begins where both have come to
    np.testing.assert_allclose(norm.moving_mean.value, (mean + x[0].mean()) / 2, rtol=1e-12)
    np.testing.assert_allclose(norm.moving_variance.value, (variance + x[0].var()) / 2, rtol=1e-12)


def test_copies_get_what_changes_in_the_layer_and_keep_what_is_their_own():
    layer = layers.Dropout(0.5)
    layer.name_of_mode, layer.steps, layer.ready, layer.seen = "a", 1, False, 0
    sharded = ShardedLayer(doubling(layers.Chain)([layers.Flatten(), layer]), 2)
    for mode, steps, ready, rate in [("b", 2, True, 0.25), ("a", 1, False, 0.5)]:  # and back again
        layer.name_of_mode, layer.steps, layer.ready, layer.rate = mode, steps, ready, rate
        copies = [each.layers[1] for each in sharded.copies]
        for place, own in enumerate(copies):
            own.seen = 10 * steps + place  # its forward pass counts something
        sharded.follow([7], 0)
        for place, own in enumerate(copies):
            assert (own.name_of_mode, own.steps, own.ready, own.rate) == (mode, steps, ready, rate)
            assert own.seen == 10 * steps + place


def test_copies_share_weights_and_leave_the_rest_of_a_model_alone():
    chain = doubling(layers.Chain)([layers.Dense(2), layers.Dense(3)])
    chain.build_for((None, 4), "float32")
    for layer in [*with_forks().layers, chain]:
        for own in ShardedLayer(layer, 2).copies:
            for a, b in zip(layer.trainable_weights, own.trainable_weights, strict=True):
                assert b.value is a.value
                assert b is not a
            if not layer.sublayers and not isinstance(layer, layers.InputLayer):
                assert own.output is layer.output


def test_every_generator_of_a_copy_gets_numbers_of_its_shard():
    layer = doubling(layers.Residual)([layers.Dropout(0.5), layers.Dropout(0.5)])
    layer.build_for((None, 3), "float32")
    sharded = ShardedLayer(layer, 2)
    for keys, first in [((7, 8), 0), ((7, 9), 0), ((7, 8), 2)]:
        sharded.follow(list(keys), first)
        for shard, own in enumerate(sharded.copies, first):
            drawn = [generator.random() for generator in own.generators]
            assert drawn == [np.random.default_rng([key, shard]).random() for key in keys]


def with_own_containers():
    inner = layers.Input((8, 8, 1))
    graph = doubling(Model)(inner, layers.Flatten()(layers.Conv2D(2, 3)(inner)))
    chain = doubling(layers.Chain)([layers.Dense(4), layers.Dense(4, activation="tanh")])
    residual = doubling(layers.Residual)([layers.Dense(4)])
    return Sequential(
        [layers.Input((8, 8, 1)), graph, chain, residual, layers.Dense(3, activation="softmax")]
    )


def test_containers_of_ones_own_run_whole():
    one, *whole = trained(with_own_containers, None)
    other, *parts = trained(with_own_containers, DataParallel(None, 3))
    for a, b in zip(
        [*whole[:2], *whole[2], *one.get_weights()], [*parts[:2], *parts[2], *other.get_weights()]
    ):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("weights", [False, True])
def test_shared_weights_are_refused_and_a_shared_layer_without_weights_is_not(weights):
    def shared():
        flatten, dense = layers.Flatten(), layers.Dense(3)
        inputs = layers.Input((8, 8, 1))
        one = flatten(inputs)
        other = flatten(layers.MaxPooling2D(2, padding="same", strides=1)(inputs))
        added = layers.Add()([dense(one), dense(other) if weights else layers.Dense(3)(other)])
        return Model(inputs, layers.Activation("softmax")(added))

    if weights:
        with pytest.raises(
            NotImplementedError, match=r"dense\S* is used at several places of .*: its weights cannot"
        ):
            trained(shared, DataParallel(None, 3))
    else:
        _, *whole = trained(shared, None)
        _, *parts = trained(shared, DataParallel(None, 3))
        for a, b in zip([*whole[:2], *whole[2]], [*parts[:2], *parts[2]]):
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)


def test_what_a_callback_sets_holds_for_the_shards():
    class NoMoreDropout(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[0].rate = 0.0

    def losses(rate, *added):
        minicnn.utils.set_random_seed(1)
        model = Sequential([layers.Input((50,)), layers.Dropout(rate), layers.Dense(1)])
        model.compile(minicnn.optimizers.SGD(0.0), "mse")
        x = np.random.default_rng(0).random((6, 50), np.float32)
        return model.fit(
            x, np.ones(6), epochs=3, verbose=0, callbacks=list(added), distributed=DataParallel(None, 2)
        ).history["loss"]

    dropped = losses(0.5)
    assert len(set(dropped)) == 3  # another mask in each step
    (first, *others), plain = losses(0.5, NoMoreDropout()), losses(0.0)
    assert first == dropped[0]
    assert others == plain[1:]


def test_a_loss_that_a_callback_asks_for_is_that_of_the_whole_batch_without_dropout():
    asked = []

    class Asks(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            asked.append(self.model.forward_loss(x, np.ones((6, 1)))[0])

    model = Sequential([layers.Input((50,)), layers.Dropout(0.5), layers.Dense(1)])
    model.compile(minicnn.optimizers.SGD(0.0), "mse")
    x = np.random.default_rng(0).random((6, 50), np.float32)
    model.fit(x, np.ones((6, 1)), verbose=0, callbacks=[Asks()], distributed=DataParallel(None, 2))
    np.testing.assert_allclose(asked, np.mean((model.predict(x) - 1) ** 2), rtol=1e-5)


def test_shards_have_masks_of_their_own():
    model = Sequential([layers.Input((1000,)), layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    model.training_position = TrainingPosition(0)
    share = DataParallel(None, 2)
    share.begin(model)
    first, second = share.forward(np.ones((2, 1000), np.float32), 2, False)
    again = share.forward(np.ones((2, 1000), np.float32), 2, False)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, again[0])


class OwnLoss(Sequential):
    def forward_loss(self, x, y, sample_weight=None, training=False):
        return super().forward_loss(x, y, sample_weight, training)


def test_a_loss_of_ones_own_is_refused_and_a_fit_after_it_is_plain():
    model = OwnLoss([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones(4)
    with pytest.raises(NotImplementedError, match=r"OwnLoss.forward_loss is your own"):
        model.fit(x, y, verbose=0, distributed=DataParallel(None, 2))
    model.fit(x, y, verbose=0)
    assert model.distribution is None


def test_a_step_that_is_not_finite_is_not_taken_and_named():
    model = Sequential([layers.Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, before = np.ones((8, 3), np.float32), model.get_weights()
    x[5, 1] = np.inf
    with pytest.warns(
        UserWarning, match="this step was not taken, because a number is not finite, first the input"
    ):
        history = model.fit(x, np.ones(8), batch_size=8, verbose=0, distributed=DataParallel(None, 4))
    assert history.skipped_steps == [1]
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert model.distribution is None


def test_mpi4py_is_imported_only_for_mpi():
    code = "import sys, minicnn, minicnn.distributed, fer.train; sys.exit('mpi4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
