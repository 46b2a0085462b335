"""Batch norm and the ReLU after it: by the definitions one after the other, and by
the kernel that does both.
"""

from minicnn.gradient_check.suite.operations import OPERATIONS, Case
from minicnn.ops import reference
from minicnn.ops.kernels import normalization

FUSED = {  # operation -> the kernels of it and the ReLU
    "batch_norm": (normalization.batch_norm_relu_forward, normalization.batch_norm_backward),
    "batch_norm_inference": (
        normalization.batch_norm_relu_inference_forward,
        normalization.batch_norm_inference_backward,
    ),
}


def draw_case(name, draw, wide=False):
    """As the operation's own case, with a random β, so that no output is exactly 0: that is a kink."""
    case = OPERATIONS[name].draw(draw, wide)
    beta = draw.rng().standard_normal(case.arrays["beta"].shape)
    return Case(case.arrays | {"beta": beta}, case.options)


def by_definition(name, case, dy):
    """Return all results and gradients of the reference's batch norm, then ReLU, by name."""
    y, *statistics, cache = getattr(reference, f"{name}_forward")(**case.arrays, **case.options)
    y, relu_cache = reference.relu_forward(y)
    gradients = getattr(reference, f"{name}_backward")(reference.relu_backward(dy, relu_cache), cache)
    return named(y, statistics, gradients)


def by_kernel(name, case, dy):
    """Return the same of the kernels that do both."""
    forward, backward = FUSED[name]
    y, *statistics, cache = forward(**case.arrays, **case.options)
    return named(y, statistics, backward(dy, cache))


def named(y, statistics, gradients):
    """Name results and gradients."""
    names = ["y", *("mean", "variance")[: len(statistics)], "dx", "dgamma", "dbeta"]
    return dict(zip(names, [y, *statistics, *gradients], strict=True))
