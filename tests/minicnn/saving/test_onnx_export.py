"""ONNX export: the graph computes in onnxruntime what the model predicts, within 1e-5."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from fer.networks import architectures
from minicnn import activations, layers, models
from minicnn.gradient_check.suite import Draw
from minicnn.gradient_check.suite.layers import LAYERS
from minicnn.saving.onnx.export import export_onnx


@pytest.fixture(scope="module")
def onnx():
    return pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def runtime(onnx):
    return pytest.importorskip("onnxruntime")


def shake(model, rng):
    """Give all weights different values, so that an exchange of two of them changes the result."""
    model.set_weights(
        [rng.uniform(0.3, 1.3, weight.shape) * rng.choice([-1, 1]) for weight in model.get_weights()]
    )
    for weight in model.weights:
        if weight.name in ("moving_variance", "variance"):
            weight.assign(np.abs(weight.value))


def computed(runtime, path, *inputs):
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs)))


def check(runtime, model, folder, rng, **options):
    """Compare on a batch of three, and on one of one: the batch is of any size."""
    shake(model, rng)
    path = folder / "net.onnx"
    export_onnx(model, path, **options)
    x = rng.standard_normal((3, *model.input_shape[1:])).astype("float32")
    for batch in (x, x[:1]):
        (y,) = computed(runtime, path, batch)
        expected = model.predict(batch)
        assert y.shape == expected.shape
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * max(1, np.abs(expected).max()))


def sequence(*several, shape=(7, 6, 3)):
    return minicnn.Sequential([minicnn.Input(shape), *several])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_every_layer(runtime, tmp_path, rng, kind, seed):
    """With arguments and a shape as the gradient suite draws them; every other
    image comes behind a convolution.
    """
    case = LAYERS[kind](Draw(np.random.default_rng(seed)), False)
    shape = case.x.shape[1:]
    # behind a convolution, images are (N, C, H, W) in the graph
    before = [layers.Conv2D(shape[-1], 1)] if len(shape) == 3 and seed % 2 else []
    check(runtime, sequence(*before, case.make("float32"), shape=shape), tmp_path, rng)


OTHER_ARGUMENTS = {
    "BatchNormalization, without gamma and beta": lambda: layers.BatchNormalization(
        scale=False, center=False
    ),
    "Normalization, adapted": lambda: layers.Normalization(),
    "Normalization, given": lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.0]),
    "Rescaling by channel": lambda: layers.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 1.0, 2.0]),
    "Dense on each pixel": lambda: layers.Dense(4, activation="softmax"),
    "a model inside": lambda: minicnn.Sequential([layers.Conv2D(3, 2), layers.ReLU()]),
    "Residual with a shortcut": lambda: layers.Residual(
        main=[layers.Conv2D(4, 3, strides=2, padding="same")],
        shortcut=[layers.AveragePooling2D(2, padding="same"), layers.Dense(4)],
    ),
}


@pytest.mark.parametrize("behind_a_convolution", [False, True])
@pytest.mark.parametrize("name", OTHER_ARGUMENTS)
def test_other_arguments(runtime, tmp_path, rng, name, behind_a_convolution):
    before = [layers.Conv2D(3, 1)] if behind_a_convolution else []
    check(runtime, sequence(*before, OTHER_ARGUMENTS[name]()), tmp_path, rng)


@given(
    kind=st.sampled_from(
        ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D"]
    ),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same"]),
    height=st.integers(5, 9),
    use_bias=st.booleans(),
)
def test_windows(runtime, tmp_path_factory, kind, size, stride, dilation, padding, height, use_bias):
    arguments = {"strides": stride, "padding": padding}
    if "Conv" in kind:
        # Keras, too, has either strides or dilation
        arguments |= {"use_bias": use_bias} | ({"dilation_rate": dilation} if stride == 1 else {})
    if kind in ("DepthwiseConv2D", "SeparableConv2D"):
        arguments["depth_multiplier"] = 2
    filters = [4] if kind in ("Conv2D", "SeparableConv2D") else []
    layer = getattr(layers, kind)(*filters, size, **arguments)
    rng = np.random.default_rng(height)
    check(runtime, sequence(layer, shape=(height, 7, 2)), tmp_path_factory.mktemp("onnx"), rng)


@pytest.mark.parametrize("opset", [13, 17, 21])
@pytest.mark.parametrize("activation", activations.TABLE)
def test_activations(runtime, tmp_path, rng, activation, opset):
    inside = layers.Conv2D(3, 2, activation=activation)
    check(runtime, sequence(inside, layers.Activation(activation)), tmp_path, rng, opset=opset)


def test_the_approximate_gelu(runtime, tmp_path, rng):
    gelu = layers.Activation("gelu")
    gelu.options = {"approximate": True}
    check(runtime, sequence(gelu), tmp_path, rng)
    exact = sequence(layers.Activation("gelu"))
    x = np.linspace(-3, 3, 126, dtype="float32").reshape(1, 7, 6, 3)
    (y,) = computed(runtime, tmp_path / "net.onnx", x)
    assert 1e-4 < np.abs(y - exact.predict(x)).max() < 1e-3


@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_rows(runtime, tmp_path, rng, shape):
    check(
        runtime,
        sequence(
            layers.BatchNormalization(), layers.Dense(4, activation="elu"), layers.Softmax(), shape=shape
        ),
        tmp_path,
        rng,
    )


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_the_faces_networks(runtime, tmp_path, rng, name):
    model = architectures.build(name, seed=3, augment="full")
    for weight in model.weights:
        if weight.name == "moving_mean":
            weight.assign(rng.normal(0, 0.3, weight.shape))
        elif weight.name in ("moving_variance", "gamma"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    export_onnx(model, tmp_path / "net.onnx")
    images = rng.uniform(0, 255, (4, 48, 48, 1)).astype("float32")
    (probabilities,) = computed(runtime, tmp_path / "net.onnx", images)
    np.testing.assert_allclose(probabilities, model.predict(images), atol=1e-5)


@pytest.mark.parametrize("kind", ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract"])
def test_graphs_that_split_and_join(runtime, tmp_path, rng, kind):
    inputs = minicnn.Input((7, 6, 3))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    branches = [x, layers.BatchNormalization()(inputs)]
    if kind != "Subtract":
        branches.append(layers.GlobalAveragePooling2D(keepdims=True)(x))
    joined = getattr(layers, kind)()(branches)
    joined = layers.Concatenate()([joined, x, inputs])
    joined = layers.Concatenate(axis=1)([joined, layers.Activation("tanh")(joined)])
    outputs = layers.Dense(4, activation="softmax", name="output")(layers.Flatten()(joined))
    check(runtime, models.Model(inputs, outputs), tmp_path, rng)


def test_several_inputs_and_outputs(runtime, tmp_path, rng):
    left, right = minicnn.Input((5, 4, 2), name="left"), minicnn.Input((5, 4, 2), name="right")
    joined = layers.Add(name="joined")([layers.Conv2D(2, 1)(left), right])
    model = models.Model([left, right], [joined, layers.GlobalMaxPooling2D(name="most")(joined)])
    shake(model, rng)
    export_onnx(model, tmp_path / "net.onnx")
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["input_left", "input_right"]
    assert [each.name for each in session.get_outputs()] == ["output_joined", "output_most"]
    x = [rng.standard_normal((3, 5, 4, 2)).astype("float32") for _ in range(2)]
    for ours, theirs in zip(model(x), computed(runtime, tmp_path / "net.onnx", *x)):
        np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_a_float64_model_becomes_a_float32_graph(runtime, tmp_path, rng):
    model = minicnn.Sequential([minicnn.Input((4,), dtype="float64"), layers.Dense(3)])
    export_onnx(model, tmp_path / "net.onnx")
    x = rng.standard_normal((2, 4))
    (y,) = computed(runtime, tmp_path / "net.onnx", x.astype("float32"))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, model.predict(x), atol=1e-5)


def test_what_the_file_says_of_itself(onnx, tmp_path):
    model = sequence(layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.ReLU())
    export_onnx(model, tmp_path / "net.onnx", opset=15)
    proto = onnx.load(tmp_path / "net.onnx")
    assert (proto.producer_name, proto.producer_version) == ("minicnn", minicnn.__version__)
    assert [opset.version for opset in proto.opset_import] == [15]
    (given_in,), (given_out,) = proto.graph.input, proto.graph.output
    assert (given_in.name, given_out.name) == ("input", "output")
    for end, shape in ((given_in, ["batch", 7, 6, 3]), (given_out, ["batch", 2, 2, 2])):
        axes = end.type.tensor_type.shape.dim
        assert [axis.dim_param or axis.dim_value for axis in axes] == shape
    # one transposition in, one out
    assert [node.op_type for node in proto.graph.node] == [
        "Transpose", "Conv", "MaxPool", "Relu", "Transpose", "Identity",
    ]  # fmt: skip


def test_metadata_go_with_the_file(runtime, tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.metadata = {"classes": ["café", "dog"], "note": "a text stays one"}
    export_onnx(model, tmp_path / "x.onnx")
    session = runtime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map
    assert found == {"classes": '["café", "dog"]', "note": "a text stays one"}


def test_a_layer_of_ones_own_is_refused_by_name(onnx, tmp_path):
    class Doubled(layers.Dense):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

    class Renamed(layers.Dense):
        pass

    export_onnx(sequence(Renamed(2)), tmp_path / "net.onnx")
    before = (tmp_path / "net.onnx").read_bytes()
    with pytest.raises(NotImplementedError, match=r"mine: a Doubled cannot be exported as ONNX.*Conv2D"):
        export_onnx(sequence(Doubled(2, name="mine")), tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]


def test_dropout_that_is_always_on_is_refused(onnx, tmp_path):
    inputs = minicnn.Input((4,))
    model = models.Model(inputs, layers.Dropout(0.5, name="always")(inputs, training=True))
    with pytest.raises(NotImplementedError, match="always was called with training=True"):
        export_onnx(model, tmp_path / "net.onnx")


def test_what_is_asked_for_is_checked(onnx, tmp_path):
    model = sequence(layers.Flatten())
    for opset in (12, 10_000):
        with pytest.raises(ValueError, match=f"opset={opset}: expected a number from 13 to"):
            export_onnx(model, tmp_path / "net.onnx", opset=opset)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        export_onnx(model, tmp_path / "nowhere" / "net.onnx")
    with pytest.raises(ValueError, match=r"is not built: begin it with Input"):
        export_onnx(minicnn.Sequential([layers.Dense(2)]), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "minicnn-fer\[onnx\]"'):
        export_onnx(sequence(layers.Flatten()), tmp_path / "net.onnx")
