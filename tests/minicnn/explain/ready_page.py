"""The ready page of docs/explain.md. The site's build makes it of docs/explain.json, the recording of one step;
``python -m tests.minicnn.explain.ready_page`` trains the small network again and records another step.
"""

import json
import re
import tempfile
from pathlib import Path

from fer import explain as command
from minicnn import explain

RECORDING = Path(explain.__file__).parents[2] / "docs" / "explain.json"
IN_PAGE = re.compile(r'<script type="application/json" id="recording">(.*?)</script>', re.DOTALL)


def recording():
    """Return what the ready page's step was recorded as."""
    return json.loads(RECORDING.read_text(encoding="utf-8"))


def main():
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "explain.html")
        command.main(["--optimizer", "adam", "--sample", "30", "--out", str(page)])
        record = json.loads(IN_PAGE.search(page.read_text(encoding="utf-8"))[1])
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    RECORDING.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
