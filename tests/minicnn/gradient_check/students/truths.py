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


def rnn(x, h, Wx, Wh, b):
    """All hidden states of a tanh recurrence, (N, T, H)."""
    states = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ Wx + h @ Wh + b)
        states.append(h)
    return torch.stack(states, 1)


def char_rnn(Wxh, Whh, Why, bh, by, inputs, targets):
    """The summed loss of a recurrent net that reads and predicts characters."""
    one_hot = torch.eye(4, dtype=torch.float64)[inputs][None]
    h = rnn(one_hot, torch.zeros(1, 3, dtype=torch.float64), Wxh.T, Whh.T, bh[:, 0])
    return torch.nn.functional.cross_entropy(
        (h @ Why.T + by[:, 0])[0], torch.tensor(targets), reduction="sum"
    )


def lstm_step(x, h, c, Wx, Wh, b):
    """The hidden state after one step; gates in the order i, f, o, g."""
    i, f, o, g = (x @ Wx + h @ Wh + b).chunk(4, 1)
    return torch.sigmoid(o) * torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))


def gru_step(x, h, W, U):
    """The state after one step; W and U hold update, reset, candidate."""
    z, r = (torch.sigmoid(x @ W[k] + h @ U[k]) for k in (0, 1))
    return (1 - z) * torch.tanh(x @ W[2] + (r * h) @ U[2]) + z * h


def attention_of(qkv):
    """Attention of one head, of queries, keys and values side by side."""
    q, k, v = qkv.chunk(3, 1)
    return torch.softmax(q @ k.T / 2, 1) @ v
