"""Run the kernels as plain Python: slowly, and with every function open to a change.

Numba compiles a callee into its callers, so a fault in a compiled kernel takes a new compilation of all that
use it, seconds to minutes for each. (This is also why mutmut and cosmic-ray do not fit.) With
NUMBA_DISABLE_JIT, ``njit`` returns the function that it is given and ``prange`` is ``range``: the same source
on the same numbers, where an index beyond the end raises instead of reading on. Vectors have 32 bytes on
every machine, as with AVX2, to have the same edges; survivors are looked at again with the 64 of AVX-512,
which puts the edges elsewhere.

:func:`prepare` has to run before Numba is imported.
"""

import os
import sys

SETTINGS = {
    "NUMBA_DISABLE_JIT": "1",
    "NUMBA_NUM_THREADS": "2",
    "NUMBA_THREADING_LAYER": "workqueue",  # GNU OpenMP does not survive a fork
    "OPENBLAS_NUM_THREADS": "1",
}
# warnings of NumPy's numbers in plain Python; machine code computes the same silently
WARNINGS = (
    "error\nignore::pytest.PytestAssertRewriteWarning\n"
    "ignore:.*in scalar:RuntimeWarning\n"  # of any module: pytest.warns gives them on without theirs
    "ignore::RuntimeWarning:tests.mutation.stand_ins"
)


def prepare(long_vectors: bool = False) -> None:
    """Choose plain Python for this process."""
    if "numba" in sys.modules:
        raise RuntimeError("Numba is imported already: prepare() has to run first")
    os.environ.update(SETTINGS, NUMBA_CPU_FEATURES="+avx512f" if long_vectors else "+avx2")


def install_stand_ins() -> None:
    """Put the stand-ins for vector instructions wherever the kernels have imported the real ones."""
    import minicnn  # noqa: F401
    from minicnn.ops import kernels  # noqa: F401
    from minicnn.ops.kernels import register_tile, winograd_transform
    from tests.mutation import stand_ins

    for home in (register_tile, winograd_transform):
        for name in [
            name for name in vars(stand_ins) if name.endswith(("_tile", "_transform")) and name[0] != "_"
        ]:
            real = vars(home).get(name)
            for module in [
                m for key, m in sys.modules.items() if key.startswith("minicnn.") and real is not None
            ]:
                if vars(module).get(name) is real:
                    setattr(module, name, getattr(stand_ins, name))
