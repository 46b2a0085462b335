"""Mistakes in a layer of one's own: each is named, with the layer and what to do; what is right passes."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, models
from minicnn.layers import Layer


class Double(Layer):
    """Right: y = 2x."""

    def forward(self, x, training=False):
        return x * 2

    def backward(self, dy):
        return dy * 2


class Scale(Layer):
    """Right: y = s·x."""

    def build(self, input_shape):
        super().build(input_shape)
        self.s = self.add_weight("s", (input_shape[-1],), "ones")

    def forward(self, x, training=False):
        self.x = x
        return x * self.s.value

    def backward(self, dy):
        self.s.grad = (dy * self.x).sum(0)
        return dy * self.s.value


class Plain(Layer):
    """The weight is an array."""

    def build(self, input_shape):
        super().build(input_shape)
        self.w = np.ones(input_shape[-1], np.float32)

    def forward(self, x, training=False):
        self.x = x
        return x * self.w

    def backward(self, dy):
        self.dw = (dy * self.x).sum(0)
        return dy * self.w


class InDict(Plain):
    """Arrays in a dict, as in many courses."""

    def build(self, input_shape):
        Layer.build(self, input_shape)
        self.params, self.grads = {"w": np.ones(input_shape[-1], np.float32)}, {}

    def forward(self, x, training=False):
        self.x = x
        return x * self.params["w"]

    def backward(self, dy):
        self.grads["w"] = (dy * self.x).sum(0)
        return dy * self.params["w"]


class InList(InDict):
    """Arrays in a list, changed in backward."""

    def build(self, input_shape):
        Layer.build(self, input_shape)
        self.ws = [np.ones(input_shape[-1], np.float32)]

    def forward(self, x, training=False):
        self.x = x
        return x * self.ws[0]

    def backward(self, dy):
        dx = dy * self.ws[0]
        self.ws[0] -= 0.1 * (dy * self.x).sum(0)
        return dx


class Constants(Double):
    """Right: its arrays are no weights, and it has no backward pass for the beginning of a model."""

    def build(self, input_shape):
        super().build(input_shape)
        self.tables = [np.ones(input_shape[-1], np.float32)]

    def forward(self, x, training=False):
        return x * self.tables[0]

    def backward(self, dy):
        raise NotImplementedError("no gradient")


class Updates(Scale):
    """It also does what the optimizer does."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.s.value -= 0.1 * self.s.grad
        return dx


class Fixed(Plain):
    """Right: the array is a constant."""

    def backward(self, dy):
        self.norm = np.square(dy).sum()
        return dy * self.w


class ByHand(Plain):
    def backward(self, dy):
        self.w -= 0.1 * (dy * self.x).sum(0)
        return dy


class Twice(Layer):
    def forward(self, x, training=False):
        return np.concatenate([x, x], axis=-1)

    def backward(self, dy):
        return dy[:, : dy.shape[1] // 2] + dy[:, dy.shape[1] // 2 :]


class RightTwice(Twice):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])


class Mix(Layer):
    """Right, of two inputs: y = a + 2b."""

    multiple_inputs = True

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def forward(self, x, training=False):
        return x[0] + 2 * x[1]

    def backward(self, dy):
        return [dy, 2 * dy]


class OneGradient(Mix):
    def backward(self, dy):
        return dy


def variant(of=Double, name="Faulty", **methods):
    return type(name, (of,), methods)


def in_place(self, x, training=False):
    x *= 2
    return x


def dy_in_place(self, dy):
    dy *= 2
    return dy


def nothing(self, *_):
    return None


def set_gradient(make):
    def backward(self, dy):
        self.s.grad = make(self, dy)
        return dy * self.s.value

    return backward


@pytest.fixture
def data(rng):
    return rng.standard_normal((12, 5)).astype(np.float32), rng.integers(0, 3, 12)


def net(layer):
    head = layers.Dense(3, activation="softmax")
    model = Sequential([Input((5,)), layers.Dense(4, activation="relu"), layer, head])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


FORWARD = [
    (
        variant(forward=nothing),
        TypeError,
        "forward returned None for y, expected an array: end it with: return y",
    ),
    (variant(forward=lambda self, x, training=False: [x]), TypeError, "forward returned a list for y"),
    (variant(forward=lambda self, x: x), TypeError, r"expected forward\(self, x, training=False\)"),
    (variant(forward=in_place), ValueError, r"forward changed its argument x in place"),
    (Twice, ValueError, r"shape \(12, 8\) for x of shape \(12, 4\), .* define compute_output_shape"),
    (variant(forward=lambda self, x, training=False: x[0]), ValueError, r"array of shape \(4,\) for x"),
    (
        variant(Layer, call=lambda self, x: x),
        NotImplementedError,
        "a layer has forward and backward, not call",
    ),
]
BACKWARD = [
    (variant(backward=nothing), TypeError, "backward returned None for dx, expected an array: end it with"),
    (variant(backward=lambda self, dy: 2.0), TypeError, "backward returned a float for dx"),
    (
        variant(backward=lambda self, dy: dy.sum(0)),
        ValueError,
        r"dx of shape \(4,\), expected that of x, \(12, 4\)",
    ),
    (variant(backward=dy_in_place), ValueError, "backward changed its argument dy in place"),
    (
        variant(backward=Layer.backward),
        NotImplementedError,
        "training needs it; given dL/dy, it sets the grad",
    ),
    (
        variant(Scale, backward=set_gradient(lambda self, dy: dy * self.x)),
        ValueError,
        r"self.s.grad of shape \(12, 4\), expected that of the weight, \(4,\): the sum over all samples",
    ),
    (
        variant(Scale, backward=set_gradient(lambda self, dy: [0.0] * 4)),
        TypeError,
        "backward set a list for self.s.grad",
    ),
    (Plain, ValueError, r'sets self.dw, .* In build: self.w = self.add_weight\("w", \(4,\)\)'),
    (
        InDict,
        ValueError,
        r"self.params\['w'\] is a plain array, and backward sets self.grads\['w'\], .*\"params_w\"",
    ),
    (InList, ValueError, r"self.ws\[0\] is a plain array, and backward changes it"),
    (ByHand, ValueError, "self.w is a plain array, and backward changes it"),
    (Updates, ValueError, r"backward changed self.s.value: it only sets self.s.grad"),
]


@pytest.mark.parametrize(("kind", "error", "message"), FORWARD + BACKWARD)
def test_a_mistake_is_named_in_training(kind, error, message, data):
    model = net(kind(name="mine"))
    with pytest.raises(error, match=message) as raised:
        model.fit(*data, verbose=0)
    assert "mine" in str(raised.value) or error is NotImplementedError
    with pytest.raises(error, match=message):  # again: nothing of the check is left behind
        model.fit(*data, verbose=0)
    assert not {"forward", "backward"} & set(vars(model.layers[1]))


@pytest.mark.parametrize("kind", [Plain, ByHand, InDict, InList])
def test_arrays_for_weights_are_found_in_the_first_layer_too(kind, data):
    """No gradient is needed there: no layer before it, nor itself, has weights that are known."""
    model = Sequential([Input((5,)), kind(name="mine"), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"layer 'mine' .* is a plain array"):
        model.fit(*data, verbose=0)
    frozen = Sequential([Input((5,)), kind(trainable=False), layers.Dense(3, activation="softmax")])
    frozen.compile("sgd", "sparse_categorical_crossentropy")
    frozen.fit(*data, verbose=0)


def test_the_first_layer_may_have_constants_and_no_backward_pass(data):
    model = Sequential([Input((5,)), Constants(), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(*data, verbose=0)


@pytest.mark.parametrize(("kind", "error", "message"), FORWARD)
def test_a_mistake_in_forward_is_named_by_predict_and_evaluate(kind, error, message, data):
    with pytest.raises(error, match=message):
        net(kind()).predict(data[0])
    with pytest.raises(error, match=message):
        net(kind()).evaluate(*data, verbose=0)


@pytest.mark.parametrize("kind", [Double, Scale, Fixed, RightTwice])
def test_what_is_right_passes_and_is_checked_once(kind, data):
    model = net(kind())
    model.predict(data[0])
    model.fit(*data, verbose=0)
    called = []
    original = kind.forward
    model.layers[1].forward = lambda x, training=False: called.append(x.shape) or original(model.layers[1], x)
    model.fit(*data, verbose=0)
    model.predict(data[0])
    assert called == [(12, 4)] * 2


def test_a_check_changes_no_number(data):
    def trained(kind):
        model = net(kind())
        model.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()])
        model.fit(*data, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    ours = variant(Double, "Ours", __module__="minicnn.somewhere")  # not checked
    for one, other in zip(trained(Double), trained(ours)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [Mix, OneGradient])
def test_several_inputs(kind, data):
    a, b = layers.Dense(4), layers.Dense(4)
    inputs = Input((5,))
    model = models.Model(inputs, layers.Dense(3, activation="softmax")(kind()([a(inputs), b(inputs)])))
    model.compile("sgd", "sparse_categorical_crossentropy")
    if kind is Mix:
        model.fit(*data, verbose=0)
        return
    with pytest.raises(
        ValueError, match=r"dx of shape \(12, 4\), expected that of x, \[\(12, 4\), \(12, 4\)\]"
    ):
        model.fit(*data, verbose=0)


def test_a_constructor_without_its_parent_s():
    class Forgotten(Double):
        def __init__(self):
            self.factor = 2

    with pytest.raises(AttributeError, match=r"begin its __init__ with super\(\).__init__\(\*\*kwargs\)"):
        net(Forgotten())
    with pytest.raises(AttributeError, match=r"^'Double' object has no attribute 'factor'$"):
        Double().factor  # noqa: B018


class Wrapped(Double):
    """A layer in an attribute, which the model is not told of."""

    def __init__(self, inside, **kwargs):
        super().__init__(**kwargs)
        self.inside = inside

    def build(self, input_shape):
        super().build(input_shape)
        for layer in self.all_inside():
            layer.build_for(input_shape, self.dtype)

    def all_inside(self):
        inside = list(self.inside.values()) if isinstance(self.inside, dict) else self.inside
        return inside if isinstance(inside, list) else [inside]

    def forward(self, x, training=False):
        return self.all_inside()[0].forward(x, training)

    def backward(self, dy):
        return self.all_inside()[0].backward(dy)


class Told(Wrapped):
    """Right: it is told."""

    @property
    def sublayers(self):
        return self.all_inside()


@pytest.mark.parametrize("holder", [lambda one: one, lambda one: [one], lambda one: {"a": one}])
def test_a_layer_in_an_attribute_must_be_known_to_the_model(holder, data):
    dense = layers.Dense(5, name="inner")
    model = Sequential([Input((5,)), Wrapped(holder(dense), name="mine"), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.predict(data[0]).shape == (12, 3)
    with pytest.raises(
        ValueError, match=r"'mine' of class Wrapped: self.inside holds the layer 'inner'.*sublayers"
    ):
        model.fit(*data, verbose=0)
    dense.trainable = False
    model.fit(*data, verbose=0)
    told = Sequential([Input((5,)), Told(holder(layers.Dense(5))), layers.Dense(3, "softmax")])
    told.compile("sgd", "sparse_categorical_crossentropy")
    before = told.get_weights()
    told.fit(*data, verbose=0)
    assert len(before) == 4
    assert not np.array_equal(before[0], told.get_weights()[0])


def test_a_layer_with_arguments_by_position_only_is_saved_and_loaded(data, tmp_path):
    class Power(Scale):
        def __init__(self, factor, /, shift=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.shift = factor, shift

        def forward(self, x, training=False):
            return super().forward(x, training) * self.factor + self.shift

    class Bare(Power):
        def __init__(self, factor, /):
            super().__init__(factor, shift=2.0)

    model = Sequential([Input((5,)), Power(3.0, shift=0.5), Bare(0.25)])
    model.save(tmp_path / "model.npz")
    loaded = models.load_model(tmp_path / "model.npz", custom_objects={"Power": Power, "Bare": Bare})
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))
    np.testing.assert_allclose(loaded.predict(data[0]), (3 * data[0] + 0.5) * 0.25 + 2, rtol=1e-5)


def test_a_build_without_its_parent_s_builds_once(data):
    class Own(Scale):
        def build(self, input_shape):
            self.s = self.add_weight("s", (input_shape[-1],), "ones")

    layer = Own()
    x = data[0]
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x), x)
    assert len(layer.weights) == 1
    assert layer.input_shape == (None, 5)
    with pytest.raises(ValueError, match=r"input of shape \(12, 4\), expected \(None, 5\)"):
        layer(x[:, :4])


def test_a_weight_made_in_the_constructor_is_float32(data):
    class Early(Scale):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.s = self.add_weight("s", (4,), "ones")

        build = Layer.build

    layer = Early()
    net(layer).fit(*data, verbose=0)
    assert layer.s.dtype == np.float32
    assert len(layer.weights) == 1


# ---- what a saved layer would lose -------------------------------------------------------------------------


class Renamed(Double):
    def __init__(self, groups=2, **kwargs):
        super().__init__(**kwargs)
        self.n_groups = groups


class ByName(Double):
    def __init__(self, *, groups, **kwargs):
        super().__init__(**kwargs)
        self.n_groups = groups


class Several(Double):
    def __init__(self, *sizes, **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes


class Configured(Renamed):
    def __init__(self, groups=2, **kwargs):
        super().__init__(groups, **kwargs)

    def get_config(self):
        return super().get_config() | {"groups": self.n_groups}


class Below(Configured):
    def __init__(self, groups, depth, **kwargs):
        super().__init__(groups, **kwargs)
        self.levels = depth


class Closed(Double):
    """Takes no **kwargs."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups


class Wide(layers.Conv2D):
    """A library's layer with an argument more."""

    def __init__(self, factor, **kwargs):
        super().__init__(4 * factor, **kwargs)
        self.factor = factor


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Renamed(3, name="mine"),
            "layer 'mine' of class Renamed: the argument groups is in no attribute .* self.groups = groups",
        ),
        (Renamed(name="mine"), "the argument groups"),
        (ByName(groups=3), "the argument groups"),
        (Several(1, 2), r"the argument \*sizes is in no attribute .* give it by name"),
        (Below(3, 4), "the argument depth"),
    ],
)
def test_a_lost_argument_is_named_when_saving(layer, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        layer.get_config()
    with pytest.raises(ValueError, match=message):
        Sequential([Input((4,)), layer]).save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


def test_what_loses_nothing_is_saved():
    assert Several().get_config()["name"].startswith("several")
    layer = Configured.from_config(Configured(5, name="mine").get_config())
    assert (layer.n_groups, layer.name) == (5, "mine")
    closed = Closed(7)
    closed.name, closed.trainable, closed.dtype = "mine", False, np.dtype("float64")
    again = Closed.from_config(closed.get_config())
    assert (again.groups, again.name, again.trainable, again.dtype) == (7, "mine", False, np.float64)


def test_arguments_for_the_parent_are_kept(tmp_path, rng):
    inputs = {"kernel_size": 3, "padding": "same", "strides": 2, "use_bias": False, "name": "mine"}
    model = Sequential([Input((6, 6, 1)), Wide(2, **inputs)])
    model.save(tmp_path / "m.npz")
    again = models.load_model(tmp_path / "m.npz", {"Wide": Wide})
    x = rng.standard_normal((2, 6, 6, 1)).astype(np.float32)
    assert again.predict(x).shape == (2, 3, 3, 8)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
