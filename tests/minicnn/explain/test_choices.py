"""What record is asked for: which image, which target, which optimizer, which part of
the net; and what it refuses.
"""

import numpy as np
import pytest

import minicnn
from minicnn import Input, Model, Sequential, layers, losses, ops, optimizers, regularizers
from minicnn.explain.recording.record import record, run_step
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, SHAPE, compiled, image, sequence
from tests.minicnn.explain.test_recording import close, decoded

# ---- image and label ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(9, 8, 1), (1, 9, 8, 1), (9, 8)])
def test_an_image_may_have_a_batchs_axis_or_lack_the_channels(shape):
    model = compiled(sequence(layers.Conv2D(2, 3), shape=(9, 8, 1)))
    gray = np.arange(72, dtype=np.uint8).reshape(shape)
    recording = record(model, gray, 1)
    np.testing.assert_array_equal(decoded(recording["image"])[..., 0], np.arange(72).reshape(9, 8))
    assert recording["image_range"] == [0, 255]


@pytest.mark.parametrize(("scale", "expected_range"), [(1 / 71, [0, 1]), (1, [0, 255]), (-1, [-71, 0])])
def test_the_range_of_an_image(scale, expected_range):
    model = compiled(sequence(layers.Conv2D(2, 3), shape=(9, 8, 1)))
    assert record(model, np.arange(72).reshape(9, 8) * scale, 1)["image_range"] == expected_range


@pytest.mark.parametrize("y", [2, np.int64(2), [2], 2.0, [0, 0, 1], [[0.0, 0.0, 1.0]]])
@pytest.mark.parametrize("name", ["plain", "squares"])
def test_a_label_is_a_number_or_a_row(name, y):
    recording = record(NETS[name](), image(), y)
    assert recording["label"] == 2
    assert decoded(recording["target"]).tolist() == [0, 0, 1]


def test_a_target_that_is_no_class():
    recording = record(NETS["squares"](), image(), [0.5, -2, 4])
    assert recording["label"] is None
    assert decoded(recording["target"]).tolist() == [0.5, -2, 4]
    assert record(NETS["plain"](), image(), [0.5, 0.5, 0])["label"] is None
    assert record(NETS["squares"](), image(), [1, 1, 0])["label"] is None


@pytest.mark.parametrize("y", [1, [1.0], 0.75])
def test_a_net_that_gives_one_number(y):
    model = Sequential([Input(SHAPE), layers.Flatten(), layers.Dense(1)])
    recording = record(compiled(model, "mse"), image(), y)
    assert recording["label"] is None
    assert decoded(recording["target"]) == np.ravel(y)


def test_the_target_is_smoothed_as_the_loss_smooths():
    recording = record(NETS["normed"](), image(), 0)
    smoothing = losses.SparseCategoricalCrossentropy(label_smoothing=0.1)
    np.testing.assert_allclose(decoded(recording["target"]), [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], rtol=1e-6)
    assert recording["loss"]["label_smoothing"] == smoothing.label_smoothing
    assert recording["label"] == 0


def test_softmax_and_cross_entropy_are_one_case():
    ending, giving_logits = record(NETS["plain"](), image(), 1), record(NETS["graph"](), image(), 1)
    for recording in (ending, giving_logits):
        last = recording["nodes"][-1]
        assert (last["type"], recording["loss"]["node"]) == ("Softmax", last["id"])
        assert not recording["loss"]["from_logits"]


@pytest.mark.parametrize("from_logits", [False, True])
def test_cross_entropy_of_what_is_no_softmax_or_one_too_many(from_logits):
    x = image()
    model = Sequential(
        [
            Input(SHAPE, dtype="float64"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax" if from_logits else "sigmoid"),
        ]
    )
    model = compiled(model, losses.CategoricalCrossentropy(from_logits=from_logits))
    recording, numbers = record(model, x, 1), expected(model, x, 1)
    assert recording["loss"]["from_logits"] == from_logits
    assert any("softmax is applied twice" in note for note in recording["notes"]) == from_logits
    with ops.use("reference"):
        loss, _ = model.forward_loss(x[None], np.eye(3)[[1]], training=True)
        dx = model.set_gradients(need_dx=True)
    close(numbers["loss"], loss)
    close(numbers["gradients"][0], dx[0])


# ---- the optimizer -----------------------------------------------------------------------------------------


def test_the_optimizer_is_the_models_own_with_its_state():
    model = NETS["plain"]()
    model.train_step(image()[None], np.eye(3)[[1]])
    recording = record(model, image(), 1)
    assert recording["optimizer"] == {
        "type": "Adam",
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "weight_decay": 0.0,
        "iterations": 1,
    }
    m = decoded(recording["nodes"][2]["weights"]["kernel"]["slots"]["m"])
    # after one step m is a tenth of the gradient that the kernel still has
    np.testing.assert_allclose(m, 0.1 * model.layers[1].kernel.grad, rtol=1e-5)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.01), ("adam", 0.001)])
def test_a_new_optimizer_by_name(name, rate):
    model = NETS["plain"]()
    model.train_step(image()[None], np.eye(3)[[1]])
    recording = record(model, image(), 1, optimizer=name)
    assert recording["optimizer"]["learning_rate"] == rate
    assert recording["optimizer"]["iterations"] == 0
    assert all(not each["slots"] for node in recording["nodes"] for each in node["weights"].values())


def test_what_decays_and_what_does_not():
    optimizer = optimizers.AdamW(optimizers.schedules.ExponentialDecay(0.5, 10, 0.5))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    recording = record(NETS["plain"](), image(), 1, optimizer=optimizer)
    assert recording["optimizer"]["type"] == "AdamW"
    assert recording["optimizer"]["learning_rate"] == 0.5
    assert recording["optimizer"]["weight_decay"] == 0.004
    for node in recording["nodes"]:
        for key, weight in node["weights"].items():
            assert weight["decays"] == (key == "kernel")


def test_frozen_weights_neither_move_nor_decay():
    model = sequence(layers.Conv2D(2, 3, trainable=False))
    nodes = record(compiled(model, optimizer=optimizers.AdamW()), image(), 1)["nodes"]
    for node, moves in ((nodes[1], False), (nodes[3], True)):
        assert node["weights"].keys() == {"kernel", "bias"}
        for weight in node["weights"].values():
            assert (weight["trainable"], weight["decays"]) == (moves, moves)


@pytest.mark.parametrize(
    ("optimizer", "left_out"),
    [
        (optimizers.SGD(0.1, clipnorm=1.0), "clipnorm=1.0"),
        (optimizers.Adam(amsgrad=True), "amsgrad=True"),
        (optimizers.Adam(use_ema=True), "use_ema=True"),
    ],
)
def test_what_the_page_leaves_out_of_an_optimizer_is_noted(optimizer, left_out):
    recording = record(NETS["plain"](), image(), 1, optimizer=optimizer)
    assert f"The optimizer has {left_out}, which is left out here." in recording["notes"]


def test_penalties_are_recorded():
    nodes = record(NETS["residual"](), image(), 1)["nodes"]
    assert nodes[1]["weights"]["kernel"]["regularizer"] == {"l1": 0.0, "l2": 0.01}
    assert nodes[3]["weights"]["bias"]["regularizer"] == {"l1": 0.01, "l2": 0.0}
    assert "regularizer" not in nodes[1]["weights"]["bias"]


# ---- the docs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "docs", ["backprop/", "../docs/backprop/", "/docs/", "", "https://x.org/a:b/", "HTTP://x.org/", None]
)
def test_links_lead_to_pages(docs):
    assert record(NETS["plain"](), image(), 1, docs=docs)["docs"] == docs


@pytest.mark.parametrize(
    "docs",
    [
        "javascript:alert(1)//",
        " JavaScript:alert(1)//",
        "java\nscript:x/",
        "\0data:text/html,x/",
        "file:///",
        3,
    ],
)
def test_links_lead_nowhere_else(docs):
    with pytest.raises(ValueError, match=r"docs=.*: expected an address"):
        record(NETS["plain"](), image(), 1, docs=docs)


# ---- parts -------------------------------------------------------------------------------------------------


def test_a_part_in_the_middle_has_what_goes_in_and_what_comes_back():
    model = NETS["normed"]()
    names = [layer.name for layer in model.layers]
    whole, numbers = record(model, image(), 1), expected(model, image(), 1)
    part = record(model, image(), 1, layers=f"{names[3]}:{names[5]}")
    assert [node["name"] for node in part["nodes"]] == [
        names[2],
        names[3],
        names[4],
        names[5],
        f"{names[5]} · elu",
    ]
    assert part["loss"] is None
    section = part["section"]
    assert (section["first"], section["last"], list(section["entry"])) == (1, 4, ["0"])
    place = {node["name"]: node["id"] for node in whole["nodes"]}
    first, last = place[names[2]], place[f"{names[5]} · elu"]
    close(decoded(section["entry"]["0"]), numbers["values"][first].astype(np.float32))
    assert list(section["exit"]) == ["4"]
    close(decoded(section["exit"]["4"]), numbers["gradients"][last].astype(np.float32))
    for node in part["nodes"][1:]:
        original = whole["nodes"][place[node["name"]]]
        assert node["weights"] == original["weights"]
        assert node["config"] == original["config"]


def test_gradients_that_leave_a_part_on_the_way_come_back_too():
    model = NETS["graph"]()
    numbers = expected(model, image(), 1)
    first, last = (layer.name for layer in model.layers if isinstance(layer, layers.Conv2D))
    part = record(model, image(), 1, layers=f"{first}:{last}")
    tape = run_step(model, image(), 1).tape
    inside = {node["name"]: node["id"] for node in part["nodes"][1:]}
    assert part["section"]["exit"].keys() == {str(inside[f"{first} · relu"]), str(inside[last])}
    ids = {node.name: node.id for node in tape.nodes}
    # what comes in from the layers outside is all that there is
    for name in (f"{first} · relu", last):
        close(
            decoded(part["section"]["exit"][str(inside[name])]),
            numbers["gradients"][ids[name]].astype(np.float32),
        )


@pytest.mark.parametrize("layers_", ["{0}", "{0}:{0}", "2", "-3:-3", "2:2"])
def test_one_layer_by_name_or_number(layers_):
    model = NETS["plain"]()
    name = model.layers[2].name
    part = record(model, image(), 1, layers=layers_.format(name))
    assert [node["name"] for node in part["nodes"][1:]] == [name]


def test_a_part_that_begins_with_the_image_has_it():
    model = NETS["plain"]()
    part = record(model, image(), 1, layers=f":{model.layers[1].name}")
    assert part["nodes"][0]["name"] == "input"
    np.testing.assert_array_equal(decoded(part["section"]["entry"]["0"]), image())


def test_the_end_of_a_net_is_a_net():
    model = NETS["plain"]()
    end = record(model, image(), 1, layers=f"{model.layers[3].name}:")
    numbers = expected(model, image(), 1)
    assert end["section"] is None
    assert end["loss"]["node"] == end["nodes"][-1]["id"]
    close(decoded(end["image"]), numbers["values"][4].astype(np.float32))
    assert end["nodes"][0]["shape"] == list(numbers["values"][4].shape)
    assert any(f"the output of {model.layers[2].name}" in note for note in end["notes"])


def test_an_end_that_needs_several_values_is_a_part():
    model = NETS["graph"]()
    merging = next(layer for layer in model.layers if isinstance(layer, layers.Subtract))
    part, numbers = record(model, image(), 1, layers=f"{merging.name}:"), expected(model, image(), 1)
    assert len(part["section"]["entry"]) > 1
    assert part["loss"] is None
    # the gradient comes in from the loss, below the softmax
    logits, softmax = part["nodes"][-2:]
    assert softmax["type"] == "Softmax"
    assert list(part["section"]["exit"]) == [str(logits["id"])]
    gradient = numbers["gradients"][len(numbers["values"]) - 2]
    close(decoded(part["section"]["exit"][str(logits["id"])]), gradient.astype(np.float32))


def test_all_layers_are_the_whole_net():
    model = NETS["plain"]()
    whole = record(model, image(), 1)
    assert record(model, image(), 1, layers=":") == whole
    assert record(model, image(), 1, layers=f"{model.layers[0].name}:{model.layers[-1].name}") == whole


# ---- what is refused ---------------------------------------------------------------------------------------


def two_inputs():
    a, b = Input(SHAPE), Input(SHAPE)
    return Model([a, b], layers.Dense(3)(layers.Flatten()(layers.Add()([a, b]))))


def two_outputs():
    a = Input(SHAPE)
    return Model(a, [layers.Flatten()(a), layers.GlobalMaxPooling2D()(a)])


def maps():
    return compiled(Sequential([Input(SHAPE), layers.Conv2D(2, 3)]), "mse")


def penalised():
    class Root(regularizers.Regularizer):
        def __call__(self, w):
            return np.sqrt(np.abs(w)).sum()

    return compiled(sequence(layers.Conv2D(2, 3, kernel_regularizer=Root())))


def with_loss(loss):
    return compiled(sequence(layers.Conv2D(2, 3)), loss)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        ("plain", {"x": np.zeros((8, 9, 2))}, r"x has shape \(8, 9, 2\), but .* image of shape \(9, 8, 2\): resize"),
        ("plain", {"x": np.zeros((9, 8))}, r"x has shape \(9, 8\)"),
        ("plain", {"x": np.zeros((2, 9, 8, 2))}, "takes one image"),
        ("plain", {"x": np.full(SHAPE, np.nan)}, "expected finite numbers"),
        ("plain", {"y": 3}, "y=3: expected a class number from 0 to 2"),
        ("plain", {"y": -1}, "y=-1: expected a class number from 0 to 2"),
        ("plain", {"y": 0.5}, "y=0.5: expected a class number"),
        ("plain", {"y": [1, 1, 0]}, "expected a class number, or probabilities that add up to 1"),
        ("plain", {"y": [1, 0]}, r"y has shape \(2,\): expected a class number, or a row of 3"),
        ("plain", {"y": "Happy"}, "y='Happy': expected a class number"),
        ("plain", {"classes": ["a", "b"]}, "2 names, expected 3"),
        ("plain", {"optimizer": "rmsprop"}, "optimizer='rmsprop' cannot be explained, expected SGD, Adam or AdamW"),
        ("plain", {"optimizer": "nadamm"}, "unknown optimizer 'nadamm'"),
        ("plain", {"layers": "nowhere:"}, "no layer 'nowhere' here, expected A:B with A and B of rescaling"),
        ("plain", {"layers": "9"}, "no layer '9' here"),
        ("plain", {"layers": "2:1"}, "1 comes before 2; write 1:2"),
        (two_inputs, {}, "has 2 inputs and 1 output, expected one of each"),
        (two_outputs, {}, "has 1 input and 2 outputs"),
        (maps, {}, r"gives \(7, 6, 2\) for an image, expected one row of numbers"),
        (penalised, {}, "has the regularizer Root, which cannot be explained"),
        (lambda: with_loss("categorical_hinge"), {}, "loss='categorical_hinge' cannot be explained, expected one of"),
        (lambda: Sequential([layers.Dense(3)]), {}, "is not built"),
        (lambda: Sequential([Input((5,)), layers.Dense(3)]), {}, r"samples of shape \(5,\), expected images"),
        (lambda: Sequential([Input(SHAPE), layers.Flatten(), layers.Dense(3)]), {}, "has no loss: call model.compile"),
    ],
)  # fmt: skip
def test_errors_name_the_argument_and_what_was_expected(make, arguments, message):
    minicnn.utils.clear_session()
    model = NETS[make]() if isinstance(make, str) else make()
    with pytest.raises(ValueError, match=message):
        record(model, **({"x": image(), "y": 1} | arguments))
