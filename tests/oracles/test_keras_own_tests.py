"""Keras's own tests on minicnn: none differs without a reason, and the page's table is that of the code.

They run in a process of their own: Keras's test modules are changed for it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn

pytest.importorskip("torch")
pytest.importorskip("keras")

from tests.oracles import keras_own_tests

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ROOT = Path(minicnn.__file__).parent.parent


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "results.json"
    command = [sys.executable, "-m", "tests.oracles.keras_own_tests", str(path)]
    subprocess.run(
        command, cwd=ROOT, env=os.environ | {"KERAS_BACKEND": "torch"}, check=True, capture_output=True
    )
    return json.loads(path.read_text(encoding="utf-8"))


def test_what_differs_has_a_reason_and_no_reason_is_left(results):
    differing = {
        test: said for rows in results.values() for test, result, said in rows if result == "differs"
    }
    assert {test: said for test, said in differing.items() if test not in keras_own_tests.DIFFERENCES} == {}
    assert set(differing) == set(keras_own_tests.DIFFERENCES)


def test_the_table_of_the_page(results):
    page = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    assert "\n".join(keras_own_tests.table(results)) in page


def test_a_wrong_number_would_be_seen(monkeypatch):
    keras_own_tests.area("losses")
    from keras.src.losses import losses_test

    assert keras_own_tests.result_of(losses_test.MeanSquaredErrorTest, "test_unweighted")[0] == "passed"
    right = minicnn.losses.MeanSquaredError.losses
    monkeypatch.setattr(minicnn.losses.MeanSquaredError, "losses", lambda *args: (2 * right(*args)[0], None))
    assert keras_own_tests.result_of(losses_test.MeanSquaredErrorTest, "test_unweighted")[0] == "differs"
