"""The command ``python -m minicnn.explain``: a page that explains a training step on a picture."""

import argparse
from collections.abc import Sequence

from minicnn import models, terminal
from minicnn.explain import command

NAME = "minicnn.explain"
EXAMPLES = """\
examples:
  python -m minicnn.explain model.npz --image cat.jpg --label 3
  python -m minicnn.explain model.npz --image cat.jpg --layers conv2d_2:dense     a section of a large net
"""
WHAT_TO_GIVE = (
    "give a MODEL, a file of model.save, and --image FILE; for faces there is python -m fer.explain"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = terminal.Parser(
        prog=f"python -m {NAME}",
        description="Write a page that explains every number of one training step: forward, loss, backward, update.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("model", nargs="?", metavar="MODEL", help="a file of model.save")
    result.add_argument("--image", metavar="FILE", help="a picture; it is cut and scaled to the net's size")
    command.add_options(
        result,
        label="the number of its true class (default: the most probable one)",
        seed="of dropout's masks",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    with terminal.command(NAME, ValueError), command.warnings_in_one_line(NAME):
        run(parser().parse_args(argv))


def run(arguments: argparse.Namespace) -> None:
    """Make the page that the arguments ask for.

    Raises:
        ValueError: the arguments or the files cannot be used.
        OSError: a file cannot be read or written.
    """
    if arguments.model is None or arguments.image is None:
        raise ValueError(WHAT_TO_GIVE)
    command.check(arguments)
    with command.own_layers_in_python(arguments.model):
        model = models.load_model(arguments.model)
    command.write_page(arguments, model, command.picture(model, arguments.image))


if __name__ == "__main__":
    main()
