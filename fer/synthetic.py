"""Write faces drawn by code into files, as many as you like: ``python -m fer.synthetic --out FOLDER --count 360000``.

``python -m fer.train --data FOLDER`` trains on them; they need not fit into memory. The same count and seed give the
same faces, for any number of files and processes.
"""

if __name__ == "__main__":  # before the imports, which take a second or more
    from fer.command_line import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()

import os
from collections.abc import Sequence
from pathlib import Path

from fer import errors
from fer.command_line import as_started, new_parser
from fer.data import synthetic
from fer.errors import BadInput
from minicnn.terminal import say

FACES_PER_SHARD = 20_000  # 46 MB

EXAMPLES = """\
examples:
  python -m fer.synthetic --out drawn                       as many faces as FER2013 has, in two files
  python -m fer.synthetic --out drawn --count 360000        ten times as many, in 18 files
  python -m fer.train --data drawn                          trains on them
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with status 2 and one line for input that cannot be used."""
    parser = new_parser(
        "synthetic",
        "--out FOLDER [--count N] [--shards N] [--processes N] [--seed N]",
        "Write faces drawn by code into .npz files, which need not fit into memory.",
        EXAMPLES,
    )
    add = parser.add_argument
    add("--out", required=True, metavar="FOLDER", help="a new or empty folder")
    add("--count", type=int, default=35_887, metavar="N", help="of faces (default: %(default)s)")
    add("--shards", type=int, metavar="N", help=f"files (default: one for each {FACES_PER_SHARD:,} faces)")
    add("--processes", type=int, metavar="N", help="that draw at the same time (default: one for each core)")
    add("--seed", type=int, default=0, metavar="N", help="of the faces (default: %(default)s)")
    with errors.one_line("fer.synthetic"):
        given = parser.parse_args(argv)
        folder = Path(given.out)
        shards = -(-given.count // FACES_PER_SHARD) if given.shards is None else given.shards
        processes = (os.cpu_count() or 1) if given.processes is None else given.processes
        for name, value, least in (
            ("count", given.count, synthetic.MIN_COUNT),
            ("shards", shards, 1),
            ("processes", processes, 1),
            ("seed", given.seed, 0),
        ):
            if value < least:
                raise BadInput(f"--{name} {value}: expected {least} or more")
        if folder.is_dir() and any(folder.iterdir()):
            raise BadInput(
                f"--out {folder}: expected a new or empty folder, so that no other files get among these"
            )
        for path in synthetic.write_shards(folder, given.count, shards, processes, given.seed):
            say(path)
        say(as_started(f"{given.count:,} faces. To train on them: python -m fer.train --data {folder}"))


if __name__ == "__main__":
    main()
