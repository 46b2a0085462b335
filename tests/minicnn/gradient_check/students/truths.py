"""Longer definitions in PyTorch, for the expressions of the cases."""


def nchw(x):
    """Move the channels from the last axis to axis 1."""
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    """Move the channels from axis 1 to the last one."""
    return x.permute(0, 2, 3, 1)
