"""A trained network as ONNX: a graph of standard operations, for every program that has an ONNX runtime.

Our arrays are NHWC, ONNX's convolutions take NCHW. So images are transposed only where an operation needs the
other order; operations on single entries take both. A network of convolutions is transposed once at its
beginning, and once where it flattens its maps or ends.

    graph    input (batch, H, W, C) float32 -> output (batch, …) float32: what model.predict computes; where a model has
             several inputs, they are called input_NAME by their layers' names, several outputs output_NAME
    layers   layers.py and structure.py have one short function per layer

Dropout and random changes of images do nothing at evaluation, and are not in the graph.
"""

import json
import os
from pathlib import Path
from typing import Any

from minicnn._base import __version__
from minicnn._base.files import replacing
from minicnn.layers.graph import Graph as LayerGraph
from minicnn.layers.symbol import Symbol
from minicnn.saving.checks import check_built, check_folder, needed
from minicnn.saving.onnx import layers, structure  # noqa: F401, their import registers their functions
from minicnn.saving.onnx.graph import Graph
from minicnn.saving.onnx.registry import exported

OLDEST_OPSET = 13  # Softmax means what it means here from then on


def export_onnx(model: Any, path: str | os.PathLike[str], opset: int = 17) -> None:
    """Write a built model as ONNX, with the entries of its ``metadata``: those that are no texts as JSON.

    Args:
        model: a Sequential or a Model; in float64 or float32, its graph computes in float32.
        path: "x.onnx".
        opset: the version of ONNX's set of operations, 13 or later; 17 is read by runtimes since 2022.

    Raises:
        ImportError: onnx, the extra ``[onnx]``, is not installed.
        ValueError: the model is not built, or onnx does not know the opset.
        NotImplementedError: there is no export for one of the layers.
        FileNotFoundError: there is no such folder.
    """
    onnx = needed("onnx", "onnx")
    path = Path(path)
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ValueError(f"opset={opset!r}: expected a number from {OLDEST_OPSET} to {newest}")
    check_built(model)
    check_folder(path)
    if isinstance(model, LayerGraph):
        names = [_end("output", model.outputs, each) for each in model.outputs]
        graph = Graph(onnx, names)
        inputs = [graph.input(_end("input", model.inputs, each), each.shape) for each in model.inputs]
        results = structure.outputs(graph, model, *inputs)
    else:
        names = ["output"]
        graph = Graph(onnx, names)
        results = [exported(graph, model, graph.input("input", model.input_shape))]
    for name, result in zip(names, results):
        graph.output(name, result)
    opsets = [onnx.helper.make_opsetid("", opset)]
    proto = onnx.helper.make_model(
        graph.proto(model.name),
        opset_imports=opsets,
        # the oldest file format that has the opset: not all runtimes read the newest
        ir_version=onnx.helper.find_min_ir_version_for(opsets),
        producer_name="minicnn",
        producer_version=__version__,
    )
    entries = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in model.metadata.items()
    }
    onnx.helper.set_model_props(proto, entries)
    onnx.checker.check_model(proto, full_check=True)
    with replacing(path) as file:
        file.write(proto.SerializeToString(deterministic=True))


def _end(kind: str, ends: list[Symbol], one: Symbol) -> str:
    """Return the name of an input or output of the model: its layer's too where there are several."""
    return kind if len(ends) == 1 else f"{kind}_{one.name}"
