"""Several processes get the bits of one: with dropout, augmentation, batch norm, averages; also after one is killed."""

import json

import pytest

from tests import mpi

pytestmark = [pytest.mark.slow, mpi.needs_mpi]
WORKER = "tests.minicnn.distributed.worker"


def results(processes, *arguments):
    status, out, err = mpi.run(processes, WORKER, *arguments)
    assert status == 0, err
    found = json.loads(out)
    assert found.pop("size") == processes
    weights = found.pop("weights")
    assert len(weights) == processes
    assert len(set(weights)) == 1
    return weights[0], found


@pytest.fixture(scope="module")
def of_one():
    return results(1)


@pytest.mark.parametrize("arguments", [(2,), (3, "--no-overlap"), (4,)])
def test_weights_and_history_are_those_of_one_process(of_one, arguments):
    assert results(*arguments) == of_one


def test_statistics_of_shards_are_other_ones_but_the_same_for_any_number_of_processes(of_one):
    one = results(1, "--unsynchronized")
    assert one != of_one
    assert results(2, "--unsynchronized") == one


def test_the_number_of_shards_matters(of_one):
    assert results(2, "--shards", 2) != of_one


def test_after_a_process_was_killed_others_go_on_to_the_same_bits(of_one, tmp_path):
    status, out, _ = mpi.run(2, WORKER, "--backup", tmp_path, "--kill", 1, 2)
    assert status != 0
    assert out == ""
    assert (tmp_path / "training.npz").exists()
    assert results(4, "--backup", tmp_path) == of_one
