"""What is recorded is the net, and only that; and the nodes, one after the other,
compute what the net computes.
"""

import base64
import copy
import inspect
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import Input, Model, activations, layers, ops
from minicnn.explain.recording.record import record, run_step
from minicnn.explain.recording.structure import FixedKey
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, OPAQUE, SHAPE, compiled, image, sequence, shaken


@pytest.fixture(params=NETS)
def name(request):
    return request.param


@pytest.fixture
def net(name):
    return NETS[name]()


def decoded(recorded):
    numbers = np.frombuffer(base64.b64decode(recorded["data"]), "<f4")
    return numbers.reshape(recorded["shape"])


def without_chance(model, tape):
    """Let the model drop what the tape drops, and change nothing else at random."""
    keys = {node.owners[-1]: node.layer.generator.key for node in tape.nodes if node.type == "Dropout"}
    for layer in model.layers:
        if isinstance(layer, layers.Dropout) and layer.name in keys:
            layer.generator = FixedKey(keys[layer.name])
        if isinstance(layer, layers.GaussianNoise):
            layer.stddev = 0
        if isinstance(layer, layers.RandomFlip):
            layer.transform = lambda x: (x, None)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9 * max(1, np.abs(b).max()))


# ---- the nodes are the net ---------------------------------------------------------------------------------


@pytest.mark.parametrize("steps_before", [0, 2])
def test_node_by_node_it_is_the_training_step_of_the_whole_model(net, steps_before):
    x, y = image(), 1
    with ops.use("reference"):
        for seed in range(steps_before):
            net.train_step(image(seed + 1)[None], target(net, y))
        # what the page gets is rounded to float32: the model too, to be compared with it
        net.set_weights([weight.astype(np.float32) for weight in net.get_weights()])
        for state in net.optimizer._state.arrays.values():
            for array in state:
                array[...] = array.astype(np.float32)
        numbers, tape = expected(net, x, y), run_step(net, x, y).tape
        without_chance(net, tape)
        loss, prediction = net.forward_loss(x[None], target(net, y), training=True)
        dx = net.set_gradients(need_dx=True)
        gradients = {id(weight): weight.grad for weight in net.trainable_weights}
        net.optimizer.apply(net.trainable_weights)
        loss_after, _ = net.forward_loss(x[None], target(net, y), training=True)
    close(numbers["loss"], loss)
    close(numbers["gradients"][0], dx[0])
    assert np.abs(dx).max() > 1e-4
    if net.loss.get_config().get("from_logits"):
        # the softmax that such a loss brings along is a node of its own
        assert tape.nodes[-1].type == "Softmax"
        close(numbers["values"][len(tape.nodes) - 2], prediction[0])
    else:
        close(numbers["values"][len(tape.nodes) - 1], prediction[0])
    moving = 0
    for node in tape.nodes:
        for key, weight in node.weights.items():
            if id(weight) in gradients:
                close(numbers["weight_gradients"][node.id][key], gradients[id(weight)])
                close(numbers["weights_after"][node.id][key], weight.value)
            moving += key == "moving_mean"
    if moving == 0 and not any(node.is_opaque for node in tape.nodes):
        close(numbers["loss_after"], loss_after)


def target(net, y):
    count = net.output_shape[-1]
    return np.array([y]) if net.loss.sparse else np.eye(count)[[y]]


def test_the_loss_falls_after_the_step():
    numbers = expected(NETS["plain"](), image(), 2)
    assert numbers["loss_after"] < numbers["loss"]


# ---- the recording is the net ------------------------------------------------------------------------------


def test_recorded_arrays_are_the_models(net):
    net.optimizer.build(net.trainable_weights)
    for state in net.optimizer._state.arrays.values():
        for number, array in enumerate(state):
            array[...] = number + 0.5
    recording, tape = record(net, image(), 1), run_step(net, image(), 1).tape
    np.testing.assert_array_equal(decoded(recording["image"]), image())
    known = {id(weight): n for n, weight in enumerate(net.trainable_weights)}
    seen = 0
    for node, original in zip(recording["nodes"], tape.nodes):
        assert list(node["weights"]) == list(original.weights)
        for key, weight in original.weights.items():
            np.testing.assert_array_equal(decoded(node["weights"][key]["value"]), weight.value)
            assert node["weights"][key]["trainable"] == (id(weight) in known)
            for slot in node["weights"][key]["slots"].values():
                np.testing.assert_array_equal(decoded(slot), np.full(weight.shape, known[id(weight)] + 0.5))
                seen += 1
    assert seen == sum(
        len(net.optimizer.slots) for node in tape.nodes for each in node.weights.values() if id(each) in known
    )


def test_every_weight_of_a_layer_with_arithmetic_is_recorded(net, name):
    recorded = sum(len(node["weights"]) for node in record(net, image(), 1)["nodes"])
    # PReLU's alpha is inside a closed layer, Normalization's statistics become its config
    assert recorded == len(net.weights) - (name == "opaque")


def test_nodes_are_in_topological_order(net):
    nodes = record(net, image(), 1)["nodes"]
    assert [node["id"] for node in nodes] == list(range(len(nodes)))
    assert nodes[0]["type"] == "Input"
    assert all(source < node["id"] for node in nodes for source in node["inputs"])
    assert all(node["inputs"] for node in nodes[1:])
    assert len({node["name"] for node in nodes}) == len(nodes)
    # nothing is computed in vain
    used = {source for node in nodes for source in node["inputs"]}
    assert used == {node["id"] for node in nodes[:-1]}


def test_it_is_json_and_has_words_for_all_that_occurs(net):
    recording = record(net, image(), 1)
    assert json.loads(json.dumps(recording, allow_nan=False)) == recording
    occurring = {node["type"] for node in recording["nodes"]}
    assert set(recording["words"]) == occurring | {recording["loss"]["type"], recording["optimizer"]["type"]}


def test_the_model_is_left_as_it_was(net):
    x = image()
    net.train_step(x[None], target(net, 1))
    before, state = net.get_weights(), net.optimizer.get_state()
    drawn = [copy.deepcopy(generator.bit_generator.state) for generator in net.generators]
    gradients = [None if weight.grad is None else weight.grad.copy() for weight in net.weights]
    minicnn.utils.set_random_seed(5)
    minicnn.utils.clear_session()
    expected_draw = minicnn.random.generator().random()
    minicnn.utils.set_random_seed(5)
    record(net, x, 1, optimizer=None)
    expected(net, x, 1)
    assert minicnn.random.generator().random() == expected_draw
    assert layers.Conv2D(1, 1).name == "conv2d"
    assert all(np.array_equal(a, b) for a, b in zip(before, net.get_weights()))
    assert drawn == [generator.bit_generator.state for generator in net.generators]
    for key, value in net.optimizer.get_state().items():
        np.testing.assert_array_equal(value, state[key])
    for weight, gradient in zip(net.weights, gradients):
        assert (weight.grad is None) == (gradient is None)
        assert gradient is None or np.array_equal(weight.grad, gradient)


def test_the_same_call_gives_the_same_recording(net):
    assert record(net, image(), 1) == record(net, image(), 1)


def test_another_seed_is_another_mask():
    net = NETS["normed"]()
    one, other = (
        next(node["mask"] for node in record(net, image(), 1, seed=seed)["nodes"] if "mask" in node)
        for seed in (0, 1)
    )
    assert one != other
    mask = decoded(one)
    assert set(np.unique(mask)) == {0, 1}


def test_spatial_dropout_keeps_or_drops_whole_maps():
    nodes = record(NETS["separable"](), image(), 1)["nodes"]
    (node,) = [node for node in nodes if node["type"] == "Dropout"]
    mask = decoded(node["mask"])
    assert list(mask.shape) == node["shape"]
    np.testing.assert_array_equal(mask, np.broadcast_to(mask[:1, :1], mask.shape))


def test_a_layer_that_was_told_how_to_run_runs_so_and_no_other():
    x = Input(SHAPE)
    y = layers.Dropout(0.5)(x, training=False)
    y = layers.BatchNormalization(name="still")(y, training=False)
    y = layers.BatchNormalization(name="moved")(layers.Dropout(0.5, name="dropped")(y))
    model = compiled(Model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(y))))
    nodes = {node["name"]: node for node in record(model, image(), 1)["nodes"]}
    assert [node["type"] for node in nodes.values()].count("Dropout") == 1
    assert "dropped" in nodes
    assert [nodes[name]["config"]["training"] for name in ("still", "moved")] == [False, True]


def test_branches_and_depth():
    nodes = {node["name"]: node for node in record(NETS["residual"](), image(), 1)["nodes"]}
    kinds = [(node["type"], node["depth"], node["branch"]) for node in nodes.values()]
    assert kinds == [
        ("Input", 0, None),
        ("Conv2D", 1, "main"),
        ("BatchNormalization", 1, "main"),
        ("Conv2D", 1, "shortcut"),
        ("Add", 0, None),
        ("ReLU", 0, None),
        ("Conv2D", 2, "main"),
        ("Activation", 2, "main"),
        ("Add", 1, "main"),
        ("ReLU", 1, "main"),
        ("Add", 0, None),
        ("GlobalMaxPooling2D", 0, None),
        ("Flatten", 0, None),
        ("Dense", 0, None),
        ("Softmax", 0, None),
    ]
    # the inner shortcuts are their inputs themselves
    assert list(nodes.values())[8]["inputs"] == [7, 5]
    assert list(nodes.values())[10]["inputs"] == [9, 5]


CONFIGS = {
    "strides": lambda: layers.Conv2D(2, (3, 2), strides=(2, 1), padding="same", dilation_rate=1),
    "pool": lambda: layers.AveragePooling2D((3, 2), strides=(1, 2), padding="same"),
    "slope": lambda: layers.LeakyReLU(0.25),
    "limit": lambda: layers.ReLU(0.5, threshold=0.25),
    "elu": lambda: layers.ELU(0.5),
    "norm": lambda: layers.BatchNormalization(momentum=0.75, epsilon=0.125),
    "frozen": lambda: layers.BatchNormalization(trainable=False),
    "padding": lambda: layers.ZeroPadding2D(((1, 2), (3, 4))),
    "size": lambda: layers.UpSampling2D((2, 3)),
    "permute": lambda: layers.Permute((3, 1, 2)),
    "normalization": lambda: layers.Normalization(mean=[2.0, 4.0], variance=[4.0, 0.25]),
    "rescaling": lambda: layers.Rescaling(0.5, offset=-1.0),
}
EXPECTED_CONFIGS = {
    "strides": {"strides": [2, 1], "padding": "same", "dilation": [1, 1], "groups": 1},
    "pool": {"pool_size": [3, 2], "strides": [1, 2], "padding": "same"},
    "slope": {"negative_slope": 0.25, "max_value": None},
    "limit": {"function": "relu6", "max_value": 0.5, "negative_slope": 0.0, "threshold": 0.25},
    "elu": {"function": "elu", "alpha": 0.5},
    "norm": {"epsilon": 0.125, "momentum": 0.75, "training": True},
    "frozen": {"epsilon": 0.001, "momentum": 0.99, "training": False},
    "padding": {"padding": [[1, 2], [3, 4]]},
    "size": {"size": [2, 3]},
    "permute": {"dims": [3, 1, 2]},
    "normalization": {"scale": [0.5, 2.0], "offset": [-1.0, -8.0]},
    "rescaling": {"scale": 0.5, "offset": -1.0},
}


@pytest.mark.parametrize("which", CONFIGS)
def test_configs(which):
    node = record(compiled(sequence(CONFIGS[which]())), image(), 1)["nodes"][1]
    config = {
        key: decoded(value).tolist() if isinstance(value, dict) else value
        for key, value in node["config"].items()
    }
    assert config == EXPECTED_CONFIGS[which]


def test_the_axis_of_a_concatenation_counts_without_the_batchs():
    for axis, counted in ((-1, 2), (1, 0)):
        x = Input(SHAPE)
        joined = layers.Concatenate(axis)([x, layers.ReLU()(x)])
        model = compiled(Model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(joined))))
        assert record(model, image(), 1)["nodes"][2]["config"] == {"axis": counted}


@given(data=st.data())
def test_random_nets(data):
    """Names, shapes and weights of nets of any layers in a row, in float32 as they are trained."""
    choices = [
        lambda: layers.Conv2D(
            data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), padding="same",
            strides=data.draw(st.integers(1, 2)), use_bias=data.draw(st.booleans()),
            activation=data.draw(st.sampled_from([None, "relu", "tanh"])),
        ),
        lambda: layers.DepthwiseConv2D(2, padding="same", depth_multiplier=data.draw(st.integers(1, 2))),
        layers.BatchNormalization,
        layers.ReLU,
        lambda: layers.MaxPooling2D(2, padding="same"),
        lambda: layers.Dropout(0.5),
        lambda: layers.Residual([layers.Conv2D(2, 1)], layers.Conv2D(2, 3, padding="same")),
    ]  # fmt: skip
    shape = (data.draw(st.integers(2, 6)), data.draw(st.integers(2, 6)), data.draw(st.integers(1, 3)))
    body = [make() for make in data.draw(st.lists(st.sampled_from(choices), max_size=5))]
    model = sequence(*body, shape=shape, dtype="float32")
    model.compile("adam", "categorical_crossentropy")
    shaken(model, data.draw(st.integers(0, 5)))
    x = np.random.default_rng(0).integers(0, 256, shape)
    nodes = record(model, x, data.draw(st.integers(0, 2)))["nodes"]
    shapes = {node["name"]: tuple(node["shape"]) for node in nodes}
    for layer, symbol in zip(model.layers, model.symbols[1:]):
        last = layer.name
        if getattr(layer, "activation", None) and not isinstance(layer, layers.Activation):
            last = f"{layer.name} · {layer.activation}"
        assert shapes[last] == symbol.shape[1:]
    recorded = [np.ravel(decoded(w["value"])) for node in nodes for w in node["weights"].values()]
    weights = [np.ravel(weight.value) for weight in model.weights]
    np.testing.assert_array_equal(np.sort(np.concatenate(recorded)), np.sort(np.concatenate(weights)))


# ---- what cannot be shown ----------------------------------------------------------------------------------


def test_a_model_that_is_not_compiled_gets_the_usual():
    recording = record(shaken(sequence(layers.Conv2D(2, 3))), image(), 1)
    assert recording["optimizer"]["type"] == "Adam"
    assert recording["loss"]["type"] == "CategoricalCrossentropy"
    assert len(recording["notes"]) == 2


def test_layers_of_chance_are_left_out_with_a_note():
    recording = record(NETS["normed"](), image(), 1)
    assert not [node for node in recording["nodes"] if "random" in node["name"] or "noise" in node["name"]]
    assert len([note for note in recording["notes"] if "at random in training" in note]) == 2


def test_closed_layers_have_their_values_and_gradients():
    model = NETS["opaque"]()
    recording, numbers = record(model, image(), 1), expected(model, image(), 1)
    prelu, log_softmax = [node for node in recording["nodes"] if node["type"] == "Opaque"]
    assert "PReLU" in prelu["config"]["message"]
    for node in (prelu, log_softmax):
        (source,) = node["inputs"]
        close(decoded(node["recorded"]["value"]), numbers["values"][node["id"]].astype(np.float32))
        # the input has no other user: what is handed back is its whole gradient
        close(
            decoded(node["recorded"]["gradients"][str(source)]),
            numbers["gradients"][source].astype(np.float32),
        )


@pytest.mark.parametrize("function", activations.TABLE)
def test_an_activation_is_opaque_only_if_the_page_cannot_compute_it(function):
    node = record(compiled(sequence(layers.Activation(function))), image(), 1)["nodes"][1]
    assert (node["type"] == "Opaque") == (function in OPAQUE)
    if node["type"] == "Opaque":
        assert f"Activation('{function}')" in node["config"]["message"]
    if node["type"] == "Activation":
        _, *options = inspect.signature(activations.get(function)).parameters
        assert node["config"].keys() == {"function", *options}


def test_batch_norm_of_one_number_uses_its_moving_statistics():
    model = compiled(sequence(layers.Conv2D(2, (9, 8)), layers.BatchNormalization()))
    recording = record(model, image(), 1)
    assert recording["nodes"][2]["config"]["training"] is False
    assert any("one number a channel" in note for note in recording["notes"])


def test_a_layer_of_ones_own_is_closed():
    class Twice(layers.Conv2D):
        def forward(self, x, training=False):
            return 2 * super().forward(x, training)

        def backward(self, dy):
            return super().backward(2 * dy)

    model = compiled(sequence(Twice(2, 3, activation="relu")))
    node = record(model, image(), 1)["nodes"][1]
    assert (node["type"], node["weights"]) == ("Opaque", {})
    with ops.use("reference"):
        close(
            decoded(node["recorded"]["value"]), model.layers[0].forward(image()[None])[0].astype(np.float32)
        )
