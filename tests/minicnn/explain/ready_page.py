"""The ready page, docs/explain.html: ``python -m tests.minicnn.explain.ready_page`` puts its recording into
the page as it is built now. (``--record`` trains the small network again and records another step.)
"""

import json
import re
import sys
from pathlib import Path

from fer import explain as command
from minicnn import explain
from minicnn.explain.page import rendered

PAGE = Path(explain.__file__).parents[2] / "docs" / "explain.html"
RECORDING = re.compile(r'<script type="application/json" id="recording">(.*?)</script>', re.DOTALL)


def recording(page=PAGE):
    """Return what a page's step was recorded as."""
    return json.loads(RECORDING.search(page.read_text(encoding="utf-8"))[1])


def main(arguments):
    if "--record" in arguments:
        PAGE.unlink(missing_ok=True)
        command.main(["--optimizer", "adam", "--sample", "30", "--out", str(PAGE)])
    else:
        PAGE.write_text(rendered(recording()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
