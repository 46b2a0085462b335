"""The page is one file that holds the recording and all of the script, each safe in its place."""

import html
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from minicnn import explain
from minicnn.explain import page
from minicnn.explain.page import declarations, in_order, rendered, script
from minicnn.explain.recording.record import record
from tests.minicnn.explain.nets import NETS, image
from tests.minicnn.explain.node import NODE, needs_node

FRAME = """<html><head><title>{{title}}</title><style>{{style}}</style></head>
<body><script type="application/json" id="recording">{{recording}}</script>
<script type="module">{{script}}</script></body></html>"""


class Parts(HTMLParser):
    """What a browser finds: the text in each element."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.found, self.open = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open = dict(attributes).get("id") or dict(attributes).get("type") or tag

    def handle_data(self, data):
        self.found[self.open] = self.found.get(self.open, "") + data

    def handle_endtag(self, tag):
        self.open = None


@pytest.fixture
def web(tmp_path):
    files = {
        "page.html": FRAME,
        "style.css": "body { color: red; }\n",
        "main.js": '// The page.\nimport { draw } from "./view/draw.js";\nimport "./view/theme.js";\n\n'
        'draw("{{title}}");\n',
        "view/draw.js": 'import { size, unit } from "../base/sizes.js";\n\n'
        'export function draw(text) {\n  return text + size + unit + "</script><!-- ";\n}\n',
        "base/sizes.js": "export const size = 3, unit = 4;\nconst hidden = 5;\nexport { hidden };\n",
        "view/theme.js": 'import {\n  size,\n} from "../base/sizes.js";\n'
        "export async function theme() {\n  return size;\n}\n",
        "view/unused.js": "export const size = 4;\n",
    }
    for folder in ("base", "view"):
        (tmp_path / folder).mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def recording():
    return record(NETS["plain"](), image(), 1, title="R & D </script> <b>")


def test_modules_come_after_those_that_they_import(web):
    assert list(in_order(web)) == ["base/sizes.js", "view/draw.js", "view/theme.js", "main.js"]


def test_modules_may_import_each_other(web):
    (web / "base/sizes.js").write_text(
        'import { draw } from "../view/draw.js";\nexport const size = 3, unit = 4;\n'
    )
    assert list(in_order(web)) == ["base/sizes.js", "view/draw.js", "view/theme.js", "main.js"]


def test_the_script_has_no_imports_and_exports(web):
    text = script(web)
    assert not re.search(r"^\s*(import|export)\b", text, re.MULTILINE)
    for line in ("const size = 3, unit = 4;", "function draw(text) {", "async function theme() {"):
        assert line in text.splitlines()
    assert "size = 4;" not in text.replace("unit = 4", "")


@needs_node
def test_the_script_runs(web, tmp_path):
    (web / "main.js").write_text('import { draw } from "./view/draw.js";\nconsole.log(draw("size "));\n')
    (tmp_path / "bundle.mjs").write_text(script(web))
    run = subprocess.run([NODE, tmp_path / "bundle.mjs"], capture_output=True, text=True, check=True)
    assert run.stdout == "size 34</script><!-- \n"


def test_everything_is_in_its_place(web, recording):
    parts = Parts(rendered(recording, web))
    assert parts.tags == ["html", "head", "title", "style", "body", "script", "script"]
    assert json.loads(parts.found["recording"]) == recording
    assert html.unescape(parts.found["title"]) == "R & D </script> <b>"
    assert parts.found["style"] == "body { color: red; }\n"
    # a place's name in another part is no place
    assert 'draw("{{title}}")' in parts.found["module"]
    assert '"<\\/script><\\!-- "' in parts.found["module"]


def test_a_title_may_be_the_name_of_any_file(tmp_path):
    path = explain.write(NETS["plain"](), image(), 1, tmp_path / "page.html", title="a\udcff\u202e.png")
    content = path.read_text(encoding="utf-8")
    assert "<title>a\\udcff\u202e.png</title>" in content


def test_declarations():
    text = """
import { other } from "./other.js";
const HEAD = 42, CAPTION = f(1, 2), SIDES = [1, 2];
export const { a, b: c } = made(), late = 1;
let z;
export function* q() {
  const inside = 1;
}
const T = {
  one: [1, "x, y = 2;"],
  two: (a, b) => a,
}, after = 3; // a remark
export class K {}
export { q };
"""
    assert sorted(declarations(text)) == sorted(
        ["HEAD", "CAPTION", "SIDES", "a", "c", "z", "q", "T", "after", "K"]
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "view/theme.js",
            "const draw = 1;\n",
            r"view/theme.js declares draw at its top, as view/draw.js does: rename one",
        ),
        (
            "view/theme.js",
            "const a = 1, unit = 2;\n",
            "view/theme.js declares unit at its top, as base/sizes.js does",
        ),
        (
            "view/theme.js",
            'import { size as s } from "../base/sizes.js";\n',
            "view/theme.js renames what it imports from base/sizes.js",
        ),
        (
            "view/theme.js",
            'import size from "../base/sizes.js";\n',
            "expected imports of names from a file of",
        ),
        (
            "view/theme.js",
            'import { size } from "../../sizes.js";\n',
            r"view/theme.js imports ../../sizes.js, which is outside of",
        ),
        ("view/theme.js", 'import { size } from "sizes.js";\n', "expected imports of names from a file of"),
        ("view/theme.js", "export default 3;\n", "expected imports of names .* and named exports"),
    ],
)
def test_modules_that_cannot_be_put_together(web, name, text, message):
    (web / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        script(web)


@pytest.mark.parametrize(
    "path", sorted(page.WEB.rglob("*.js")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_modules_import_the_functions_that_they_call(path):
    # the page, one script, would run without; a module on its own would not
    text = re.sub(r'//.*|"[^"\n]*"', '""', path.read_text(encoding="utf-8"))
    everywhere = "".join(file.read_text(encoding="utf-8") for file in page.WEB.rglob("*.js"))
    exported = re.findall(r"^export function (\w+)", everywhere, re.MULTILINE)
    called = {name for name in exported if re.search(rf"([^.\w]|\.{{3}}){name}\(", text)}
    imported = {
        name for names in re.findall(r"import \{([^}]*)\}", text) for name in re.findall(r"\w+", names)
    }
    assert called <= imported | set(declarations(text))


@pytest.mark.parametrize("missing", ["page.html", "style.css", "main.js", "base/sizes.js"])
def test_what_is_missing_is_named(web, recording, missing):
    (web / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        rendered(recording, web)


@pytest.mark.skipif(not (page.WEB / page.MAIN).exists(), reason="the interface is not written yet")
def test_the_page_is_put_together_from_all_files(recording):
    modules = in_order(page.WEB)
    assert sorted(modules) == sorted(path.relative_to(page.WEB).as_posix() for path in page.WEB.rglob("*.js"))
    parts = Parts(rendered(recording))
    assert json.loads(parts.found["recording"]) == recording
    assert len(parts.found["module"]) > sum(map(len, modules.values())) / 2


# ---- write -------------------------------------------------------------------------------------------------


@pytest.fixture
def ours(web, monkeypatch):
    monkeypatch.setattr(page, "WEB", web)
    return web


def test_write(ours, tmp_path):
    path = tmp_path / "explain.html"
    path.write_text("older")
    model = NETS["plain"]()
    said = {"classes": "abc", "title": "A step", "notes": ["First."], "docs": "backprop/"}
    assert explain.write(model, image(), 1, str(path), **said) == path
    parts = Parts(path.read_text(encoding="utf-8"))
    expected = record(model, image(), 1, **said)
    assert json.loads(parts.found["recording"]) == expected
    assert expected["classes"] == ["a", "b", "c"]
    assert expected["notes"][0] == "First."


def test_links_lead_to_the_docs_of_the_clone(ours, tmp_path, monkeypatch):
    explain.write(NETS["plain"](), image(), 1, tmp_path / "explain.html")
    docs = json.loads(Parts((tmp_path / "explain.html").read_text()).found["recording"])["docs"]
    assert (tmp_path / docs / "convolution.md").is_file()
    monkeypatch.chdir(Path(explain.__file__).parents[2])
    assert explain.docs_from(Path("explain.html")) == "docs/backprop/"
    assert explain.docs_from(Path("docs/explain.html")) == "backprop/"
    monkeypatch.setattr(
        explain, "__file__", str(tmp_path / "site-packages" / "minicnn" / "explain" / "__init__.py")
    )
    assert explain.docs_from(tmp_path / "explain.html") is None


def test_a_large_page_is_told_of_a_huge_one_refused(ours, tmp_path, monkeypatch):
    model, path = NETS["plain"](), tmp_path / "explain.html"
    size = len(rendered(record(model, image(), 1, docs=explain.docs_from(path))).encode())
    monkeypatch.setattr(explain, "WARN", size)
    explain.write(model, image(), 1, path)
    monkeypatch.setattr(explain, "WARN", size - 1)
    with pytest.warns(UserWarning, match=r"MB large and slow to open: .*--layers A:B\)$"):
        explain.write(model, image(), 1, path)
    model.train_step(image()[None], np.eye(3)[[1]])  # now its optimizer has moments
    with pytest.warns(UserWarning, match=r"--layers A:B\), or a new optimizer, .*--optimizer adam\)$"):
        explain.write(model, image(), 1, path)
    path.unlink()
    monkeypatch.setattr(explain, "REFUSE", size - 1)
    with pytest.raises(ValueError, match=r'large, more than .* layers="A:B" .*, of rescaling.*, conv2d'):
        explain.write(model, image(), 1, path)
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        explain.write(NETS["plain"](), image(), 1, tmp_path / "nowhere" / "explain.html")


def test_weights_make_the_size_not_values(ours):
    """For a net of w weights and a new optimizer, a third more than 4·w bytes,
    beside the image and the words.
    """
    model = NETS["plain"]()
    weights, pixels = sum(weight.value.size for weight in model.weights), np.size(image())
    one = len(json.dumps(record(model, image(), 1)))
    model.train_step(image()[None], np.eye(3)[[1]])
    three = len(json.dumps(record(model, image(), 1)))
    assert 2 * weights * 4 * 4 / 3 <= three - one < 2 * weights * 4 * 4 / 3 + 1500
    assert one - (weights + pixels) * 4 * 4 / 3 < 8000
