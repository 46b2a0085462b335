"""The definition of every operation: plain NumPy, the formula as in a textbook.

The result has the dtype of the input. It may be complex, which the complex-step gradient check needs: every
decision (ReLU's sign, the pool's maximum, the softmax's shift) depends on the real part alone.
"""

from minicnn.ops.reference.activations import *
from minicnn.ops.reference.convolution import *
from minicnn.ops.reference.dense import *
from minicnn.ops.reference.dropout import *
from minicnn.ops.reference.image import *
from minicnn.ops.reference.normalization import *
from minicnn.ops.reference.pooling import *
from minicnn.ops.reference.softmax import *
from minicnn.ops.reference.updates import *
