"""The sum of the gradients of all shards, in the order of the tree, while the backward pass still runs.

Gradients are complete from the last layer to the first. They are collected in buckets; a full bucket is sent, and
the backward pass goes on. With P processes and n numbers in the bucket:

    exchange    process j gets its part, n/P numbers, of each node that another process has computed
    add         process j adds them up as the tree says
    join        every process gets the sums of all parts

Each process sends 2·n·(P − 1)/P numbers, as in a ring all-reduce. But there each number is added up in an order that
depends on P; here it is the tree's for any P.
"""

import itertools
from collections.abc import Callable

import numpy as np

from minicnn.distributed import tree
from minicnn.distributed.communicator import Single
from minicnn.distributed.shards import ShardedLayer
from minicnn.layers.parameter import Parameter

BUCKET = 2**20  # bytes


class GradientSum:
    """Sums gradients over the shards.

    Args:
        communicator: of the processes.
        shards: how many there are in a full batch.
        overlap: send a bucket while the backward pass goes on; False: wait for its sum at once.
    """

    def __init__(self, communicator: Single, shards: int, overlap: bool) -> None:
        self.communicator, self.shards, self.overlap = communicator, shards, overlap

    def begin(self, used: int) -> None:
        """Begin a backward pass of a batch with ``used`` shards."""
        size = self.communicator.size
        self._own = tree.share(self.shards, size, self.communicator.rank)
        self._root = (0, used)
        self._nodes = [
            tree.largest_nodes(self._root, tree.share(self.shards, size, rank)) for rank in range(size)
        ]
        self._bucket: list[tuple[Parameter, list[np.ndarray]]] = []
        self._bytes = 0
        self._sent: list[Callable[[], None]] = []

    def add(self, layer: ShardedLayer) -> None:
        """Take the gradients of a layer whose backward pass is done."""
        first, last = self._own
        count = max(min(last, self._root[1]) - first, 0)
        weights, found = layer.trainable_weights, layer.gradients(count)
        for number, weight in enumerate(weights):
            each = [gradients[number] for gradients in found]
            if any(gradient is None for gradient in each):
                raise ValueError(f"{weight.path}: backward of layer {layer.name!r} has set no gradient")
            if self._bucket and self._bucket[0][0].dtype != weight.dtype:
                self._send()
            self._bucket.append((weight, each))
            self._bytes += weight.value.nbytes
        if self._bytes >= BUCKET:
            self._send()
        self.communicator.progress()

    def finish(self) -> None:
        """Send the last bucket, and set ``grad`` of all weights."""
        self._send()
        for receive in self._sent:
            receive()

    def _send(self) -> None:
        bucket, self._bucket, self._bytes = self._bucket, [], 0
        if not bucket:
            return
        weights = [weight for weight, _ in bucket]
        own = {
            (shard, shard + 1): np.concatenate([gradients[place].reshape(-1) for _, gradients in bucket])
            for place, shard in enumerate(range(self._own[0], min(self._own[1], self._root[1])))
        }
        communicator = self.communicator
        own = {node: tree.total(own, node, np.add) for node in self._nodes[communicator.rank]}
        if communicator.size == 1:
            _set(weights, own[self._root])
            return
        ends = np.arange(communicator.size + 1) * sum(weight.value.size for weight in weights)
        ends //= communicator.size
        lengths = np.diff(ends).tolist()
        empty = np.empty(0, weights[0].dtype)
        pieces = [
            np.concatenate([empty, *(sums[start:stop] for sums in own.values())])
            for start, stop in itertools.pairwise(ends)
        ]
        length = lengths[communicator.rank]
        wait = communicator.start_exchange(pieces, [len(nodes) * length for nodes in self._nodes])

        def receive() -> None:
            parts: dict[tree.Node, np.ndarray] = {}
            for nodes, piece in zip(self._nodes, wait()):
                parts |= zip(nodes, piece.reshape(len(nodes), length))
            _set(weights, communicator.join(tree.total(parts, self._root, np.add), lengths))

        if self.overlap:
            self._sent.append(receive)
        else:
            receive()


def _set(weights: list[Parameter], sums: np.ndarray) -> None:
    start = 0
    for weight in weights:
        weight.grad = sums[start : start + weight.value.size].reshape(weight.shape)
        start += weight.value.size
