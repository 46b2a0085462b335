"""Keras's files without Keras: both layouts as it writes them, what does not fit, and what is refused."""

import io
import json
import pickle
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import layers, models
from minicnn.saving.keras import hdf5
from minicnn.saving.keras.load import load_keras_weights
from minicnn.saving.keras.save import save_keras_weights


@pytest.fixture(scope="module")
def h5py():
    return pytest.importorskip("h5py")


def net(**options):
    return minicnn.Sequential(
        [
            minicnn.Input((6, 6, 2)),
            layers.Conv2D(3, 2, **options),
            layers.BatchNormalization(),
            layers.Conv2D(3, 2),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def shake(model, rng):
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.get_weights()])
    return model


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def refused(model, path, match, error=ValueError):
    """Loading fails with this message, which names the file, and changes nothing."""
    before = model.get_weights()
    with pytest.raises(error, match=match) as caught:
        load_keras_weights(model, path)
    assert str(path) in str(caught.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


# ---- there and back ----------------------------------------------------------------------------------------

KINDS = {
    "conv": lambda: layers.Conv2D(3, 2, padding="same"),
    "conv without bias": lambda: layers.Conv2D(3, 2, padding="same", use_bias=False),
    "depthwise": lambda: layers.DepthwiseConv2D(2, padding="same"),
    "separable": lambda: layers.SeparableConv2D(3, 2, padding="same"),
    "norm": lambda: layers.BatchNormalization(),
    "norm without beta": lambda: layers.BatchNormalization(center=False),
    "dropout": lambda: layers.Dropout(0.5),
    "adapted": lambda: layers.Normalization(),
    "dense": lambda: layers.Dense(3, activation="relu"),
    "chain": lambda: layers.Chain([layers.Conv2D(3, 1), layers.ReLU(), layers.Conv2D(3, 1)]),
    "residual": lambda: layers.Residual(
        [layers.Conv2D(3, 1), layers.BatchNormalization()], [layers.Dense(3)]
    ),
    "model": lambda: minicnn.Sequential([layers.Conv2D(3, 1), layers.Dense(3)]),
}


@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_what_is_saved_is_loaded(h5py, tmp_path_factory, kinds, seed):
    def make():
        return minicnn.Sequential([minicnn.Input((4, 4, 3)), *(KINDS[kind]() for kind in kinds)])

    saved, path = shake(make(), np.random.default_rng(seed)), tmp_path_factory.mktemp("keras")
    forms = ["net.weights.h5"] + ["net.keras"] * ("residual" not in kinds)
    for form in forms:
        loaded = make()
        save_keras_weights(saved, path / form)
        load_keras_weights(loaded, path / form)
        assert same(saved, loaded)


def test_the_layout(h5py, tmp_path):
    model = net()
    save_keras_weights(model, tmp_path / "net.weights.h5")
    with h5py.File(tmp_path / "net.weights.h5") as file:
        found = {name: array[()] for name, array in hdf5.datasets(file, tmp_path).items()}
        assert file["layers/conv2d_1/vars"].attrs["name"] == model.layers[2].name
    shapes = {name: array.shape for name, array in found.items()}
    assert shapes == {
        "layers/conv2d/vars/0": (2, 2, 2, 3),
        "layers/conv2d/vars/1": (3,),
        **{f"layers/batch_normalization/vars/{index}": (3,) for index in range(4)},
        "layers/conv2d_1/vars/0": (2, 2, 3, 3),
        "layers/conv2d_1/vars/1": (3,),
        "layers/depthwise_conv2d/vars/0": (2, 2, 3, 1),
        "layers/depthwise_conv2d/vars/1": (3,),
        "layers/dense/vars/0": (27, 4),
        "layers/dense/vars/1": (4,),
    }
    np.testing.assert_array_equal(found["layers/batch_normalization/vars/3"], np.ones(3))


def test_names_that_were_given_count_more_than_the_order(h5py, tmp_path, rng):
    def make(*names):
        several = [layers.Dense(3, name=name) for name in names]
        return minicnn.Sequential([minicnn.Input((3,)), *several])

    saved = shake(make("one", "two"), rng)
    save_keras_weights(saved, tmp_path / "net.weights.h5")
    swapped, others = make("two", "one"), make("three", "four")
    load_keras_weights(swapped, tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(swapped.layers[0].kernel.value, saved.layers[1].kernel.value)
    np.testing.assert_array_equal(swapped.layers[1].bias.value, saved.layers[0].bias.value)
    load_keras_weights(others, tmp_path / "net.weights.h5")
    assert same(others, saved)


def test_twelve_layers_of_a_kind_stay_in_order(h5py, tmp_path, rng):
    def make():
        return minicnn.Sequential([minicnn.Input((2,)), *(layers.Dense(2) for _ in range(12))])

    saved, loaded = shake(make(), rng), make()
    save_keras_weights(saved, tmp_path / "net.weights.h5")
    load_keras_weights(loaded, tmp_path / "net.weights.h5")
    assert same(saved, loaded)


def test_a_float64_file_and_a_float32_model(h5py, tmp_path, rng):
    saved = minicnn.Sequential([minicnn.Input((3,), dtype="float64"), layers.Dense(2)])
    loaded = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(2)])
    shake(saved, rng)
    save_keras_weights(saved, tmp_path / "net.weights.h5")
    load_keras_weights(loaded, tmp_path / "net.weights.h5")
    assert loaded.layers[0].kernel.dtype == np.float32
    np.testing.assert_array_equal(
        loaded.layers[0].kernel.value, saved.layers[0].kernel.value.astype("float32")
    )


# ---- older layouts -----------------------------------------------------------------------------------------


def test_the_layout_of_keras_2_13(h5py, tmp_path, rng):
    # numbers with gaps, another name for the list of layers, a metric's numbers; "\\" if it ran on Windows
    saved, loaded = shake(net(), rng), net()
    names = ["conv2d", "batch_normalization", "conv2d_2", "depthwise_conv2d", "dense"]
    for separator in ("/", "\\"):
        with h5py.File(tmp_path / "net.weights.h5", "w") as file:
            for name, layer in zip(names, (layer for layer in saved.layers if layer.weights)):
                group = file.create_group(f"_layer_checkpoint_dependencies{separator}{name}/vars")
                for index, weight in enumerate(layer.weights):
                    group[str(index)] = weight.value
            file[f"metrics{separator}mean/vars/0"] = np.float32(1)
            file["optimizer/vars/0"] = np.int64(3)
            file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "uint32")
        shake(loaded, rng)
        load_keras_weights(loaded, tmp_path / "net.weights.h5")
        assert same(saved, loaded)


def write_keras_2(h5py, path, model, config=None, prefix="model_weights/"):
    """Write a model's weights as Keras 2 did: bytes for names, ":0" behind each, a
    list too long cut in two.
    """
    with h5py.File(path, "w") as file:
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        root = file.require_group(prefix or "/")
        names = [layer.name.encode() for layer in model.layers]
        root.attrs["layer_names0"], root.attrs["layer_names1"] = names[:2], names[2:]
        for layer in model.layers:
            trained = [weight for weight in layer.weights if weight.trainable]
            others = [weight for weight in layer.weights if not weight.trainable]
            arrays = {}
            for weight in [*trained, *others]:
                kind = weight.path.split("/")[0]
                depthwise = weight.name == "kernel" and isinstance(layer, layers.DepthwiseConv2D)
                name = "depthwise_kernel" if depthwise else weight.name
                arrays[f"{kind}/{name}:0"] = weight.value
            group = root.create_group(layer.name)
            group.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, array in arrays.items():
                group[name] = array


@pytest.mark.parametrize("prefix", ["model_weights/", ""])
def test_the_layout_of_keras_2(h5py, tmp_path, rng, prefix):
    saved, loaded = shake(net(), rng), net()
    write_keras_2(h5py, tmp_path / "net.h5", saved, prefix=prefix)
    load_keras_weights(loaded, tmp_path / "net.h5")
    assert same(saved, loaded)
    # here a file tells what the weights are, not only how many
    refused(net(use_bias=False), tmp_path / "net.h5", r"holds 0 layers of the kind kernel \(4-d\)")


def test_a_model_in_a_model_of_keras_2(h5py, tmp_path, rng):
    def make():
        inner = [layers.BatchNormalization(), layers.Dense(3), layers.Dense(3)]
        return minicnn.Sequential([minicnn.Input((3,)), minicnn.Sequential(inner), layers.Dense(3)])

    saved, loaded = shake(make(), rng), make()
    write_keras_2(h5py, tmp_path / "net.h5", saved)
    refused(loaded, tmp_path / "net.h5", "does not store the order of its layers")
    inside = [
        {"class_name": type(each).__name__, "config": {"name": each.name}} for each in saved.layers[0].layers
    ]
    config = {"config": {"layers": [{"config": {"name": "inner", "layers": inside}}]}}
    write_keras_2(h5py, tmp_path / "net.h5", saved, config)
    load_keras_weights(loaded, tmp_path / "net.h5")
    assert same(saved, loaded)
    with h5py.File(tmp_path / "net.h5", "a") as file:
        group = file["model_weights"][saved.layers[0].name]
        group["a/twin/kernel"] = group["b/twin/kernel"] = np.zeros((3, 3))
        group.attrs["weight_names"] = ["a/twin/kernel", "b/twin/kernel"]
    refused(loaded, tmp_path / "net.h5", "holds two layers called 'twin'")


# ---- what does not fit -------------------------------------------------------------------------------------


def test_a_file_that_does_not_fit_changes_nothing(h5py, tmp_path, rng):
    path = tmp_path / "net.weights.h5"
    save_keras_weights(net(), path)

    def dense(units, shape=(6, 6, 2)):
        body = [layer.from_config(layer.get_config()) for layer in net().layers[:-1]]
        return shake(minicnn.Sequential([minicnn.Input(shape), *body, layers.Dense(units)]), rng)

    refused(dense(5), path, r"dense.*\(27, 4\), the model's \(27, 5\): make the layers and the input shape")
    refused(dense(4, (7, 7, 2)), path, r"kernel has the shape \(27, 4\), the model's \(48, 4\)")
    refused(net(use_bias=False), path, r"file holds 2 arrays, the layer expects kernel: .*use_bias")
    fewer = minicnn.Sequential([minicnn.Input((6, 6, 2)), layers.Conv2D(3, 2)])
    refused(fewer, path, "holds 2 layers of the kind conv2d with weights, the model has 1")
    more = minicnn.Sequential([minicnn.Input((6, 6, 2)), layers.PReLU()])
    refused(more, path, "holds 0 layers of the kind p_re_lu")
    nothing = minicnn.Sequential([minicnn.Input((6, 6, 2)), layers.Flatten()])
    refused(nothing, path, "the model has 0")


def test_weights_of_unknown_layers_are_not_passed_over(h5py, tmp_path):
    path = tmp_path / "net.weights.h5"
    save_keras_weights(net(), path)
    with h5py.File(path, "a") as file:
        file["layers/lstm/cell/vars/0"] = np.zeros((2, 2))
    refused(net(), path, "'layers/lstm/cell/vars/0' belongs to a layer that minicnn does not have")


def test_what_is_asked_for_is_checked(h5py, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"net\.keras: no such file"):
        load_keras_weights(net(), tmp_path / "net.keras")
    unbuilt = minicnn.Sequential([layers.Dense(2)])
    for function in (load_keras_weights, save_keras_weights):
        with pytest.raises(ValueError, match="is not built: begin it with Input"):
            function(unbuilt, tmp_path / "net.keras")
    with pytest.raises(ValueError, match=r'ends in "\.weights\.h5", "\.keras", "\.h5" or "\.hdf5"'):
        save_keras_weights(net(), tmp_path / "net.onnx")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_keras_weights(net(), tmp_path / "nowhere" / "net.keras")
    residual = minicnn.Sequential([minicnn.Input((3,)), layers.Residual([layers.Dense(3)], name="skip")])
    with pytest.raises(NotImplementedError, match=r"skip: Keras has no layer Residual.*x\.weights\.h5"):
        save_keras_weights(residual, tmp_path / "net.keras")
    within = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(3, activation=layers.ReLU())])
    with pytest.raises(NotImplementedError, match='name it, as in activation="relu"'):
        save_keras_weights(within, tmp_path / "net.keras")
    assert not list(tmp_path.iterdir())


def test_without_h5py_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    (tmp_path / "net.weights.h5").write_bytes(hdf5.SIGNATURE)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for function in (load_keras_weights, save_keras_weights):
        with pytest.raises(ImportError, match=r'pip install "minicnn-fer\[keras\]"'):
            function(net(), tmp_path / "net.weights.h5")
    assert (tmp_path / "net.weights.h5").read_bytes() == hdf5.SIGNATURE


# ---- what is refused ---------------------------------------------------------------------------------------


def test_pickles_and_other_files_are_refused(tmp_path):
    path = tmp_path / "net.h5"
    path.write_bytes(pickle.dumps({"conv2d": [1, 2]}))
    refused(net(), path, "looks pickled, which is refused")
    path.write_bytes(b"a text")
    refused(net(), path, r"neither HDF5 nor a \.keras archive")


def archive(path, **contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name.replace("__", "."), content)


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Lambda", "config": {"function": ["4wEAAA==", None, None], "function_type": "lambda"}},
        {"class_name": "Mine", "config": {"f": {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}}},
    ],
)
def test_code_in_a_configuration_is_refused(h5py, tmp_path, layer):
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": "Dense", "config": {}}, layer]},
    }
    write_keras_2(h5py, tmp_path / "net.h5", net(), config)
    refused(net(), tmp_path / "net.h5", "refused: it holds a Lambda layer, which is compiled Python code")
    archive(tmp_path / "net.keras", config__json=json.dumps(config), **{"model.weights.h5": b""})
    refused(net(), tmp_path / "net.keras", "refused: it holds a Lambda layer")


def test_archives_that_are_not_keras_s(h5py, tmp_path):
    model, path = net(), tmp_path / "net.keras"
    model.save(tmp_path / "own.npz")
    refused(model, tmp_path / "own.npz", r"holds no model\.weights\.h5.*load_model")
    archive(path, **{"model.weights.h5": b"\0" * 80_000_000})
    refused(model, path, r"refused: model\.weights\.h5 unpacks to 80,000,000 bytes, expected 67,")
    for config in ("{", "[" * 100_000, b"\xff"):
        archive(path, config__json=config, **{"model.weights.h5": b""})
        refused(model, path, "damaged")
    archive(path, config__json="{}", **{"model.weights.h5": b"not HDF5"})
    refused(model, path, "not a file that Keras wrote, or damaged")


def test_numbers_that_lie_elsewhere_are_refused(h5py, tmp_path):
    path, secret = tmp_path / "net.weights.h5", tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((27, 4), "float32")
    (tmp_path / "raw").write_bytes(bytes(27 * 4 * 4))

    def soft(file):
        file["layers/dense/vars/0"] = h5py.SoftLink("/layers/conv2d/vars/0")

    def external(file):
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "/layers/dense/vars/0")

    def raw(file):
        options = {"external": [(str(tmp_path / "raw"), 0, 27 * 4 * 4)]}
        file.create_dataset("layers/dense/vars/0", (27, 4), "float32", **options)

    def virtual(file):
        layout = h5py.VirtualLayout((27, 4), "float32")
        layout[:] = h5py.VirtualSource(str(secret), "layers/dense/vars/0", (27, 4))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    def strings(file):
        file["layers/dense/vars/0"] = ["a", "b"]

    def references(file):
        file["layers/dense/vars/0"] = np.array([file.ref] * 2, dtype=h5py.ref_dtype)

    def pieces(file):
        shape, most = (27, 4), (None, None)
        file.create_dataset("layers/dense/vars/0", shape, "f4", chunks=(2**14, 2**13), maxshape=most)

    def circle(file):
        file["layers/dense/again"] = file["layers"]

    for plant, message in (
        (soft, "is a soft or external link"),
        (external, "is a soft or external link"),
        (raw, "are in another file"),
        (virtual, "are in another file"),
        (strings, "holds object, expected numbers"),
        (references, "holds object, expected numbers"),
        (pieces, "unpacks in pieces of over"),
        (circle, "is in two places, or contains itself"),
    ):
        save_keras_weights(net(), path)
        with h5py.File(path, "a") as file:
            del file["layers/dense/vars/0"]
            plant(file)
        refused(net(), path, f"refused: .*{message}")


def test_a_declared_size_takes_no_memory(h5py, tmp_path):
    path = tmp_path / "net.weights.h5"
    save_keras_weights(net(), path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        # 16 TB that nobody wrote
        file.create_dataset("layers/dense/vars/0", (2**21, 2**21), "float32", chunks=(64, 64))
    refused(net(), path, r"has the shape \(2097152, 2097152\), the model's \(27, 4\)")


@given(kept=st.floats(0, 0.999))
@pytest.mark.parametrize("form", ["net.weights.h5", "net.keras"])
def test_half_a_file_is_damaged(h5py, tmp_path_factory, form, kept):
    path = tmp_path_factory.mktemp("half") / form
    model = net()
    save_keras_weights(model, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    refused(model, path, "damaged|neither HDF5 nor")


def test_a_failed_write_leaves_the_old_file(h5py, tmp_path, monkeypatch):
    path = tmp_path / "net.weights.h5"
    save_keras_weights(net(), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_keras_weights(net(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["net.weights.h5"]
    assert path.read_bytes() == before


def test_an_archive_says_what_it_holds(h5py, tmp_path):
    inputs = minicnn.Input((4,), name="rows")
    outputs = layers.Add(name="sum")([layers.Dense(4, name="dense", kernel_regularizer="l2")(inputs), inputs])
    save_keras_weights(models.Model(inputs, outputs), tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as file:
        assert set(file.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}
        config = json.loads(file.read("config.json"))
        with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
            assert weights["layers/dense/vars/0"].shape == (4, 4)
    assert config["class_name"] == "Functional"
    rows, dense, add = config["config"]["layers"]
    assert (rows["name"], dense["name"], add["name"]) == ("rows", "dense", "sum")
    assert dense["config"]["units"] == 4
    assert dense["config"]["kernel_regularizer"] == {
        "module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01}, "registered_name": None,
    }  # fmt: skip
    (tensors,) = add["inbound_nodes"][0]["args"]
    assert [tensor["config"]["keras_history"] for tensor in tensors] == [["dense", 0, 0], ["rows", 0, 0]]
    assert config["config"]["output_layers"] == [["sum", 0, 0]]
