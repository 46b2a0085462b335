import pytest

from fer.errors import BadInput, one_line


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
