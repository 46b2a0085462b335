"""The fast implementation: every operation of minicnn.ops.reference in Numba, for float32 and float64.

Names, arguments and results are the reference's; property tests compare each kernel with its definition. All
kernels run in one thread pool over a fixed number of chunks, so the result has the same bits for any number
of threads.
"""

from minicnn.ops.kernels.activations import *
from minicnn.ops.kernels.convolution import *
from minicnn.ops.kernels.dense import *
from minicnn.ops.kernels.dropout import *
from minicnn.ops.kernels.group_normalization import *
from minicnn.ops.kernels.image import *
from minicnn.ops.kernels.normalization import *
from minicnn.ops.kernels.pooling import *
from minicnn.ops.kernels.softmax import *
from minicnn.ops.kernels.updates import *
