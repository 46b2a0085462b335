"""Softmax and its kin as people write them: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair

# ---- softmax


@op("torch.softmax(x, 1)", x=(3, 4))
def softmax_forward(x):
    shifted = x - np.max(x, axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


@right("softmax, p (dp - sum p dp)", softmax_forward)
def softmax_backward(dout, p):
    return p * (dout - np.sum(dout * p, axis=1, keepdims=True))


@right("softmax, Jacobian row by row", softmax_forward)
def softmax_backward_jacobian(dout, p):
    dx = np.empty_like(dout)
    for i, (single, d) in enumerate(zip(p, dout)):
        single = single.reshape(-1, 1)
        jacobian = np.diagflat(single) - np.dot(single, single.T)
        dx[i] = np.dot(jacobian, d)
    return dx


@right("softmax, Jacobian by einsum", softmax_forward)
def softmax_backward_einsum(dout, p):
    J = np.einsum("ij,jk->ijk", p, np.eye(p.shape[1])) - np.einsum("ij,ik->ijk", p, p)
    return np.einsum("ijk,ij->ik", J, dout)


@op("torch.softmax(z, 0)", z=(4, 3))
def softmax_columns(z):
    t = np.exp(z - z.max())
    A = t / np.sum(t, axis=0)
    return A, A


@right("softmax, (classes, batch), global max", softmax_columns)
def softmax_columns_backward(dA, A):
    return A * (dA - (A * dA).sum(axis=0))


@op("torch.softmax(x, 0)", x=(5,))
def softmax_vector(x):
    m = max(x)
    e = [np.exp(v - m) for v in x]
    total = sum(e)
    p = np.array([v / total for v in e])
    return p, p


@right("softmax of one vector, lists, double loop", softmax_vector)
def softmax_vector_backward(dout, p):
    n = len(p)
    dx = [0.0] * n
    for i in range(n):
        for j in range(n):
            dx[i] += dout[j] * (p[j] * (1 - p[i]) if i == j else -p[i] * p[j])
    return np.array(dx)


@op("torch.log_softmax(x, 1)", x=(3, 4))
def log_softmax(x):
    m = x.max(axis=1, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return x - lse, x - lse


@right("log softmax, logsumexp with max", log_softmax)
def log_softmax_backward(dout, logp):
    return dout - np.exp(logp) * dout.sum(axis=1, keepdims=True)


@op("torch.logsumexp(x, 1)", x=(3, 4))
def logsumexp(x):
    c = x.max(1)
    return c + np.log(np.sum(np.exp(x - c[:, np.newaxis]), 1)), x


@right("logsumexp", logsumexp)
def logsumexp_backward(dout, x):
    e = np.exp(x - x.max(1)[:, None])
    return dout[:, None] * e / e.sum(1)[:, None]


@op("torch.softmax(x, 1)", x=(2, 3, 2, 2))
def softmax_channels(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), None


class Softmax:
    """Softmax over the channels of NCHW."""

    def forward(self, x):
        self.y, _ = softmax_channels(x)
        return self.y

    def backward(self, dy):
        return self.y * dy - self.y * np.sum(self.y * dy, axis=1, keepdims=True)


right_pair("softmax over channels, NCHW, class", of_class(Softmax), "torch.softmax(x, 1)", x=(2, 3, 2, 2))
