"""The tables of docs/keras.md, from the code: ``python -m tests.minicnn.base.keras_page`` writes them into the page."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from minicnn._base import keras_errors, keras_gaps

PAGE = Path(__file__).parents[3] / "docs" / "keras.md"
MODULES = [
    *("", "layers", "models", "optimizers", "optimizers.schedules", "losses", "metrics", "callbacks"),
    *("regularizers", "initializers", "activations", "utils", "preprocessing.image", "backend"),
]
HELPERS = {
    "get",
    "serialize",
    "deserialize",
    "Parameter",
    "compute_fans",
    "float_type",
    "checked_dtype",
}


def names_of(module: str) -> list[str]:
    """Return what a module of minicnn gives to scripts, older spellings of the same thing left out."""
    found = importlib.import_module(f"minicnn.{module}" if module else "minicnn")
    names = []
    for name, value in sorted(vars(found).items(), key=lambda item: item[0].lower()):
        home = getattr(value, "__module__", "")
        listed = (
            name in found.__all__
            if hasattr(found, "__all__")
            else home in (found.__name__, "minicnn.models.model")
        )
        own_name = getattr(value, "__name__", name).rpartition(".")[2] == name
        if listed and own_name and callable(value) and not name.startswith("_") and name not in HELPERS:
            names.append(name)
    return names


def code(names: str | list[str]) -> str:
    """Return names in backquotes."""
    return " ".join(f"`{name}`" for name in (names.split() if isinstance(names, str) else names))


def place(module: str) -> str:
    """Return a module in Keras's words."""
    return f"`keras.{module}`" if module else "`keras`"


def here() -> Iterator[str]:
    """Yield the table of what is there."""
    yield "| module | names |\n|---|---|"
    for module in MODULES:
        yield f"| {place(module)} | {code(names_of(module))} |"


def not_here() -> Iterator[str]:
    """Yield the table of Keras's names that are missing."""
    yield "| module | not here | nearest |\n|---|---|---|"
    for module, groups in keras_gaps.NAMES.items():
        for names, nearest in groups.items():
            yield f"| {place(module)} | {code(names)} | {nearest} |"


def arguments() -> Iterator[str]:
    """Yield the table of Keras's arguments that are missing."""
    yield "| of | argument | accepted | otherwise, nearest |\n|---|---|---|---|"
    for row in keras_gaps.ARGUMENTS:
        accepted = (
            "any" if row.harmless is keras_gaps.ANY else ", ".join(f"`{value!r}`" for value in row.harmless)
        )
        owners = "every layer" if row.owners == "Layer" else code(row.owners)
        yield f"| {owners} | {code(row.names)} | {accepted} | {row.nearest} |"


def removed() -> Iterator[str]:
    """Yield the table of what Keras has dropped."""
    yield "| of | old | today |\n|---|---|---|"
    for tables, of in (
        (keras_errors.REMOVED_ARGUMENTS, "argument of a {}".format),
        (keras_errors.REMOVED_ATTRIBUTES, "attribute of a {}".format),
        (keras_errors.REMOVED_NAMES, place),
    ):
        for kind, names in tables.items():
            for old, today in names.items():
                yield f"| {of(kind)} | `{old}` | {today} |"


TABLES = {"here": here, "not here": not_here, "arguments": arguments, "removed": removed}


def with_tables(page: str) -> str:
    """Return the page with each table between its marks written anew."""
    for name, rows in TABLES.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"\n<!-- end of {name} -->")
        assert start, name
        assert end, name
        page = before + start + "\n".join(rows()) + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
