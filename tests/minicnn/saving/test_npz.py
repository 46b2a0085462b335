"""A file is whole or it is the old one; what is written is what is read."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn import saving
from minicnn.saving import npz

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    config=st.dictionaries(st.text(min_size=1, max_size=4), json_values, max_size=3),
    array=hnp.arrays(
        st.sampled_from(["float32", "float64", "uint8"]), hnp.array_shapes(min_dims=0, max_side=3)
    ),
)
def test_round_trip(tmp_path_factory, config, array):
    path = tmp_path_factory.mktemp("saving") / "file.npz"
    saving.write(path, config, {"weights/0": array})
    read, arrays = saving.read(path)
    assert read == {"minicnn": npz.VERSION, **config}
    assert list(arrays) == ["weights/0"]
    assert arrays["weights/0"].dtype == array.dtype
    np.testing.assert_array_equal(arrays["weights/0"], array)


@given(
    value=st.dictionaries(
        st.text(max_size=3),
        json_values
        | st.floats()
        | hnp.arrays(st.sampled_from(["float32", "int64"]), hnp.array_shapes(min_dims=1, max_side=3)),
        max_size=4,
    )
)
def test_what_json_cannot_say_is_packed_apart_and_found_again(tmp_path_factory, value):
    path, arrays = tmp_path_factory.mktemp("packed") / "file.npz", {}
    config = {"state": saving.pack({"all": [value, 1]}, arrays, "state")}
    saving.write(path, config, arrays)
    read, arrays = saving.read(path)
    found, one = saving.unpack(read["state"], arrays)["all"]
    assert one == 1
    assert found.keys() == value.keys()
    for name, expected in value.items():
        assert type(found[name]) is type(expected)
        if isinstance(expected, np.ndarray):
            assert found[name].dtype == expected.dtype
            np.testing.assert_array_equal(found[name], expected)
        else:
            assert repr(found[name]) == repr(expected)  # NaN is not equal to itself


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    saving.write(path, {"n": 1}, {})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        saving.write(path, {"n": 2}, {"a": np.zeros(10)})
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]
    assert saving.read(path)[0]["n"] == 1


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "VERSION", 99)
    saving.write(tmp_path / "new.npz", {}, {})
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version 99, expected 1"):
        saving.read(tmp_path / "new.npz")


def test_what_json_cannot_say_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        saving.write(tmp_path / "nan.npz", {"loss": float("nan")}, {})
    assert not list(tmp_path.iterdir())


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "LARGEST", 1000)
    saving.write(tmp_path / "a.npz", {}, {"a": np.zeros(100, np.float32)})
    with pytest.raises(ValueError, match=r"a\.npz: the model has [\d,]+ bytes, .* too many to be read again"):
        saving.write(tmp_path / "a.npz", {}, {"a": np.zeros(300, np.float32)})
    assert saving.read(tmp_path / "a.npz")[1]["a"].shape == (100,)
