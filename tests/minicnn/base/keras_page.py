"""The tables of docs/keras.md, from the code: ``python -m tests.minicnn.base.keras_page`` writes them."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from minicnn._base import keras_gaps
from minicnn._base.keras_gaps import Old

KINDS = ("layer", "optimizer", "loss", "metric", "callback", "model", "method")
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
    "ShardedArray",
    "open_shards",
}


def names_of(module: str) -> list[str]:
    """Return the public names of a module of minicnn, without older spellings of the same thing."""
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
    return "`keras`" if module in ("", "keras") else f"`keras.{module}`"


def owners(of: str) -> str:
    """Return the owners of arguments or attributes: classes and methods in backquotes, "every layer"."""
    return ", ".join(f"every {one}" if one in KINDS else code(one) for one in of.split())


def here() -> Iterator[str]:
    """Yield the table of what is there."""
    yield "| module | names |\n|---|---|"
    for module in MODULES:
        yield f"| {place(module)} | {code(names_of(module))} |"


def not_here() -> Iterator[str]:
    """Yield the table of Keras's names that are missing."""
    yield "| module | not here | nearest |\n|---|---|---|"
    for row in keras_gaps.NAMES:
        if not isinstance(row, Old):
            yield f"| {place(row.of)} | {code(row.names)} | {row.instead} |"


def arguments() -> Iterator[str]:
    """Yield the table of Keras's arguments that are missing."""
    yield "| of | argument | accepted | otherwise, nearest |\n|---|---|---|---|"
    for row in keras_gaps.ARGUMENTS:
        if not isinstance(row, Old):
            values = "any" if row.harmless is keras_gaps.ANY else code([repr(one) for one in row.harmless])
            yield f"| {owners(row.of)} | {code(row.names)} | {values} | {row.instead} |"


def removed() -> Iterator[str]:
    """Yield the table of what Keras has removed."""
    yield "| of | old | today |\n|---|---|---|"
    for table, kind in (
        (keras_gaps.ARGUMENTS, "argument of "),
        (keras_gaps.ATTRIBUTES, "attribute of "),
        (keras_gaps.NAMES, ""),
    ):
        for row in table:
            if isinstance(row, Old):
                of = place(row.of) if row.of not in KINDS else f"{'an' if row.of[0] == 'o' else 'a'} {row.of}"
                yield f"| {kind}{of} | {code(row.names)} | {row.instead} |"


TABLES = {"here": here, "not here": not_here, "arguments": arguments, "removed": removed}


def with_tables(page: str) -> str:
    """Return the page with the table between each pair of marks replaced by today's."""
    for name, rows in TABLES.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"\n<!-- end of {name} -->")
        assert start, name
        assert end, name
        page = before + start + "\n".join(rows()) + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
