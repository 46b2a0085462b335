"""Type checkers must understand a script that uses minicnn and fer: see test_typing.py."""
