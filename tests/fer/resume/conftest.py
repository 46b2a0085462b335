"""An undisturbed run, and its folder at every moment at which a kill could have left it."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from fer import runs, train
from fer.networks import architectures
from fer.training import checkpoint, self_distillation
from tests.fer.kill import NO_PICTURES, write_faces
from tests.fer.resume.runs_of_seconds import arguments, micro


@pytest.fixture(scope="package")
def _session():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architectures.ARCHITECTURES, "micro", micro)
        for (module, name), stub in NO_PICTURES.items():
            patch.setattr(module, name, stub)
        patch.setattr(self_distillation, "EPOCHS_PER_UPDATE", 1)  # of two epochs
        patch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)  # a checkpoint after each batch
        yield


@pytest.fixture(autouse=True)
def quick(_session, no_default_data):
    """Small, without pictures, and with a checkpoint after each batch."""


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C is not ignored, even if pytest runs under nohup."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="package")
def npz(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "faces.npz"
    write_faces(path, 76)
    return path


@pytest.fixture(scope="package")
def whole(_session, npz, tmp_path_factory):
    """An undisturbed run, and its folder as it was before each time that a file was replaced."""
    place = tmp_path_factory.mktemp("whole")
    moments, replace = [], os.replace

    def watched(source, target):
        if Path(target).parent == place / "runs" / "001":  # not a kernel that Numba compiles meanwhile
            moments.append(place / f"{len(moments):03d}-{Path(target).name}")
            # links: files are replaced as a whole, never changed
            shutil.copytree(
                place / "runs" / "001", moments[-1], copy_function=os.link, ignore=lambda *_: [runs.LOCK]
            )
        replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", watched)
        train.main(arguments(npz, place / "runs"))
    return place / "runs" / "001", moments


@pytest.fixture
def begun(whole, tmp_path):
    """A run that stopped after its first epoch."""
    _, moments = whole
    folder = tmp_path / "begun"
    after = [moment for moment in moments if moment.name.endswith(runs.HISTORY)][1]
    shutil.copytree(after, folder)
    return folder
