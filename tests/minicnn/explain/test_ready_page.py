"""docs/explain.html is what the code makes now, and its five questions lead to numbers that it has."""

import re

import numpy as np
import pytest

from minicnn.explain.page import rendered
from tests.minicnn.explain.ready_page import PAGE, recording

QUESTIONS = PAGE.parent / "explain.md"
ADDRESSES = re.findall(r"explain\.html#([\w/.]+)\)", QUESTIONS.read_text(encoding="utf-8"))


def test_it_is_up_to_date():
    fresh = rendered(recording())
    assert PAGE.read_text(encoding="utf-8") == fresh, "run python -m tests.minicnn.explain.ready_page"


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_questions_lead_to_numbers(address):
    kind, where, index = address.split("/")
    node = recording()["nodes"][int(where.split(".")[0])]
    weight = where.partition(".")[2]
    assert kind in (("weight", "weightGradient", "update") if weight else ("value", "gradient"))
    shape = node["weights"][weight]["value"]["shape"] if weight else node["shape"]
    assert int(index) < np.prod(shape)


def test_there_are_five_questions():
    text = QUESTIONS.read_text(encoding="utf-8")
    assert len(re.findall(r"^\*\*[^*]*\?\*\*", text, re.MULTILINE)) == 5
    assert len(ADDRESSES) >= 9
