"""The site: `python -m sphinx docs build/site`, with the packages of the extra `docs`.

The pages are the Markdown files of this folder as they can also be read in a clone. What a clone does not need
is added here: the contents, pages with the sources that the text links to, the page of docs/explain.md, and frames that
show one of its numbers, where a page has the comment `<!-- explain: ADDRESS -->`. The notebooks are run, and can be
downloaded; without running them a build is quick: `-D nb_execution_mode=off`. Nothing is loaded from a network.
"""

import html
import json
import os
import re
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename

import minicnn
from minicnn.explain.describe import words_for
from minicnn.explain.page import rendered

DOCS = Path(__file__).parent
ROOT = DOCS.parent

project = "minicnn"
author = "the minicnn-fer contributors"
version = release = minicnn.__version__
extensions = [
    "myst_nb",  # and with it myst_parser
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_show_tb = True
os.environ.pop("FER2013_DATA", None)  # what the notebooks show is drawn: photographs may not be given away
os.environ["FER2013_CACHE"] = "off"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
html_theme = "furo"
html_title = "minicnn"
html_show_sourcelink = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_theme_options = {"sidebar_hide_name": False}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

CONTENTS = {
    "index": {
        "Learn": ["backprop/index", "explain", "exercises", "notebooks/index", "teaching"],
        "Use": ["keras", "fer", "recipes", "model-card", "performance", "cluster"],
        "Reference": ["api/*"],
        "The project": ["design", "contributing", "reliability", "mutation", "changelog"],
    },
    "notebooks/index": {"Notebooks": ["train_and_look", "break_a_gradient", "a_step", "emotions"]},
    "backprop/index": {
        "Layer by layer": [
            "scalars", "dense", "activations", "softmax_cross_entropy", "pooling", "convolution",
            "transposed_convolution",
            "depthwise_and_separable", "residual", "dropout", "batch_normalization", "group_normalization", "graphs",
            "shape", "augmentation", "losses", "regularizers", "optimizers", "many_machines",
            "when_it_is_wrong",
        ]
    },
}  # fmt: skip
LINK = re.compile(r"\[((?:[^\[\]]|\\[\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
EXPLAIN = re.compile(r"<!-- explain: (\S+) -->")
FRAME = """<details class="step"><summary>See it in a real training step</summary>
<iframe src="{page}#{address}" loading="lazy" title="one number of a training step" style="width: 100%; height: 44rem;
border: 1px solid var(--color-background-border)"></iframe>
<p><a href="{page}#{address}" target="_blank" rel="noopener">Open it in a window of its own</a></p></details>"""

NOTEBOOK = "---\nfile_format: mystnb\n"
DOWNLOAD = '<a class="download" href="{name}.ipynb" download>Download this notebook</a> ({name}.ipynb)'

sources: set[Path] = set()
notebooks: dict[str, str] = {}  # the page's name -> the Markdown


def read(app, name, content):
    """Change a page's text for the site: contents, links to what is no page, frames."""
    here = (DOCS / name).parent
    up = os.path.relpath(DOCS, here)

    def link(found):
        text, target, place = found[1], found[2], found[3] or ""
        path = (here / target).resolve()
        if "://" in target or not (path == DOCS / "explain.html" or not path.is_relative_to(DOCS)):
            return found[0]
        if path == ROOT / "README.md":
            return f"[{text}]({up}/index.md)"
        if path == DOCS / "explain.html":
            return f'<a href="{up}/explain.html{place}">{text}</a>'
        if not path.is_file():
            return text
        sources.add(path)
        return f'<a href="{up}/{page_of(path)}.html">{text}</a>'

    text = content[0]
    if text.startswith(NOTEBOOK):
        notebooks[name] = text
        text = re.sub(
            r"^# .*$", rf"\g<0>\n\n{DOWNLOAD.format(name=Path(name).name)}", text, count=1, flags=re.MULTILINE
        )
    text = LINK.sub(link, text)
    text = EXPLAIN.sub(lambda found: FRAME.format(page=f"{up}/explain.html", address=found[1]), text)
    for caption, pages in CONTENTS.get(name, {}).items():
        present = [page for page in pages if "*" in page or (here / f"{page}.md").is_file()]
        options = f":hidden:\n:caption: {caption}\n" + (":glob:\n" if "*" in "".join(pages) else "")
        text += f"\n\n```{{toctree}}\n{options}\n" + "\n".join(present) + "\n```\n"
    content[0] = text


def page_of(path):
    """Return the name of the page that shows a source file."""
    return f"source/{path.relative_to(ROOT).as_posix()}"


def source_pages(app):
    """Give the pages of the source files that the text links to."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=True)
    for path in sorted(sources):
        name = path.relative_to(ROOT).as_posix()
        code = path.read_text(encoding="utf-8")
        body = (
            highlight(code, get_lexer_for_filename(name), formatter)
            if path.suffix
            else f"<pre>{html.escape(code)}</pre>"
        )
        yield page_of(path), {"title": name, "body": f"<h1>{name}</h1>{body}"}, "page.html"


def docstring(app, what, name, obj, options, lines):
    """Make a docstring reStructuredText: an indented block is code, and outside of literals * and | are themselves."""
    result, text, code, blank = [], 0, None, True  # text, code: their indents; code is None outside of it
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.strip():
            if code is not None and indent < code:
                code = None
            if code is None and blank and result and indent >= text + 4:
                result += [" " * text + "::", ""]
                code = indent
            elif code is None:
                text = indent
                parts = re.split(r"(``.*?``|`[^`]*`)", line)
                line = "".join(
                    part if n % 2 else re.sub(r"[*|]", r"\\\g<0>", part) for n, part in enumerate(parts)
                )
        blank = not line.strip()
        result.append(line)
    lines[:] = result


def explain_page(app, exception):
    """Write the page of docs/explain.md; its links to the derivations lead to the site's pages."""
    if exception is None and app.builder.format == "html":
        recording = json.loads((DOCS / "explain.json").read_text(encoding="utf-8"))
        recording["words"] = words_for(list(recording["words"]))  # as the derivations have them now
        for words in recording["words"].values():
            if words.get("page"):
                words["page"] = words["page"].replace(".md", ".html")
        Path(app.outdir, "explain.html").write_text(rendered(recording), encoding="utf-8")


def notebook_files(app, exception):
    """Write the notebooks beside their pages, without outputs; their links to each other lead to these files."""
    if exception is not None or app.builder.format != "html":
        return

    def link(found):
        target = Path(found[2])
        known = (Path("notebooks") / target.stem).as_posix() in notebooks and target.suffix == ".md"
        return f"[{found[1]}]({target.stem}.ipynb)" if known else found[0] if "://" in found[2] else found[1]

    for name, text in notebooks.items():
        made = read_myst_markdown_notebook(text, MdParserConfig(), "{code-cell}", "{raw-cell}")
        kernel = made.metadata["kernelspec"]
        made.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
        for cell in made.cells:
            cell.metadata = {}
            if cell.cell_type == "markdown":
                cell.source = LINK.sub(link, cell.source)
        nbformat.write(made, Path(app.outdir, f"{name}.ipynb"))


def setup(app):
    """Connect the functions above with the build."""
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", docstring, priority=400)  # before napoleon
    app.connect("html-collect-pages", source_pages)
    app.connect("build-finished", explain_page)
    app.connect("build-finished", notebook_files)
    return {"parallel_read_safe": False}
