"""Checks the built site: ``python -m tests.site build/site``, which exits with 1 and says what is wrong.

Every link to a file of the site leads to one; every notebook was run, and what one downloads has its cells.
"""

import json
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

DOCS = Path(__file__).parent.parent / "docs"
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"<(?:a|img|script|link|iframe)\b[^>]*?\s(?:href|src)=\"([^\"#?]+)[^\"]*\"")
EMBEDDED = re.compile(r"srcdoc=\"[^\"]*\"")  # a page of its own


def lost_links(site: Path) -> Iterator[str]:
    """Yield the links that lead to no file."""
    for page in sorted(site.rglob("*.html")):
        text = EMBEDDED.sub("", page.read_text(encoding="utf-8"))
        for address in set(LINK.findall(text)):
            if re.match(r"[a-z]+:|//", address):
                continue
            target = (page.parent / unquote(unescape(address))).resolve()
            if not (target.is_file() or (target / "index.html").is_file()):
                yield f"{page.relative_to(site)}: {address} is no file of the site"


def notebook_faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with the pages of notebooks, and with the files that one downloads."""
    sources = [path for path in sorted((DOCS / "notebooks").glob("*.md")) if CELL.search(path.read_text())]
    if len(sources) < 4:
        yield f"docs/notebooks has {len(sources)} notebooks, expected 4"
    for source in sources:
        cells = [cell.strip() for cell in CELL.findall(source.read_text(encoding="utf-8"))]
        page = (site / "notebooks" / f"{source.stem}.html").read_text(encoding="utf-8")
        if f'href="{source.stem}.ipynb"' not in page:
            yield f"{source.stem}.html has no link to its notebook"
        outputs = page.count('class="cell_output')
        if outputs < len(cells) - 1:  # a cell may define functions only
            yield f"{source.stem}.html has {len(cells)} cells and {outputs} outputs: it was not run"
        for word in ("Traceback", "object at 0x"):
            if word in EMBEDDED.sub("", page):
                yield f"{source.stem}.html has {word!r} in an output"
        file = json.loads((site / "notebooks" / f"{source.stem}.ipynb").read_text(encoding="utf-8"))
        code = [cell for cell in file["cells"] if cell["cell_type"] == "code"]
        if ["".join(cell["source"]).strip() for cell in code] != cells:
            yield f"{source.stem}.ipynb has other cells than {source.name}"
        if any(cell["outputs"] or cell["execution_count"] for cell in code):
            yield f"{source.stem}.ipynb has outputs"
        for cell in file["cells"]:
            for address in re.findall(r"\]\(([^)#]+)", "".join(cell["source"])):
                there = cell["cell_type"] == "code" or "://" in address
                if not there and not (site / "notebooks" / address).is_file():
                    yield f"{source.stem}.ipynb: its link to {address} leads nowhere"


def main(site: Path) -> int:
    """Print what is wrong; return the exit status."""
    faults = [*lost_links(site), *notebook_faults(site)]
    pages = len(list(site.rglob("*.html")))
    print("\n".join(faults) or f"{pages} pages: all links lead to files, all notebooks were run")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
