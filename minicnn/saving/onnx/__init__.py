"""A trained network as ONNX, for other programs.

export.py      export_onnx
graph.py       the graph under construction
registry.py    which function exports which layer; layers.py and structure.py are these functions

What an activation becomes is in the table of minicnn.activations.
"""

from minicnn.saving.onnx.export import export_onnx

__all__ = ["export_onnx"]
