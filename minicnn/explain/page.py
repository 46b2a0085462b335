"""A recording and the parts in web/ as one HTML file, which needs no server, no network and no other file.

The JavaScript is written as modules, which import each other:

    main.js  the page      view/  the interface      engine/  a training step      layers/  each kind of layer
    base/    arrays, quantities, terms               imports run in this direction only

They become one script: each module after those that it imports, beginning with main.js, without the imports
and the word export. So no two may declare the same name at their top, and imports rename nothing.
"""

import functools
import html
import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WEB = Path(__file__).parent / "web"
MAIN = "main.js"
ACTIVATIONS = WEB / "layers" / "activations.js"
IMPORT = re.compile(r"^import\s+(?:\{([^}]*)\}\s+from\s+)?\"(\.{1,2}/[\w./-]+)\";?[ \t]*$", re.MULTILINE)
EXPORT_LIST = re.compile(r"^export\s*\{[^}]*\};?[ \t]*$\n?", re.MULTILINE)
FUNCTION = re.compile(r"^(?:export\s+)?(?:async\s+)?(?:function\*?|class)\s+([\w$]+)", re.MULTILINE)
VARIABLES = re.compile(r"^(?:export\s+)?(?:const|let|var)\s+(.*?);[ \t]*(?://.*)?$", re.MULTILINE | re.DOTALL)
TEXT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`|//.*")
BRACKETS = re.compile(r"\([^()]*\)|\[[^][]*\]|\{[^{}]*\}")


@functools.cache
def known_activations() -> frozenset[str]:
    """Return the names of the activation functions that the page can compute: the keys of its own table."""
    return frozenset(keys(_read(ACTIVATIONS), "ACTIVATIONS"))


def rendered(recording: Mapping[str, Any], web: Path | None = None) -> str:
    """Return a recording as an HTML file.

    Args:
        recording: of :func:`minicnn.explain.recording.record`.
        web: the folder with page.html, style.css and main.js; by default ours.

    Raises:
        FileNotFoundError: one of them, or a module that another imports, is not there.
        ValueError: the modules cannot be put together.
    """
    web = web or WEB
    # "<" cannot end the script that the JSON stands in if it is written as an escape
    text = json.dumps(recording, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(recording["title"]),
        "style": _read(web / "style.css"),
        "recording": text.replace("<", "\\u003c"),
        "script": script(web),
    }
    # in one pass, so that "{{title}}" in one of the parts is not replaced
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read(web / "page.html"))


def script(web: Path) -> str:
    """Return all modules as one script, to be written between <script type="module"> and </script>."""
    modules = in_order(web)
    homes: dict[str, str] = {}
    for name, text in modules.items():
        for declared in declarations(text):
            if declared in homes:
                raise ValueError(
                    f"{name} declares {declared} at its top, as {homes[declared]} does: rename one"
                )
            homes[declared] = name
    bundle = "\n".join(f"// ---- {name}\n{_bare(text)}" for name, text in modules.items())
    # these stand in strings and comments only; written like this they mean the same and do not end the script
    return bundle.replace("</", "<\\/").replace("<!--", "<\\!--")


def in_order(web: Path, main: str = MAIN) -> dict[str, str]:
    """Return name -> text of the modules that ``main`` needs, in the order in which a browser runs them.

    A name is the path from ``web``: "engine/net.js".
    """
    met: set[str] = set()
    result: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in met:
            return
        met.add(name)
        text = _read(web / name)
        for names, address in IMPORT.findall(text):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
            if other.startswith("../"):
                raise ValueError(f"{name} imports {address}, which is outside of {web}")
            if re.search(r"\bas\b", names):
                raise ValueError(f"{name} renames what it imports from {other}: import it under its own name")
            visit(other)
        result[name] = text

    visit(main)
    return result


def declarations(text: str) -> list[str]:
    """Return the names that a module declares at its top, where lines begin without a space."""
    names = FUNCTION.findall(text)
    for statement in VARIABLES.findall(text):
        pattern = re.match(r"[{[]([^]}]*)[]}]\s*=", statement)
        if pattern:
            names += re.findall(r"[\w$]+(?=\s*(?:,|$))", pattern[1])
            continue
        # commas between variables are those that are left without texts and brackets
        left = TEXT.sub("", statement)
        while (shorter := BRACKETS.sub("", left)) != left:
            left = shorter
        names += re.findall(r"(?:^|,)\s*([\w$]+)\s*(?==|,|$)", left)
    return names


def keys(text: str, table: str) -> list[str]:
    """Return the keys of a table at the top of a module, ``const NAME = {``: one a line, two spaces in.

    Raises:
        ValueError: there is no such table.
    """
    found = re.search(rf"^(?:export )?const {table} = {{\n(.*?)^}};$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"no table {table}: expected `const {table} = {{` at the beginning of a line")
    return re.findall(r"^  (\w+)(?=[:,(])", found[1], re.MULTILINE)


def _bare(text: str) -> str:
    """Return a module without imports and exports."""
    text = EXPORT_LIST.sub("", IMPORT.sub("", text))
    text = re.sub(r"^export\s+(?=async|function|class|const|let|var)", "", text, flags=re.MULTILINE)
    left = re.search(r"^(?:import|export)\b.*", text, re.MULTILINE)
    if left:
        raise ValueError(f"{left[0]!r}: expected imports of names from a file of the page, and named exports")
    return text.strip() + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
