"""Load or compile the kernels of a model's prediction in another thread, while this one goes on.

    threading.Thread(target=compile_ahead, args=(model, x)).start()

A model keeps values in its layers, and a kernel is compiled when it is first called, by a thread that has the
turn. So a copy of the model predicts here, and each kernel is compiled before its turn is taken.
"""

import numpy as np

from minicnn import ops
from minicnn.models import inference
from minicnn.models.step import TrainingStep


def compile_ahead(model: TrainingStep, x: np.ndarray) -> None:
    """Predict x, in the model's float type, with a copy of the model; afterwards its kernels are compiled.

    At the end of the program it stops before the next kernel, with SystemExit, which ends a thread quietly.
    """
    with ops.turn():
        copy = model.detached_copy()
    from minicnn.ops.kernels import parallel  # imported here: Numba takes half a second to import

    with parallel.compiled_first():
        if inference.usable(copy, x):
            inference.Plan().run(copy, x)
        else:
            copy.forward(x, False)
