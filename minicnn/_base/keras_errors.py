"""What a Keras script may say that is not said here: one table of it, and the errors that it makes.

    removed     Keras 1's and 2's spellings, which Keras 3 has dropped too: the error names today's.
    missing     what Keras 3 has and minicnn has not (keras_gaps.py): NotImplementedError, which names the nearest
                thing that is here. Where an argument's value changes nothing, it is let through.
    unknown     anything else: the error that Python would raise, with a guess at what was meant.

Layers, optimizers and the rest pass on what they do not know (`check_arguments`); a module's ``__getattr__`` and the
import system ask for names (`refuse_name`). Nothing else in the library knows of these spellings.
"""

import difflib
import functools
import importlib.abc
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from minicnn._base.keras_gaps import ANY, ARGUMENTS, NAMES

# ---- arguments: old -> today's, by what takes them -----------------------------------------------------------------

REMOVED_ARGUMENTS: dict[str, dict[str, str]] = {
    "layer": {
        "border_mode": 'padding="same" or "valid"',
        "subsample": "strides",
        "nb_filter": "filters",
        "nb_row": "kernel_size=(rows, columns)",
        "nb_col": "kernel_size=(rows, columns)",
        "atrous_rate": "dilation_rate",
        "dim_ordering": "nothing: images are (N, height, width, channels)",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_regularizer (constraints are not here)",
        "b_constraint": "bias_regularizer (constraints are not here)",
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
        "mode": "nothing: the statistics are those of each channel",
        "output_dim": "units",
        "p": "rate",
        "keep_prob": "rate, the part that is dropped",
        "sigma": "stddev",
        "weights": "layer.set_weights(weights), once the layer is built",
        "batch_input_shape": "input_shape, without the batch's axis; or Input as the first layer",
        "batch_size": "nothing: batch_size is an argument of fit",
    },
    "optimizer": {
        "lr": "learning_rate",
        "decay": "learning_rate=schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)",
        "schedule_decay": "learning_rate=schedules.InverseTimeDecay(…)",
    },
    "method": {
        "nb_epoch": "epochs",
        "samples_per_epoch": "steps_per_epoch, in batches",
        "nb_val_samples": "validation_steps, in batches",
        "val_samples": "steps, in batches",
        "show_accuracy": 'metrics=["accuracy"] in compile',
        "generator": "x, the first argument",
        "workers": "nothing: leave it out",
        "nb_worker": "nothing: leave it out",
        "use_multiprocessing": "nothing: leave it out",
        "pickle_safe": "nothing: leave it out",
        "max_queue_size": "nothing: leave it out",
        "max_q_size": "nothing: leave it out",
        "sample_weight_mode": "nothing: sample_weight is (N,), an argument of fit",
        "class_mode": "loss: it decides",
        "target_tensors": "y, an argument of fit",
    },
    "callback": {
        "period": 'save_freq="epoch", or a number of batches',
        "epsilon": "min_delta",
    },
}

# ---- names: module -> old -> today's -------------------------------------------------------------------------------

REMOVED_NAMES: dict[str, dict[str, str]] = {
    "": {
        "objectives": "losses",
        "initializations": "initializers",
        "engine": "layers.Layer, models.Model, layers.Input",
        "wrappers": "a few lines of your own around models.Sequential",
        "tensorflow": "import minicnn as keras",
    },
    "layers": {
        **dict.fromkeys(
            ("core", "convolutional", "advanced_activations", "noise", "local", "recurrent", "embeddings"),
            "minicnn.layers: from minicnn.layers import …",
        ),
        "merge": "Add, Concatenate (or add, concatenate) of minicnn.layers",
        "Merge": "Add, Concatenate",
        "experimental": "minicnn.layers: RandomFlip, Rescaling, …",
        "AtrousConvolution2D": "Conv2D(…, dilation_rate=…)",
        "Deconvolution2D": "UpSampling2D, then Conv2D",
        "ThresholdedReLU": "ReLU",
        "MaxoutDense": "Dense",
        "Highway": "Dense",
    },
    "models": {"model_from_yaml": "model_from_json"},
    "optimizers": {"legacy": "minicnn.optimizers: Adam, SGD, …", "adam_v2": "minicnn.optimizers.Adam"},
    "callbacks": {"callbacks": "minicnn.callbacks"},
    "utils": {
        "np_utils": "utils.to_categorical",
        "generic_utils": "minicnn.utils",
        "vis_utils": "utils.plot_model",
        "visualize_util": "utils.plot_model",
        "multi_gpu_model": "the model itself: it trains on the CPU, on all its cores",
    },
    "backend": {
        "set_image_dim_ordering": "nothing: images are (N, height, width, channels)",
        "image_dim_ordering": "image_data_format()",
        "get_value": "the number itself, such as model.optimizer.learning_rate",
        "set_value": "an assignment, such as model.optimizer.learning_rate = 1e-4",
        "learning_phase": "the argument training=True or False of a layer or model",
        "set_learning_phase": "the argument training=True or False of a layer or model",
    },
}

# ---- attributes of objects: class -> old -> today's ----------------------------------------------------------------

REMOVED_ATTRIBUTES: dict[str, dict[str, str]] = {
    "model": {
        "fit_generator": "fit(generator, …)",
        "evaluate_generator": "evaluate(generator, …)",
        "predict_generator": "predict(generator, …)",
        "predict_classes": "predict(x).argmax(axis=1)",
        "predict_proba": "predict(x)",
        "to_yaml": "to_json()",
    },
    "optimizer": {"lr": "learning_rate", "decay": "learning_rate=schedules.InverseTimeDecay(…)"},
}

HOME = __name__.partition(".")[0]
P = ParamSpec("P")
R = TypeVar("R")


class Missing(ImportError, NotImplementedError):
    """Keras has it and minicnn has not. An ImportError too: so that ``from minicnn.layers import LSTM`` says why."""


class Removed(ImportError):
    """A name that Keras itself has dropped."""


def check_arguments(kind: str, owner: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise for arguments that ``owner`` does not know, unless they are Keras's at a value that changes nothing.

    Args:
        kind: "layer", "optimizer", "method", "callback" or another: where REMOVED_ARGUMENTS are looked up.
        owner: the class or the method that was called.
        given: the arguments that nothing took.

    Raises:
        NotImplementedError: Keras has the argument, minicnn has not.
        TypeError: an old spelling, or an argument that does not exist.
    """
    if not given:
        return
    owners = [one.__name__ for one in (owner.__mro__ if isinstance(owner, type) else [owner])]
    for argument, value in given.items():
        said = f"{owners[0]}: {argument}={value!r}"
        if (row := _argument(argument, owners)) is not None:
            harmless, nearest = row
            if harmless is not ANY and not any(value is one or value == one for one in harmless):
                raise NotImplementedError(f"{said} is Keras's, but not in minicnn. Nearest: {nearest}")
        elif argument in REMOVED_ARGUMENTS.get(kind, {}):
            raise TypeError(f"{said}: today's Keras says {REMOVED_ARGUMENTS[kind][argument]}")
        else:
            guess = _guess(argument, _arguments_of(owner))
            raise TypeError(f"{owners[0]}: unknown argument {argument!r}{guess}")


def keras_arguments(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method, so that its unknown arguments are looked up in the tables."""
    known = set(_arguments_of(method))

    @functools.wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        check_arguments("method", method, {name: options.pop(name) for name in set(options) - known})
        return method(*arguments, **options)

    return call


def _argument(argument: str, owners: list[str]) -> tuple[Any, str] | None:
    for row in ARGUMENTS:
        if argument in row.names.split() and not set(owners).isdisjoint(row.owners.split()):
            return row.harmless, row.nearest
    return None


def _arguments_of(owner: Callable[..., Any]) -> list[str]:
    """Return the names that a method takes, or a class and those that it passes arguments on to."""
    functions = (
        [vars(one)["__init__"] for one in owner.__mro__ if "__init__" in vars(one)]
        if isinstance(owner, type)
        else [owner]
    )
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        name
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind in named
    ]


def _guess(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def refuse_name(module: str, name: str) -> None:
    """Raise if ``name`` of ``module`` ("minicnn.layers") is an old spelling, or of Keras and missing; else return.

    A registry looks names up too, as "lion" or "Lion": letters count.

    Raises:
        Missing: Keras has it, minicnn has not.
        Removed: an old spelling.
    """
    module = module.removeprefix(HOME).lstrip(".")  # "" for the package itself
    place = f"{HOME}.{module}" if module else HOME
    if (today := REMOVED_NAMES.get(module, {}).get(name)) is not None:
        raise Removed(f"{place}.{name}: Keras has dropped it. Today's spelling: {today}", name=place)
    for names, nearest in NAMES.get(module, {}).items():
        if letters(name) in map(letters, names.split()):
            raise Missing(f"{place}.{name} is Keras's, but not in minicnn. Nearest: {nearest}", name=place)


def letters(name: str) -> str:
    """Return what "HeNormal", "he_normal" and "HENORMAL" have in common."""
    return name.replace("_", "").lower()


def names_of(module: str) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``: what is not there is looked up in the tables."""

    def missing_attribute(name: str) -> Any:
        refuse_name(module, name)
        guess = _guess(name, [one for one in vars(sys.modules[module]) if not one.startswith("_")])
        raise AttributeError(f"module {module!r} has no attribute {name!r}{guess}")

    return missing_attribute


def no_attribute(kind: str, instance: Any, name: str) -> AttributeError:
    """Return the error for an attribute that an object does not have: a ``__getattr__`` raises it."""
    message = f"{type(instance).__name__!r} object has no attribute {name!r}"
    if (today := REMOVED_ATTRIBUTES[kind].get(name)) is not None:
        message += f": Keras has dropped it. Today's spelling: {today}"
    elif not name.startswith("_"):
        message += _guess(name, dir(type(instance)))
    return AttributeError(message, name=name, obj=instance)


class _Finder(importlib.abc.MetaPathFinder):
    """Asked for modules that nobody else found: ``import minicnn.layers.core``, ``import minicnn.applications``."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        parent, _, name = fullname.rpartition(".")
        if parent.partition(".")[0] == HOME:
            refuse_name(parent, name)


sys.meta_path.append(_Finder())
