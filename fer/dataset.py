"""What a file of faces holds: ``python -m fer.dataset FILE``; with ``--time``, how long reading it takes.

``load`` and ``read`` are those of fer.data.dataset.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fer import errors
from fer.command_line import new_parser
from fer.data import faulty, ferplus, formats, load_times
from fer.data.dataset import ENV_VARIABLE, FerDataset, Split, load, read, resolve_path
from fer.data.table import USAGES, Rows
from minicnn.terminal import printable, say

__all__ = ["FerDataset", "Split", "describe", "load", "main", "read"]


def describe(rows: Rows) -> Iterator[str]:
    """Yield lines about what was read: the notes, and a table of how many faces each emotion has."""
    yield from rows.notes
    if rows.labels is None:
        yield f"{len(rows)} faces without labels: they can be predicted, not trained or tested with"
        return
    names = [printable(name, 20) for name in rows.classes]
    width = max(9, *(len(name) + 2 for name in names))
    line = "{:<12}" + f"{{:>{width}}}" * (len(names) + 1)
    yield line.format("", *names, "total")
    labels, usage = rows.labels, rows.usage
    uses = {"no split": labels}
    if usage is not None:
        uses = {use: labels[usage == i] for i, use in enumerate(USAGES)}
    for name, chosen in uses.items():
        yield line.format(name, *np.bincount(chosen, minlength=len(names)), len(chosen))
    yield f"{faulty.no_face(rows.images).sum()} of the {len(rows)} pictures are blank or known to show no face"


def _lines(path: Path, labels: str | None) -> Iterator[str]:
    rows = formats.read(path)
    return describe(rows if labels is None else ferplus.relabel(rows, str(path), labels))


EXAMPLES = """\
examples:
  python -m fer.dataset fer2013.csv             what the file is, and how many faces of each emotion it has
  python -m fer.dataset archive.zip             the same for an archive, or for a folder of pictures
  python -m fer.dataset --time fer2013.csv      how long reading it takes, with and without the cache
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    parser = new_parser(
        "dataset",
        "[--time] [--labels FILE] [FILE]",
        "Print what a file of faces is and holds, or how long reading it takes.",
        EXAMPLES,
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help=f"file, folder or archive (default: ${ENV_VARIABLE})"
    )
    parser.add_argument("--labels", **ferplus.option())
    parser.add_argument("--time", action="store_true", help="measure reading it")
    with errors.one_line("fer.dataset"):
        arguments = parser.parse_args(argv)
        path = resolve_path(arguments.file)
        say(path)
        for line in load_times.report(path) if arguments.time else _lines(path, arguments.labels):
            say(line)


if __name__ == "__main__":
    main()
