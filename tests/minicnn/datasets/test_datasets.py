"""Data sets from their files, as Keras keeps them; damaged and hostile files; the drawn faces."""

import gzip
import os
import pickle
import struct

import numpy as np
import pytest

import minicnn
from minicnn import layers
from minicnn.datasets import cifar10, faces, fashion_mnist, mnist

RNG = np.random.default_rng(0)
DIGITS = {"x_train": (5, 28, 28), "y_train": (5,), "x_test": (2, 28, 28), "y_test": (2,)}
ARRAYS = {name: RNG.integers(0, 10, shape).astype(np.uint8) for name, shape in DIGITS.items()}


@pytest.fixture(params=["cache", "path"])
def folder(request, tmp_path, monkeypatch):
    """Return (where Keras keeps the files, whether load_data is given a path)."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "datasets").mkdir(parents=True)
    return tmp_path / "home" / "datasets", request.param == "path"


def same(loaded, arrays=ARRAYS):
    (x_train, y_train), (x_test, y_test) = loaded
    for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)
        assert array.flags.writeable


def idx(array):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes())


def write_fashion(path):
    path.mkdir()
    for part, name in (("train", "train"), ("t10k", "test")):
        (path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(ARRAYS[f"x_{name}"]))
        (path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(ARRAYS[f"y_{name}"]))


def write_cifar(path, protocol):
    """Write batches of two images; return the arrays."""
    path.mkdir(parents=True)
    images, labels = RNG.integers(0, 256, (6, 2, 3, 32, 32)).astype(np.uint8), RNG.integers(0, 10, (6, 2))
    for name, x, y in zip([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"], images, labels):
        batch = {
            b"data": x.reshape(2, -1),
            b"labels": y.tolist(),
            b"batch_label": b"one",
            b"filenames": [b"a"] * 2,
        }
        (path / name).write_bytes(pickle.dumps(batch, protocol))
    images, labels = images.transpose(0, 1, 3, 4, 2), labels.astype(np.uint8)
    return {
        "x_train": images[:5].reshape(10, 32, 32, 3), "x_test": images[5],
        "y_train": labels[:5].reshape(10, 1), "y_test": labels[5][:, None],
    }  # fmt: skip


def test_mnist(folder):
    place, given = folder
    np.savez(place / "mnist.npz", **ARRAYS)
    same(mnist.load_data(place / "mnist.npz" if given else None))
    same(mnist.load_data("mnist.npz"))  # a name in Keras's folder, as in Keras
    same(minicnn.datasets.mnist.load_data())


def test_fashion_mnist(folder):
    place, given = folder
    write_fashion(place / "fashion-mnist")
    same(fashion_mnist.load_data(place / "fashion-mnist" if given else None))


@pytest.mark.parametrize(
    "place_in", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"]
)
@pytest.mark.parametrize("protocol", [3, 4])
def test_cifar10(folder, place_in, protocol):
    place, given = folder
    arrays = write_cifar(place / place_in, protocol)
    same(cifar10.load_data(place / place_in if given else None), arrays)


# what Python 2 with NumPy 1 wrote for {"data": array of 2 × 3072 bytes, "labels": [7, 3]}, protocol 2
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
    b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"\x89T\x00\x18\x00\x00" + bytes(range(256)) * 24 + b"tbU\x06labelsq\x08]q\x09(K\x07K\x03eu."
)


def test_cifar10_as_python_2_wrote_it(tmp_path):
    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
        (tmp_path / name).write_bytes(PYTHON_2)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data(tmp_path)
    assert (x_train.shape, y_train.shape, x_test.shape) == ((10, 32, 32, 3), (10, 1), (2, 32, 32, 3))
    assert y_test.tolist() == [[7], [3]]
    # byte 1024·c + 32·i + j of an image is row i, column j of color c
    assert x_test[1, 2, 3].tolist() == [(32 * 2 + 3) % 256] * 3
    assert x_test[0, 7, 5].tolist() == [(32 * 7 + 5) % 256] * 3


def test_a_missing_file_says_where_to_get_it(folder):
    place, given = folder
    for module, name, source in (
        (mnist, "mnist.npz", "storage.googleapis.com"),
        (fashion_mnist, "fashion-mnist", "zalandoresearch"),
        (cifar10, "cifar-10-batches-py", "cs.toronto.edu"),
    ):
        with pytest.raises(FileNotFoundError, match=source) as raised:
            module.load_data("elsewhere" if given else None)
        assert ("elsewhere" if given else str(place)) in str(raised.value)
        assert given or name in str(raised.value)
        assert "load_data(path)" in str(raised.value)


class Call:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("echo hostile > ran",)


def test_hostile_and_damaged_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays = write_cifar(tmp_path / "cifar", 4)
    content = (tmp_path / "cifar" / "test_batch").read_bytes()
    wrong = [
        pickle.dumps({b"data": Call(), b"labels": [1]}, 4), pickle.dumps(Call()), pickle.dumps([1]), b"", content[:-9],
        pickle.dumps({b"data": np.zeros((1, 5), np.uint8), b"labels": [1]}, 4),
        pickle.dumps({b"data": arrays["x_test"].astype("f"), b"labels": [1, 2]}, 4),
        pickle.dumps({b"labels": [1]}, 4),
    ]  # fmt: skip
    for each in wrong:
        (tmp_path / "cifar" / "test_batch").write_bytes(each)
        with pytest.raises(ValueError, match=r"test_batch: not a batch of CIFAR-10, or damaged"):
            cifar10.load_data(tmp_path / "cifar")
    assert not (tmp_path / "ran").exists()
    write_fashion(tmp_path / "fashion")
    packed = (tmp_path / "fashion" / "train-images-idx3-ubyte.gz").read_bytes()
    for each in (
        b"",
        packed[:-5],
        b"plain",
        gzip.compress(b"\0\0\x08"),
        gzip.compress(gzip.decompress(packed)[:-1]),
    ):
        (tmp_path / "fashion" / "train-images-idx3-ubyte.gz").write_bytes(each)
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: "):
            fashion_mnist.load_data(tmp_path / "fashion")
    np.savez(tmp_path / "objects.npz", x_train=np.array([Call()], object))
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "part.npz", x_train=ARRAYS["x_train"])
    for name in ("objects.npz", "text.npz", "part.npz"):
        with pytest.raises(ValueError, match=f"{name}: not the data set, or damaged"):
            mnist.load_data(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_drawn_faces_are_learned():
    (x_train, y_train), (x_test, y_test) = faces.load_data(600, seed=1)
    assert (x_train.shape, x_train.dtype, y_train.shape) == ((480, 24, 24), np.uint8, (480,))
    np.testing.assert_array_equal(faces.load_data(600, seed=1)[1][0], x_test)
    assert not np.array_equal(faces.load_data(600, seed=2)[1][0], x_test)
    assert set(y_train.tolist()) == set(range(len(faces.CLASSES)))
    with pytest.raises(ValueError, match="at least 5 faces of 8"):
        faces.load_data(n=3)
    minicnn.random.set_seed(0)
    model = minicnn.Sequential(
        [
            minicnn.Input((24, 24, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train[..., None], y_train, epochs=15, verbose=0)
    assert model.evaluate(x_test[..., None], y_test, verbose=0)[1] > 0.8  # one in four by chance
