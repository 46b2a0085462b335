"""The page's JavaScript engine against the library: every number of a step, and every explanation of one.

It runs in node; without node the tests are skipped, but in CI they fail. It is given arrays of float32 and
computes in float64, as expected.py does, so most numbers agree to rounding.
"""

import json
import re
import subprocess

import numpy as np
import pytest

from minicnn.explain import page
from minicnn.explain.describe import layers as described
from minicnn.explain.recording.record import run_step
from tests.minicnn.explain.engine_results import (
    EPSILON,
    HELPERS,
    MODELS,
    PIXEL,
    SECTIONS,
    SLIGHT,
    change_of_weight,
    library,
    picture,
    results,
)
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import image
from tests.minicnn.explain.node import NODE, needs_node

pytestmark = needs_node


def same(computed, wanted, what):
    """Check that arrays are equal to 1e-5, of the largest entry where they are small."""
    wanted = np.ravel(wanted)
    tolerance = 1e-5 * max(np.abs(wanted).max(initial=0), 1e-3)
    np.testing.assert_allclose(computed, wanted, rtol=1e-5, atol=tolerance, err_msg=what)


def keys_of(table, file):
    """Return the keys of a table of the page's JavaScript, as node has them."""
    address = (page.WEB / file).as_uri()
    code = (
        f"import {{ {table} }} from {json.dumps(address)}; console.log(JSON.stringify(Object.keys({table})))"
    )
    command = [NODE, "--input-type=module", "--eval", code]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_the_activations_that_are_recorded_are_those_that_the_page_has():
    assert page.known_activations() == keys_of("ACTIVATIONS", "layers/activations.js")


def test_the_page_has_arithmetic_for_every_kind_of_layer_that_is_described():
    assert keys_of("LAYERS", "layers/index.js") == set(described.LAYERS) - {"Input", "Opaque"}


# ---- the numbers of a step ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_values_and_gradients_are_the_librarys(name):
    computed, wanted = results()[name], library()[name]
    for kind in ("values", "gradients"):
        assert len(computed[kind]) == len(computed["recording"]["nodes"])
        for node, array in wanted[kind].items():
            same(
                computed[kind][str(node)], array, f"{kind} of {computed['recording']['nodes'][node]['name']}"
            )


@pytest.mark.parametrize("name", MODELS)
def test_weights_their_gradients_and_the_optimizers_state_are_the_librarys(name):
    computed, wanted = results()[name], library()[name]
    for node in computed["recording"]["nodes"]:
        here, there = str(node["id"]), node["id"]
        gradients = wanted["weight_gradients"].get(there, {})
        assert set(computed["weight_gradients"].get(here, {})) == set(gradients) & set(node["weights"])
        for weight in node["weights"]:
            what = f"{node['name']} {weight}"
            if weight in gradients:
                same(computed["weight_gradients"][here][weight], gradients[weight], f"gradient of {what}")
            same(
                computed["weights_after"][here][weight],
                wanted["weights_after"][there][weight],
                f"{what} after",
            )
            slots = wanted["slots_after"][there][weight]
            assert set(computed["slots_after"][here][weight]) == set(slots)
            for slot, array in slots.items():
                same(computed["slots_after"][here][weight][slot], array, f"{slot} of {what}")


@pytest.mark.parametrize("name", MODELS)
def test_losses_are_the_librarys(name):
    assert results()[name]["loss"] == pytest.approx(library()[name]["loss"], rel=1e-6)
    assert results()[name]["loss_after"] == pytest.approx(library()[name]["loss_after"], rel=1e-6)


def test_the_updates_are_not_nothing():
    assert all(
        numbers["loss_after"] != numbers["loss"] for name, numbers in library().items() if name != "tied"
    )


@pytest.mark.parametrize("name", SECTIONS)
def test_a_part_of_a_net_has_the_numbers_of_the_whole(name):
    net, layers = SECTIONS[name]
    part, computed, wanted = (
        run_step(MODELS[net](), image(), 1, layers=layers).section,
        results()[name],
        library()[net],
    )
    assert computed["loss"] is None
    for place in range(part.first, part.last + 1):
        here, what = str(len(part.entries) + place - part.first), f"node {place} of {net}"
        same(computed["values"][here], wanted["values"][place], f"values of {what}")
        if place in wanted["gradients"]:
            same(computed["gradients"][here], wanted["gradients"][place], f"gradients of {what}")
        for weight, gradient in wanted["weight_gradients"].get(place, {}).items():
            same(computed["weight_gradients"][here][weight], gradient, f"gradient of {weight} of {what}")


# ---- explanations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODELS, *SECTIONS])
def test_every_explanation_adds_up(name):
    assert results()[name]["faults"] == []
    assert results()[name]["looked"] > 300


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"opaque"}))
def test_from_the_loss_one_can_click_to_the_image_and_back(name):
    nodes, answers = results()[name]["recording"]["nodes"], results()[name]["answers"]
    assert "value 0" in answers["from the loss"]
    loss = results()[name]["recording"]["loss"]["node"]
    last = f"part {loss}" if f"part {loss}" in answers["from a pixel"] else f"value {loss}"
    assert last in answers["from a pixel"]
    # on the way lie the gradients of all layers that the pixel reaches
    assert sum(step.startswith("gradient") for step in answers["from a pixel"]) >= len(nodes) / 2


def explained(name, kind, node_type):
    """Return the explanation of number 3 of the first node of a type that the nets have."""
    nodes = results()[name]["recording"]["nodes"]
    node = next(node["id"] for node in nodes if node["type"] == node_type)
    return results()[name]["answers"][f"{kind} {node}"]


def test_a_convolution_shows_its_window_and_kernel():
    explanation = explained("plain", "value", "Conv2D")
    x, (kernel, bias) = library()["plain"]["values"][1], MODELS["plain"]().layers[1].get_weights()
    # of output [0, 0, 3]: "same" pads one row above, which the kernel's first row falls
    # on, and no column to the left
    window = {
        f"x[{a - 1}, {b}, {c}] × kernel[{a}, {b}, {c}, 3]": x[a - 1, b, c] * kernel[a, b, c, 3]
        for a in (1, 2)
        for b in range(2)
        for c in range(2)
    }
    shown = {term["label"]: term["value"] for term in explanation["terms"]}
    assert shown == pytest.approx(window | {"bias[3]": bias[3]})


def test_a_pool_marks_its_winner():
    explanation = explained("plain", "value", "MaxPooling2D")
    x = library()["plain"]["values"][3]
    window = {f"x[{i}, {j}, 3]": x[i, j, 3] for i in range(2) for j in range(2)}
    assert {term["label"]: term["value"] for term in explanation["terms"]} == pytest.approx(window)
    (chosen,) = [term["label"] for term in explanation["terms"] if term["chosen"]]
    assert chosen == max(window, key=window.get)


def test_batch_normalization_shows_its_three_paths():
    terms = explained("normed", "gradient", "Conv2D")["terms"]
    assert [term["label"].split(":")[0] for term in terms] == [
        "directly, through x̂",
        "through the mean",
        "through the variance",
    ]


def test_softmax_and_cross_entropy_are_p_minus_t():
    values, recording = library()["graph"]["values"], results()["graph"]["recording"]
    scores = recording["loss"]["node"] - 1
    p, t = values[scores + 1][3], 0.2 / 4
    terms = results()["graph"]["answers"][f"gradient {scores}"]["terms"]
    assert [(term["label"], pytest.approx(term["value"])) for term in terms] == [("p[3]", p), ("−t[3]", -t)]


def test_a_residual_adds_the_gradients_of_both_branches():
    nodes = results()["residual"]["recording"]["nodes"]
    users = {node["name"] for node in nodes if 0 in node["inputs"]}
    assert len(users) == 2
    assert {term["through"] for term in results()["residual"]["answers"]["gradient 0"]["terms"]} == users


def test_adam_shows_its_whole_step():
    steps = results()["stepped_adam"]["answers"]["update"]["steps"]
    texts = [step["text"] for step in steps]
    for number in ("g", "m before", "m after", "v before", "v after", "m̂", "v̂", "the change", "w after"):
        assert any(re.match(rf"{number}\b|{number} ", text) for text in texts), number
    numbers = {text.split(" = ")[0]: step["value"] for text, step in zip(texts, steps)}
    assert numbers["t, the number of this step"] == 3
    assert numbers["m after"] == pytest.approx(0.9 * numbers["m before"] + 0.1 * numbers["g"])


def test_helpers():
    answers = results()["plain"]["answers"]
    dense = next(node for node in results()["plain"]["recording"]["nodes"] if node["type"] == "Dense")
    # entry 5 of (inputs, 3)
    assert answers["name"] == f"dL/d {dense['name']} kernel[1, 2]"
    for number, (*call, wanted) in enumerate(HELPERS):
        assert answers[f"helper {number}"] == wanted, call


# ---- nudges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"opaque"}))
def test_a_nudge_moves_the_loss_as_in_the_library(name):
    answers, gradients = results()[name]["answers"], library()[name]["gradients"]
    x = picture(name)
    x.reshape(-1)[PIXEL] += EPSILON
    moved, still = answers["pixel"]
    assert moved["loss"] == pytest.approx(expected(MODELS[name](), x, 1)["loss"], rel=1e-6)
    assert moved["linear"] == pytest.approx(
        still["loss"] + EPSILON * gradients[0].reshape(-1)[PIXEL], rel=1e-6
    )
    assert still["loss"] == pytest.approx(library()[name]["loss"], rel=1e-6)
    model = MODELS[name]()
    change_of_weight(model)
    assert answers["weight"][0]["loss"] == pytest.approx(expected(model, picture(name), 1)["loss"], rel=1e-6)


def test_a_nudge_of_a_gradient_moves_what_it_is_the_gradient_of():
    assert results()["plain"]["answers"]["target"] == {
        "quantity": {"kind": "value", "node": 0, "index": PIXEL},
        "message": None,
        "note": None,
    }


def test_a_nudge_goes_through_a_layer_without_arithmetic():
    """By its slopes: to first order the loss is the library's; it says so."""
    answers, gradients = results()["opaque"]["answers"], library()["opaque"]["gradients"]
    x = picture("opaque")
    x.reshape(-1)[PIXEL] += SLIGHT
    moved, still = answers["slightly"]
    change = expected(MODELS["opaque"](), x, 1)["loss"] - library()["opaque"]["loss"]
    assert moved["loss"] - still["loss"] == pytest.approx(change, rel=2e-3)
    assert change == pytest.approx(SLIGHT * gradients[0].reshape(-1)[PIXEL], rel=2e-2)
    assert re.match(
        r"This page has no arithmetic for p_re_lu\w*, activation\w*: .* small ε", answers["target"]["note"]
    )
    # behind these layers a nudge is exact, however large
    model = MODELS["opaque"]()
    change_of_weight(model)
    assert answers["weight"][0]["loss"] == pytest.approx(
        expected(model, picture("opaque"), 1)["loss"], rel=1e-6
    )


@pytest.mark.parametrize("name", ["restless", *SECTIONS])
def test_what_cannot_be_nudged_says_why(name):
    result = results()[name]
    assert result["answers"]["pixel"] is None
    message = result["answers"]["target"]["message"]
    assert "not known: its numbers are recorded" in message or "cannot be computed here" in message
    assert result["loss_after"] is None
    assert result["message"]
