"""Longer definitions in PyTorch, for the expressions of the cases."""

import torch


def nchw(x):
    """Move the channels from the last axis to axis 1."""
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    """Move the channels from axis 1 to the last one."""
    return x.permute(0, 2, 3, 1)


def hinge(x, y):
    """The mean over the batch of the sum over the other classes of max(0, 1 + x_j − x_y)."""
    right = x.gather(1, y[:, None])
    return (torch.relu(x - right + 1).sum() - len(x)) / len(x)


def focal(z, y):
    """Focal loss with gamma 2, summed."""
    p = torch.sigmoid(z)
    pt = torch.where(y == 1, p, 1 - p)
    return -((1 - pt) ** 2 * torch.log(pt)).sum()


def contrastive(a, b, same):
    """Half the mean of d² of equal pairs and max(0, 3 − d)² of others."""
    d = (a - b).norm(dim=1)
    return 0.5 * (same * d**2 + (1 - same) * torch.relu(3 - d) ** 2).mean()
