"""The tool itself: that it plants what it says, that faults are caught, and that what is no fault is not."""

import ast
import json
import os
import signal
import subprocess
import sys

import pytest

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.ops import reference
from tests.mutation import equivalent, stand_ins, vector_code
from tests.mutation.classic import all_classics, all_faults
from tests.mutation.functions import ROOT, Package
from tests.mutation.slips import slips
from tests.mutation.trial import run_children, stop_after

SMALL_JUDGES = ["tests/minicnn/ops/test_dense.py", "tests/minicnn/ops/test_updates.py"]


@pytest.fixture(scope="module")
def faults():
    return all_faults(Package())


def texts(source):
    """What each node of a piece of code may become."""
    return {text for node in ast.walk(ast.parse(source)) for text, _ in slips(node)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a + b", {"a + b → a - b", "a + b → a", "a + b → b"}),
        ("a - b", {"a - b → a + b", "a - b → a", "a - b → b - a"}),
        ("a @ b", {"a @ b → b @ a", "a @ b → a", "a @ b → b"}),
        ("-a", {"-a → a"}),
        ("a < b", {"a < b → a <= b", "a < b → a > b"}),
        ("a[1]", {"1 → 2", "1 → 0"}),
        ("a[i, j]", {"i, j → j, i", "a[i, j] → a[i - 1, j]", "a[i, j] → a[i, j - 1]"}),
        ("a[i:j]", {"a[i:j] → a[i + 1:j]", "a[i:j] → a[i:j - 1]"}),
        ("x.sum(axis=(0, 1, 2))", {"axis=(0, 1, 2) → axis=(0, 1)", "axis=(0, 1, 2) → axis=(1, 2)"}),
        ("range(n)", {"range(n) → range(1, n)", "range(n) → range(n - 1)"}),
        ("a[i] += b", {"a[i] += b → a[i] = b", "a[i] += b → a[i] -= b", "a[i] += b → nothing"}),
        ("f(a, b)", {"f(…): a, b → b, a"}),
        ("np.maximum(a, b)", {"np.maximum(a, b) → np.minimum(a, b)"}),
        ("a.T", {"a.T → a"}),
        ("a if c else b", {"a if c else b → b if c else a", "a if c else b → a"}),
        ("True", {"True → False"}),
        ("for i in r:\n    f(i)", {"for i in r: → … break at its end", "f(i) → nothing"}),
    ],
)
def test_slips(source, expected):
    assert expected <= texts(source)


def test_every_backward_pass_gets_faults(faults):
    changed = {(fault.path, fault.where) for fault in faults}
    for name in vars(reference):
        if name.endswith(("_backward", "_update")):
            for implementation in ("reference", "kernels"):
                mine = [path for path, where in changed if where == name and implementation in path]
                # random erasing is the reference's own
                assert mine or (implementation, name) == ("kernels", "random_erasing_backward")
    kinds = [kind for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, Layer)]
    for kind in kinds:
        owner = next(base for base in kind.__mro__ if "backward" in vars(base))
        changes = {where for _, where in changed}
        # these have no backward pass, or hand dy on as it is
        none = ("Layer", "InputLayer", "GaussianNoise")
        assert f"{owner.__name__}.backward" in changes or owner.__name__ in none


def test_mutants_have_names_of_their_own(faults):
    assert len({fault.id for fault in faults}) == len(faults)
    elsewhere = [fault.key for fault in faults if fault.module.room != "kernels"]
    assert len(set(elsewhere)) == len(elsewhere)  # the list of proofs names no files


def test_classic_faults_fit_the_sources():
    for fault in all_classics(Package()):
        before, after = fault.before_and_after()
        assert before != after


def test_proofs_are_of_mutants_that_exist(faults):
    keys = {fault.key for fault in faults if fault.module.room != "kernels"}
    assert equivalent.Proofs().unused(keys) == []


def test_the_outline_of_proofs():
    text = "= A sum\n  has no order.\nf\n    x = a + b\n        a → b\n        a + b → b + a\n"
    (proof,) = equivalent.read(text)
    assert proof.text == "A sum has no order."
    proofs = equivalent.Proofs([proof])
    assert proofs.of(("f", "x = a + b", "a + b → b + a")) is proof
    assert proofs.of(("f", "x = a + b", "a + b → a")) is None
    assert proofs.of(("g", "x = a + b", "a → b")) is None
    with pytest.raises(ValueError, match="line 2"):
        equivalent.read("= A\nout of place\n")


@pytest.mark.parametrize("judge", vector_code.judges(), ids=lambda judge: judge.name)
def test_stand_ins_are_the_vector_instructions(judge):
    assert judge.test()


def test_stand_ins_stay_within_their_arrays():
    with pytest.raises(IndexError, match="numbers 8 to 11 of 10"):
        stand_ins._at(vector_code.np.zeros(10), 8, 4)


def test_children_tell_how_they_end():
    def work(task, say):
        say(f"task {task}")
        if task == "loop":
            stop_after(0.05)
            while True:
                pass
        if task == "crash":
            os.kill(os.getpid(), signal.SIGTERM)
        return {"sum": len(task)}

    endings = {ending.task: ending for ending in run_children(["fine", "loop", "crash"], work, jobs=2)}
    assert endings["fine"].value == {"sum": 4}
    assert (endings["loop"].value, endings["loop"].last) == (None, "task loop")
    assert endings["loop"].signal != endings["crash"].signal != 0


def run_worker(ids):
    orders = {"way": "interpreted", "ids": ids, "jobs": 2, "effort": [5, 30.0, 3.0], "tests": SMALL_JUDGES}
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation.worker"],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return {verdict["id"]: verdict for verdict in map(json.loads, done.stdout.splitlines())}


@pytest.mark.slow
def test_faults_are_caught_and_what_is_none_survives(faults):
    proofs = equivalent.Proofs()
    places = [
        ("minicnn/ops/reference/dense.py", "dense_backward"),
        ("minicnn/ops/kernels/dense.py", "_by_rows"),
    ]
    wrong = [fault.id for fault in faults if (fault.path, fault.where) in places][::12]
    right = [f.id for f in faults if f.path == "minicnn/ops/reference/updates.py" and proofs.of(f.key)]
    verdicts = run_worker(wrong + right)
    assert len(wrong) >= 5
    assert right
    assert all(verdicts[one]["judges"] for one in right)
    assert {one for one in wrong + right if verdicts[one]["caught"]} == set(wrong)
