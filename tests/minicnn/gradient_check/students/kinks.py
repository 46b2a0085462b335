"""Exactly at a kink, where any number between the two slopes is a valid choice: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair

# ---- at the kink itself: any number between the slopes is a valid choice

AT_ZERO = [[-1.5, 0.0, 2.0], [0.0, 0.5, 0.0]]


@op("torch.relu(x)", x=AT_ZERO, kinks=True)
def relu_at_zero(x):
    return np.maximum(x, 0), x


@right("relu at 0, x > 0", relu_at_zero)
def relu_at_zero_strict(dy, x):
    return dy * (x > 0)


@right("relu at 0, x >= 0", relu_at_zero)
def relu_at_zero_loose(dy, x):
    return dy * (x >= 0)


@right("relu at 0, one half", relu_at_zero)
def relu_at_zero_half(dy, x):
    return dy * np.heaviside(x, 0.5)


@op("F.leaky_relu(x, 0.2)", x=AT_ZERO, kinks=True)
def leaky_at_zero(x):
    return np.maximum(x, 0.2 * x), x


@right("leaky relu at 0, slope of the left", leaky_at_zero)
def leaky_at_zero_backward(dy, x):
    return np.where(x > 0, dy, 0.2 * dy)


@op("torch.clamp(x, -1, 1)", x=[[-1.0, 0.3, 1.0], [2.0, 1.0, -3.0]], kinks=True)
def clip_at_its_ends(x):
    return np.clip(x, -1, 1), (x >= -1) & (x <= 1)


@right("clip at its ends, inclusive mask", clip_at_its_ends)
def clip_at_its_ends_backward(dy, inside):
    return dy * inside


@op("torch.abs(x)", x=AT_ZERO, kinks=True)
def abs_at_zero(x):
    return np.abs(x), np.sign(x)


@right("abs at 0, np.sign", abs_at_zero)
def abs_at_zero_backward(dy, sign):
    return dy * sign


class MaxoutTied:
    """Maximum of two halves, the first wins a tie."""

    def forward(self, x):
        self.a, self.b = np.split(x, 2, axis=1)
        return np.maximum(self.a, self.b)

    def backward(self, dy):
        first = self.a >= self.b
        return np.hstack([dy * first, dy * ~first])


right_pair(
    "maxout with ties, the first wins",
    of_class(MaxoutTied),
    "torch.maximum(x[:, :2], x[:, 2:])",
    x=[[1.0, 2.0, 1.0, 3.0], [0.0, -1.0, 0.0, -1.0]],
    kinks=True,
)
