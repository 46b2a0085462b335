"""Hostile models, checkpoints, configurations and folders for tests.fer.fuzz: the same seed and number, the same case.

model        a saved model: values of its JSON, its arrays, the archive or its bytes are changed
checkpoint   a backup of a training, changed in the same ways; training goes on from it
config       a run's config.json with other values, keys and texts
special      pipes, devices, links, folders and names where files are expected
"""

import copy
import io
import json
import os
import tempfile
import zipfile
from functools import cache

import numpy as np

from fer.data import formats, pictures, sources
from fer.errors import BadInput
from fer.networks import inference
from fer.training import config
from minicnn import Input, Model, Sequential, callbacks, layers, models, ops, preprocessing, saving
from tests.fer.readers import reader

DEEP = "[" * 2000 + "]" * 2000
# values that replace others, as JSON texts
NASTY = (
    "null", "true", "-1", "0", "2", "1000000000", "1" + "0" * 30, "9" * 5000, "-0.5", "1e308", "1e999", "NaN", '""',
    '"x"', '"relu"', '"a\\u0000b"', '"\\ud800"', '"\\u001b[2J\\n"', json.dumps("x" * 100_000), "[]", "[[]]", "{}",
    DEEP, "[" * 90 + "]" * 90, "[1, 1000000000]", '["2", "2"]', '{"in arrays": "weights/0"}', '{"in arrays": 5}',
    '{"class_name": "Dense", "config": {"units": 1000000000}}', '{"class_name": "Lambda", "config": {}}',
    '{"class_name": [], "config": 1}', '{"a": 1, "a": 2}', '[{"class_name": "UpSampling2D", "config": {"size": 9999}}]',
    json.dumps(list(range(5000))), '"2"', "false", "0.5", '"float32"', '"../../x"',
)  # fmt: skip
NAMES = ("a\nb.png", "\x1b[31mred.png", "\u202egnp.exe.png", b"caf\xe9.png".decode(errors="surrogateescape"), "-o.png",
         "n" * 200 + ".png", " .png", "%s{0}.png")  # fmt: skip


@cache
def good():
    """Return good files by name: models and a backup, as (JSON value, arrays)."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (8, 48, 48, 1)).astype(np.uint8), np.arange(8) % 7
    inputs = Input((48, 48, 1))
    x = layers.Normalization(mean=[100.0], variance=[3000.0])(inputs)
    x = layers.RandomFlip("horizontal", seed=1)(layers.Rescaling(2.0)(x))
    x = layers.Conv2D(2, 5, strides=8, kernel_regularizer="l2", activation="relu")(x)
    x = layers.ReLU(negative_slope=0.1)(layers.BatchNormalization()(layers.ZeroPadding2D(1)(x)))
    y = layers.Dropout(0.2)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.MaxPooling2D(2)(layers.Add()([x, y]))
    x = layers.Residual([layers.Conv2D(2, 1), layers.PReLU(shared_axes=[1, 2])])(x)
    graph = Model(inputs, layers.Dense(7, "softmax", kernel_initializer="he_normal")(layers.Flatten()(x)))
    rows = Sequential(
        [Input((48, 48, 1)), layers.AveragePooling2D(8), layers.Flatten(), layers.Dense(7, "softmax")]
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder, ops.use("reference"):
        for name, model in (("graph", graph), ("rows", rows), ("reader", reader())):
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            if name != "reader":
                model.train_on_batch(images, labels)
            model.save(f"{folder}/{name}.npz")
            found[name] = saving.read(f"{folder}/{name}.npz")
        keep = callbacks.BackupAndRestore(f"{folder}/backup.npz", save_freq=3, delete_checkpoint=False)
        train(small(), keep)
        found["backup"] = saving.read(keep.path)
    return found


def small():
    model = Sequential(
        [Input((3,)), layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(2, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model, backup):
    x = np.random.default_rng(0).normal(size=(8, 3))
    stopping = callbacks.EarlyStopping("loss", patience=5)
    with np.errstate(all="ignore"):
        return model.fit(x, np.arange(8) % 2, 4, 2, verbose=0, callbacks=[stopping, backup])


CONFIG = {
    "arguments": {"data": "faces.npz", "drop_faulty": False, "arch": "tiny", "epochs": 3, "learning_rate": 0.001,
                  "weight_decay": None, "out": "runs", "batch_norm": True, "seed": 0},
    "data": {"name": "faces.npz", "faces": {"train": {"Angry": 3, "Happy": 4}}, "fingerprint": "0f"},
    "class_weights": {"Angry": 1.5}, "parameters": 1000,
    "versions": {"minicnn": "1.0", "numpy": "2.0"}, "started": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


def places(value, path=()):
    """Yield the path of every value inside a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def tampered(value, rng):
    """Return a JSON text in which one or two values are replaced, taken away, moved or added."""
    value, texts = copy.deepcopy(value), []
    for _ in range(rng.integers(1, 3)):
        paths = list(places(value))[1:]
        if not paths:
            break
        *parents, last = paths[int(rng.integers(len(paths)))]
        inside = value
        for key in parents:
            inside = inside[key]
        kind = rng.random()
        if kind < 0.7:
            texts.append(NASTY[int(rng.integers(len(NASTY)))])
            inside[last] = f"<{len(texts) - 1}>"
        elif kind < 0.8:
            del inside[last]
        elif kind < 0.9 and isinstance(inside, dict):
            inside[["another", "name", "", "class_name", "seed"][int(rng.integers(5))]] = inside[last]
        else:
            other = value
            for key in paths[int(rng.integers(len(paths)))]:
                other = other[key]
            inside[last] = copy.deepcopy(other)
    text = json.dumps(value)
    for number, nasty in enumerate(texts):
        text = text.replace(f'"<{number}>"', nasty)
    return text


def as_npy(array, rng):
    """Return an array as .npy, perhaps of another type or shape, or with a header that is not true."""
    kind = int(rng.integers(14)) if rng.random() < 0.4 else 99
    if kind in (0, 5, 6, 7) and array.dtype.kind == "U":
        kind = 1
    if kind == 0:
        array = array.astype(">f8")
    elif kind == 1:
        array = np.asfortranarray(array)
    elif kind == 2:
        array = array.reshape(-1)[: int(rng.integers(array.size + 1))]
    elif kind == 3:
        array = array[None]
    elif kind == 4:
        array = np.full(array.shape, "1.5")
    elif kind == 5:
        array = np.full(array.shape, np.nan)
    elif kind == 6:
        array = np.zeros(array.shape, np.complex128)
    elif kind == 7:
        array = np.zeros(array.shape, bool)
    elif kind == 8:
        array = np.array([{}], object)
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    content = file.getvalue()
    if kind in (9, 10, 11):
        header = {
            "shape": (10**12,) if kind == 9 else (10**6, 10**6, 0),
            "fortran_order": False,
            "descr": "<f4",
        }
        if kind == 11:
            header |= {"descr": "<U0", "shape": (10**12,)}
        file = io.BytesIO()
        np.lib.format.write_array_header_1_0(file, header)
        content = file.getvalue() + content[-64:]
    return content[: len(content) // 2] if kind == 12 else content


def packed(text, arrays, rng):
    """Return the .npz of a configuration and arrays, some of them changed, as somebody else may write it."""
    members = {"config.json.npy": np.array(text)} | {f"{name}.npy": array for name, array in arrays.items()}
    chosen = int(rng.integers(6))
    method = (0, 8, 8, 12, 14)[int(rng.integers(5))] if chosen == 0 else 0
    victim = sorted(members)[int(rng.integers(len(members)))]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, array in members.items():
            content = as_npy(array, rng if name == victim and chosen < 4 else np.random.default_rng(0))
            if name == victim and chosen == 1:
                name = ("/etc/x.npy", "weights/x.npy", "weights/-1.npy", "optimizer/.npy", "a\0.npy")[
                    rng.integers(5)
                ]
            if name != victim or chosen != 5:
                archive.writestr(zipfile.ZipInfo(name), content, method)
            if name == victim and chosen == 2 and rng.random() < 0.3:
                archive.writestr("bomb.npy", bytes(1 << 27), 8)
    data = bytearray(file.getvalue())
    if chosen == 3 and rng.random() < 0.3:  # the flag of encryption, in all headers
        for sign, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = data.find(sign)
            while at >= 0:
                data[at + offset] |= 1
                at = data.find(sign, at + 1)
    return bytes(data)


class Hostile:
    """A case of one of KINDS, prepared in a folder; ``read`` reads it and returns what is wrong, or None."""

    def __init__(self, seed, number, damaged):
        self.rng = np.random.default_rng([seed, number, 1])
        self.kind = KINDS[int(self.rng.choice(len(KINDS), p=SHARES))]
        self.text = f"case {number} of seed {seed}: {self.kind}"
        self.damaged = damaged

    def prepare(self, folder):
        """Write the files of the case; return the path that messages must name."""
        return getattr(self, f"_{self.kind}")(folder)

    def _model(self, folder):
        name = ("graph", "rows", "rows", "reader")[int(self.rng.integers(4))]
        return self._written(folder / "model.npz", *good()[name])

    def _checkpoint(self, folder):
        return self._written(folder / "backup.npz", *good()["backup"])

    def _written(self, path, value, arrays):
        rng = self.rng
        text = tampered(value, rng) if rng.random() < 0.7 else json.dumps(value)
        content = packed(text, arrays, rng if rng.random() < 0.4 else np.random.default_rng(3))
        if rng.random() < 0.3:
            content = self.damaged(content, [content, b"PK\3\4" * 20], rng)
        path.write_bytes(content)
        return path

    def _config(self, folder):
        path = folder / "config.json"
        content = tampered(CONFIG, self.rng).encode()
        if self.rng.random() < 0.3:
            content = self.damaged(content, [content, b"\xff\xfe{", DEEP.encode()], self.rng)
        path.write_bytes(content)
        return path

    def _special(self, folder):
        """Make a folder of pictures with something else in a place where a file is expected."""
        rng = self.rng
        inner = folder / "train" / "happy"
        inner.mkdir(parents=True)
        (inner / "Training_1.png").write_bytes(PICTURE)
        name = NAMES[int(rng.integers(len(NAMES)))] if rng.random() < 0.4 else "a.png"
        name = str(rng.choice([name, name, "x.npz", "x.csv", "x.zip", "config.json"]))
        path = (inner if rng.random() < 0.6 else folder) / name
        kind = int(rng.integers(10))
        if kind == 0:
            os.mkfifo(path)
        elif kind == 1:
            path.symlink_to("/dev/zero")
        elif kind == 2:
            path.symlink_to(path)
        elif kind == 3:
            path.symlink_to(folder, target_is_directory=True)
            (inner / "again").symlink_to(folder, target_is_directory=True)
        elif kind == 4:
            path.symlink_to(folder / "nothing")
        elif kind == 5:
            path.mkdir()
        elif kind == 6:
            path.write_bytes(b"")
            os.truncate(path, 1 << 40)
        elif kind == 7:
            path.symlink_to("/dev/full")
        elif kind == 8:
            path.write_bytes(PICTURE)
        else:
            os.mkfifo(folder / "pipe")
            path.symlink_to(folder / "pipe")
        return path

    def read(self, path):
        """Read the case in one of the ways in which commands and users do."""
        rng = self.rng
        with ops.use("reference"), np.errstate(all="ignore"):
            if self.kind == "model":
                if rng.random() < 0.3:
                    return not_a_model(models.load_model(path))
                return wrong_probabilities(inference.open_run(path))
            if self.kind == "checkpoint":
                train(small(), callbacks.BackupAndRestore(path, save_freq=3, delete_checkpoint=False))
                return None
        if self.kind == "config":
            settings = config.from_file(path)
            reader().save(path.parent / "model_best.npz")
            trained = inference.open_run(path.parent)
            return (
                None
                if trained.config["arguments"].get("arch", "simple") == settings.arch
                else "another network"
            )
        return self._read_special(path)

    def _read_special(self, path):
        way = int(self.rng.integers(7))
        folder = next(parent for parent in path.parents if (parent / "train").is_dir())
        if way == 0:
            pictures.read(path)
        elif way == 1:
            formats.read(path)
        elif way == 2:
            formats.read(folder, use_cache=False)
        elif way == 3:
            loaded = sources.load_faces([folder])
            if not loaded.faces:
                return "the good picture was not read"
        elif way == 4:
            inference.open_run(path)
        elif way == 5:
            config.from_file(path)
        else:
            preprocessing.image.load_img(path)
        return None


KINDS, SHARES = ("model", "checkpoint", "config", "special"), (0.45, 0.2, 0.2, 0.15)
ERRORS = (BadInput, OSError, ValueError)


def not_a_model(model):
    return None if isinstance(model, Model) else f"returned {model!r}"


def wrong_probabilities(trained):
    try:
        found = inference.probabilities(trained.model, np.zeros((2, 48, 48), np.uint8))
    except BadInput as error:
        return None if "are not finite" in str(error) else str(error)
    return None if found.shape == (2, 7) and found.dtype.kind == "f" else f"gave {found.dtype} {found.shape}"


def _picture():
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.full((48, 48), 100, np.uint8)).save(file, "PNG")
    return file.getvalue()


PICTURE = _picture()
