import numpy as np
import pytest

from fer import train
from fer.data import synthetic
from fer.data.dataset import FerDataset, Split
from fer.errors import BadInput
from fer.networks import architectures, inference
from fer.training import components, training_check, transfer
from fer.training.config import Config

LABELS = np.arange(24, dtype=np.uint8) % 3
FACES = Split(synthetic.draw(np.array([3, 4, 5])[LABELS], 0), LABELS, ("contempt", "joy", "gloom"))
SEVEN = Split(FACES.images, LABELS)


def weights_of(model):
    return {weight.path: weight.value.copy() for layer in model.layers for weight in layer.weights}


@pytest.fixture
def simple(tmp_path):
    model = architectures.build("simple", seed=3, augment="light")
    model.save(tmp_path / "simple.npz")
    return tmp_path / "simple.npz"


def test_all_layers_but_the_last_have_the_trained_weights(simple):
    old = inference.open_run(simple).model
    model = transfer.network(str(simple), FACES)
    assert [type(layer).__name__ for layer in model.layers[:2]] == [
        "Normalization",
        "Conv2D",
    ]  # no augmentation
    assert inference.classes_of(model) == FACES.classes
    with_weights = [[each for each in net.layers if each.weights] for net in (old, model)]
    for was, now in list(zip(*with_weights))[:-1]:
        for a, b in zip(was.get_weights(), now.get_weights()):
            np.testing.assert_array_equal(a, b)
    assert model.layers[-1].get_weights()[0].shape == (128, 3)


def test_known_classes_keep_their_weights_in_the_order_of_the_data(simple):
    old = inference.open_run(simple).model
    split = Split(FACES.images, LABELS, ("sadness", "Angry", "joy"))
    kernel, bias = transfer.network(str(simple), split).layers[-1].get_weights()
    was = old.layers[-1].get_weights()
    np.testing.assert_array_equal(kernel, was[0][:, [4, 0, 3]])
    np.testing.assert_array_equal(bias, was[1][[4, 0, 3]])
    same = transfer.network(str(simple), SEVEN)
    np.testing.assert_array_equal(
        inference.probabilities(same, FACES.images), inference.probabilities(old, FACES.images)
    )


def test_frozen_layers_do_not_learn():
    config = Config(init="tiny", freeze="conv2d, batch_norm*, residual, residual_1", init_rate=1.0)
    model = components.compiled_model(config, FACES)
    before = [layer.get_weights() for layer in model.layers]
    model.train_step(FACES.images[..., None].astype(np.float32), LABELS)
    changed = {
        layer.name
        for layer, old in zip(model.layers, before)
        if any(not np.array_equal(a, b) for a, b in zip(layer.get_weights(), old))
    }
    assert changed == {"residual_2", model.layers[-1].name}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_lower_rate_is_that_of_an_optimizer_with_it(simple, optimizer):
    """After two steps, all layers but the last have the weights that training with f·rate throughout
    gives, while the last layer does not learn.
    """
    images = FACES.images[..., None].astype(np.float32)

    def trained(rate, callbacks):
        config = Config(init=str(simple), optimizer=optimizer, learning_rate=rate, schedule="constant")
        model = components.compiled_model(config, FACES)
        model.layers[-1].trainable = False
        for layer in model.layers:
            if hasattr(layer, "rate"):
                layer.rate = 0.0
        before = weights_of(model)
        model.fit(images, LABELS, batch_size=12, epochs=1, shuffle=False, verbose=0, callbacks=callbacks)
        return before, weights_of(model)

    before, lower = trained(1e-2, [transfer.LowerRate(0.25)])
    _, expected = trained(0.25e-2, [])
    moved = {path for path in before if not np.array_equal(before[path], lower[path])}
    assert len(moved) == 8  # kernels and biases of three convolutions and a hidden layer
    for path in moved:
        np.testing.assert_allclose(lower[path] - before[path], expected[path] - before[path], atol=2e-6)


def test_the_last_layer_has_the_full_rate(simple):
    def last_step(init_rate):
        config = Config(init=str(simple), init_rate=init_rate, optimizer="sgd", freeze="*")
        model = components.compiled_model(config, FACES)
        before = model.layers[-1].get_weights()[1]
        callback = [transfer.LowerRate(init_rate)] if init_rate < 1 else []
        images = FACES.images[..., None].astype(np.float32)
        model.fit(images, LABELS, batch_size=24, epochs=1, shuffle=False, verbose=0, callbacks=callback)
        return model.layers[-1].get_weights()[1] - before

    np.testing.assert_array_equal(last_step(0.5), last_step(1.0))
    assert last_step(1.0).any()


@pytest.mark.slow
def test_a_run_goes_on_from_another_and_is_resumed_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = FerDataset(FACES, FACES, FACES, "mine")
    settings = {"epochs": 2, "batch_size": 8, "data": None, "init": "first.npz"}
    architectures.build("simple", seed=3).save("first.npz")
    whole = train.run(Config(**settings, out="whole"), data)
    assert whole.run.read_config()["arguments"]["init"] == str(tmp_path / "first.npz")

    def stop(self, epoch, logs=None):
        if epoch == 0:
            raise KeyboardInterrupt

    from fer.training.checkpoint import CheckpointCallback

    ended = CheckpointCallback.on_epoch_end

    def end_and_stop(self, epoch, logs=None):
        ended(self, epoch, logs)
        stop(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointCallback, "on_epoch_end", end_and_stop)
        with pytest.raises(train.Stopped):
            train.run(Config(**settings, out="parts"), data)
    resumed = train.run(resume="parts/001", data=data)
    assert resumed.history == whole.history
    last = [inference.open_run(run.run.folder, "last").model.get_weights() for run in (whole, resumed)]
    for a, b in zip(*last):
        np.testing.assert_array_equal(a, b)


def test_the_check_passes_for_a_trained_network(capsys):
    labels = np.arange(28, dtype=np.uint8) % 7
    faces = Split(synthetic.draw(labels, 1), labels)
    assert training_check.run(Config(init="tiny"), faces)
    assert "FAIL" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": "conv2d"}, "freeze='conv2d': expected together with init"),
        ({"init": "vgg", "init_rate": 0.0}, "init_rate=0.0: expected a factor above 0"),
        ({"init": "vgg", "init_rate": 1.5}, "init_rate=1.5: expected a factor above 0"),
        ({"init": "vgg", "ema": 0.9}, "use init_rate=1, or ema=0"),
        ({"init": "a\0b"}, "expected a path"),
        (
            {"init": "vgg", "arch": "tiny"},
            "arch=tiny: init=vgg has a network of its own, which is not changed",
        ),
        ({"init": "vgg", "dropout": 0.5}, "leave out --dropout"),
        ({"init": "vgg", "batch_norm": False}, "leave out --no-batch-norm"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(BadInput) as caught:
        Config(**settings)
    assert message in str(caught.value)


def test_an_unknown_layer_is_named(simple):
    with pytest.raises(BadInput, match=r"freeze='conv3d': there is no such layer; there are .*conv2d"):
        transfer.network(str(simple), FACES, freeze="conv3d")
    with pytest.raises(FileNotFoundError, match="expected a run's folder"):
        transfer.network("missing", FACES)


@pytest.mark.parametrize(
    "option", [["--arch", "simple"], ["--dropout", "1"], ["--batch-norm"]]
)  # the default values too
def test_an_option_that_the_trained_network_makes_idle_is_one_line(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main(["--data", "synthetic", "--init", "tiny", *option])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "init=tiny has a network of its own" in line
    assert line.endswith(f"leave out {option[0]}")


def test_a_recipe_is_for_a_trained_network_too(monkeypatch):
    chosen = []
    monkeypatch.setattr(train, "run", lambda config, **_: chosen.append(config))
    train.main(["--init", "tiny", "--recipe", "vgg", "--ema", "0"])
    (config,) = chosen
    assert (config.arch, config.dropout) == ("simple", 1.0)  # as if not given
    assert (config.weight_decay, config.augment) == (0.05, "strong")
