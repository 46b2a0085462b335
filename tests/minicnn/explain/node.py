"""node, which runs the page's JavaScript: tests that need it are skipped where it is
not installed, but fail in CI.
"""

import os
import shutil

import pytest

NODE = "node"
needs_node = pytest.mark.skipif(
    shutil.which(NODE) is None and not os.environ.get("CI"), reason="node is not installed"
)
