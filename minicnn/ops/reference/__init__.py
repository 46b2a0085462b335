"""The definition of every operation: plain NumPy, the formula as the textbook writes it.

Any dtype goes in and the same comes out, complex included, which is what the complex-step gradient check needs: every
decision (ReLU's sign, the pool's maximum, the softmax's shift) is taken on the real part.
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
