"""evaluate, predict and fit inside a callback, or in several threads at once, leave a training as it is."""

import copy
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minicnn
from minicnn import Input, Sequential, callbacks, layers, metrics, optimizers

HOOKS = [hook for hook in vars(callbacks.Callback) if hook.startswith("on_") and "predict" not in hook]


class Largest(metrics.Metric):
    """The highest probability so far; a metric of one's own that changes its state in place."""

    def __init__(self, name="largest"):
        self.seen = np.zeros(1)
        super().__init__(name)

    def reset_state(self):
        self.seen[:] = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen[:] = max(self.seen[0], y_pred.max())

    def result(self):
        return float(self.seen[0])


@pytest.fixture
def data(rng):
    return rng.standard_normal((40, 4)).astype(np.float32), rng.integers(0, 3, 40)


def net():
    minicnn.utils.set_random_seed(3)
    model = Sequential(
        [Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    measured = ["accuracy", metrics.F1Score("macro"), Largest()]
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", measured)
    return model


def fit(model, data, hooks=(), epochs=2, **options):
    x, y = data
    options = {"validation_data": (x[32:], y[32:]), "verbose": 0} | options
    return model.fit(x[:32], y[:32], 8, epochs, callbacks=list(hooks), **options)


def acting(hook, act):
    def call(*_):
        act()

    return callbacks.LambdaCallback(**{hook: call})


@pytest.mark.parametrize("hook", HOOKS)
def test_an_evaluation_in_any_hook_changes_no_result(hook, data):
    x, y = data
    expected = fit(net(), data)
    model, inner = net(), []

    def act():
        inner.append(model.evaluate(x * 100, y, verbose=0))
        model.predict(x * 100, verbose=0)

    assert fit(model, data, [acting(hook, act)]).history == expected.history
    assert inner
    assert inner[-1] != pytest.approx([expected.history[name][-1] for name in model.metrics_names])


def test_the_loss_of_an_epoch_is_the_mean_over_its_own_samples(data):
    # from the formula: the mean over the epoch of −log p, each batch before its step
    x, y = data
    model, losses = net(), []
    look = callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: losses.append(
            -np.log(model.predict(x[8 * batch : 8 * batch + 8]).astype(float))[
                range(8), y[8 * batch : 8 * batch + 8]
            ]
        ),
        on_train_batch_end=lambda *_: model.evaluate(x * 100, y, verbose=0),
    )
    history = fit(model, data, [look], epochs=1, shuffle=False)
    assert history.history["loss"][0] == pytest.approx(np.mean(losses), rel=1e-6)


def test_an_evaluation_in_an_evaluation(data):
    x, y = data
    model = net()
    expected, other = model.evaluate(x, y, 8, verbose=0), model.evaluate(x * 100, y, verbose=0)
    inner = []
    nested = acting("on_test_batch_end", lambda: inner.append(model.evaluate(x * 100, y, verbose=0)))
    assert model.evaluate(x, y, 8, verbose=0, callbacks=[nested]) == expected
    assert inner == [other] * 5


def test_the_metrics_hold_what_keras_s_hold(data):
    """In a callback the epoch's; after evaluate that of evaluate."""
    x, y = data
    model, f1 = net(), None
    f1 = model.compiled_metrics.given[0][1]
    seen = []

    def act():
        before = [metric.result() for metric in model.metrics]
        model.evaluate(x * 100, y, verbose=0)
        seen.append(before == [metric.result() for metric in model.metrics])

    fit(model, data, [acting("on_train_batch_end", act)])
    assert seen == [True] * 8
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(results.values()) == [metric.result() for metric in model.metrics]
    assert f1.result() == results["f1_score"]
    assert model.metrics[2] is f1


def test_two_threads_evaluate_one_model(data):
    x, y = data
    model = net()
    parts = [(x[start : start + 20], y[start : start + 20]) for start in range(0, 20, 5)]
    expected = [model.evaluate(*part, 4, verbose=0) for part in parts]
    together = threading.Barrier(len(parts))  # after each batch: so all evaluations run at the same time
    computes = threading.Lock()

    def evaluate(part):
        def end(*_):
            computes.release()
            together.wait(60)

        wait = callbacks.LambdaCallback(
            on_test_batch_begin=lambda *_: computes.acquire(), on_test_batch_end=end
        )
        return model.evaluate(*part, 4, verbose=0, callbacks=[wait])

    with ThreadPoolExecutor(len(parts)) as pool:
        assert list(pool.map(evaluate, parts)) == expected


def test_the_metrics_are_free_again_after_an_error(data):
    model = net()

    def fail(*_):
        raise KeyboardInterrupt

    for hook in ("on_train_batch_end", "on_test_batch_end"):
        with pytest.raises(KeyboardInterrupt):
            fit(model, data, [callbacks.LambdaCallback(**{hook: fail})])
    results = model.evaluate(*data, verbose=0)
    assert results == [metric.result() for metric in model.metrics]


def test_a_metric_that_cannot_be_copied_is_named(data):
    class Locked(Largest):
        def __init__(self):
            super().__init__("locked")
            self.lock = threading.Lock()

    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy", [Locked()])
    fit(model, data)  # no copy is needed
    act = acting("on_epoch_end", lambda: model.evaluate(*data, verbose=0))
    fit(model, data, [act])  # nor here: the epoch has its results already
    act = acting("on_train_batch_end", lambda: model.evaluate(*data, verbose=0))
    with pytest.raises(TypeError, match=r"metrics \['locked'\]: .* cannot be copied"):
        fit(model, data, [act])


# ---- fit inside fit ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_test_end", "on_epoch_end"]
)
def test_a_fit_inside_a_fit_has_its_own_everything(hook, data):
    x, y = data
    model, inner, seen = net(), [], []

    def act():
        outer = model.training_position, model.callback_list, model.stop_training, model.compiled_metrics
        stop = callbacks.LambdaCallback(on_epoch_end=lambda *_: setattr(model, "stop_training", True))
        inner.append(model.fit(x, y, epochs=3, initial_epoch=1, callbacks=[stop], verbose=0))
        assert outer == (
            model.training_position,
            model.callback_list,
            model.stop_training,
            model.compiled_metrics,
        )

    look = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((model.training_position.epoch, batch)),
    )
    history = fit(model, data, [acting(hook, act), look])
    assert history.epoch == [0, 1]
    assert all(each.epoch == [1] for each in inner)
    assert seen == list(itertools.product([0, 1], range(4)))
    assert model.history is history
    assert model.callback_list is None
    assert not model.stop_training
    assert all(len(values) == 2 for values in history.history.values())


def test_a_fit_inside_a_fit_that_changes_no_weight_changes_no_result(data):
    x, y = data
    model, still = net(), net()
    for each in (model, still):
        each.optimizer.learning_rate = 0.0
    act = acting("on_train_batch_end", lambda: model.fit(x * 100, y, epochs=2, shuffle=False, verbose=0))
    assert fit(model, data, [act], shuffle=False).history == fit(still, data, shuffle=False).history


def test_a_copy_made_in_a_callback_is_a_model_of_its_own(data):
    model, copies = net(), []
    fit(model, data, [acting("on_train_batch_end", lambda: copies.append(copy.deepcopy(model)))], epochs=1)
    one = copies[1]
    history = fit(one, data)
    assert one.history is history
    assert history.epoch == [0, 1]
    results = one.evaluate(*data, verbose=0)
    assert results == [metric.result() for metric in one.metrics]


# ---- beside a backup ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hook", ["on_train_batch_end", "on_test_batch_end", "on_epoch_begin", "on_train_begin"]
)
@pytest.mark.parametrize("cut", [("on_train_batch_end", 6), ("on_test_batch_end", 1), ("on_epoch_begin", 2)])
def test_evaluations_beside_a_backup(hook, cut, data, tmp_path):
    x, y = data
    expected = fit(net(), data)
    told = []

    def stop(*_):
        told.append(1)
        if len(told) == cut[1]:
            backup.save()
            raise KeyboardInterrupt

    def hooks():
        act = acting(hook, lambda: model.evaluate(x * 100, y, verbose=0, callbacks=[backup]))
        return [act, backup]

    model, backup = net(), callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, data, [*hooks(), callbacks.LambdaCallback(**{cut[0]: stop})])
    model, backup = net(), callbacks.BackupAndRestore(tmp_path, save_freq=1)
    assert fit(model, data, hooks()).history == expected.history
    assert backup.params == {"epochs": 2, "steps": 4, "verbose": 0}
