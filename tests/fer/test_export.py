import json
import sys

import numpy as np
import pytest

from fer import export
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from fer.networks import architectures, inference
from minicnn import saving
from tests.fer.readers import face, reader, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs" / "001", architectures.build("tiny", seed=0))


def test_the_file_is_a_run_s_network_in_float16_and_nothing_else(run, tmp_path, capsys):
    export.main([str(run), str(tmp_path / "small.npz")])
    assert f"model_best.npz to {tmp_path / 'small.npz'}, " in capsys.readouterr().out
    config, arrays = saving.read(tmp_path / "small.npz")
    before = inference.open_run(run).model
    assert "compiled" not in config
    assert len(arrays) == len(before.weights)
    for name, array in arrays.items():
        assert array.dtype == np.float16, name
    small = inference.open_run(tmp_path / "small.npz").model
    for parameter, exact in zip(small.weights, before.weights):
        assert parameter.dtype == np.float32
        np.testing.assert_array_equal(parameter.value, exact.value.astype(np.float16))


def test_the_last_model_can_be_chosen(run, tmp_path):
    other = architectures.build("tiny", seed=1)
    other.save(run / "model_last.npz")
    export.main([str(run), str(tmp_path / "last.npz"), "--model", "last"])
    weights = inference.open_run(tmp_path / "last.npz").model.get_weights()
    np.testing.assert_array_equal(weights[2], other.get_weights()[2].astype(np.float16))


def test_a_file_for_other_programs(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    reader().save(tmp_path / "reader.npz")
    export.write(tmp_path / "reader.npz", tmp_path / "reader.onnx")
    session = runtime.InferenceSession(str(tmp_path / "reader.onnx"))
    (shares,) = session.run(
        None, {session.get_inputs()[0].name: face(3)[None, :, :, None].astype(np.float32)}
    )
    np.testing.assert_allclose(shares, inference.probabilities(reader(), face(3)[None]), atol=1e-6)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == list(EMOTIONS)
    assert about["input"] == "gray faces, values 0 to 255, shape (N, 48, 48, 1)"


def test_opencv_reads_the_file_and_its_classes_are_those_of_the_network(tmp_path):
    onnx = pytest.importorskip("onnx")
    cv2 = pytest.importorskip("cv2")
    model = architectures.build("simple", seed=0, classes=("a", "b", "ü"))
    model.save(tmp_path / "own.npz")
    export.write(tmp_path / "own.npz", tmp_path / "own.onnx")
    network = cv2.dnn.readNetFromONNX(str(tmp_path / "own.onnx"))
    network.setInput(face(3)[None, :, :, None].astype(np.float32))
    np.testing.assert_allclose(network.forward(), inference.probabilities(model, face(3)[None]), atol=1e-5)
    about = {each.key: each.value for each in onnx.load(tmp_path / "own.onnx").metadata_props}
    assert json.loads(about["classes"]) == ["a", "b", "ü"]


def test_what_cannot_be_exported_is_refused(run, tmp_path, capsys):
    (tmp_path / "there.npz").write_bytes(b"mine")
    with pytest.raises(BadInput, match=r"there\.npz exists already and is not overwritten"):
        export.write(run, tmp_path / "there.npz")
    assert (tmp_path / "there.npz").read_bytes() == b"mine"
    with pytest.raises(BadInput, match=r"model\.pt: expected a name that ends in \.npz or \.onnx"):
        export.write(run, tmp_path / "model.pt")
    large = architectures.build("tiny", seed=0)
    large.weights[2].value[0] = 1e6
    large.save(tmp_path / "large.npz")
    with pytest.raises(
        BadInput, match=r"weights/2 has numbers up to 1e\+06; the largest in float16 is 65504"
    ):
        export.write(tmp_path / "large.npz", tmp_path / "small.npz")
    with pytest.raises(SystemExit) as stopped:
        export.main(["nowhere", str(tmp_path / "x.npz")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("fer.export: nowhere does not exist: expected a run's folder")


def test_without_onnx_it_says_how_to_get_it(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BadInput, match="onnx"):
        export.write(run, tmp_path / "x.onnx")
