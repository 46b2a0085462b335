"""The kernels also run where a vector is 32 bytes: compiled for such a processor in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import numpy as np
from minicnn.ops import kernels, reference
from minicnn.ops.kernels import register_tile

assert register_tile.VECTOR_BYTES == 32, register_tile.VECTOR_BYTES
rng = np.random.default_rng(0)
for shape, filters, options in (
    ((2, 9, 9, 20), 24, {"padding": "same"}),                       # Winograd, ragged tiles and channels
    ((2, 6, 7, 16), 40, {"padding": "valid"}),
    ((2, 9, 8, 3), 5, {"strides": (2, 1), "dilation": (1, 2)}),     # direct
):
    x = rng.standard_normal(shape).astype(np.float32)
    kernel = rng.standard_normal((3, 3, shape[-1], filters)).astype(np.float32)
    bias = rng.standard_normal(filters).astype(np.float32)
    y, cache = kernels.conv2d_forward(x, kernel, bias, **options)
    exact, exact_cache = reference.conv2d_forward(*(a.astype(float) for a in (x, kernel, bias)), **options)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    fast = [y, *kernels.conv2d_backward(dy, cache)]
    for a, b in zip(fast, [exact, *reference.conv2d_backward(dy.astype(float), exact_cache)]):
        assert np.abs(a - b).max() <= 1e-5 * np.abs(b).max()
print("equal")
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="AVX2 is x86's")
def test_convolution_on_avx2(tmp_path):
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert run.stdout == "equal\n", run.stderr
