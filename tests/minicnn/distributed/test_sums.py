"""Sums over shards: their order is the tree's for any number of processes; every process gets them."""

import itertools

import numpy as np
import pytest

from minicnn import layers
from minicnn.distributed import DataParallel, communicator, data_parallel, gradients, launched, tree
from minicnn.distributed.batch_norm import merge_statistics
from minicnn.distributed.gradients import GradientSum
from minicnn.distributed.shards import ShardedLayer
from tests.minicnn.distributed.threads import Group

CASES = [(1, 1), (2, 2), (4, 1), (4, 2), (4, 3), (4, 4), (5, 2), (6, 2), (6, 4), (8, 3), (13, 5)]


def in_brackets(one, other):
    return f"({one}+{other})"


@pytest.mark.parametrize(("shards", "size"), CASES)
@pytest.mark.parametrize("missing", [0, 1, 3])
def test_the_order_does_not_depend_on_the_number_of_processes(shards, size, missing):
    samples = max(1, shards - missing)  # fewer samples than shards: one a shard

    def combined(member):
        share = DataParallel(member, shards)
        share.begin_batch(samples)
        own = [str(rows.start) for rows in share.shards_of(samples)]
        return share.combine(own, in_brackets)

    whole = {node: str(node[0]) for node in ((i, i + 1) for i in range(samples))}
    expected = tree.total(whole, (0, samples), in_brackets)
    assert Group(size).run(combined) == [expected] * size


def test_the_tree_by_hand():
    leaves = {(i, i + 1): str(i) for i in range(5)}
    assert tree.total(leaves, (0, 4), in_brackets) == "((0+1)+(2+3))"
    assert tree.total(leaves, (0, 5), in_brackets) == "((0+1)+(2+(3+4)))"
    assert tree.largest_nodes((0, 4), (0, 2)) == [(0, 2)]
    assert tree.largest_nodes((0, 4), (1, 4)) == [(1, 2), (2, 4)]
    assert tree.largest_nodes((0, 3), (3, 4)) == []
    assert [tree.share(5, 3, rank) for rank in range(3)] == [(0, 1), (1, 3), (3, 5)]


@pytest.mark.parametrize(
    ("samples", "shards", "size"), [(7, 3, 2), (20, 4, 4), (3, 4, 2), (3, 4, 4), (1, 2, 2)]
)
def test_each_row_is_in_one_shard_of_one_process(samples, shards, size):
    def rows(member):
        share = DataParallel(member, shards)
        own = share.rows(samples)
        parts = share.shards_of(samples)
        assert [i for part in parts for i in range(samples)[part]] == list(range(samples)[own])
        x = np.arange(samples)
        assert [p.tolist() for p in share.cut(x, samples).parts] == [list(x[part]) for part in parts]
        assert [p.tolist() for p in share.cut(x[own], samples).parts] == [list(x[part]) for part in parts]
        return list(range(samples)[own])

    assert list(itertools.chain(*Group(size).run(rows))) == list(range(samples))


class Two(layers.Layer):
    """Two weights, of two float types."""

    def build(self, input_shape):
        super().build(input_shape)
        self.a = self.add_weight("a", (3, 5))
        self.b = self.add_weight("b", (2,))
        self.b.value = self.b.value.astype(np.float32)
        self.c = self.add_weight("c", (1,))


def two(dtype="float64"):
    layer = Two(dtype=dtype)
    layer.build((None, 1))
    return layer


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("bucket", [1, 10**6])
@pytest.mark.parametrize(("shards", "size"), CASES)
def test_gradients_are_the_sums_of_the_tree(shards, size, overlap, bucket, monkeypatch):
    monkeypatch.setattr(gradients, "BUCKET", bucket)
    rng = np.random.default_rng(shards)
    for used in {shards, max(1, shards - 2), 1}:
        grads = [
            [
                (rng.standard_normal((3, 5)), rng.random(2, np.float32), rng.standard_normal(1))
                for _ in range(2)
            ]
            for _ in range(used)
        ]

        def summed(member, used=used, grads=grads):
            first, last = tree.share(shards, size, member.rank)
            model = [two(), two()]
            sums = GradientSum(member, shards, overlap)
            sums.begin(used)
            for number in (1, 0):
                sharded = ShardedLayer(model[number], last - first)
                for copy, given in zip(sharded.copies, grads[first:last]):
                    for weight, gradient in zip(copy.trainable_weights, given[number]):
                        weight.grad = gradient
                sums.add(sharded)
            sums.finish()
            return [[weight.grad for weight in layer.trainable_weights] for layer in model], member.events

        for found, events in Group(size).run(summed):
            for number in (0, 1):
                for place, gradient in enumerate(found[number]):
                    leaves = {(i, i + 1): grads[i][number][place] for i in range(used)}
                    expected = tree.total(leaves, (0, used), np.add)
                    assert gradient.dtype == expected.dtype
                    assert gradient.shape == expected.shape
                    np.testing.assert_array_equal(gradient, expected)
            if size > 1:
                assert events.count("progress") == 2
                overlapped = events.index("join") > events.index("progress")
                # by a change of the float type, the first bucket is sent before the first layer is done
                assert overlapped == overlap


def test_a_small_last_bucket_is_not_sent_before_the_end():
    def events(member):
        sums = GradientSum(member, 2, overlap=True)
        layer = layers.Dense(2)
        layer.build_for((None, 3), "float32")
        sharded = ShardedLayer(layer, 1)
        for weight in sharded.copies[0].trainable_weights:
            weight.grad = np.ones(weight.shape, np.float32)
        sums.begin(2)
        sums.add(sharded)
        before = list(member.events)
        sums.finish()
        return before, member.events, layer.kernel.grad.tolist()

    for before, after, gradient in Group(2).run(events):
        assert before == ["progress"]
        assert after == ["progress", "exchange", "join"]
        assert gradient == [[2, 2]] * 3


@pytest.mark.parametrize(
    ("limit", "sent"), [(24, [1, 2, 3, 3]), (25, [0, 1, 1, 2]), (48, [0, 1, 1, 2]), (49, [0, 0, 1, 1])]
)
def test_a_bucket_is_sent_when_it_has_so_many_bytes_and_the_rest_at_the_end(limit, sent, monkeypatch):
    monkeypatch.setattr(gradients, "BUCKET", limit)

    def exchanges(member):
        sums = GradientSum(member, 2, overlap=True)
        sums.begin(2)
        counts = []
        for _ in range(3):
            layer = layers.Dense(2, use_bias=False)  # 3 × 2 numbers of 4 bytes
            layer.build_for((None, 3), "float32")
            sharded = ShardedLayer(layer, 1)
            sharded.copies[0].kernel.grad = np.ones((3, 2), np.float32)
            sums.add(sharded)
            counts.append(member.events.count("exchange"))
        sums.finish()
        return [*counts, member.events.count("exchange")]

    assert Group(2).run(exchanges) == [sent] * 2


def test_a_missing_gradient_is_named():
    layer = layers.Dense(2, name="head")
    layer.build_for((None, 3), "float32")
    sums = GradientSum(communicator.Single(), 1, True)
    sums.begin(1)
    with pytest.raises(ValueError, match=r"head/kernel: backward of layer 'head' has set no gradient"):
        sums.add(ShardedLayer(layer, 1))


def test_merged_statistics_are_those_of_all_entries_also_far_from_zero():
    x = 1e8 + np.random.default_rng(0).standard_normal((11, 3))
    parts = [(len(part), part.mean(0), ((part - part.mean(0)) ** 2).sum(0)) for part in (x[:2], x[2:])]
    count, mean, squares = merge_statistics(*parts)
    assert count == 11
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-15)
    np.testing.assert_allclose(squares, ((x - x.mean(0)) ** 2).sum(0), rtol=1e-7)


def test_what_distributed_may_be(monkeypatch):
    assert data_parallel.get(None) is None
    share = DataParallel(None, 3)
    assert data_parallel.get(share) is share
    with pytest.raises(ValueError, match="distributed=4: expected None"):
        data_parallel.get(4)
    with pytest.raises(ValueError, match="communicator=4: expected None"):
        DataParallel(4)
    for shards in (0, True, 1.5, "2"):
        with pytest.raises(ValueError, match=r"shards=.*: expected a positive integer"):
            DataParallel(None, shards)
    with pytest.raises(
        ValueError, match="shards=1: expected a whole number from 2, one for each of the 2 processes"
    ):
        Group(2).run(lambda member: DataParallel(member, 1))
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "PMIX_RANK", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    assert not launched()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    assert not launched()
    monkeypatch.setenv("SLURM_NTASKS", "4")  # a batch script's first step, without MPI
    assert not launched()
    monkeypatch.setenv("PMIX_RANK", "0")
    assert launched()
    monkeypatch.delenv("PMIX_RANK")
    monkeypatch.setenv("PMI_SIZE", "2")
    assert launched()
