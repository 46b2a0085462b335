"""TensorBoard's files, read again by a reader of this page: records, names, steps and numbers."""

import struct

import numpy as np
import pytest

import minicnn
from minicnn import callbacks, layers

X, Y = np.random.default_rng(0).normal(size=(10, 3)).astype("float32"), np.arange(10) % 2


def crc32c(content):
    """CRC-32C bit by bit, from its definition: the polynomial 0x1EDC6F41, mirrored."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def records(path):
    """Yield the events of a file, whose checksums are right."""
    content = path.read_bytes()
    while content:
        (length,), head = struct.unpack("<Q", content[:8]), content[:8]
        event, rest = content[12 : 12 + length], content[12 + length :]
        for data, stored in ((head, content[8:12]), (event, rest[:4])):
            crc = crc32c(data)
            masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32
            assert struct.unpack("<I", stored)[0] == masked
        yield event
        content = rest[4:]


def fields(message):
    """Yield (number, value) of a message: whole numbers, floats and bytes."""

    def whole():
        nonlocal message
        value, shift = 0, 0
        while True:
            byte, message = message[0], message[1:]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while message:
        number, kind = divmod(whole(), 8)
        if kind == 0:
            yield number, whole()
            continue
        size = {1: 8, 5: 4}.get(kind) or whole()
        value, message = message[:size], message[size:]
        yield number, struct.unpack({1: "<d", 5: "<f"}[kind], value)[0] if kind in (1, 5) else value


def written(folder):
    """Return {(part, tag): [(step, value)]}."""
    found = {}
    for path in folder.glob("*/events.out.tfevents.*"):
        first, *events = map(dict, map(fields, records(path)))
        assert first[3] == b"brain.Event:2"
        for event in events:
            assert event[1] > 1e9  # seconds since 1970
            value = dict(fields(dict(fields(event[5]))[1]))
            key = path.parent.name, value[1].decode()
            found.setdefault(key, []).append((event[2], value.get(2, value.get(5))))
    return found


def fit(**options):
    minicnn.random.set_seed(0)
    model = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(2, activation="softmax", name="out")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    board = callbacks.TensorBoard(**options)
    history = model.fit(X, Y, epochs=3, batch_size=4, validation_data=(X, Y), verbose=0, callbacks=[board])
    return model, history.history


def test_results_of_epochs(tmp_path):
    _, history = fit(log_dir=str(tmp_path / "logs"))
    found = written(tmp_path / "logs")
    assert {tag for part, tag in found if part == "train"} == {
        "epoch_loss",
        "epoch_accuracy",
        "epoch_learning_rate",
    }
    for part, prefix in (("train", ""), ("validation", "val_")):
        for name in ("loss", "accuracy"):
            expected = list(enumerate(np.float32(history[prefix + name])))
            assert found[part, f"epoch_{name}"] == expected
    assert found["train", "epoch_learning_rate"][2] == (2, np.float32(0.001))
    over_steps = found["validation", "evaluation_loss_vs_iterations"]
    assert [step for step, _ in over_steps] == [3, 6, 9]  # three batches in an epoch
    assert over_steps[-1][1] == np.float32(history["val_loss"][-1])


def test_results_of_batches_and_histograms(tmp_path):
    model, _ = fit(log_dir=tmp_path, update_freq=2, histogram_freq=2, write_graph=False)
    found = written(tmp_path)
    assert [step for step, _ in found["train", "batch_loss"]] == [2, 4, 6, 8]
    (first, _), (last, histogram) = found["train", "out/kernel/histogram"]
    assert (first, last) == (0, 2)
    facts = dict(fields(histogram))
    kernel = model.layers[0].kernel.value.astype("float64")
    expected = [kernel.min(), kernel.max(), 6, kernel.sum(), (kernel**2).sum()]
    assert [facts[number] for number in range(1, 6)] == pytest.approx(expected)
    limits, counts = np.frombuffer(facts[6]), np.frombuffer(facts[7])
    assert len(limits) == len(counts) == 30
    assert counts.sum() == 6
    assert limits[-1] == kernel.max()
    for limit, total in zip(limits, np.cumsum(counts)):
        assert total == (kernel < limit).sum() or limit == limits[-1]
    assert [step for step, _ in written_again(tmp_path)["train", "batch_loss"]] == list(range(1, 10))


def written_again(folder):
    fit(log_dir=folder / "again", update_freq="batch")
    return written(folder / "again")


def test_the_checksum_of_this_page_is_crc32c():
    # RFC 3720, B.4: the checksum of 32 zeros is 8a9136aa; "123456789" is the usual check
    for content, crc in ((bytes(32), 0x8A9136AA), (b"123456789", 0xE3069283)):
        assert crc32c(content) == crc


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update_freq": "step"}, 'update_freq=\'step\': expected "epoch", "batch" or an integer'),
        ({"histogram_freq": -1}, "histogram_freq=-1: expected an integer from 0"),
        ({"write_images": True}, "write_images=True is Keras's, but not in minicnn"),
    ],
)
def test_arguments(options, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        callbacks.TensorBoard(**options)
    callbacks.TensorBoard("logs", write_images=False, profile_batch=0, embeddings_freq=0)
