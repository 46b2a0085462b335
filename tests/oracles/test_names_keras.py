"""Every public name and argument of Keras is here, or in the table of what is not; and none is in both."""

import importlib
import inspect
import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import minicnn  # noqa: E402
from minicnn._base import keras_errors, keras_gaps  # noqa: E402

INTERNAL = {"src"}  # the module of Keras's own code, which no script imports


def module(library, name):
    return importlib.import_module(f"{library}.{name}") if name else importlib.import_module(library)


def public(name):
    """Keras's names of a module: what it exports, submodules included."""
    return {one for one in dir(module("keras", name)) if not one.startswith("_")} - INTERNAL


@pytest.mark.parametrize(
    "name",
    [
        *("", "layers", "models", "optimizers", "optimizers.schedules", "losses", "metrics", "callbacks"),
        *("regularizers", "initializers", "activations", "utils", "backend", "preprocessing.image"),
    ],
)
def test_every_name_of_keras(name):
    ours = module("minicnn", name)
    listed = vars(ours).get("__all__", ())  # also what is imported when it is first used
    here = public(name) & {*vars(ours), *listed}
    for one in public(name) - here:
        with pytest.raises(
            (keras_errors.Missing, keras_errors.Removed), match=r"Nearest: |Today's spelling: "
        ):
            getattr(ours, one)
    rows = [row for row in keras_gaps.NAMES if row.of == (name or "keras")]
    table = {one for row in rows if not isinstance(row, keras_gaps.Old) for one in row.names.split()}
    old = {one for row in rows if isinstance(row, keras_gaps.Old) for one in row.names.split()}
    assert not table & set(vars(ours)), "implemented: delete it in the table"
    # no spelling mistakes in the table; a few are abbreviations that Keras takes as strings only
    assert table - public(name) <= {"mae", "mape", "msle", "kld", "sequence", "text"}
    assert old & public(name) <= {"legacy"}  # Keras 3 has the module, but nothing in it works


CLASSES = [
    (name, one)
    for name in ("layers", "optimizers", "losses", "metrics", "callbacks", "regularizers", "optimizers.schedules")
    for one in sorted(vars(module("minicnn", name)))
    if inspect.isclass(getattr(module("minicnn", name), one))
    and hasattr(module("keras", name), one)
    and one not in {"Layer", "Loss", "Metric", "Optimizer", "Callback", "CallbackList"}
    and one not in {"LambdaCallback", "MeanMetricWrapper"}
]  # fmt: skip
BASE = {"args", "kwargs", "self"}
NEEDED = {
    "filters": 2, "kernel_size": 2, "units": 2, "rate": 0.5, "stddev": 0.1, "scale": 1.0, "factor": 0.1,
    "height_factor": 0.1, "width_factor": 0.1, "target_shape": (2,), "dims": (1,), "shape": (2,), "activation": "relu",
    "layers": [], "filepath": "x.npz", "filename": "x.csv", "backup_dir": "x", "schedule": lambda epoch: 0.1,
    "initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5, "first_decay_steps": 2, "boundaries": [1],
    "values": [1.0, 0.5], "function": abs,
}  # fmt: skip


@pytest.mark.parametrize(("name", "one"), CLASSES, ids=lambda part: part)
def test_every_argument_of_keras_is_taken_at_its_default(name, one):
    ours, theirs = getattr(module("minicnn", name), one), getattr(module("keras", name), one)
    own = {}
    for function in [vars(one)["__init__"] for one in reversed(ours.__mro__) if "__init__" in vars(one)]:
        own |= inspect.signature(function).parameters
    must = inspect.signature(ours).parameters
    needed = {
        key: NEEDED[key] for key in NEEDED if key in must and must[key].default is inspect.Parameter.empty
    }
    if one == "InputLayer":
        needed["shape"] = (2,)
    for argument, parameter in inspect.signature(theirs).parameters.items():
        if argument in BASE or parameter.default is inspect.Parameter.empty:
            assert argument in BASE or argument in own, argument
            continue
        if argument not in needed:
            ours(**needed, **{argument: parameter.default})
        if argument in own and argument not in {*needed, "name"}:
            assert own[argument].default == parameter.default, argument


@pytest.mark.parametrize("name", ["compile", "fit", "evaluate", "predict", "summary"])
def test_every_argument_of_a_models_methods(name):
    method = getattr(minicnn.Model, name)
    own = inspect.signature(method).parameters
    for argument, parameter in inspect.signature(getattr(keras.Model, name)).parameters.items():
        if argument in BASE:
            continue
        if argument in own:
            assert own[argument].default == parameter.default, argument
        else:
            keras_errors.check_arguments("method", method, {argument: parameter.default})
