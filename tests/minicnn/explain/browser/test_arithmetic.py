"""Every number adds up on screen, and is the library's: all kinds of numbers, of
every layer, read from the panel.
"""

import math

import numpy as np
import pytest

from tests.minicnn.explain.browser.conftest import SECTIONS
from tests.minicnn.explain.browser.reading import QUANTITIES, READ_ALL
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, image


def close(one, other):
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("name", [*NETS, *SECTIONS])
def test_every_number_adds_up_and_is_the_library_s(name, visit):
    page = visit(name)
    readings = page.evaluate(READ_ALL, page.evaluate(QUANTITIES))
    for reading in readings:
        check_sum(reading)
    if name in NETS:
        check_truth(readings, expected(NETS[name](), image(), 1), page.evaluate("explain.trace.net.fused"))


def check_sum(reading):
    """The terms and the line of the rest, or the steps, make the number; each
    term is the product of its factors.
    """
    where, terms = reading["address"], reading["terms"]
    assert reading["error"] is None, where
    assert reading["right"], where
    assert reading["sentence"], where
    for term in terms:
        assert close(math.prod(term["factors"]), term["value"]), where
    if reading["form"] == "choice":
        chosen = [term["value"] for term in terms if term["chosen"] == "true"]
        assert chosen in ([], [reading["value"]]), where
    elif terms:
        assert close(math.fsum(term["value"] for term in terms) + reading["rest"], reading["value"]), where
    elif reading["steps"]:
        assert close(reading["steps"][-1], reading["value"]), where
    else:
        assert reading["value"] == 0 or math.isnan(reading["value"]), where


def check_truth(readings, truth, fused):
    """The numbers are those that minicnn computes in float64."""
    seen = set()
    for reading in readings:
        kind, place, *_ = [*reading["address"].split("/"), ""]
        if kind == "loss":
            assert reading["value"] == pytest.approx(truth["loss"], rel=1e-5)
        array = counterpart(truth, kind, place)
        # of the softmax that the loss is taken together with, the page shows -t/p, of
        # which the library makes no use
        if array is None or (kind == "gradient" and int(place) == fused):
            continue
        seen.add(kind)
        number = np.ravel(array)[int(reading["index"])]
        assert reading["value"] == pytest.approx(number, rel=1e-5, abs=1e-8), reading["address"]
    assert seen == {"value", "gradient", "weightGradient", "update"}


def counterpart(truth, kind, place):
    """Return the array of the library that a number of the page belongs to, or None."""
    node, _, weight = place.partition(".")
    whole = {"value": "values", "gradient": "gradients"}.get(kind)
    if whole:
        return truth[whole].get(int(node))
    own = {"weightGradient": "weight_gradients", "update": "weights_after"}.get(kind)
    return truth[own].get(int(node), {}).get(weight) if own else None
