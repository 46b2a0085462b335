"""What an old or missing spelling says: today's, or the nearest thing that is here."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import activations, callbacks, layers, losses, metrics, optimizers
from minicnn._base import keras_errors, keras_gaps
from tests.minicnn.base import keras_page

# ---- arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "today"),
    [
        (lambda: layers.Convolution2D(8, 3, border_mode="same"), 'padding="same"'),
        (lambda: layers.Conv2D(8, 3, subsample=(2, 2)), "says strides"),
        (lambda: layers.Conv2D(nb_filter=8, nb_row=3, nb_col=3, filters=8, kernel_size=3), "says filters"),
        (lambda: layers.Conv2D(8, 3, init="he_normal"), "kernel_initializer"),
        (lambda: layers.Conv2D(8, 3, W_regularizer="l2"), "kernel_regularizer"),
        (lambda: layers.Dense(8, output_dim=3), "says units"),
        (lambda: layers.Dense(8, weights=[]), "set_weights"),
        (lambda: layers.Dropout(0.5, p=0.5), "says rate"),
        (lambda: layers.MaxPooling2D(border_mode="valid"), 'padding="same" or "valid"'),
        (lambda: layers.Flatten(batch_input_shape=(None, 8)), "input_shape"),
        (lambda: optimizers.Adam(lr=1e-4), "says learning_rate"),
        (lambda: optimizers.SGD(0.01, decay=1e-6), "InverseTimeDecay"),
        (lambda: callbacks.ModelCheckpoint("best.keras", period=2), "save_freq"),
        (lambda: callbacks.ReduceLROnPlateau(epsilon=1e-4), "min_delta"),
        (lambda: minicnn.Sequential().compile("sgd", "mse", sample_weight_mode="temporal"), "sample_weight"),
        (lambda: minicnn.Sequential().fit(np.zeros((2, 1)), nb_epoch=3), "says epochs"),
        (lambda: minicnn.Sequential().fit(np.zeros((2, 1)), workers=4), "leave it out"),
        (lambda: minicnn.Sequential().evaluate(np.zeros((2, 1)), show_accuracy=True), "metrics"),
    ],
)
def test_old_arguments_name_todays(call, today):
    with pytest.raises(TypeError, match="today's Keras says") as caught:
        call()
    assert today in str(caught.value)


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (lambda: layers.Conv2D(8, 3, data_format="channels_first"), "np.moveaxis"),
        (lambda: layers.Conv2D(8, 3, groups=2), "DepthwiseConv2D"),
        (lambda: layers.Dense(8, activity_regularizer="l2"), "kernel_regularizer"),
        (lambda: layers.Dense(8, kernel_constraint="max_norm"), "kernel_regularizer"),
        (lambda: layers.Dense(8, lora_rank=4), "Dense"),
        (lambda: layers.BatchNormalization(renorm=True), "batches"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 1, 1, 8)), "SpatialDropout2D"),
        (lambda: layers.Dense(8, dtype="mixed_float16"), "float32"),
        (lambda: layers.LayerNormalization(axis=[1, 2, 3]).build((None, 8, 8, 3)), "last axis"),
        (lambda: layers.BatchNormalization(axis=1).build((None, 3, 8, 8)), "last axis"),
        (lambda: layers.Dense(8, activation=np.sin), "relu"),
        (lambda: layers.Dense(8, activation="swish"), "gelu"),
        (lambda: minicnn.backend.set_image_data_format("channels_first"), "np.moveaxis"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=4), "batch_size"),
        (lambda: optimizers.get("lion"), "AdamW"),
        (lambda: losses.get("poisson"), "Huber"),
        (lambda: losses.get(lambda y_true, y_pred: 0.0), "subclass of losses.Loss"),
        (lambda: losses.CategoricalCrossentropy(axis=1), "last axis"),
        (lambda: losses.MeanSquaredError(reduction="none"), "one a sample"),
        (lambda: metrics.get("cosine_similarity"), "function"),
        (lambda: minicnn.Sequential().load_weights("w.npz", by_name=True), "layer.set_weights"),
        (lambda: minicnn.Sequential().save("m.npz", save_format="tf"), ".npz, .keras, .h5"),
        (lambda: layers.Dense(2).add_weight(name="w", shape=(2,), constraint="nonneg"), "regularizer"),
        (lambda: minicnn.Sequential().compile("sgd", "mse", loss_weights=[2.0]), "class_weight"),
        (lambda: minicnn.Sequential().compile("sgd", "mse", steps_per_execution=8), "every batch"),
    ],
)
def test_what_keras_has_and_we_have_not_names_the_nearest_thing(call, nearest):
    with pytest.raises(NotImplementedError, match=r"Nearest|last axis") as caught:
        call()
    assert nearest in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: layers.Conv2D(8, 3, fliters=8),
            "Conv2D: unknown argument 'fliters'; did you mean 'filters'",
        ),
        (lambda: layers.Dense(8, groups=1), "Dense: unknown argument 'groups'"),
        (lambda: optimizers.SGD(nesterow=True), "did you mean 'nesterov'"),
        (lambda: losses.MeanSquaredError(nam="m"), "did you mean 'name'"),
        (lambda: callbacks.EarlyStopping(patient=3), "did you mean 'patience'"),
        (lambda: minicnn.Sequential().fit(epoch=3), "fit: unknown argument 'epoch'; did you mean 'epochs'"),
    ],
)
def test_an_unknown_argument_gets_a_guess(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_arguments_of_files_and_weights_that_change_nothing_pass(tmp_path):
    model = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(2)])
    assert layers.Dense(2).add_weight(
        name="w", shape=(2,), dtype="float32", constraint=None, autocast=False
    ).shape == (2,)
    model.save(filepath=tmp_path / "m.npz", include_optimizer=True)
    model.load_weights(filepath=tmp_path / "m.npz", skip_mismatch=False)
    loaded = minicnn.models.load_model(filepath=tmp_path / "m.npz", safe_mode=False)
    assert len(loaded.weights) == 2


def test_arguments_that_change_nothing_pass():
    layer = layers.Conv2D(
        3,
        3,
        data_format="channels_last",
        groups=1,
        activity_regularizer=None,
        kernel_constraint=None,
        padding="SAME",
    )
    assert layer.get_config() == layers.Conv2D(3, 3, padding="same", name=layer.name).get_config()
    model = minicnn.Sequential([minicnn.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", loss_weights=[1.0], run_eagerly=True, jit_compile=True, steps_per_execution=1)
    assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1  # which Keras 3 still takes


def test_an_array_is_no_harmless_value():
    with pytest.raises(NotImplementedError, match="AUC: label_weights=array"):
        metrics.AUC(label_weights=np.array([1.0, 2.0]))
    with pytest.raises(NotImplementedError, match="AUC: label_weights="):
        metrics.AUC(label_weights=[1.0, 2.0])


def test_a_layer_of_your_own_takes_what_its_base_takes():
    class Mine(layers.Conv2D):
        def __init__(self, **options):
            super().__init__(3, 3, **options)

    assert Mine(groups=1).filters == 3
    with pytest.raises(NotImplementedError, match="Mine: groups=2"):
        Mine(groups=2)


# ---- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "today"),
    [
        ("import minicnn; minicnn.layers.core.Dense", "minicnn.layers"),
        ("import minicnn; minicnn.layers.convolutional.Conv2D", "minicnn.layers"),
        ("from minicnn.layers import advanced_activations", "minicnn.layers"),
        ("from minicnn.layers import recurrent", "minicnn.layers"),
        ("from minicnn.layers import merge", "Concatenate"),
        ("from minicnn.utils import np_utils", "to_categorical"),
        ("import minicnn; minicnn.utils.np_utils.to_categorical", "to_categorical"),
        ("from minicnn.utils import vis_utils", "plot_model"),
        ("from minicnn.models import model_from_yaml", "model_from_json"),
        ("import minicnn; minicnn.optimizers.legacy.Adam", "minicnn.optimizers"),
        ("from minicnn import objectives", "losses"),
        ("import minicnn; minicnn.backend.get_value", "learning_rate"),
        ("import minicnn; minicnn.backend.set_image_dim_ordering('tf')", "height, width, channels"),
    ],
)
def test_old_names_name_todays(statement, today):
    with pytest.raises(ImportError, match="Today's spelling") as caught:
        exec(statement, {})
    assert not isinstance(caught.value, NotImplementedError)
    assert today in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "nearest"),
    [
        ("from minicnn.layers import LSTM", "GlobalAveragePooling2D"),
        ("import minicnn; minicnn.layers.Conv1DTranspose", "Conv2DTranspose"),
        ("from minicnn.layers import CenterCrop", "Cropping2D"),
        ("import minicnn; minicnn.applications.vgg16.VGG16", "architectures"),
        ("from minicnn import applications", "architectures"),
        ("from minicnn.datasets import cifar100", "cifar10"),
        ("from minicnn.callbacks import RemoteMonitor", "CSVLogger"),
        ("from minicnn.optimizers import Adamax", "Adam"),
        ("from minicnn.losses import LogCosh", "Huber"),
        ("from minicnn.regularizers import OrthogonalRegularizer", "L2"),
        ("from minicnn.utils import text_dataset_from_directory", "texts"),
        ("from minicnn.preprocessing import sequence", "series"),
        ("from minicnn.preprocessing import text", "texts"),
        ("from minicnn import constraints", "kernel_regularizer"),
        ("from minicnn.activations import swish", "gelu"),
    ],
)
def test_missing_names_name_the_nearest_thing(statement, nearest):
    with pytest.raises(NotImplementedError, match="Nearest: ") as caught:
        exec(statement, {})
    assert isinstance(caught.value, ImportError)  # for scripts that try one import and fall back on another
    assert nearest in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import minicnn.layers.core", "minicnn.layers.core"),
        ("from minicnn.layers.core import Dense", "minicnn.layers.core"),
        ("from minicnn.layers.advanced_activations import LeakyReLU", "minicnn.layers.advanced_activations"),
        ("from minicnn.utils.np_utils import to_categorical", "minicnn.utils.np_utils"),
        ("from minicnn.optimizers.legacy import Adam", "minicnn.optimizers.legacy"),
        ("import minicnn.applications", "minicnn.applications"),
        ("from minicnn.applications.vgg16 import VGG16", "minicnn.applications"),
        ("from minicnn.datasets.imdb import load_data", "minicnn.datasets.imdb"),
        ("from minicnn.preprocessing.text import Tokenizer", "minicnn.preprocessing.text"),
        ("from minicnn.constraints import max_norm", "minicnn.constraints"),
    ],
)
def test_a_statement_that_imports_from_a_missing_module_gets_pythons_error(statement, module):
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{module}'") as caught:
        exec(statement, {})
    assert caught.value.name == module


def test_type_checkers_see_no_getattr_of_a_module():
    """With one, they would accept ``from minicnn.layers import Dens``."""
    for path in Path(minicnn.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [ast.unparse(target) for target in getattr(node, "targets", [])] + [
                getattr(node, "name", "")
            ]
            assert "__getattr__" not in names, path
    assert hasattr(layers, "__getattr__")


def test_importing_changes_nothing_in_pythons_import_system():
    program = """
import sys
before = list(sys.meta_path), list(sys.path_hooks), list(sys.path)
import minicnn
assert (list(sys.meta_path), list(sys.path_hooks), list(sys.path)) == before
assert not hasattr(minicnn.utils, "__path__")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("module", ["", "layers", "losses", "utils", "models", "optimizers", "backend"])
def test_a_name_that_nobody_has_is_an_attribute_error(module):
    found = importlib.import_module(f"minicnn.{module}" if module else "minicnn")
    assert not hasattr(found, "no_such_thing")
    with pytest.raises(ImportError, match="no_such_thing"):
        exec(f"from {found.__name__} import no_such_thing", {})
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{found.__name__}.no_such_thing")


def test_a_guess_for_a_name():
    with pytest.raises(AttributeError, match="did you mean 'Conv2D'"):
        layers.Conv2d  # noqa: B018


@pytest.mark.parametrize("found", [minicnn, layers, optimizers, metrics, callbacks, minicnn.utils])
def test_a_guess_for_a_name_is_one_that_the_module_exports(found):
    for name in set(vars(found)) - set(found.__all__):
        with pytest.raises((AttributeError, ImportError)) as caught:
            getattr(found, f"{name}x")
        guesses = re.findall("did you mean '(.*)'", str(caught.value))
        assert set(guesses) <= set(found.__all__)


@pytest.mark.parametrize("owner", [minicnn.Sequential(), optimizers.Adam()], ids=["model", "optimizer"])
def test_a_guess_for_an_attribute_is_never_a_private_name(owner):
    private = {name for name in dir(type(owner)) if name.startswith("_") and not name.startswith("__")}
    public = {name.strip("_") for name in private} - set(dir(owner))
    assert public
    for name in public:
        with pytest.raises(AttributeError, match=f"no attribute '{name}'") as caught:
            getattr(owner, name)
        assert "did you mean '_" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["fit_generator", "predict_classes", "predict_proba", "evaluate_generator", "to_yaml"]
)
def test_old_methods_name_todays(name):
    model = minicnn.Sequential([minicnn.Input((2,)), layers.Dense(1)])
    with pytest.raises(AttributeError, match=f"{name}'.*Today's spelling: ") as caught:
        getattr(model, name)
    (row,) = [row for row in keras_gaps.ATTRIBUTES if row.of == "model" and name in row.names.split()]
    assert row.instead in str(caught.value)
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="did you mean 'predict'"):
        model.predicts  # noqa: B018


def test_the_optimizers_old_rate():
    with pytest.raises(AttributeError, match="Today's spelling: learning_rate"):
        optimizers.Adam().lr  # noqa: B018


# ---- the table -------------------------------------------------------------------------------------------


def test_nothing_in_the_table_is_here():
    for row in keras_gaps.NAMES:
        found = minicnn if row.of == "keras" else importlib.import_module(f"minicnn.{row.of}")
        for name in row.names.split():
            assert name not in vars(found), f"{row.of}.{name}"
            with pytest.raises(
                keras_errors.Removed if isinstance(row, keras_gaps.Old) else keras_errors.Missing
            ) as caught:
                getattr(found, name)
            assert row.instead in str(caught.value)


KINDS = {
    "layer": layers.Layer,
    "loss": losses.Loss,
    "metric": metrics.Metric,
    "callback": callbacks.Callback,
    "optimizer": optimizers.Optimizer,
    "model": minicnn.Model,
}


def test_no_name_of_the_table_is_in_two_rows():
    for table in (keras_gaps.NAMES, keras_gaps.ARGUMENTS, keras_gaps.ATTRIBUTES):
        pairs = [(of, name) for row in table for of in row.of.split() for name in row.names.split()]
        assert len(set(pairs)) == len(pairs)


def test_every_owner_of_an_argument_exists():
    modules = [
        layers,
        losses,
        metrics,
        callbacks,
        optimizers,
        minicnn.Model,
        minicnn.models.loading,
        minicnn.utils,
    ]
    for row in keras_gaps.ARGUMENTS:
        for owner in row.of.split():
            if owner == "method":
                continue
            found = [getattr(module, owner) for module in modules if owner in dir(module)]
            found = [KINDS[owner]] if owner in KINDS else found
            assert found, owner
            own = {argument for one in found for argument in inspect.signature(one).parameters}
            assert not own & set(row.names.split()), f"{owner} has it now: delete it in the table"
    for row in keras_gaps.ATTRIBUTES:
        assert not set(row.names.split()) & set(dir(KINDS[row.of]))


# ---- what is not a spelling, but said in Keras's words ---------------------------------------------------


def test_activations_by_themselves():
    x = np.array([[-2.0, 0.0, 3.0]])
    np.testing.assert_array_equal(activations.relu(x), [[0, 0, 3]])
    np.testing.assert_array_equal(activations.relu(x, negative_slope=0.5), [[-1, 0, 3]])
    np.testing.assert_array_equal(activations.leaky_relu([-10, 10]), np.float32([-2, 10]))
    np.testing.assert_allclose(activations.softmax(x).sum(), 1)
    for name, function in ((row.name, row.function) for row in activations.TABLE.values()):
        assert activations.get(name) is function
        assert activations.get(function) is function
        assert activations.serialize(function) == name
        np.testing.assert_allclose(layers.Dense(3, name, use_bias=False).final_activation(x), function(x))
    assert activations.get(None) is activations.linear
    assert layers.Conv2D(3, 3, activation=activations.elu).get_config()["activation"] == "elu"


def test_functions_of_losses():
    y_true, y_pred = np.eye(3)[[0, 2]], np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(losses.categorical_crossentropy(y_true, y_pred), -np.log([0.5, 0.7]))
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy([0, 2], y_pred), -np.log([0.5, 0.7]))
    np.testing.assert_allclose(losses.mse(y_true, y_pred), [0.375 / 3, 0.14 / 3])
    smooth = losses.categorical_crossentropy(y_true, y_pred, label_smoothing=0.3)
    np.testing.assert_allclose(smooth[0], -(0.8 * np.log(0.5) + 0.2 * np.log(0.25)))
    assert isinstance(losses.get(losses.categorical_hinge), losses.CategoricalHinge)
    assert isinstance(losses.get(losses.CategoricalHinge), losses.CategoricalHinge)


def test_layers_names_start_again_in_a_new_session():
    minicnn.backend.clear_session()
    assert [layers.Dense(1).name, layers.Dense(1).name] == ["dense", "dense_1"]
    minicnn.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_normalize():
    np.testing.assert_allclose(minicnn.utils.normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(minicnn.utils.normalize([[1.0, -3.0]], order=1), [[0.25, -0.75]])


# ---- docs/keras.md ---------------------------------------------------------------------------------------


def test_the_pages_tables_are_those_of_the_code():
    page = keras_page.PAGE.read_text(encoding="utf-8")
    assert keras_page.with_tables(page) == page, "run python -m tests.minicnn.base.keras_page"


def test_the_pages_script_runs(tmp_path, monkeypatch, rng, capsys):
    page = keras_page.PAGE.read_text(encoding="utf-8")
    script = re.search(r"<!-- the script: a test runs it -->\n```python\n(.*?)```", page, re.DOTALL)[1]
    added = re.findall(r"^\+(from .*)$", page, re.MULTILINE)
    dropped = re.findall(r"^-(from .*)$", page, re.MULTILINE)
    assert [line for line in script.splitlines() if "minicnn" in line] == added
    assert [line.replace("from keras", "from minicnn") for line in dropped] == added
    rows = [
        f"{number % 7},{' '.join(map(str, rng.integers(0, 256, 48 * 48)))},{usage}"
        for number, usage in enumerate(["Training"] * 10 + ["PublicTest"] * 4)
    ]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    monkeypatch.chdir(tmp_path)
    exec(script.replace("epochs=50", "epochs=2"), {"__name__": "script"})
    assert (tmp_path / "best.keras").exists()
    assert "Total params: 684,423" in capsys.readouterr().out
