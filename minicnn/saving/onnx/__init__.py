"""A trained network as ONNX, for other programs.

export.py      export_onnx
graph.py       the graph that is being made
registry.py    which function exports which layer; layers.py and structure.py are these functions
activations.py what each activation becomes
"""

from minicnn.saving.onnx.export import export_onnx

__all__ = ["export_onnx"]
