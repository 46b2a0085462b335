import subprocess
import sys

import pytest

from fer.errors import BadInput, one_line, short_message


@pytest.mark.parametrize("error", [BadInput("no faces here"), FileNotFoundError("no faces here")])
def test_the_user_s_errors_become_one_line_and_status_2(error, capsys):
    with pytest.raises(SystemExit) as stopped, one_line("fer.x"):
        raise error
    assert stopped.value.code == 2
    assert capsys.readouterr() == ("", "fer.x: no faces here\n")


@pytest.mark.parametrize("message", ["stopped. Look in runs/001", None])
def test_ctrl_c_becomes_one_line_and_status_130(message, capsys):
    with pytest.raises(SystemExit) as stopped, one_line("fer.x"):
        raise KeyboardInterrupt(*[message] if message else [])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == f"\nfer.x: {message or 'stopped.'}\n"


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ValueError, match="shapes differ"), one_line("fer.x"):
        raise ValueError("shapes differ")


def test_the_system_s_errors_name_file_and_fault(tmp_path, capsys):
    with pytest.raises(SystemExit), one_line("fer.x"):
        (tmp_path / "none.csv").open()
    assert capsys.readouterr().err == f"fer.x: {tmp_path / 'none.csv'}: No such file or directory\n"


def test_a_reader_that_has_enough_ends_the_command_quietly():
    code = "from fer.errors import one_line\nwith one_line('fer.x'):\n    while True: print('x' * 1000, flush=True)"
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command.stdout.readline()
    command.stdout.close()
    assert command.stderr.read() == b""
    assert command.wait() == 0
    command.stderr.close()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n lines"), "two lines"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 999), "x" * 60 + "…" + "x" * 59),
        (ValueError("\x1b[31m\0 é"), r"\x1b[31m\x00 é"),
    ],
)
def test_an_error_fits_in_a_line(error, line):
    assert short_message(error) == line
