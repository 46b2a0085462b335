import subprocess
import sys
import threading
import warnings

import pytest

from fer.errors import BadInput, one_line, quiet, short_message


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


def test_only_the_thread_that_asks_for_it_is_quiet():
    inside, done = threading.Event(), threading.Event()
    raised = []

    def other():
        inside.wait()
        try:
            warnings.warn("of the other thread", UserWarning, stacklevel=1)  # tests make errors of warnings
        except UserWarning as warning:
            raised.append(str(warning))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    before = list(warnings.filters)
    with quiet():
        inside.set()
        done.wait()
        warnings.warn("of this one", UserWarning, stacklevel=1)
    thread.join()
    assert raised == ["of the other thread"]
    assert warnings.filters == before


def test_blocks_that_overlap_leave_the_filters_as_they_were():
    before = list(warnings.filters)
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("still in the second", UserWarning, stacklevel=1)
    second.__exit__(None, None, None)
    assert warnings.filters == before
    with pytest.raises(UserWarning):
        warnings.warn("after both", UserWarning, stacklevel=1)


def test_a_copy_of_the_filters_from_within_a_block_is_not_quiet_after_it():
    """As another thread's catch_warnings may put one in place."""
    with warnings.catch_warnings():
        with quiet():
            copy = list(warnings.filters)
        warnings.filters[:] = copy
        with pytest.raises(UserWarning):
            warnings.warn("after the block", UserWarning, stacklevel=1)


def test_only_texts_that_fit_are_discarded():
    with quiet("Glyph .* missing"):
        warnings.warn("Glyph 9 missing from font", UserWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="something else"):
            warnings.warn("something else", UserWarning, stacklevel=1)
