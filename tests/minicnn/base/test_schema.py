"""JSON from strangers: what is parsed, what fits a description, and how errors are worded."""

from typing import Any

import pytest

from minicnn._base import messages, schema
from minicnn._base.schema import Whole, check, parse

RUN = {
    "epochs": Whole(1),
    "rate": float,
    "name?": (str, None),
    "layers": [{"class_name": str, "config": {str: Any}}],
    "faces?": {str: Whole()},
}
GOOD = {"epochs": 3, "rate": 1, "layers": [{"class_name": "Dense", "config": {"units": 7}}]}


@pytest.mark.parametrize(
    "changes", [{}, {"rate": 0.5}, {"name": None}, {"name": "x"}, {"faces": {"Angry": 0}}, {"layers": []}]
)
def test_what_fits(changes):
    check(GOOD | changes, RUN)
    check(GOOD | {"another": [1]}, RUN | {...: ...})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs is 0: expected a whole number from 1"),
        ({"epochs": 1 << 64}, "epochs is 18446744073709551616: expected a whole number from 1"),
        ({"epochs": True}, "epochs is True: expected a whole number"),
        ({"epochs": 1.0}, "epochs is 1.0: expected a whole number"),
        ({"epochs": "3"}, "epochs is '3': expected a whole number"),
        ({"rate": False}, "rate is False: expected a number"),
        ({"rate": None}, "rate is None: expected a number"),
        ({"name": 5}, "name is 5: expected a text or null"),
        ({"layers": {}}, "layers is {}: expected a list"),
        ({"layers": [1]}, r"layers\[0\] is 1: expected an object"),
        ({"layers": [{"config": {}}]}, r"layers\[0\]\.class_name is missing: expected a text"),
        ({"faces": {"Angry": -1}}, "faces.Angry is -1: expected a whole number from 0"),
        ({"another": 1}, "another is unknown: expected epochs, rate, name, layers, faces"),
    ],
)
def test_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        check(GOOD | changes, RUN)


def test_the_content_itself_may_not_fit():
    with pytest.raises(ValueError, match=r"the content is \[\]: expected an object"):
        check([], RUN)
    with pytest.raises(ValueError, match="epochs is missing: expected a whole number from 1"):
        check({}, RUN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 101 + "]" * 101, "nested more than 100 levels"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ('{"a": {"b": 1, "b": 2}}', r"one of the keys \['b', 'b'\] is there twice"),
        ("[1e999]", "the number '1e999' is not finite"),
        ("[-Infinity]", "not finite"),
        ("NaN", "not finite"),
        ("9" * 5000, "JSON"),
        ("{", "JSON"),
        ("", "JSON"),
        (b"\xff", "JSON"),
        (" " * (schema.LARGEST + 1), "more than"),
    ],
)
def test_what_is_not_parsed(text, message):
    with pytest.raises(ValueError, match=message) as raised:
        parse(text)
    assert len(str(raised.value)) < 400


def test_what_is_parsed():
    assert parse('{"a": [1, 2.5, null, true, "\\u0000"], "b": {}}') == {
        "a": [1, 2.5, None, True, "\0"],
        "b": {},
    }
    assert parse("[" * 100 + "]" * 100)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, list(range(10**5)), {"a" * 10**6: 1}, 10**400, 10**10_000, [[[[[[[[1]]]]]]]]],
    ids=["text", "list", "key", "integer", "longer", "nested"],
)
def test_values_are_shown_short(value):
    assert len(messages.shown(value)) <= 160
    assert messages.shown(("relu", 3)) == "('relu', 3)"


def test_texts_are_shortened_in_the_middle():
    text = messages.shortened("begin" + "x" * 1000 + "end")
    assert text.startswith("begin")
    assert text.endswith("end")
    assert len(text) <= messages.LONGEST
    assert messages.shortened("short") == "short"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("units"), "it lacks 'units'"),
        (MemoryError(), "it needs more memory than there is"),
        (RecursionError("x"), "it is nested too deep"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
    ],
)
def test_the_reason_of_an_error(error, text):
    assert messages.reason(error) == text
