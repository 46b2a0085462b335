"""The words for each kind of node are those of docs/backprop: each equation stands on its page."""

import re
from pathlib import Path

import pytest

import minicnn
from minicnn.explain.describe import WORDS, words_for
from minicnn.explain.recording.record import record
from tests.minicnn.explain.nets import NETS, image

DOCS = Path(minicnn.__file__).parent.parent / "docs" / "backprop"
KINDS = list(WORDS)  # test_engine.py holds these to the layers of the page
NO_BACKWARD = {"SGD", "Adam", "AdamW"}

# equations that the page has in another form: what it says instead
ELSEWHERE = {
    "y = x · scale + offset": "whose numbers are fixed",
    "dx = dy · scale": "dy times the scale",
    # Minimum has no line of its own in the table: it is Maximum's with the signs turned round
    "y = −max(−a, −b)": "| Maximum |",
    "da = dy where −a ≥ −b, else 0": "the larger entry gets all of dy",
    "db = dy where −b > −a": "the larger entry gets all of dy",
}
COMMANDS = {
    "cdot": "·", "sum": "Σ", "mu": "μ", "gamma": "γ", "beta": "β", "varepsilon": "ε", "delta": "δ", "eta": "η",
    "lambda": "λ", "ell": "ℓ", "leftarrow": "←", "partial": "∂", "ge": "≥", "hat x": "x̂", "sqrt": "√", "to": "→",
}  # fmt: skip


def plain(text):
    """Return an equation without what differs between LaTeX and plain text; of one
    sample only, as a page shows.
    """
    text = re.sub(r"\\(?:text|mathrm|mathrel)\{([^{}]*)\}", r"\1", text)
    for command, letter in COMMANDS.items():
        text = re.sub(rf"\\{command}(?![a-z])", letter, text)
    text = text.replace("}{", "/").replace("-", "−").replace("²", "^2").replace("\\max", "max")
    text = re.sub(r"\\(?:begin|end)\{aligned\}|&", "", text)
    text = re.sub(r"\\(?:left|right|frac|quad|qquad|hat|,)", "", text)
    text = re.sub(r"Σ_n\b|(?<=Σ_\{)n,|(?<=\[)n,", "", text)
    return re.sub(r"[\s·(){}$_\\|*.]", "", text)


def page_of(kind):
    return DOCS / WORDS[kind].page.partition("#")[0]


def equations(kind):
    text = WORDS[kind]
    return [each for both in (text.equation, text.gradient) for each in both.split("; ") if each]


def test_every_kind_that_occurs_is_one_of_these():
    for net in NETS.values():
        recording = record(net(), image(), 1)
        assert {node["type"] for node in recording["nodes"]} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_equations_stand_on_the_page(kind):
    text = page_of(kind).read_text(encoding="utf-8")
    found = equations(kind)
    assert len(found) >= 2 - (kind in NO_BACKWARD)
    for equation in found:
        if equation in ELSEWHERE:
            assert ELSEWHERE[equation] in text
        elif "graphs.md" in WORDS[kind].page:
            # a table there: a row for the layer, its cells what stands behind "="
            (row,) = re.findall(rf"^\| {kind} \|.*$", text, re.MULTILINE)
            assert plain(equation.partition("=")[2]) in plain(row)
        else:
            assert plain(equation) in plain(text)


@pytest.mark.parametrize("kind", KINDS)
def test_the_place_on_the_page_exists(kind):
    _, _, anchor = WORDS[kind].page.partition("#")
    headings = re.findall(r"^#+ (.*)$", page_of(kind).read_text(encoding="utf-8"), re.MULTILINE)
    places = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not anchor or anchor in places


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_are_sentences(kind):
    text = WORDS[kind]
    assert text.forward[0].isupper()
    assert text.forward.endswith(".")
    assert bool(text.backward) == bool(text.gradient) == (kind not in NO_BACKWARD)
    assert not text.backward or (text.backward[0].isupper() and text.backward.endswith((".", ".)")))


def test_words_are_for_what_is_asked():
    described = words_for(["ReLU", "ReLU", "Adam"])
    assert list(described) == ["ReLU", "Adam"]
    assert described["ReLU"]["backward"]["equation"] == "dx = dy · f'(x)"
    assert described["Adam"]["backward"] is None
    assert described["Adam"]["page"] == "optimizers.md#adam"


def test_another_equation_would_not_be_found():
    """The comparison is not so forgiving that anything passes."""
    text = plain(page_of("Conv2D").read_text(encoding="utf-8"))
    for wrong in (
        "dx_padded[i·s + a·d, j·s + b·d, c] += Σ_k dy[i,j,k] · kernel[b,a,c,k]",
        "dx_padded[i·s − a·d, j·s + b·d, c] += Σ_k dy[i,j,k] · kernel[a,b,c,k]",
        "dkernel[a,b,c,k] = Σ_i xp[i·s + a·d, j·s + b·d, c] · dy[i,j,k]",
    ):
        assert plain(wrong) not in text
