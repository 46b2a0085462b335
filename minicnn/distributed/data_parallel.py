"""DataParallel: one training by many processes, each with a part of every batch.

    batch  ->  S shards, dealt to P processes  ->  forward, all outputs to all processes  ->  the loss of the batch
           ->  backward of each shard  ->  the gradients' sum, to all processes  ->  the same step in all

The loss is computed from the outputs of the whole batch, in every process. So any loss and any metric has its usual
value, and a shard's backward pass begins with its rows of dL/dy. The sum of the shards' gradients is then the
gradient.

**The same bits for any number of processes.** What runs on a shard depends on the shard alone; sums over shards
follow a tree that depends on S alone (tree.py). Dropout and augmentation draw from a generator that is made for the
step and the shard, by a number that the layer's own generator gives.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minicnn import random
from minicnn._base.names import is_ours
from minicnn.distributed import communicator as communicators
from minicnn.distributed import tree
from minicnn.distributed.batch_norm import SynchronizedBatchNormalization
from minicnn.distributed.gradients import GradientSum
from minicnn.distributed.shards import ShardedLayer, Shards, sharded
from minicnn.layers.base import Layer
from minicnn.layers.normalization import BatchNormalization


class DataParallel:
    """How ``fit`` shares its batches among processes: ``model.fit(x, y, distributed=DataParallel("mpi", shards=4))``.

    Args:
        communicator: "mpi"; None: this process alone; or an object of minicnn.distributed.communicator.
        shards: into how many parts a batch is cut; the results depend on it. By default one for each process.
        synchronized: whether batch normalization takes the statistics of the whole batch; False: of each shard.
        overlap: whether gradients are sent while earlier layers still run backward.

    Attributes:
        request: a number that a callback sets to tell the others; 0: nothing.
        agreed: the largest request of all processes, at the last batch: the same number in all of them.

    Raises:
        ValueError: there are fewer shards than processes.
        ImportError: mpi4py is not installed.
    """

    def __init__(
        self,
        communicator: Any = "mpi",
        shards: int | None = None,
        synchronized: bool = True,
        overlap: bool = True,
    ) -> None:
        self.communicator = communicators.get(communicator)
        size = self.communicator.size
        shards = size if shards is None else shards
        if isinstance(shards, bool) or not hasattr(shards, "__index__") or shards < size:
            raise ValueError(
                f"shards={shards!r}: expected a whole number from {size}, one for each of the {size} processes"
                if size > 1
                else f"shards={shards!r}: expected a positive integer, such as 4"
            )
        self.shards, self.synchronized = int(shards), synchronized
        self.request = self.agreed = 0
        self._own = tree.share(self.shards, size, self.communicator.rank)
        self._sum = GradientSum(self.communicator, self.shards, overlap)
        self._used = self.shards
        self._model: Any = None

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return self.communicator.rank

    # ---- the rows of a shard -------------------------------------------------------------------------------

    def rows(self, samples: int) -> slice:
        """Return the rows of this process in a batch of so many samples."""
        bounds = [bound for shard in self.shards_of(samples) for bound in (shard.start, shard.stop)]
        return slice(min(bounds), max(bounds)) if bounds else slice(0, 0)

    def shards_of(self, samples: int) -> list[slice]:
        """Return the rows of each shard of this process. A batch of fewer samples than shards has fewer shards."""
        used = min(self.shards, samples)
        first, last = self._own
        return [
            slice(shard * samples // used, (shard + 1) * samples // used)
            for shard in range(first, min(last, used))
        ]

    def cut(self, x: np.ndarray, samples: int) -> Shards:
        """Return this process's shards of a batch; x holds all of its rows, or those of this process."""
        shards = self.shards_of(samples)
        start = self.rows(samples).start if len(x) < samples or not shards else 0
        return Shards(np.ascontiguousarray(x[shard.start - start : shard.stop - start]) for shard in shards)

    def combine(self, own: Sequence[Any], merge: Callable[[Any, Any], Any]) -> Any:
        """Return the value of all shards, merged in the tree's order, from those of this process's shards."""
        leaves: dict[tree.Node, Any] = {
            (shard, shard + 1): value for shard, value in enumerate(own, self._own[0])
        }
        root = (0, self._used)
        nodes = tree.largest_nodes(root, self._own)
        merged: dict[tree.Node, Any] = {}
        for each in self.communicator.allgather({node: tree.total(leaves, node, merge) for node in nodes}):
            merged |= each
        return tree.total(merged, root, merge)

    # ---- a training ----------------------------------------------------------------------------------------

    def check(self, model: Any) -> None:
        """Check that a model's steps can be shared.

        Raises:
            NotImplementedError: the model computes its loss or its validation in a way of its own.
        """
        for name in ("forward_loss", "set_gradients", "test_step"):
            if not is_ours(getattr(type(model), name)):
                raise NotImplementedError(
                    f"{type(model).__name__}.{name} is your own, and distributed=… shares the library's among "
                    "processes: train without distributed"
                )

    def begin(self, model: Any) -> None:
        """Give all processes the weights and the states of process 0, and prepare the shards.

        Raises:
            ValueError: the processes are at different places of the training.
        """
        position = model.training_position
        places = self.communicator.allgather((position.epoch, position.step))
        if len(set(places)) > 1:
            raise ValueError(
                f"the processes begin at different (epoch, batch): {places}. All must see the backup of process 0: "
                "keep it in a folder that they share"
            )
        state = (
            model.get_weights(),
            [random.state(each) for each in model.generators],
            model.optimizer.get_state(),
        )
        weights, generators, optimizer = self.communicator.broadcast(state)
        if self.rank:
            model.set_weights(weights)
            for generator, saved in zip(model.generators, generators):
                random.restore(generator, saved)
            model.optimizer.set_state(optimizer)
        self._since = time.perf_counter(), self.communicator.waited
        self._model = model
        self._leaves: list[ShardedLayer] = []
        first, last = self._own

        def wrap(layer: Layer) -> ShardedLayer:
            if self.synchronized and isinstance(layer, BatchNormalization) and layer.has_library_passes:
                return SynchronizedBatchNormalization(layer, self.combine)
            return ShardedLayer(layer, last - first)

        self._network = sharded(model, wrap, self._leaves)
        for leaf in self._leaves:
            leaf.ready = self._sum.add

    def busy_seconds(self) -> float:
        """Return for how long this process has computed since the last call, without its waiting for others."""
        now, waited = time.perf_counter(), self.communicator.waited
        since, waited_before = self._since
        self._since = now, waited
        return (now - since) - (waited - waited_before)

    def begin_batch(self, samples: int) -> None:
        """Begin with a batch of so many samples."""
        self._samples, self._used = samples, min(self.shards, samples)

    def forward(self, x: np.ndarray, samples: int, logits: bool) -> np.ndarray:
        """Run the forward pass of training on this process's shards; return the outputs of the whole batch.

        Args:
            x: the batch, or this process's rows of it.
            samples: how many samples the batch has.
            logits: leave out the last function.
        """
        self.begin_batch(samples)
        for leaf in self._leaves:
            keys = [int(generator.integers(2**63)) for generator in leaf.layer.generators]
            leaf.follow(keys, self._own[0])
        run = self._network.pre_activation_forward if logits else self._network.forward
        scores = self._gathered(run(self.cut(x, samples), True).parts)
        self._move_statistics()
        return scores

    def infer(self, x: np.ndarray, samples: int, logits: bool) -> np.ndarray:
        """Return the outputs of the whole batch in evaluation; arguments as for :meth:`forward`."""
        return self._gathered([self._model.infer(part, logits) for part in self.cut(x, samples).parts])

    def _gathered(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return the rows of all processes, in order."""
        messages = self.communicator.allgather((parts, self.request))
        self.agreed = max(request for _, request in messages)
        return np.concatenate([part for own, _ in messages for part in own])

    def _move_statistics(self) -> None:
        """Move statistics that the shards have changed on their own by the mean of the changes."""
        count = min(self._own[1], self._used) - self._own[0]
        leaves = [each for each in self._leaves if each.statistics]
        if not leaves:
            return
        own = [[change for leaf in leaves for change in leaf.moved(count)[shard]] for shard in range(count)]
        changes = self.combine(own, lambda one, other: [a + b for a, b in zip(one, other)])
        for weight, change in zip((each for leaf in leaves for each in leaf.statistics), changes):
            weight.value[...] = weight.value + change / self._used

    def backward(self, dy: np.ndarray, logits: bool) -> None:
        """Set ``grad`` of all trainable weights to that of the whole batch, given dL/dy of the whole batch."""
        self._sum.begin(self._used)
        self._network.needs_dx = False
        run = self._network.pre_activation_backward if logits else self._network.backward
        run(Shards(np.ascontiguousarray(dy[shard]) for shard in self.shards_of(self._samples)))
        self._sum.finish()


def get(given: Any) -> DataParallel | None:
    """Return what ``distributed`` means: None, "mpi" or a :class:`DataParallel`.

    Raises:
        ValueError: it is none of these.
        ImportError: mpi4py is not installed.
    """
    if given is None or isinstance(given, DataParallel):
        return given
    if given == "mpi":
        return DataParallel()
    raise ValueError(f'distributed={given!r}: expected None, "mpi" or a minicnn.distributed.DataParallel')
