"""Mutants that are no faults, each with the proof that it computes the same: equivalent.txt.

The file is an outline by indentation: a proof, the functions that it holds for, their statements, and what
these may become:

    = The order in which axes are summed does not change the sum.
    conv2d_backward
        dbias = dy.sum(axis=(0, 1, 2)) if has_bias else None
            (0, 1, 2) → (1, 0, 2)

A mutant is known by these three texts, the code as `ast.unparse` writes it, and not by its file or line. So
code may move, and its formatting may change. `python -m tests.mutation --list` shows what each statement may
become.
"""

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "equivalent.txt"
Key = tuple[str, str, str]  # function, statement, slip


@dataclass(frozen=True)
class Proof:
    """Why some mutants are no faults."""

    text: str
    keys: tuple[Key, ...]


def read(text: str) -> list[Proof]:
    """Return the proofs of a file.

    Raises:
        ValueError: a line does not fit the outline.
    """
    proofs: list[tuple[str, list[Key]]] = []
    function = code = ""
    for number, line in enumerate(text.splitlines(), start=1):
        content, indent = line.strip(), len(line) - len(line.lstrip())
        if not content:
            continue
        if content.startswith("= ") and indent == 0:
            proofs.append((content[2:], []))
        elif indent == 2 and not proofs[-1][1]:
            proofs[-1] = f"{proofs[-1][0]} {content}", []
        elif indent == 0 and len(content.split()) == 1:
            function, code = content, ""
        elif indent == 4:
            code = content
        elif indent == 8 and function and code and proofs:
            proofs[-1][1].append((function, code, content))
        else:
            raise ValueError(f"line {number}: {line!r} does not fit the outline")
    return [Proof(proof, tuple(keys)) for proof, keys in proofs]


class Proofs:
    """All proofs, to be asked for a mutant."""

    def __init__(self, proofs: list[Proof] | None = None) -> None:
        self.proofs = read(FILE.read_text(encoding="utf-8")) if proofs is None else proofs
        self._by_key = {key: proof for proof in self.proofs for key in proof.keys}

    def of(self, key: Key) -> Proof | None:
        """Return the proof that the mutant with this key is no fault, or None."""
        return self._by_key.get(key)

    def unused(self, keys: set[Key]) -> list[Key]:
        """Return the keys of proofs for which there is no mutant (any more)."""
        return [key for key in self._by_key if key not in keys]
