"""Right (and a few wrong) functions at points and sizes where a checker may stumble."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, of_class, op, right, right_pair, uniform


@op("F.cross_entropy(x, torch.tensor([0, 1]))", x=[[1000.0, 1001.0, 999.0], [-1000.0, -998.0, -999.5]])
def large_logits(x):
    m = x.max(axis=1, keepdims=True)
    e = np.exp(x - m)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[[0, 1], [0, 1]]).mean(), p


@right("softmax loss at logits of a thousand", large_logits)
def large_logits_backward(dloss, p):
    return dloss * (p - np.eye(2, 3)) / 2


@op("F.binary_cross_entropy_with_logits(z, torch.ones_like(z))", z=[-30.0, 25.0, 0.5])
def saturated(z):
    return np.mean(np.maximum(z, 0) - z + np.log1p(np.exp(-np.abs(z)))), z


@right("BCE of logits, saturated", saturated)
def saturated_backward(dloss, z):
    return dloss * (1 / (1 + np.exp(-z)) - 1) / z.size


@op("1e-6 * x ** 2", x=(3, 2))
def tiny(x):
    return 1e-6 * x**2, x


@right("results of a millionth", tiny)
def tiny_backward(dy, x):
    return 2e-6 * dy * x


@faulty("results of a millionth, wrong by a tenth", tiny, None, may=["0.9", "1.1", "factor"])
def tiny_wrong(dy, x):
    return 1.8e-6 * dy * x


@op("1e6 * torch.sin(x)", x=(3, 2))
def huge(x):
    return 1e6 * np.sin(x), x


@right("results of a million", huge)
def huge_backward(dy, x):
    return 1e6 * dy * np.cos(x)


@op("torch.relu(x)", x=uniform(-3, -1, 3, 2))
def dead(x):
    return np.maximum(x, 0), x


@right("relu, dead: the gradient is zero", dead)
def dead_backward(dy, x):
    return dy * (x > 0)


@faulty("relu, dead, dy passes", dead, ["mask", "dy itself", "unchanged", "upstream"])
def dead_passes(dy, x):
    return dy * 1.0


@op("x * 0 + 3", x=(2, 2))
def constant(x):
    return np.full(x.shape, 3.0), x.shape


@right("a constant, gradient of zeros", constant)
def constant_backward(dy, shape):
    return np.zeros(shape)


@op("torch.round(x) + x", x=(3, 3))
def steps(x):
    return np.round(np.real(x)) + x, None


@right("np.round, flat between its steps", steps)
def steps_backward(dy, cache):
    return dy


@op("F.batch_norm(x, None, None, g, None, True, 0.0, 1e-3)", x=[[2.0, 1.0], [2.0, -1.0], [2.0, 0.5]], g=(2,))
def constant_column(x, g):
    centred = x - x.mean(0)
    inv = 1 / np.sqrt((centred**2).mean(0) + 1e-3)
    return g * centred * inv, (centred * inv, inv, g)


@right("batch norm, a column without variance", constant_column)
def constant_column_backward(dy, cache):
    xhat, inv, g = cache
    d = dy * g
    return inv * (d - d.mean(0) - xhat * (d * xhat).mean(0)), (dy * xhat).sum(0)


@op("x @ w", x=(1, 1), w=(1, 1))
def one_by_one(x, w):
    return x @ w, (x, w)


@right("product of one by one", one_by_one)
def one_by_one_backward(dy, cache):
    return dy @ cache[1].T, cache[0].T @ dy


@op("x * 2", x=(0, 3))
def nothing(x):
    return 2 * x, None


@right("an empty batch", nothing)
def nothing_backward(dy, cache):
    return 2 * dy


@op("torch.exp(x) - 1", x=[0.0, 0.0, 0.0])
def all_zeros(x):
    return np.expm1(x), x


@right("at zero", all_zeros)
def all_zeros_backward(dy, x):
    return dy * np.exp(x)


@op("F.relu(x) ** 2", x=[-1.0, 0.0, 2.0, 0.0])
def smooth_at_zero(x):
    return np.maximum(x, 0) ** 2, x


@right("squared relu at 0, where it is smooth", smooth_at_zero)
def smooth_at_zero_backward(dy, x):
    return dy * 2 * x * (x > 0)


@op("x[:, :, 0] ** 2 + x[:, :, 1] * 3", x=(2, 3, 2))
def fortran_order(x):
    x = np.asfortranarray(x)
    return x[..., 0] ** 2 + 3 * x[..., 1], x


@right("arrays in Fortran order, a gradient that is a view", fortran_order)
def fortran_order_backward(dy, x):
    dx = np.empty(x.shape[::-1])
    dx[0] = (2 * x[..., 0] * dy).T
    dx[1] = 3 * dy.T
    return dx.T


class Running:
    """Counts its calls and keeps a moving mean, which the result does not use."""

    calls, mean = 0, 0.0

    def forward(self, x):
        Running.calls += 1
        Running.mean = 0.9 * Running.mean + 0.1 * float(np.real(x).mean())
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


right_pair("tanh, class that also keeps statistics", of_class(Running), "torch.tanh(x)", x=(2, 3))


@op("F.conv1d(x[None, None], w[None, None])[0, 0]", x=(6,), w=(3,))
def numpy_correlate(x, w):
    return np.correlate(x, w, mode="valid"), (x, w)


@right("np.correlate, which conjugates", numpy_correlate)
def numpy_correlate_backward(dy, cache):
    x, w = cache
    return np.convolve(dy, w), np.correlate(x, dy)


@faulty("np.correlate, kernel not turned", numpy_correlate, ["flip", "rotat", "revers", "180"])
def numpy_correlate_wrong(dy, cache):
    x, w = cache
    return np.convolve(dy, w[::-1]), np.correlate(x, dy)


@op("(a.conj() * b).sum().real", a=(4,), b=(4,))
def vdot(a, b):
    return np.vdot(a, b), (a, b)


@right("np.vdot, which conjugates", vdot)
def vdot_backward(dy, cache):
    a, b = cache
    return dy * b, dy * a


@op("x", x=(5,))
def real_if_close(x):
    return np.sqrt(np.square(np.abs(x))) * np.sign(x), None


@right("|x| sign x", real_if_close)
def real_if_close_backward(dy, cache):
    return dy


@op("(x @ x.T)[0, 1]", x=(2, 3))
def one_number(x):
    return (x @ x.T)[0, 1], x


@right("one entry of a Gram matrix", one_number)
def one_number_backward(dy, x):
    return dy * x[::-1]


@op("torch.sort(x).values", x=[3.0, 1.0, 1.0, 2.0], kinks=True)
def sort_tied(x):
    return np.sort(x), np.argsort(x, kind="stable")


@right("sort with a tie", sort_tied)
def sort_tied_backward(dy, order):
    dx = np.empty_like(dy)
    dx[order] = dy
    return dx


@op("F.relu(1 - x * torch.tensor([1.0, -1.0, 1.0])).sum()", x=[1.0, 0.5, -2.0], kinks=True)
def hinge_at_margin(x):
    t = np.array([1.0, -1.0, 1.0])
    return np.maximum(1 - t * x, 0).sum(), (x, t)


@right("hinge exactly at its margin", hinge_at_margin)
def hinge_at_margin_backward(dloss, cache):
    x, t = cache
    return dloss * np.where(t * x < 1, -t, 0)


@op("F.l1_loss(x, torch.tensor([1.0, 2.0, 3.0]).double(), reduction='sum')", x=[1.0, 0.0, 5.0], kinks=True)
def mae_at_target(x):
    return np.sum(np.abs(x - [1.0, 2.0, 3.0])), np.sign(x - [1.0, 2.0, 3.0])


@right("absolute error exactly at the target", mae_at_target)
def mae_at_target_backward(dloss, sign):
    return dloss * sign


@faulty("absolute error at the target, wrong elsewhere", mae_at_target, ["sign", "-1", "−1"])
def mae_at_target_wrong(dloss, sign):
    return -dloss * sign
