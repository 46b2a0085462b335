"""python -m minicnn.gradient_check: its table, its exit code, its JSON; a broken kernel is found by it."""

import json

import numpy as np
import pytest

from minicnn.gradient_check import __main__ as command
from minicnn.ops import kernels, reference


def test_the_table(capsys, tmp_path):
    path = tmp_path / "table.json"
    command.main(["relu", "L2", "sgd_update", "--cases", "3", "--json", str(path)])
    header, *rows, total, verdict = capsys.readouterr().out.splitlines()
    assert header.split() == ["cases", "backward", "kernels", "float32", "seconds"]
    assert [row.split()[1] for row in rows] == ["relu", "sgd_update", "L2"]
    assert total.split()[:4] == ["all", "3", "rows", "9"]
    assert verdict == "Every row is within its bounds."
    lines = json.loads(path.read_text())
    assert [line["cases"] for line in lines] == [3, 3, 3]
    assert lines[1]["backward"] is None
    assert all(line["passed"] for line in lines)


def fails(names, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main([*names, "--cases", "5"])
    assert stopped.value.code == 1
    return capsys.readouterr().out


def test_a_wrong_gradient_fails_with_its_report(monkeypatch, capsys):
    right = reference.tanh_backward
    monkeypatch.setattr(reference, "tanh_backward", lambda dy, cache: 1.5 * right(dy, cache))
    out = fails(["tanh"], capsys)
    assert "tanh: WRONG: x (complex step, bound 1e-12)" in out
    assert "off by a constant factor" in out or "multiplied by 1.5" in out
    assert "The definition is off (minicnn/ops/reference, or the layer)" in out
    assert "The kernels are off" not in out
    assert out.splitlines()[-1] == "1 of 1 rows beyond their bounds"


def test_a_wrong_kernel_fails(monkeypatch, capsys):
    right = kernels.dense_backward

    def wrong(dy, cache, need_dx=True):
        dx, dkernel, dbias = right(dy, cache, need_dx)
        return dx, dkernel * (1 + 1e-9), dbias

    monkeypatch.setattr(kernels, "dense_backward", wrong)
    assert "kernels error" in fails(["dense"], capsys)


def doubled_kernel(right):
    def wrong(dy, cache, need_dx=True):
        dx, dkernel, dbias = right(dy, cache, need_dx)
        return dx, 2 * dkernel, dbias

    return wrong


@pytest.mark.parametrize(("row", "others"), [("dense", ["result 0", "x"]), ("Dense", ["y", "x"])])
def test_the_case_of_a_wrong_kernel_is_printed_with_its_cause_and_who_is_to_blame(
    row, others, monkeypatch, capsys
):
    monkeypatch.setattr(kernels, "dense_backward", doubled_kernel(kernels.dense_backward))
    out = fails([row], capsys)
    assert f"{row}, kernels: WRONG: kernel (the reference, bound 1e-12)" in out
    assert "The kernels are off (minicnn/ops/kernels): in this case the definition agrees" in out
    assert "likely cause: multiplied by 2" in out
    lines = {
        line.split("  ")[1].strip(): line for line in out.splitlines() if " of " in line and "  " in line
    }
    assert "FAIL" in lines["kernel"]
    assert all("ok" in lines[name] for name in others)


def test_a_definition_that_the_kernels_copy_is_to_blame(monkeypatch, capsys):
    """Only the wide case has the fault, so that the first column passes."""
    from minicnn.gradient_check.suite import kernel_report
    from minicnn.gradient_check.suite.rows import BOUNDS

    monkeypatch.setattr(reference, "dense_backward", doubled_kernel(reference.dense_backward))
    row = command.chosen(["dense"])[0]
    outcome = row.run(command.Draw(command.generator(0, row, 0)))
    text = str(kernel_report("dense", outcome, "kernels", BOUNDS["kernels"]))
    assert "The definition is off (minicnn/ops/reference): kernel differs from the complex step" in text


def test_a_wrong_update_is_printed_without_a_point(monkeypatch, capsys):
    right = kernels.sgd_update

    def wrong(w, *args, **kwargs):
        right(w, *args, **kwargs)
        w *= 1.01

    monkeypatch.setattr(kernels, "sgd_update", wrong)
    out = fails(["sgd_update"], capsys)
    assert "sgd_update, kernels: WRONG: array 0 (the reference, bound 1e-12)" in out
    assert "The kernels are off (minicnn/ops/kernels)\n" in out


def test_a_case_does_not_depend_on_the_others():
    row = command.chosen(["elu"])[0]
    numbers = [command.generator(3, row, 7).random() for _ in range(2)]
    assert numbers[0] == numbers[1]
    assert len({command.generator(s, row, n).random() for s in (0, 1) for n in (0, 1)}) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cov2d"], "no row 'cov2d': did you mean conv2d"),
        (["relu", "--cases", "0"], "--cases 0"),
        (["relu", "--cases", "1", "--json", "no/such/folder/table.json"], "no/such/folder"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_nan_is_beyond_every_bound(monkeypatch, capsys):
    monkeypatch.setattr(reference, "relu_backward", lambda dy, cache: np.full_like(dy, np.nan))
    assert "FAIL" in fails(["relu"], capsys)
