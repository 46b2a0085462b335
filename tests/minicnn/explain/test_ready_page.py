"""The five questions of docs/explain.md, and the frames of the derivations, lead to numbers of the ready page."""

import re

import numpy as np
import pytest

from minicnn import explain
from tests.minicnn.explain.nets import NETS, image
from tests.minicnn.explain.ready_page import RECORDING, recording

QUESTIONS = RECORDING.parent / "explain.md"
ADDRESSES = re.findall(r"explain\.html#([\w/.]+)\)", QUESTIONS.read_text(encoding="utf-8"))
IN_FRAMES = [
    address
    for page in sorted((QUESTIONS.parent / "backprop").glob("*.md"))
    for address in re.findall(r"<!-- explain: (\S+) -->", page.read_text(encoding="utf-8"))
]


def test_it_has_the_present_format():
    old, new = recording(), explain.record(NETS["plain"](), image(), 1)
    same = old["format"] == new["format"] and old.keys() == new.keys()
    assert same, "run python -m tests.minicnn.explain.ready_page"


@pytest.mark.parametrize("address", ADDRESSES + IN_FRAMES)
def test_the_links_lead_to_numbers(address):
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
