"""Files .keras, .h5 and .hdf5 of model.save: minicnn reads its own part to the bit, with h5py and without."""

import importlib.util

import numpy as np
import pytest

import minicnn
from minicnn import callbacks, layers, models
from minicnn.saving import save_keras_weights

X = np.random.default_rng(0).normal(size=(12, 6, 6, 1)).astype("float32")
Y = np.arange(12) % 3
SUFFIXES = (".keras", ".h5", ".hdf5")


def net(*more):
    minicnn.random.set_seed(2)
    model = minicnn.Sequential(
        [
            minicnn.Input((6, 6, 1)),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            *more,
        ]
    )
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(params=["with h5py", "without"])
def h5py_there(request, monkeypatch):
    if request.param == "without":
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "h5py" else find(name))
        return False
    pytest.importorskip("h5py")
    return True


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_training_goes_on_to_the_bit(suffix, h5py_there, tmp_path):
    whole, halves = net(), net()
    whole.fit(X, Y, epochs=4, verbose=0)
    halves.fit(X, Y, epochs=2, verbose=0)
    path = tmp_path / f"best{suffix}"
    halves.save(path)
    assert path.read_bytes().startswith(b"PK") == (suffix == ".keras" or not h5py_there)
    loaded = models.load_model(path)
    loaded.fit(X, Y, epochs=4, initial_epoch=2, verbose=0)
    for a, b in zip(whole.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        models.save_model(whole, path, overwrite=False)
    with pytest.raises(FileExistsError, match="choose another name"):
        whole.save_weights(path, overwrite=False)
    whole.save(path, overwrite=True)
    halves.load_weights(path)
    np.testing.assert_array_equal(halves.get_weights()[0], whole.get_weights()[0])


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "w.hdf5", "w.keras", "w.npz"])
def test_weights_alone(name, h5py_there, tmp_path):
    nested = minicnn.Sequential([minicnn.Input((4, 4, 3)), layers.Conv2D(2, 3), layers.BatchNormalization()])
    saved, other = net(nested), net(models.clone_model(nested))
    saved.fit(X, Y, verbose=0)
    saved.save_weights(tmp_path / name)
    other.load_weights(tmp_path / name)
    for a, b in zip(saved.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_that_keras_cannot_have_is_in_minicnns_form(tmp_path):
    pytest.importorskip("h5py")
    model = net(layers.Residual([layers.Conv2D(3, 1)]))
    for suffix in SUFFIXES:
        model.save(tmp_path / f"net{suffix}")
        assert models.load_model(tmp_path / f"net{suffix}").count_params() == model.count_params()
        with pytest.raises(NotImplementedError, match="Keras has no layer Residual"):
            save_keras_weights(model, tmp_path / f"net{suffix}")


def test_a_checkpoint_of_a_script(h5py_there, tmp_path):
    for name in ("best.keras", "best.h5", "best.hdf5", "best.weights.h5"):
        alone = name == "best.weights.h5"
        checkpoint = callbacks.ModelCheckpoint(tmp_path / name, save_best_only=True, save_weights_only=alone)
        model = net()
        model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[checkpoint])
        if alone:
            model.load_weights(tmp_path / name)
        else:
            np.testing.assert_array_equal(models.load_model(tmp_path / name).predict(X), model.predict(X))


def test_files_of_keras_alone_go_to_their_reader(tmp_path):
    pytest.importorskip("h5py")
    model = net()
    model.fit(X, Y, verbose=0)
    for name in ("net.keras", "net.h5", "net.hdf5", "net.weights.h5"):
        path = tmp_path / name
        save_keras_weights(model, path)
        with pytest.raises(
            ValueError, match=r"written by Keras: make an equal model here, .*load_weights\(path\)"
        ) as said:
            models.load_model(path)
        assert str(path) in str(said.value)
        other = net()
        other.load_weights(path)
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(5, "float32"), "more bytes than the file holds, or is none of them"),
        (np.zeros((2, 3), "uint8"), "more bytes than the file holds, or is none of them"),
        (np.zeros(99, "uint8"), "not a minicnn model, or damaged"),
    ],
)
def test_a_wrong_part_in_an_hdf5_file(content, message, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["minicnn"] = content
    with pytest.raises(ValueError, match=message) as said:
        models.load_model(tmp_path / "net.h5")
    assert str(tmp_path) in str(said.value)


def test_a_size_that_is_declared_and_never_written(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.create_dataset("minicnn", 1 << 40, "uint8", chunks=(1 << 20,))
    for call in (models.load_model, net().load_weights):
        with pytest.raises(ValueError, match="more bytes than the file holds"):
            call(tmp_path / "net.h5")
