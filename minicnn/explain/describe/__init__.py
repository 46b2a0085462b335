"""What happens in each kind of node, in a sentence and an equation, forward and
backward: those of docs/backprop.

The equations are the pages', for one image: without the index n of the sample, and so without sums over it.
Indices follow a "_"; windows lie on xp, the input with its padding.
"""

from collections.abc import Iterable
from typing import Any

from minicnn.explain.describe.layers import LAYERS
from minicnn.explain.describe.training import LOSSES, OPTIMIZERS

WORDS = LAYERS | LOSSES | OPTIMIZERS


def words_for(kinds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the words for these kinds of nodes, losses and optimizers."""
    return {kind: WORDS[kind].to_dict() for kind in dict.fromkeys(kinds)}
