"""Every command on a terminal that knows ASCII alone, without readers, under nohup, and as on Windows."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import fer
from fer import __main__, command_line
from fer.networks import architectures
from minicnn.benchmark import __main__ as benchmark
from minicnn.explain import __main__ as explain
from minicnn.gradient_check import __main__ as gradient_check
from tests.fer.kill import NO_PICTURES
from tests.fer.readers import face, write_data, write_run
from tests.fer.resume.runs_of_seconds import micro
from tests.minicnn.test_terminal import BUFFERED, Terminal

ROOT = Path(fer.__file__).parent.parent
OTHERS = {"benchmark": benchmark, "explain": explain, "gradient_check": gradient_check}

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a run and data; pictures are not drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(architectures.ARCHITECTURES, "micro", micro)
    for (module, name), stub in NO_PICTURES.items():
        monkeypatch.setattr(module, name, stub)
    faces = [(face(k), k) for k in range(7)]
    write_data("faces.npz", train=faces, validation=faces, test=faces)
    write_run(tmp_path / "run", data="faces.npz")
    return tmp_path


def in_ascii(monkeypatch, main, arguments, expected=0):
    """Return what a command prints on a terminal of ASCII alone."""
    output = Terminal(monkeypatch, "ascii")
    status = 0
    try:
        main(arguments)
    except SystemExit as stopped:
        status = stopped.code or 0
    finally:
        sys.stdout.detach(), sys.stderr.detach()
        monkeypatch.undo()
    assert status == expected, output.text
    return output.text


@pytest.mark.parametrize("verb", [*__main__.VERBS, *OTHERS])
def test_help_in_ascii(verb, monkeypatch):
    if verb in OTHERS and verb != "explain":
        text = in_ascii(monkeypatch, OTHERS[verb].main, ["--help"])
    else:
        text = in_ascii(monkeypatch, __main__.main, [verb, "--help"])
    assert text.startswith("usage: ")
    assert "\\" not in text


def test_help_of_the_library_s_explain_in_ascii(monkeypatch):
    assert "\\" not in in_ascii(monkeypatch, explain.main, ["--help"])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["evaluate", "run"], "accuracy           100.00% +/- 0.00% (7 faces)"),
        (
            ["train", "--data", "faces.npz", "--arch", "micro", "--epochs", "1"],
            "% (7 faces), with the model of",
        ),
        (
            ["train", "--data", "faces.npz", "--arch", "micro", "--check", "--learning-rate", "1e-9"],
            "1.946 +/- 0.5",
        ),
        (["explore", "--data", "faces.npz"], "conflicting labels: 0 images occur"),
        (["predict", "run", "faces.npz"], "faces.npz row 3   Happy"),
    ],
)
def test_results_in_ascii(arguments, part, place, monkeypatch):
    learns_nothing = "--check" in arguments  # with a rate of 1e-9
    text = in_ascii(monkeypatch, __main__.main, arguments, expected=int(learns_nothing))
    assert part in text
    for report in place.rglob("report.txt"):
        assert "±" in report.read_text(encoding="utf-8")


def test_a_table_of_gradients_in_ascii(monkeypatch):
    text = in_ascii(monkeypatch, gradient_check.main, ["L1", "--cases", "1"])
    assert "Every row is within its bounds." in text
    assert "         -" in text  # a column that this row does not have


# ---- signals ----------------------------------------------------------------------------------------------------

FAKE = """\
import os, signal
os.kill(os.getpid(), signal.SIGINT)
raise SystemExit(7)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize(
    "command", [["fer", "train"], ["fer.train"], ["fer.predict", "a.jpg"], ["fer.dataset"]]
)
def test_ctrl_c_while_modules_are_imported_is_quiet(command, ignored, tmp_path):
    """The import of NumPy is the signal's moment; under nohup the import goes on, here to its status 7."""
    (tmp_path / "numpy.py").write_text(FAKE)
    how = "SIG_IGN" if ignored else "SIG_DFL"  # pytest itself may run under nohup
    code = f"import os, signal, sys\nsignal.signal(signal.SIGINT, signal.{how})\nos.execv(sys.executable, sys.argv[1:])"
    environment = {**BUFFERED, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7 if ignored else -signal.SIGINT, "", "")


def test_ctrl_c_has_its_handler_back_after_the_imports(monkeypatch, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    seen = []
    monkeypatch.setattr(
        __main__, "command", lambda verb: seen.append(signal.getsignal(signal.SIGINT)) or seen.append
    )
    try:
        __main__.main(["train", "a"])
        assert seen == [signal.SIG_DFL, ["a"]]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert command_line.end_at_once_on_ctrl_c() is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
@pytest.mark.parametrize(
    ("output", "status", "printed"),
    [
        ("| true; exit ${PIPESTATUS[0]}", 0, ""),
        (">&-", 0, ""),
        ("> /dev/full", 2, "fer: standard output: No space left on device\n"),
    ],
)
def test_the_list_of_verbs_that_nobody_reads(output, status, printed):
    if "/dev/full" in output and not os.path.exists("/dev/full"):
        output, status, printed = "> /dev/null", 0, ""
    line = f'"{sys.executable}" -m fer --help {output}'
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, env=BUFFERED)
    assert (done.returncode, done.stdout + done.stderr) == (status, printed)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_a_training_whose_output_nobody_reads_says_how_to_resume(place):
    """The reader goes after the first line; the training stops at its next one, and can be resumed."""
    code = "from fer.networks import architectures as a; from tests.fer.resume.runs_of_seconds import micro\n"
    code += "a.ARCHITECTURES['micro'] = micro; from fer import train; train.main()"
    line = f'"{sys.executable}" -c "$CODE" --data faces.npz --arch micro --epochs 2 | head -1; '
    line += "exit ${PIPESTATUS[0]}"
    environment = {**BUFFERED, "CODE": code, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], cwd=place, capture_output=True, text=True, env=environment)
    assert done.stdout.startswith("Data: faces.npz")
    assert done.stderr.endswith("To resume: python -m fer.train --resume runs/001\n")
    assert done.returncode == 141


# ---- Windows ----------------------------------------------------------------------------------------------------

WINDOWS = """\
import concurrent.futures, importlib, multiprocessing, os, pkgutil, signal, subprocess, sys, tempfile
import numba, numpy, pandas, tqdm, matplotlib.backends.backend_agg, PIL.Image  # what others do is theirs
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for module, names in (
    (os, ("fork", "forkpty", "sync", "getuid", "geteuid", "uname", "mkfifo", "O_DIRECTORY", "O_NOFOLLOW",
          "O_NONBLOCK", "O_CLOEXEC", "sched_getaffinity", "getloadavg", "WNOHANG")),
    (signal, ("SIGKILL", "SIGHUP", "SIGPIPE", "SIGUSR1", "SIGALRM", "SIGXFSZ", "pthread_sigmask", "setitimer")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
import fer, minicnn
done = 0
for package in (fer, minicnn):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
        done += 1
import fer.runs
with tempfile.TemporaryDirectory() as folder:
    run = fer.runs.create(folder)
    with run.locked():
        run.write_text("a.txt", "a")
print(done > 200)
"""


def test_all_modules_are_imported_without_what_windows_does_not_have():
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
