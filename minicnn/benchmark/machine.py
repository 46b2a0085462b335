"""What the benchmark ran on: the processor, the instruction set of the kernels, the caches."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux: a folder for each cache of the first core
CPUINFO = Path("/proc/cpuinfo")
SYSCTL = {"L1d": "hw.l1dcachesize", "L2": "hw.l2cachesize", "L3": "hw.l3cachesize"}  # macOS
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
VARIABLES = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # they change what Numba compiles for


def describe() -> dict[str, Any]:
    """Return the processor's name, the instruction set of the kernels, bytes of each cache, Numba's variables."""
    from minicnn.ops.kernels import register_tile  # imported here: Numba takes half a second to import

    return {
        "cpu": cpu_name(),
        "instruction_set": register_tile.instruction_set(),
        "cache_bytes": cache_bytes(),
        **{name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def cpu_name() -> str:
    """Return the processor's name, as far as the system tells it."""
    with suppress(OSError):
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


def cache_bytes() -> dict[str, int]:
    """Return bytes of the caches that a core uses, {"L1d": …, …}; empty where the system does not say."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError, KeyError):
        for folder in sorted(CACHES.glob("index*")):
            kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
            if kind != "Instruction":
                found[f"L{level}{'d' if kind == 'Data' else ''}"] = int(size[:-1]) * UNITS[size[-1]]
    if sys.platform == "darwin":
        found = {name: int(size) for name, key in SYSCTL.items() if (size := _sysctl(key)).isdigit()}
    return found


def _sysctl(name: str) -> str:
    with suppress(OSError):
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
        return done.stdout.strip()
    return ""
