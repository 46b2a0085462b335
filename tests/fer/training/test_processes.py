"""A slow process is named: by how long it computes beside the others."""

from types import SimpleNamespace

import pytest

from fer.training.processes import NameSlowProcess


@pytest.mark.parametrize(
    ("seconds", "named"),
    [
        (
            [10, 10, 16],
            "Process 2, on c, is slow: it computed 16 seconds of this epoch, the others about 10,",
        ),
        ([20, 9, 10], "Process 0, on a, is slow: it computed 20 seconds of this epoch, the others about 10,"),
        ([10, 10, 15], ""),
        ([10, 16], "Process 1, on b, is slow: it computed 16 seconds of this epoch, the others about 10,"),
        ([10, 14], ""),
        ([1, 1, 2.9], ""),  # it is not worth a line
        (
            [1, 1, 1, 3.1],
            "Process 3, on d, is slow: it computed 3 seconds of this epoch, the others about 1,",
        ),
        ([30], ""),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_all_wait_for_is_named_by_process_0(capsys, seconds, named, rank):
    told = []

    def allgather(mine):
        told.append(mine[0])
        return list(zip(seconds, "abcd"))

    communicator = SimpleNamespace(allgather=allgather, size=len(seconds))
    share = SimpleNamespace(communicator=communicator, busy_seconds=lambda: 7.0, rank=rank)
    callback = NameSlowProcess()
    callback.set_model(SimpleNamespace(distribution=share))
    callback.on_epoch_end(0)
    said = capsys.readouterr().out
    assert said.startswith(named if rank == 0 else "")
    assert bool(said) == bool(named and rank == 0)
    assert told == [7.0] * (len(seconds) > 1)
