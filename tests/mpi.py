"""Starts the processes of the tests of training by many: with the mpiexec of this environment, or of the system."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(_BESIDE) if _BESIDE.exists() else shutil.which("mpiexec")

needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpi4py and mpiexec: pip install '.[mpi]'",
)


def start(processes: int, *arguments: object, others: tuple[object, ...] = ()) -> subprocess.Popen[str]:
    """Start ``python -m …`` in several processes.

    Args:
        processes: how many.
        arguments: a module and its arguments.
        others: of the last process, if they differ.
    """
    first = ["-n", str(processes - bool(others)), sys.executable, "-m", *map(str, arguments)]
    last = [":", "-n", "1", sys.executable, "-m", *map(str, others)] if others else []
    # Open MPI's own names for its options; other launchers don't read them
    settings = {
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    return subprocess.Popen(
        [str(MPIEXEC), *first, *last],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings},
    )


def run(processes: int, *arguments: object, others: tuple[object, ...] = ()) -> tuple[int, str, str]:
    """Return (status, stdout, stderr) of :func:`start`, at its end."""
    process = start(processes, *arguments, others=others)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err
