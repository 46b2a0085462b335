"""Arrays in files: the bits of arrays in memory, and no more of them in memory than a batch."""

import itertools
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import Sequential, callbacks, layers, utils
from minicnn.distributed import DataParallel
from minicnn.models import checks, data, sharded_files
from minicnn.models.sharded_files import Pages, ShardedArray, in_pieces, open_shards

ROWS = [5, 1, 0, 9, 8]


def in_files(folder, rows=ROWS, **arrays):
    folder.mkdir()
    starts = np.cumsum([0, *rows])
    for number, (start, stop) in enumerate(itertools.pairwise(starts)):
        np.savez(folder / f"{number}.npz", **{name: array[start:stop] for name, array in arrays.items()})
    return folder


def mapped(folder, name, array):
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


@pytest.fixture
def arrays(rng):
    samples = sum(ROWS)
    return {
        "x": rng.integers(0, 256, (samples, 6, 2), np.uint8),
        "y": np.arange(samples) % 3,
        "w": rng.random(samples),
    }


def results(x, y, w, **options):
    """Return weights and history of a training, what evaluate says, and the prediction."""
    utils.set_random_seed(7)
    model = Sequential([layers.Input((6, 2)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile(minicnn.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, 4, 3, 0, sample_weight=w, class_weight={0: 0.5, 2: 3}, **options).history
    judged = model.evaluate(x, y, verbose=0, sample_weight=w)
    return [*model.get_weights(), model.predict(x, 5)], history, judged


@pytest.mark.parametrize("where", ["one file", "shards"])
@pytest.mark.parametrize(
    "options",
    [
        {"validation_split": 0.25},
        {"steps_per_epoch": 4, "shuffle": False},
        {"distributed": DataParallel(None, 2)},
    ],
)
def test_training_from_files_has_the_bits_of_a_training_from_memory(tmp_path, arrays, where, options):
    if where == "shards":
        kept = open_shards(in_files(tmp_path / "parts", **arrays))
        assert list(kept) == ["x", "y", "w"]
    else:
        kept = {name: mapped(tmp_path, name, array) for name, array in arrays.items()}
    found, expected = results(**kept, **options), results(**arrays, **options)
    for one, other in zip(found[0], expected[0]):
        np.testing.assert_array_equal(one, other)
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("where", ["one file", "shards"])
def test_no_array_is_copied_whole(tmp_path, where, rng):
    rows, samples = 4096, 1500  # 6 MB; 25 MB as float32
    x = rng.integers(0, 256, (samples, rows), np.uint8)
    kept = {"x": x, "y": np.eye(4, dtype=np.uint8)[rng.integers(0, 4, samples)], "w": rng.random(samples)}
    if where == "shards":
        kept = open_shards(in_files(tmp_path / "parts", [500] * 3, **kept))
    else:
        kept = {name: mapped(tmp_path, name, array) for name, array in kept.items()}
    model = Sequential(
        [layers.Input((rows,)), layers.Rescaling(1 / 255), layers.Dense(4, activation="softmax")]
    )
    model.compile("sgd", "categorical_crossentropy", ["accuracy"])

    def use(x, y, w, **options):
        given = {"sample_weight": w, "class_weight": {0: 2.0}, "verbose": 0}
        model.fit(x, y, epochs=1, callbacks=[callbacks.History()], **given, **options)
        model.evaluate(x, y, verbose=0)
        model.predict(x)

    use(**{name: array[:64] for name, array in kept.items()})  # compiles the kernels
    tracemalloc.start()
    try:
        use(**kept, validation_split=0.1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 2  # a batch as float32 has 0.5 MB


class Counted(np.ndarray):
    """Remembers which rows are read; the rows are numbered by their first column."""

    read: list[int]

    def __getitem__(self, index):
        rows = super().__getitem__(index)
        if not isinstance(index, slice):
            Counted.read += np.asarray(rows)[:, 0].tolist()
        return rows


def test_a_process_reads_its_own_rows_and_nothing_else():
    x = ShardedArray([np.arange(start, start + 10)[:, None].view(Counted) for start in (0, 10)])
    batches = data.Batches(x, np.arange(20), batch_size=8)
    batches.rows = lambda samples: slice(samples // 2, samples)
    order, Counted.read = np.random.default_rng(0).permutation(20), []
    for number, (own, y, _) in enumerate(batches.iterate(order)):
        start, stop = number * 8, min(number * 8 + 8, 20)
        np.testing.assert_array_equal(y, order[start:stop])
        np.testing.assert_array_equal(own[:, 0], order[(start + stop) // 2 : stop])
    assert sorted(Counted.read) == sorted([*order[4:8], *order[12:16], *order[18:20]])


INDICES = [
    np.s_[3:9], np.s_[:-4], np.s_[::3], np.s_[::-1], np.s_[20:4], np.s_[:], 4, -1, np.int64(22),
    [0, 22, 5, 5, -3], np.array([], int), np.arange(23) % 2 == 0, np.array([[1, 2], [7, 3]]),
    np.s_[..., None], np.s_[..., 1], np.s_[2:8, 1], np.s_[[9, 2], :, ::-1], np.s_[7, 2, 1],
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_rows_are_those_of_one_array(arrays, index):
    whole, starts = arrays["x"], np.cumsum(ROWS)[:-1]
    sharded = ShardedArray(np.split(whole, starts))
    found, expected = sharded[index], whole[index]
    assert (found.shape, found.dtype, found.ndim) == (expected.shape, expected.dtype, expected.ndim)
    np.testing.assert_array_equal(np.asarray(found), expected)
    if isinstance(found, ShardedArray) and len(found):  # nothing has been read; it has rows like the whole
        np.testing.assert_array_equal(found[[0, -1]], expected[[0, -1]])


def test_a_slice_reads_nothing(arrays):
    parts = [arrays["x"], arrays["x"]]
    for part in (ShardedArray(parts)[20:30], ShardedArray(parts)[..., None], ShardedArray(parts)[2:, :3]):
        assert isinstance(part, ShardedArray)
        assert all(np.shares_memory(piece, arrays["x"]) for piece in part.parts)


def test_rows_that_are_not_there(arrays):
    sharded = ShardedArray([arrays["x"], arrays["x"]])
    assert repr(sharded) == "<ShardedArray uint8 (46, 6, 2) in 2 parts>"
    for index in (46, [0, 46], [-47]):
        with pytest.raises(IndexError, match="out of bounds"):
            sharded[index]
    with pytest.raises(
        ValueError, match=r"parts=uint8 \(23, 6, 2\), int64 \(23,\): expected arrays \(n, …\)"
    ):
        ShardedArray([arrays["x"], arrays["y"]])
    with pytest.raises(ValueError, match="parts=none"):
        ShardedArray([])


def faulty(folder, fault, arrays):
    path = folder / "4.npz"
    match fault:
        case "compressed":
            np.savez_compressed(path, **arrays)
        case "another name":
            np.savez(path, x=arrays["x"], z=arrays["y"], w=arrays["w"])
        case "fewer rows":
            np.savez(path, x=arrays["x"], y=arrays["y"][:5], w=arrays["w"])
        case "another dtype":
            np.savez(path, x=arrays["x"].astype("int16"), y=arrays["y"], w=arrays["w"])
        case "cut":
            path.write_bytes(path.read_bytes()[:-200])
        case "no files":
            for each in folder.iterdir():
                each.unlink()
        case "objects":
            np.savez(path, x=np.array([{}, {}], object), y=arrays["y"], w=arrays["w"])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("compressed", r"4.npz: x is compressed: write it with np.savez, not np.savez_compressed"),
        ("another name", r"4.npz has the arrays \['w', 'x', 'z'\], expected \['w', 'x', 'y'\] as in .*0.npz"),
        ("fewer rows", r"4.npz: shapes are .*'y': \(5,\).*, expected the same number of rows"),
        ("another dtype", r"4.npz: x is int16 \(23, 6, 2\), expected uint8 \(n, 6, 2\) as in .*0.npz"),
        ("cut", "4.npz: File is not a zip file"),
        ("no files", "has no .npz files: write them with np.savez"),
        ("objects", r"4.npz: x.npy holds object; expected numbers or text"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, arrays, fault, message):
    folder = in_files(tmp_path / "parts", **arrays)
    faulty(folder, fault, arrays)
    with pytest.raises(ValueError, match=message):
        open_shards(folder)


def test_arrays_by_columns_and_from_other_zip_programs_are_found_in_their_file(tmp_path, rng):
    x = rng.random((7, 3))
    np.savez(tmp_path / "0.npz", x=np.asfortranarray(x), unused=np.empty((7, 0)))
    kept = open_shards(tmp_path)
    np.testing.assert_array_equal(kept["x"][:], x)
    assert kept["unused"].shape == (7, 0)


def resident(path):
    """Return the kilobytes of a mapped file that are in this process's memory."""
    found = re.search(rf"{path}\n(?:.*\n)*?Rss: +(\d+) kB", Path("/proc/self/smaps").read_text())
    return int(found[1])


def test_the_pages_of_a_mapped_file_are_given_back(tmp_path):
    x = mapped(tmp_path, "x", np.ones((4096, 1024), np.uint8))
    view = np.asarray(x)[..., None][5:]
    pages = Pages([view])
    assert view.sum(dtype=int) == view.size
    if Path("/proc/self/smaps").exists():
        assert resident(tmp_path / "x.npy") > 4000
        pages.used(10)  # not worth it
        assert resident(tmp_path / "x.npy") > 4000
        pages.used(100)
        assert resident(tmp_path / "x.npy") < 100
    assert view.sum(dtype=int) == view.size


def test_pages_with_changes_stay(tmp_path):
    mapped(tmp_path, "x", np.ones((4096, 1024), np.uint8))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[:] = 2
    assert sum(part.sum(dtype=int) for part in in_pieces(x)) == 2 * x.size
    Pages([x, x[1:]]).used(10**6)
    assert (x == 2).all()


@pytest.mark.parametrize("piece", [1, 20, 10**6])
def test_what_is_looked_at_whole_is_looked_at_in_pieces(monkeypatch, piece):
    monkeypatch.setattr(sharded_files, "PIECE_BYTES", piece)
    y = np.repeat([3, 5, 7], 10)
    for targets in (y, y[:, None], np.eye(8)[y], [str(each) for each in y]):
        with pytest.warns(
            UserWarning, match="those for validation hold only [57].*, those for training only 3, 5"
        ):
            checks.warn_if_sorted(targets[:16], targets[16:], "")
        mixed = [targets[number] for number in (*range(30), 19)]  # 5 again after 7
        checks.warn_if_sorted(mixed[:16], mixed[16:], "")
    checks.check_class_weight({3: 1.0, 5: 1.0, 7: 2.0, 8: 1.0}, y)
    with pytest.raises(ValueError, match=r"class 6, which is not in y, but not 7, .* \[3, 5, 7\]"):
        checks.check_class_weight({3: 1.0, 5: 1.0, 6: 2.0}, y)
    weights = np.ones((30, 2))
    weights[[12, 12, 29], [0, 1, 1]] = np.nan
    with pytest.raises(ValueError, match="NaN for 3 of 30 samples, first for number 12"):
        checks.check_not_nan(weights)
