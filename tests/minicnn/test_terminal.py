"""What commands print on any terminal, and how they end."""

import ast
import io
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import terminal

ROOT = Path(minicnn.__file__).parent.parent
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße 顔.png", "Grüße 顔.png"),
        ("a\n\r\t.png", r"a\n\r\t.png"),
        ("\x1b[31m\x07\x00\x7f\x9b2J", r"\x1b[31m\x07\x00\x7f\x9b2J"),
        ("\u202e\u202a\u2066\u2069\u200e", r"\u202e\u202a\u2066\u2069\u200e"),
        ("\u200b\ufeff\u2028\u2029\U000e0041", r"\u200b\ufeff\u2028\u2029\U000e0041"),
        (os.fsdecode(b"\xff\xc3.png"), r"\xff\xc3.png"),
        ("\ud800", r"\ud800"),
        ("10.00\u202fAM\u00a0", "10.00\u202fAM\u00a0"),  # blanks of macOS's screenshots
        (Path("a") / "b", os.path.join("a", "b")),
    ],
)
def test_what_cannot_be_printed_is_shown_by_its_number(text, shown):
    assert terminal.printable(text) == shown


@given(st.text(st.characters(), max_size=80), st.integers(1, 40))
def test_any_text_is_one_line_of_at_most_so_many_characters(text, most):
    shown = terminal.printable(text, most)
    assert len(shown) <= most
    assert all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in shown)
    if len(text) <= most and text.isprintable():
        assert shown == text


def test_a_long_text_is_cut_in_its_middle():
    assert terminal.printable("abcdefghij", 10) == "abcdefghij"
    assert terminal.printable("abcdefghijk", 10) == "abcde…hijk"
    assert terminal.printable("abcdefghijk", 1) == "…"


class Terminal:
    """Stands for stdout and stderr of an encoding; ``text`` is what they were given."""

    def __init__(self, monkeypatch, encoding):
        self.bytes = io.BytesIO()
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(self.bytes, encoding, write_through=True)
            monkeypatch.setattr(sys, name, stream)

    @property
    def text(self):
        return self.bytes.getvalue().decode("ascii")


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8", "utf-16"])
def test_every_encoding_prints_every_character(encoding, monkeypatch):
    output = Terminal(monkeypatch, encoding)
    with terminal.command("x"):
        terminal.say("61.2% ± 0.8%, 3×3 → 1 … – 顔 \x1b", file=sys.stderr)
        print("\udcff\ud800")  # by someone who has not made it printable
    if encoding == "ascii":
        assert output.text == "61.2% +/- 0.8%, 3x3 -> 1 ... - \\u9854 \\x1b\n\\xff\\ud800\n"
    sys.stdout.detach(), sys.stderr.detach()


def test_streams_are_given_back_as_they_were(monkeypatch):
    Terminal(monkeypatch, "ascii")
    with terminal.command("x"):
        pass
    assert sys.stdout.errors == sys.stderr.errors == "strict"
    with pytest.raises(UnicodeEncodeError):
        print("±")
    monkeypatch.setattr(sys, "stdout", None)
    with terminal.command("x"):
        print("nowhere")
    assert sys.stdout is None


def texts(path):
    """Yield the texts in a file's code, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [node for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    docstrings = {id(getattr(node.body[0], "value", None)) for node in documented if node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_character_of_our_own_texts_has_one_in_ascii(monkeypatch):
    """Not those of the page of minicnn.explain, which is a file in UTF-8; nor accents, which stand on a letter."""
    files = [path for package in ("fer", "minicnn") for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 200
    used = {letter for path in files for text in texts(path) for letter in text if ord(letter) > 127}
    used -= {letter for letter in used if unicodedata.combining(letter)}
    assert {"±", "×", "…", "→", "–"} <= used
    output = Terminal(monkeypatch, "ascii")
    with terminal.command("x"):
        print("".join(sorted(used - set("¹²³顔"))))  # in the names that Windows reserves
    assert "\\" not in output.text
    sys.stdout.detach(), sys.stderr.detach()


# ---- how a command ends --------------------------------------------------------------------------------------


def ended(capsys, error, *bad_input):
    with pytest.raises(SystemExit) as stopped, terminal.command("x", *bad_input):
        raise error
    return stopped.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("a\nb\x1b"), 2, "x: a\\nb\\x1b\n"),
        (ValueError(), 2, "x: ValueError\n"),
        (OSError(28, "No space left on device", "a.npz"), 2, "x: a.npz: No space left on device\n"),
        (OSError(28, "No space left on device"), 2, "x: standard output: No space left on device\n"),
        (OSError(71, "Protocol error"), 2, "x: Protocol error\n"),
        (FileNotFoundError("there is no a"), 2, "x: there is no a\n"),
        (KeyboardInterrupt(), 130, "\nx: stopped.\n"),
    ],
)
def test_an_error_is_one_line(error, status, line, capsys):
    assert ended(capsys, error, ValueError) == (status, line)


def test_a_message_of_any_size_is_a_line_of_sane_size(capsys):
    _, line = ended(capsys, ValueError("x" * 3_000_000), ValueError)
    assert len(line) < 700


def test_another_error_is_a_fault_and_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), terminal.command("x", ValueError):
        raise ZeroDivisionError


CODE = "import sys\nfrom minicnn import terminal\nwith terminal.command('x', ValueError):\n    {}"


def run(code, redirection):
    """Run code in a shell that redirects its output; return its status and what is printed after all."""
    line = f'"{sys.executable}" -c "$CODE" {redirection}'
    environment = {**BUFFERED, "CODE": CODE.format(code), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
@pytest.mark.parametrize(
    ("code", "redirection", "status", "printed"),
    [
        ("print('a' * 9)", "| true; exit ${PIPESTATUS[0]}", 0, ""),
        ("print('a' * 10**6)", "| head -c 3; exit ${PIPESTATUS[0]}", 0, "aaa"),
        ("print('a'); sys.exit(7)", "| true; exit ${PIPESTATUS[0]}", 7, ""),
        ("print('a'); raise ValueError('b')", "| true; exit ${PIPESTATUS[0]}", 2, "x: b\n"),
        ("raise ValueError('b')", "2>&1 | true; exit ${PIPESTATUS[0]}", 2, ""),
        ("print('a')", ">&-", 0, ""),
        ("print('a')", "<&- >&- 2>&-", 0, ""),
        ("raise ValueError('b')", ">&-", 2, "x: b\n"),
        ("raise ValueError('b')", "2>&-", 2, ""),
        ("open('/dev/null'); print(open('/dev/null').fileno() > 2, file=sys.stderr)", ">&-", 0, "True\n"),
        ("print('a')", "> /dev/full", 2, "x: standard output: No space left on device\n"),
        ("print('a' * 10**6)", "> /dev/full", 2, "x: standard output: No space left on device\n"),
        ("print('a', file=sys.stderr)", "2> /dev/full", 2, ""),
    ],
)
def test_outputs_that_are_closed_broken_or_full(code, redirection, status, printed):
    if "/dev/full" in redirection and not os.path.exists("/dev/full"):
        redirection = redirection.replace("/dev/full", "/dev/null")
        status, printed = 0, ""
    assert run(code, redirection) == (status, printed)


def test_ctrl_c_is_an_exception_within_a_command_whatever_it_was_before(capsys):
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as stopped, terminal.command("x"):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nohup
        with terminal.command("x"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.value.code == 130


# ---- arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--n", "x\x1b"], "argument --n: invalid int value: 'x\\x1b'"),
        (["--name", ""], "argument --name: it is empty"),
        (["--name="], "argument --name: it is empty"),
        (["\x1b[31m\n"], "unrecognized arguments: \\x1b[31m\\n"),
        (["--n"], "argument --n: expected one argument"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, part, capsys):
    parser = terminal.Parser(prog="x")
    parser.add_argument("--n", type=int)
    parser.add_argument("--name", default="a")
    assert parser.parse_args([]).name == "a"
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    line = capsys.readouterr().err
    assert stopped.value.code == 2
    assert line.startswith(f"x: {part}")
    assert line.count("\n") == 1
