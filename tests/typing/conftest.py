"""mypy is needed here: `pip install -e ".[test,lint]"`, then `python -m pytest
tests/typing`, as .ci/run does.

Without mypy, a run of the whole suite leaves these tests out; `pytest tests/typing` then
fails: no tests are collected.
"""

from importlib.util import find_spec

collect_ignore = [] if find_spec("mypy") else ["test_typing.py"]
