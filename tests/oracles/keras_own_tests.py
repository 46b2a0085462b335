"""Keras's own tests, from the installed package, run on minicnn: ``python -m tests.oracles.keras_own_tests`` writes
the table of docs/keras.md.

A test module of Keras is imported, and what it took from Keras is replaced: a class, function or module of Keras by
minicnn's of the same public name, backend and ops by NumPy. Its class TestCase gets a run_layer_test that checks what
minicnn has: output shape, numbers of weights, expected output. Every test has one of three results:

    passed      all its statements held
    refused     it asks for something that minicnn refuses or does not have, or for Keras's inside
    differs     an assertion failed: it must be in DIFFERENCES, with the reason

Messages of errors are minicnn's own: where Keras's test expects one, any error will do.
"""

import importlib
import inspect
import itertools
import json
import os
import sys
import unittest
import warnings
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import minicnn
from minicnn.layers.parameter import Parameter
from minicnn.layers.symbol import as_list

TABLE = "keras's own tests"
PLACES = [minicnn.layers, minicnn.losses, minicnn.metrics, minicnn.regularizers, minicnn.initializers]
PLACES += [
    minicnn.activations,
    minicnn.optimizers.schedules,
    minicnn.optimizers,
    minicnn.callbacks,
    minicnn.models,
    minicnn.utils,
    minicnn,
]
AREAS = {
    "convolution": [f"layers.convolutional.{name}" for name in ("conv", "depthwise_conv", "separable_conv")],
    "dense": ["layers.core.dense", "layers.core.input_layer"],
    "pooling": [f"layers.pooling.{name}_pooling" for name in ("max", "average", "global_average", "global_max")],
    "normalization": [
        *(f"layers.normalization.{name}_normalization" for name in ("batch", "group")),
        *(f"layers.preprocessing.{name}" for name in ("normalization", "rescaling")),
    ],
    "regularization": [f"layers.regularization.{name}" for name in ("dropout", "gaussian_noise", "spatial_dropout")],
    "reshaping": [
        f"layers.reshaping.{name}" for name in ("flatten", "permute", "reshape", "up_sampling2d", "zero_padding2d")
    ],
    "merging": ["layers.merging.merging"],
    "activations": [
        "activations.activations",
        *(f"layers.activations.{name}" for name in ("activation", "elu", "leaky_relu", "prelu", "relu", "softmax")),
    ],
    "losses": ["losses.losses"],
    "metrics": [
        f"metrics.{name}_metrics"
        for name in ("accuracy", "confusion", "f_score", "reduction", "regression", "probabilistic")
    ],
    "optimizers": [
        f"optimizers.{name}"
        for name in ("optimizer", "adadelta", "adagrad", "adam", "adamw", "nadam", "rmsprop", "sgd")
    ],
    "callbacks": [
        f"callbacks.{name}"
        for name in ("backup_and_restore", "callback", "csv_logger", "early_stopping", "lambda_callback",
                     "learning_rate_scheduler", "model_checkpoint", "monitor_callback", "reduce_lr_on_plateau",
                     "swap_ema_weights", "terminate_on_nan")  # TensorBoard's read its files with TensorFlow
    ],
    "schedules": ["optimizers.schedules.learning_rate_schedule"],
    "weights": ["regularizers.regularizers"]
    + [f"initializers.{name}_initializers" for name in ("random", "constant")],
}  # fmt: skip
SUMS = "minicnn's metrics keep sums as attributes; only those that add_weight made are variables"
ROUNDED = (
    "a prediction of exactly 0 or 1: float32 has no 1 − 1e-7, so Keras takes 1.19e-7 where minicnn takes 1e-7"
)
LIMITS = "thresholds outside [0, 1] are useful for logits: minicnn takes them"
ROWS = "predictions (N,) are N samples in minicnn; with top_k, Keras takes them for one sample"
INPUTS = "batch_shape wins over shape and batch_size; Keras refuses them together"
GIVEN = "AUC(thresholds=) keeps what is given in its attributes; Keras adds the ends"
DIFFERENCES = {
    "AUCTest.test_manual_thresholds": GIVEN,
    "AUCTest.test_weighted_pr_interpolation_negative_weights": "negative sample weights: Keras's area is 0",
    "CSVLoggerTest.test_stop_training_csv": "a step whose loss is not finite is not taken: the next loss is inf again",
    "OptimizerTest.test_optimizer_auto_naming": "an optimizer's name is that of its kind, without a number",
    "OptimizerTest.test_overwrite_with_gradient": "Keras's mark of a variable whose gradient is its next value",
    "BinaryCrossentropyTest.test_sample_weighted": ROUNDED,
    "BinaryCrossentropyTest.test_scalar_weighted": ROUNDED,
    "BinaryCrossentropyTest.test_unweighted": ROUNDED,
    "ConvBasicTest.test_bad_init_args": "strides and dilation_rate together, which Keras refuses",
    "HuberLossTest.test_config": "Keras's get_config leaves delta out",
    "InputLayerTest.test_input_error1": INPUTS,
    "InputLayerTest.test_input_error2": INPUTS,
    "InputLayerTest.test_input_shape_deprecated": "input_shape is accepted without a warning",
    "MultiAUCTest.test_manual_thresholds": GIVEN,
    "NormalizationTest.test_adapt_empty_iterable_raises": "adapt of no batch leaves mean 0 and variance 1",
    "NormalizationTest.test_normalization_basics": "Normalization has no third weight, Keras's count",
    "PrecisionTest.test_weighted_top_k": ROWS,
    "ReLUTest.test_invalid_usage": "a negative negative_slope is accepted, which Keras refuses",
    "RecallTest.test_weighted_top_k": ROWS,
    **dict.fromkeys([f"{kind}.test_threshold_limit" for kind in
        ("FalseNegativesTest", "FalsePositivesTest", "TrueNegativesTest", "TruePositiveTest")], LIMITS),
    **dict.fromkeys([f"{kind}Test.test_config" for kind in
        ("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "FalseNegatives", "FalsePositives", "Mean",
         "MetricWrapper", "Precision", "Recall", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
         "TopKCategoricalAccuracy", "TrueNegatives", "TruePositive")], SUMS),
}  # fmt: skip


class Refused(Exception):
    """The test asks for something that is not compared."""


class Called:
    """A loss that can be called, as Keras's."""

    def __init__(self, loss):
        self._loss = loss

    def __call__(self, y_true, y_pred, sample_weight=None):
        prediction = np.asarray(y_pred)
        prediction = prediction if prediction.dtype.kind == "f" else prediction.astype("float32")
        return self._loss.forward(y_true, prediction, sample_weight)

    def __getattr__(self, name):
        return getattr(self._loss, name)


class Ours:
    """A module of Keras: its names are minicnn's, those of losses and metrics of their own module."""

    def __init__(self, kind, module=""):
        self._kind, self._module = kind, module

    def __getattr__(self, name):
        return replaced(name, self._kind, self._module)


class Variable(Parameter):
    """A variable of Keras that an optimizer changes."""

    numbers = itertools.count()

    def __init__(self, value, name=None, **_):
        name = name or f"variable_{next(self.numbers)}"
        super().__init__(np.array(value, "float32"), name, name)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype)


class Numbers:
    """Keras's backend and ops: NumPy."""

    def __init__(self, kind=""):
        self._kind = kind

    def __getattr__(self, name):
        others = {
            "convert_to_tensor": np.asarray,
            "convert_to_numpy": np.asarray,
            "cast": lambda x, dtype: np.asarray(x, dtype),
        }
        others |= {"shape": np.shape, "floatx": minicnn.backend.floatx, "epsilon": minicnn.backend.epsilon}
        others |= {"backend": lambda: "numpy", "Variable": lambda value, **_: np.asarray(value, "float32")}
        if self._kind == "optimizers":
            others["Variable"] = Variable
        others |= {
            "image_data_format": minicnn.backend.image_data_format,
            "is_tensor": lambda x: isinstance(x, np.ndarray),
        }
        if name in others:
            return others[name]
        if hasattr(np, name):
            return getattr(np, name)
        raise Refused(name)


def replaced(name, kind="", module=""):
    """Return what minicnn has under a public name of Keras, in a test of ``kind``; of ``module`` if it has it."""
    places = [each.__name__ for each in PLACES]
    module = module if f"minicnn.{module}" in places else kind
    other = {"losses": minicnn.metrics, "metrics": minicnn.losses}.get(module)  # which have the same names
    own = [place for place, known in zip(PLACES, places) if known == f"minicnn.{module}"]
    for place in [*own, *(each for each in PLACES if each is not other)]:
        if name in vars(place) and not inspect.ismodule(vars(place)[name]):
            found = vars(place)[name]
            if kind == "losses" and inspect.isclass(found) and issubclass(found, minicnn.losses.Loss):
                return lambda *args, **options: Called(found(*args, **options))
            return found
    raise Refused(name)


def run_layer_test(
    self, layer_cls, init_kwargs, input_shape=None, input_data=None, call_kwargs=None, **expected
):
    """Check a layer's output and weights, in place of Keras's method of the same name."""
    if input_data is None and (input_shape is None or isinstance(input_shape, dict)):
        raise Refused("no input")
    several = bool(input_shape) and isinstance(input_shape[0], list | tuple)
    shapes = input_shape if several else [input_shape]
    x = input_data
    if x is None:
        x = [np.random.default_rng(0).random(shape, dtype="float32") for shape in shapes]
        x = x if several else x[0]
    layer = layer_cls(**init_kwargs)
    y = layer(x, **(call_kwargs or {}))
    if expected.get("expected_output_shape") is not None:
        assert tuple(np.shape(y)) == tuple(expected["expected_output_shape"])
    if expected.get("expected_output") is not None:
        self.assertAllClose(y, expected["expected_output"], atol=1e-5)
    for name, weights in (
        ("trainable", layer.trainable_weights),
        ("non_trainable", layer.non_trainable_weights),
    ):
        number = expected.get(f"expected_num_{name}_weights")
        if number is not None:
            assert len(weights) == number, f"{len(weights)} {name} weights, expected {number}"
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def run_class_serialization_test(self, instance, custom_objects=None):
    """Check get_config and from_config."""
    config = instance.get_config()
    kind = type(getattr(instance, "_loss", instance))
    assert kind.from_config(config).get_config() == config


def results_of(module):
    """Yield (the name of a test, "passed", "refused" or "differs", the message) for the tests of a module of Keras."""
    testing = importlib.import_module("keras.src.testing")
    # what some modules import and few of their tests use
    stubs = {
        "grain": mock.MagicMock(),
        "conftest": mock.Mock(skip_if_backend=lambda *_: lambda test: test),
        **{f"tensorflow{inner}": mock.MagicMock() for inner in ("", ".python", ".python.eager")},
    }
    with mock.patch.dict(sys.modules, stubs):
        source = importlib.import_module(f"keras.src.{module}_test")
    kind = module.partition(".")[0]
    for name, value in list(vars(source).items()):
        home = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", "")
        if not str(home or "").startswith("keras") or value is testing or str(home).endswith("_test"):
            continue
        if home.rpartition(".")[2] in ("test_utils", "file_utils"):  # they draw data, and join paths
            continue
        if inspect.ismodule(value):
            kept = (
                Numbers(kind)
                if home.rpartition(".")[2] in ("backend", "ops", "tree")
                else Ours(kind, home.rpartition(".")[2])
            )
        else:
            try:
                kept = replaced(name, kind)
            except Refused:
                kept = Ours(kind)
        setattr(source, name, kept)
    for case in [
        each
        for each in vars(source).values()
        if inspect.isclass(each) and issubclass(each, unittest.TestCase)
    ]:
        if case is testing.TestCase:
            continue
        case.run_layer_test, case.run_class_serialization_test = run_layer_test, run_class_serialization_test
        case.assertRaisesRegex = any_error
        for test in unittest.defaultTestLoader.getTestCaseNames(case):
            yield f"{case.__name__}.{test}", *result_of(case, test)


def any_error(self, kind, pattern="", *call, expected_regex=""):
    """Expect any error, in place of one with Keras's message."""
    return self.assertRaises(Exception, *call)  # noqa: B017, PT027


CALL = minicnn.Layer.__call__


def cast_and_call(layer, x, *args, **options):
    """Call a layer, which refuses float64 where Keras casts it to float32."""
    several = [
        each.astype("float32") if getattr(each, "dtype", None) == "float64" else each for each in as_list(x)
    ]
    return CALL(layer, several if isinstance(x, list | tuple) else several[0], *args, **options)


def result_of(case, name):
    """Run one test; return its result and the message."""
    minicnn.random.set_seed(0)
    try:
        test = case(name)
        for mark in getattr(getattr(test, name), "pytestmark", []):
            if mark.name == "skip" or (mark.name == "skipif" and mark.args[0]):
                raise Refused(mark.kwargs.get("reason", mark.name))
        test.setUp()
        with warnings.catch_warnings(), mock.patch.object(minicnn.Layer, "__call__", cast_and_call):
            warnings.simplefilter("ignore")
            getattr(test, name)()
    except AssertionError as error:
        return "differs", str(error)
    except (unittest.SkipTest, pytest.skip.Exception) as error:
        return "refused", str(error)
    except Exception as error:  # what a test of a feature that is not here meets
        return "refused", f"{type(error).__name__}: {error}"
    return "passed", ""


def area(name):
    """Return [(test, result, message)] of an area."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return [row for module in AREAS[name] for row in results_of(module)]


def table(results):
    """Yield the lines of the table of {area: its results}."""
    yield "| area | Keras's tests | passed | refused, or Keras's inside | other on purpose |\n|---|---|---|---|---|"
    total = Counter()
    for name, rows in results.items():
        counts = Counter(row[1] for row in rows)
        total += counts
        yield _line(name, counts)
    yield _line("together", total)


def _line(name, counts):
    return f"| {name} | {sum(counts.values())} | {counts['passed']} | {counts['refused']} | {counts['differs']} |"


def main():
    """Write the table into docs/keras.md; or, with the name of a file, the results as JSON into this file."""
    results = {name: area(name) for name in AREAS}
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(results), encoding="utf-8")
        return
    page = Path(minicnn.__file__).parent.parent / "docs" / "keras.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"<!-- {TABLE} -->\n")
    _, _, after = rest.partition(f"<!-- end of {TABLE} -->")
    lines = "\n".join(table(results))
    page.write_text(f"{before}<!-- {TABLE} -->\n{lines}\n<!-- end of {TABLE} -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
