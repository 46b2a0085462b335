"""A sum in a fixed order: the shards of a batch are the leaves of a binary tree, and each node adds its two halves.

    shards 0 to 3                  ((g₀ + g₁) + (g₂ + g₃))
    process 0 has shards 0 and 1   it computes the node (g₀ + g₁)
    process 1 has shards 2 and 3   it computes the node (g₂ + g₃); the last sum needs one message

A floating-point sum depends on its order: (a + b) + c ≠ a + (b + c) in the last bit. The tree depends on the number
of shards alone, so that one process and many get the same bits. A node (first, last) stands for the shards from
``first`` to ``last`` − 1.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Node = tuple[int, int]


def halves(node: Node) -> tuple[Node, Node]:
    """Return the two nodes below a node of several shards."""
    first, last = node
    middle = (first + last) // 2
    return (first, middle), (middle, last)


def share(shards: int, size: int, rank: int) -> Node:
    """Return the shards of a process: neighbors, as many as the others have, or one more."""
    return rank * shards // size, (rank + 1) * shards // size


def largest_nodes(root: Node, own: Node) -> list[Node]:
    """Return the nodes that the shards ``own`` fill: those that a process can compute without the others."""
    first, last = max(root[0], own[0]), min(root[1], own[1])
    if first >= last:
        return []
    if (first, last) == root:
        return [root]
    left, right = halves(root)
    return largest_nodes(left, own) + largest_nodes(right, own)


def total(values: Mapping[Node, Any], node: Node, merge: Callable[[Any, Any], Any]) -> Any:
    """Return the value of a node from those of nodes below it."""
    if node in values:
        return values[node]
    left, right = (total(values, half, merge) for half in halves(node))
    with np.errstate(all="ignore"):  # the step itself finds numbers that are not finite
        return merge(left, right)
