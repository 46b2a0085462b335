"""Machine code on disk: when it is found again and when not, where it lies, and
that importing writes nothing.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import minicnn
from minicnn.ops import machine_code, turns
from minicnn.ops.kernels import parallel
from minicnn.ops.machine_code import KEEP, MachineCode

ROOT = Path(minicnn.__file__).parents[1]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Two source files in a folder of their own, and a home of their own."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    paths = [tmp_path / "package" / name for name in ("one.py", "two.py")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(f"'''{path.name}'''")
    return paths


def add_one(x):
    return x + 1


def run(sources, function=add_one, argument=1.0):
    """Compile a function as a new process would; return (its result, whether it was found on disk)."""
    dispatcher = MachineCode("test", sources).compiled()(function)
    return dispatcher(argument), sum(dispatcher.stats.cache_hits.values()) == 1


def files(folder):
    """The names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def code_files(folder):
    return [name for name in files(folder) if name.endswith(".nbc")]


# ---- when it is found again --------------------------------------------------------------------------------


def test_code_is_found_again(sources):
    assert run(sources) == (2.0, False)
    assert run(sources) == (2.0, True)
    assert len(code_files(sources[0].parent)) == 1


def test_the_order_of_the_sources_and_their_time_do_not_matter(sources):
    first, second = sources
    third = first.with_name("three.py")
    third.write_text("")
    run([first, second, third])
    for path in sources:
        os.utime(path, (2**33, 2**33))  # in the year 2242
    assert run([first, third, second]) == (2.0, True)


@pytest.mark.parametrize("edited", [0, 1])
def test_an_edit_of_any_source_is_noticed(edited, sources):
    run(sources)
    before = sources[edited].stat()
    sources[edited].write_text(sources[edited].read_text().upper())
    os.utime(sources[edited], ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size and time
    assert run(sources) == (2.0, False)
    assert run(sources) == (2.0, True)


def test_an_edit_after_the_import_does_not_count(sources):
    """The code that runs is that of the import: it must not be found under the hash of the edited file."""
    dispatcher = MachineCode("test", sources).compiled()(add_one)
    original = sources[1].read_text()
    sources[1].write_text("edited")
    dispatcher(1.0)
    assert run(sources) == (2.0, False)
    sources[1].write_text(original)
    assert run(sources) == (2.0, True)


def test_each_function_and_each_type_has_a_file(sources):
    def plus(n):
        return lambda x: x + n

    by_two, by_three = lambda x: x * 2, lambda x: x * 3  # of one name, on one line
    below = lambda x: x * 4  # noqa: E731
    cases = [(plus(1), 6), (plus(2), 7), (by_two, 10), (below, 20)]
    for found in (False, True):
        for function, expected in cases:
            assert run(sources, function, 5) == (expected, found)
            result, again = run(sources, function, np.float32(5))
            assert (result, again) == (expected, found)
    assert len(code_files(sources[0].parent)) == 2 * len(cases)
    assert by_three(1) == 3


def test_a_damaged_file_is_compiled_again(sources):
    run(sources)
    (path,) = sources[0].parent.rglob("*.nbc")
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40] + bytes(8) + whole[48:]):
        path.write_bytes(damaged)
        assert run(sources) == (2.0, False)
        assert run(sources) == (2.0, True)


# ---- where it lies -----------------------------------------------------------------------------------------


def test_the_folder_of_the_environment_comes_first(sources, tmp_path, monkeypatch):
    run(sources)  # beside the sources: must not be looked at
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "given"))
    assert run(sources) == (2.0, False)
    assert run(sources) == (2.0, True)
    assert len(code_files(tmp_path / "given")) == 1


def test_a_place_that_cannot_be_written_to_is_passed_over(sources, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file"))
    run(sources)
    assert len(code_files(sources[0].parent / "__pycache__")) == 1
    assert run(sources) == (2.0, True)


def test_a_read_only_installation_uses_the_home_of_the_user(sources, tmp_path):
    (sources[0].parent / "__pycache__").write_text("")
    assert run(sources) == (2.0, False)
    assert len(code_files(tmp_path / "home")) == 1
    assert run(sources) == (2.0, True)


def test_code_in_a_read_only_installation_is_loaded(sources, tmp_path, monkeypatch):
    run(sources)
    make = machine_code._make
    monkeypatch.setattr(machine_code, "_make", lambda folder: "home" in folder.parts and make(folder))
    assert run(sources) == (2.0, True)
    assert run(sources, argument=1) == (2, False)  # another type: compiled, and saved in the home
    assert run(sources, argument=1) == (2, True)
    assert len(code_files(tmp_path / "home")) == 1


def test_without_any_place_code_stays_in_memory(sources, tmp_path, monkeypatch):
    (sources[0].parent / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    before = files(tmp_path)
    dispatcher = MachineCode("test", sources).compiled()(add_one)
    assert (dispatcher(1.0), dispatcher(1)) == (2.0, 2)
    assert dispatcher.stats.cache_path is None
    assert files(tmp_path) == before
    dispatcher.recompile()
    assert dispatcher(1.0) == 2.0


def test_without_sources_code_stays_in_memory(sources, tmp_path):
    """As in an archive: nothing tells one version from another."""
    missing = sources[0].with_name("missing.py")
    assert run([sources[0], missing]) == (2.0, False)
    assert run([sources[0], missing]) == (2.0, False)
    assert not code_files(tmp_path)


def test_a_full_disk_is_no_error(sources, monkeypatch):
    def write_some(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_some)
        assert run(sources) == (2.0, False)
    assert files(sources[0].parent) == ["one.py", "two.py"]
    assert run(sources) == (2.0, False)


def test_what_a_killed_process_left_is_removed_by_the_next(sources):
    run(sources)
    (path,) = sources[0].parent.rglob("*.nbc")
    left, written_now = (
        path.with_name(f"{path.name}.{end}") for end in ("0123456789abcdef", "fedcba9876543210")
    )
    for unfinished in (left, written_now):
        unfinished.write_bytes(b"half")
    os.utime(left, (0, 0))
    os.utime(path, (0, 0))
    assert run(sources) == (2.0, True)
    assert files(path.parent) == [path.name, written_now.name]


def test_only_the_folders_used_last_stay(sources):
    place = sources[0].parent / "__pycache__"
    others = ["test-notes", "other-0123456789abcdef", "one.cpython-311.pyc"]
    for name in others:
        (place / name).mkdir(parents=True)
        os.utime(place / name, (1, 1))
    texts = [str(number) for number in range(KEEP)]
    for age, text in enumerate(texts):
        sources[0].write_text(text)
        run(sources)
        folder = place / MachineCode("test", sources).folder_name
        os.utime(folder, (100 + age, 100 + age))
    sources[0].write_text(texts[0])
    assert run(sources) == (2.0, True)  # the first is the one used last, now
    sources[0].write_text("new")
    run(sources)
    sources[0].write_text(texts[1])
    assert not (place / MachineCode("test", sources).folder_name).exists()
    sources[0].write_text(texts[0])
    assert run(sources) == (2.0, True)
    assert len(list(place.glob("test-*"))) == KEEP + 1  # with the notes
    assert all((place / name).exists() for name in others)


# ---- the kernels -------------------------------------------------------------------------------------------


def imported(path):
    """The project's files that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minicnn"):
            for name in [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]:
                found = ROOT / (name.replace(".", "/") + ".py")
                if found.exists():
                    yield found


def test_the_hash_covers_all_that_kernels_import():
    covered = set(parallel.SOURCES)
    assert {path.name for path in covered} > {"register_tile.py", "matmul.py", "memory.py", "__init__.py"}
    # what compiles and what takes turns hold no number that is compiled; type aliases do not, either
    others = {Path(machine_code.__file__), Path(turns.__file__)}
    assert {other for path in covered for other in imported(path)} - covered <= others


def process(program, folder, **variables):
    """Run a program on the package in ``folder``; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, "-W", "error", *(program if isinstance(program, list) else ["-c", program])]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def installation(tmp_path):
    """A copy of the packages that nothing was compiled in."""
    for package in ("minicnn", "fer"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / "copy" / package, ignore=ignored)
    return tmp_path / "copy"


IMPORT = """
import os
from pathlib import Path
def seen():
    paths = [p for root in (os.getcwd(), os.environ["HOME"]) for p in Path(root).rglob("*")]
    return dict(os.environ), {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in paths}
before = seen()
import minicnn, minicnn.ops.kernels, fer.data.csv_reader, fer.predict
assert fer.data.csv_reader.__file__.startswith(os.getcwd())
assert seen() == before
print(len(before[1]))
"""


def test_importing_changes_nothing_outside(installation, tmp_path):
    (tmp_path / "home").mkdir()
    old = installation / "minicnn/ops/kernels/__pycache__/parallel.x-1.py311.1.nbc"  # of long ago
    old.parent.mkdir()
    old.write_text("")
    os.utime(old, (1, 1))
    # Matplotlib writes its list of fonts when it is imported
    folders = {"HOME": str(tmp_path / "home"), "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    assert int(process(IMPORT, installation, **folders)) > 100


NORM = """
import numpy as np
from minicnn import ops
print(ops.squared_norm(np.full(5, 2.0)))
"""


@pytest.mark.slow
def test_an_installation_without_a_writable_place_works(installation, tmp_path):
    places = [installation / "minicnn/ops/kernels", installation / "fer/data"]
    for place in places:
        (place / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    variables = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    assert process(NORM, installation, **variables) == "20.0\n"
    assert "usage" in process(["-m", "fer.predict", "--help"], installation, **variables)
    assert not code_files(tmp_path)


@pytest.mark.slow
def test_an_edit_of_a_helper_reaches_the_kernels(installation, tmp_path):
    def norm():
        return process(NORM, installation, NUMBA_CACHE_DIR=str(tmp_path / "cache"))

    assert norm() == "20.0\n"
    helper = installation / "minicnn/ops/kernels/parallel.py"
    text = helper.read_text()
    helper.write_text(text.replace("\nCHUNKS = 16\n", "\nCHUNKS = 3\n"))
    assert helper.read_text() != text
    assert norm() == "20.0\n"  # the old code would write 16 partial sums into an array of 3
    assert len(list((tmp_path / "cache").iterdir())) == 2
    helper.write_text(text)
    compiled = code_files(tmp_path / "cache")
    assert norm() == "20.0\n"
    assert code_files(tmp_path / "cache") == compiled


ACTIVATIONS = """
import sys
import numpy as np
from minicnn.ops import kernels
for name in sys.argv[1:]:
    for dtype in ("float32", "float64"):
        print(name, getattr(kernels, name + "_forward")(np.array([-1, 2], dtype))[0].tolist())
"""


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_disturb_each_other(installation, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installation), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    names = ["relu", "leaky_relu", "elu"]

    def start(*order):
        command = [sys.executable, "-c", ACTIVATIONS, *order]
        return subprocess.Popen(command, env=environment, cwd=installation, stdout=subprocess.PIPE, text=True)

    running = [start(*names), start(*reversed(names))]
    outputs = [child.communicate(timeout=300)[0].splitlines() for child in running]
    later = start(*names).communicate(timeout=300)[0].splitlines()
    assert sorted(outputs[0]) == sorted(outputs[1]) == sorted(later)
    assert later[:4] == [
        "relu [0.0, 2.0]",
        "relu [0.0, 2.0]",
        "leaky_relu [-0.30000001192092896, 2.0]",
        "leaky_relu [-0.3, 2.0]",
    ]
    assert len([name for name in code_files(tmp_path / "cache") if "_forward_kernel" in name]) == 2 * len(
        names
    )
    assert files(tmp_path / "cache") == code_files(tmp_path / "cache")  # none is unfinished


# ---- no compiler -------------------------------------------------------------------------------------------


def test_without_the_compiler_the_kernels_point_to_the_definition():
    program = """
import numpy as np
from minicnn import ops
x, kernel = np.ones((1, 6, 6, 16)), np.ones((3, 3, 16, 2))
for forward, arrays in (("dense_forward", (np.ones((8, 3)), np.ones((3, 2)))), ("conv2d_forward", (x, kernel))):
    try:
        getattr(ops, forward)(*arrays)
    except RuntimeError as error:
        print(error)
ops.use("reference")
print(ops.dense_forward(np.ones((2, 3)), np.ones((3, 2)))[0].tolist())
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    *messages, y = done.stdout.splitlines()
    assert len(messages) == 2
    assert all("NUMBA_DISABLE_JIT" in line and 'minicnn.ops.use("reference")' in line for line in messages)
    assert y == "[[3.0, 3.0], [3.0, 3.0]]"


# ---- threads -----------------------------------------------------------------------------------------------


@pytest.fixture
def launch(monkeypatch):
    """Start threads again and again; what is in the environment while they start."""
    seen = []
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parallel, "get_num_threads", lambda: seen.append(os.environ.get("GOMP_SPINCOUNT")))
    return lambda: (parallel.start_threads.__wrapped__(), seen)[1]


def test_threads_start_with_a_short_spin(launch):
    before = dict(os.environ)
    assert launch() == ["10000"]
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_a_setting_of_the_user_stays(name, launch, monkeypatch):
    monkeypatch.setenv(name, "7")
    before = dict(os.environ)
    assert launch() == []  # Numba starts them by itself
    assert dict(os.environ) == before


def test_the_environment_is_restored_after_an_error(launch, monkeypatch):
    def refuse():
        raise ValueError("no threading layer")

    monkeypatch.setattr(parallel, "get_num_threads", refuse)
    before = dict(os.environ)
    with pytest.raises(ValueError, match="no threading layer"):
        launch()
    assert dict(os.environ) == before


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP is the threading layer on Linux")
def test_openmp_reads_the_short_spin():
    program = f"import numpy, os\n{NORM}\nassert 'GOMP_SPINCOUNT' not in os.environ"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP", "OMP_"))}
    environment |= {"OMP_DISPLAY_ENV": "verbose", "NUMBA_THREADING_LAYER": "omp"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "GOMP_SPINCOUNT = '10000'" in done.stderr
