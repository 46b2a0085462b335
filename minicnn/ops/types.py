"""The types in the signatures of the operations."""

from typing import Any

import numpy as np

# float32 or float64; on the reference also complex
Array = np.ndarray
# None only where the docstring says so: a type checker need not be convinced first
ArrayOrNone = Any
# what a forward pass keeps for its backward pass; it differs between operations and implementations
Cache = Any
# (height, width), (rows, columns)
Pair = tuple[int, int]
