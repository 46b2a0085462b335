"""Graphs that split and join: their values and gradients, their order, and what cannot be a graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import Input, layers, ops
from minicnn.gradient_check import check_layer
from minicnn.layers.graph import Graph, in_order

SHAPE = (2, 4, 4, 2)


@st.composite
def graphs(draw, dtype="float64"):
    """A graph of random layers, each of which is called on any of the values before it."""
    x = Input(SHAPE[1:], dtype=dtype)
    values = [x]
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(
            st.sampled_from(["conv", "dense", "norm", "tanh", "pool", "add", "multiply", "concatenate"])
        )
        number = 1 if kind in ("conv", "dense", "norm", "tanh", "pool") else draw(st.integers(1, 3))
        chosen = [draw(st.sampled_from(values)) for _ in range(number)]
        if kind in ("add", "multiply"):  # which want them alike
            chosen = [each for each in chosen if each.shape == chosen[0].shape]
        make = {
            "conv": lambda: layers.Conv2D(draw(st.integers(1, 3)), 3, padding="same", activation="gelu"),
            "dense": lambda: layers.Dense(2, bias_initializer="random_normal"),
            "norm": lambda: layers.BatchNormalization(gamma_initializer="random_normal"),
            "tanh": lambda: layers.Activation("tanh"),
            "pool": lambda: layers.MaxPooling2D(2, 1, padding="same"),
            "add": layers.Add,
            "multiply": layers.Multiply,
            "concatenate": layers.Concatenate,
        }[kind]
        values.append(make()(chosen if kind in ("add", "multiply", "concatenate") else chosen[0]))
    unused = [value for value in values if not any(value in other.inputs for other in values)]
    return Graph(x, unused[0] if len(unused) == 1 else layers.Concatenate()(unused))


def by_recursion(symbol, x):
    """The value of a symbol, straight from its definition."""
    if not symbol.inputs:
        return x
    given_values = [by_recursion(each, x) for each in symbol.inputs]
    return symbol.layer.forward(
        given_values if symbol.layer.multiple_inputs else given_values[0], training=True
    )


@given(graph=graphs(), seed=st.integers(0, 1000))
def test_gradients_of_any_graph(graph, seed):
    report = check_layer(graph, SHAPE, seed=seed, entries=6, method="complex step")
    assert report.error <= 1e-12, str(report)


@given(graph=graphs(), seed=st.integers(0, 1000))
def test_the_kernels_which_fuse_compute_the_same(graph, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(SHAPE)
    results = []
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            y = graph(x, training=True)
            dy = np.random.default_rng(seed).standard_normal(y.shape)
            dx = graph.backward(dy)
            results.append(
                [y, by_recursion(graph.outputs[0], x), dx, *(w.grad for w in graph.trainable_weights)]
            )
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(results[0][0], results[0][1], rtol=1e-12, atol=1e-14)


@given(graph=graphs())
def test_each_value_comes_after_those_it_is_computed_from(graph):
    place = {symbol: number for number, symbol in enumerate(graph.symbols)}
    assert len(place) == len(graph.symbols)
    for symbol in graph.symbols:
        assert all(place[each] < place[symbol] for each in symbol.inputs)


@given(graph=graphs(), seed=st.integers(0, 1000))
def test_the_weights_gradients_do_not_depend_on_whether_dx_is_asked_for(graph, seed):
    rng = np.random.default_rng(seed)
    y = graph(rng.standard_normal(SHAPE), training=True)
    dy = rng.standard_normal(y.shape)
    assert graph.backward(dy).shape == SHAPE
    expected = [weight.grad for weight in graph.trainable_weights]
    graph.needs_dx = False
    assert graph.backward(dy) is None
    for weight, grad in zip(graph.trainable_weights, expected):
        np.testing.assert_array_equal(weight.grad, grad)


def test_a_value_that_is_used_three_times_by_hand():
    """y = x·x + x, so dy/dx = 2x + 1."""
    x = Input((3,), dtype="float64")
    graph = Graph(x, layers.add([layers.multiply([x, x]), x]))
    values = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_array_equal(graph(values), values**2 + values)
    np.testing.assert_array_equal(graph.backward(np.array([[1.0, 10.0, 100.0]])), [[3.0, -30.0, 200.0]])


@pytest.mark.parametrize(
    "shortcut", [[], [layers.Conv2D(3, 1, name="shortcut")]], ids=["itself", "convolved"]
)
def test_it_is_a_residual_block(shortcut, rng):
    main = [
        layers.Conv2D(3 if shortcut else 2, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
    block = layers.Residual(main, shortcut, dtype="float64")
    block.build(SHAPE)
    ends = []
    x = Input(SHAPE[1:], dtype="float64")
    for branch in (main, shortcut):
        end = x
        for layer in branch:
            end = layer(end)
        ends.append(end)
    graph = Graph(x, layers.Add()(ends))
    values = rng.standard_normal(SHAPE)
    results = []
    for layer in (block, graph):
        y = layer(values, training=True)
        dx = layer.backward(np.random.default_rng(0).standard_normal(y.shape))
        results.append([y, dx, *(weight.grad for weight in block.trainable_weights)])
    for one, other in zip(*results):
        np.testing.assert_array_equal(one, other)


def test_segments_without_splits_are_fused():
    x = Input((8, 8, 2))
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same")(x)))
    z = layers.MaxPooling2D()(layers.Conv2D(2, 3, padding="same", activation="relu")(y))
    graph = Graph(x, layers.add([layers.MaxPooling2D()(y), z]))
    segments = [[type(layer).__name__ for layer in segment.chain.layers] for segment in graph.segments]
    assert segments == [
        ["Conv2D", "BatchNormalization", "ReLU"],
        ["Conv2D", "MaxPooling2D"],
        ["MaxPooling2D"],
        ["Add"],
    ]


def test_what_nobody_needs_is_not_computed(rng):
    """Before the first trained weight no gradient is wanted, on any branch."""
    x = Input(SHAPE[1:], dtype="float64")
    frozen = layers.Conv2D(2, 1, trainable=False)
    trained = layers.Dense(2)
    graph = Graph(x, layers.add([trained(frozen(x)), x]))
    dy = rng.standard_normal(graph(rng.standard_normal(SHAPE)).shape)
    graph.needs_dx = False
    assert graph.backward(dy) is None
    assert frozen.kernel.grad is None
    assert trained.kernel.grad is not None
    assert not trained.needs_dx


def test_several_inputs_and_outputs_by_hand():
    a, b = Input((2,), dtype="float64"), Input((2,), dtype="float64")
    product = layers.multiply([a, b])
    graph = Graph([a, b], [product, layers.add([product, a])])
    x, y = np.array([[2.0, 3.0]]), np.array([[5.0, 7.0]])
    np.testing.assert_array_equal(graph.forward([x, y]), [[[10.0, 21.0]], [[12.0, 24.0]]])
    da, db = graph.backward([np.array([[1.0, 1.0]]), np.array([[10.0, 10.0]])])
    np.testing.assert_array_equal(da, 11 * y + 10)
    np.testing.assert_array_equal(db, 11 * x)
    assert graph.compute_output_shape([(4, 2), (4, 2)]) == [(4, 2), (4, 2)]


def test_a_graph_cut_inside_a_network_has_its_layers(rng):
    x = Input(SHAPE[1:], dtype="float64")
    middle = layers.Conv2D(3, 3)(x)
    end = layers.GlobalMaxPooling2D()(layers.ReLU()(middle))
    before, behind, whole = Graph(x, middle), Graph(middle, end), Graph(x, end)
    values = rng.standard_normal(SHAPE)
    np.testing.assert_array_equal(behind.forward(before.forward(values)), whole.forward(values))
    assert before.sublayers[1:] + behind.sublayers[1:] == whole.sublayers[1:]


def test_a_layer_told_to_run_as_in_evaluation_does(rng):
    x = Input(SHAPE[1:], dtype="float64")
    norm, other = layers.BatchNormalization(), layers.BatchNormalization()
    graph = Graph(x, other(norm(x, training=False)))
    values = rng.standard_normal(SHAPE)
    graph(values, training=True)
    assert not norm.moving_mean.value.any()
    assert other.moving_mean.value.any()
    assert graph.symbols[1].training is False


def test_symbols_calculate():
    x, y = Input((2,), dtype="float64"), Input((2,), dtype="float64")
    a, b = np.array([[6.0, 8.0]]), np.array([[2.0, 5.0]])
    for symbol, expected in [
        (x + y, a + b), (x - y, a - b), (x * y, a * b), (x / 2 + y, a / 2 + b), (1 - x - y, 1 - a - b),
        (2 * x + y, 2 * a + b), (x - 1 + y, a - 1 + b), (1 + x * 1 + y, 1 + a + b),
    ]:  # fmt: skip
        np.testing.assert_array_equal(Graph([x, y], symbol).forward([a, b]), expected)
    with pytest.raises(NotImplementedError, match="Multiply"):
        x / y


def called_twice_inside():
    x, dense = Input((4,)), layers.Dense(4, name="one")
    return x, layers.Chain([dense])(dense(x))


def named_alike():
    x = Input((4,))
    return x, layers.Dense(4, name="one")(layers.Dense(4, name="one")(x))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (called_twice_inside, NotImplementedError, "'one' is in 2 places"),
        (named_alike, ValueError, "2 layers called 'one'"),
        (
            lambda: (Input((4,)), Input((3,), name="other")),
            ValueError,
            "<Symbol other: .*not among the inputs",
        ),
        (lambda: ([x := Input((4,)), x], x), ValueError, "each symbol once"),
        (lambda: (np.ones(3), Input((3,))), TypeError, "inputs=array.*expected a symbol"),
        (lambda: (Input((3,)), layers.Dense(2)), TypeError, "outputs=<Dense.*expected a symbol"),
    ],
)
def test_what_is_no_graph(make, error, message):
    with pytest.raises(error, match=message):
        Graph(*make())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: layers.Dense(3)([x, x]), ValueError, "takes one input, got 2: join them"),
        (lambda x: layers.Add()([x, np.ones((1, 4, 4, 2))]), TypeError, "symbols and a ndarray together"),
        (lambda x: np.asarray(x), TypeError, "no numbers yet"),
        (lambda x: layers.Conv2D(2, 5)(x), ValueError, "does not fit"),
        (lambda x: layers.Dense(2).output, ValueError, "called on no symbol"),
    ],
)
def test_what_no_symbol_can_do(make, error, message):
    with pytest.raises(error, match=message):
        make(Input((4, 4, 2)))


def test_input_and_output_of_a_layer():
    x = Input((4,), batch_size=5)
    dense, both = layers.Dense(3), layers.Add()
    y = dense(x)
    z = both([y, y])
    assert (dense.input, dense.output, both.input, both.output) == (x, y, [y, y], z)
    assert (x.shape, y.shape, x.dtype, z.ndim) == ((5, 4), (5, 3), "float32", 2)
    assert Input(batch_shape=(7, 4)).shape == (7, 4)
    assert layers.InputLayer(input_shape=(4,)).output.shape == (None, 4)
    assert Input((4,), dtype="uint8").dtype == "float32"
    for shape in (None, 4, (0, 3), ("a",)):
        with pytest.raises(ValueError, match="shape="):
            Input(shape)


def test_the_order_is_keras_s():
    """By the longest way to the output; among equals as a walk back from the output meets them."""
    x = Input((4,), name="x")
    a, b = layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)
    c = layers.Dense(4, name="c")(b)
    end = layers.Add(name="end")([a, c])
    assert [symbol.name for symbol in in_order([x], [end])] == ["x", "b", "a", "c", "end"]


def test_only_a_graph_that_ends_in_a_function_has_a_head():
    x = Input((3,))
    assert Graph(x, layers.BatchNormalization()(layers.Dense(2)(x))).head is None
    assert Graph(x, layers.Dense(2, "softmax")(x)).head is not None
