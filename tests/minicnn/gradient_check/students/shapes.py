"""Moving entries: gather, concatenate, split, pad, flip, upsample, shuffle, broadcast: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair

IDS = np.array([[1, 3, 1], [0, 1, 4]])


@op("W[ids]", W=(5, 3), options={"ids": IDS})
def word_embedding_forward(W, ids):
    return W[ids, :], (ids, W.shape)


@right("embedding, np.add.at", word_embedding_forward)
def word_embedding_backward(dout, cache):
    ids, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, ids, dout)
    return dW


@right("embedding, loops", word_embedding_forward)
def word_embedding_loops(dout, cache):
    ids, shape = cache
    dW = np.zeros(shape)
    for n in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            dW[ids[n, t]] += dout[n, t]
    return dW


@right("embedding, one-hot product", word_embedding_forward)
def word_embedding_one_hot(dout, cache):
    ids, (V, D) = cache
    return np.eye(V)[ids.ravel()].T @ dout.reshape(-1, D)


@op("torch.gather(x, 1, i)", x=(3, 4), options={"i": np.array([[0, 0], [3, 1], [2, 2]])})
def gather(x, i):
    return np.take_along_axis(x, i, axis=1), (i, x.shape)


@right("gather with repeats", gather)
def gather_backward(dy, cache):
    i, shape = cache
    dx = np.zeros(shape)
    for row in range(shape[0]):
        dx[row] = np.bincount(i[row], weights=dy[row], minlength=shape[1])
    return dx


@op("torch.cat([a, b], 1)", a=(2, 3), b=(2, 2))
def concat(a, b):
    return np.concatenate([a, b], axis=1), a.shape[1]


@right("concatenate, slices", concat)
def concat_backward(dout, n):
    return dout[:, :n], dout[:, n:]


@op("torch.cat([a, b, c], 1)", a=(2, 1, 2, 2), b=(2, 3, 2, 2), c=(2, 2, 2, 2))
def concat_three(a, b, c):
    return np.concatenate((a, b, c), 1), [each.shape[1] for each in (a, b, c)]


@right("concatenate channels, np.split at cumsum, a list made a tuple", concat_three)
def concat_three_backward(dout, sizes):
    return tuple(np.split(dout, np.cumsum(sizes)[:-1], axis=1))


@op("x[:, :2] * x[:, 2:]", x=(3, 4))
def gated(x):
    a, b = np.split(x, 2, axis=1)
    return a * b, (a, b)


@right("split in halves and multiply", gated)
def gated_backward(dy, cache):
    a, b = cache
    return np.concatenate([dy * b, dy * a], axis=1)


@op("x[:, :2] * torch.sigmoid(x[:, 2:])", x=(3, 4))
def glu(x):
    a, g = x[:, :2], 1 / (1 + np.exp(-x[:, 2:]))
    return a * g, (a, g)


@right("gated linear unit", glu)
def glu_backward(dy, cache):
    a, g = cache
    dx = np.empty((dy.shape[0], 4))
    dx[:, :2] = dy * g
    dx[:, 2:] = dy * a * g * (1 - g)
    return dx


@op("x[::2, 1:3]", x=(5, 4))
def sliced(x):
    return x[::2, 1:3], x.shape


@right("slice with a step", sliced)
def sliced_backward(dy, shape):
    dx = np.zeros(shape)
    dx[::2, 1:3] = dy
    return dx


@op("F.pad(x, (2, 1, 1, 0))", x=(2, 2, 3))
def zero_pad(x):
    out = np.zeros((x.shape[0], x.shape[1] + 1, x.shape[2] + 3))
    out[:, 1:, 2:-1] = x
    return out, None


@right("zero padding by hand into np.zeros", zero_pad)
def zero_pad_backward(dy, cache):
    return dy[:, 1:, 2:-1]


@op("F.pad(x, (1, 1), mode='reflect')", x=(2, 4))
def reflect_pad(x):
    return np.pad(x, ((0, 0), (1, 1)), mode="reflect"), x.shape


@right("reflection padding", reflect_pad)
def reflect_pad_backward(dy, shape):
    dx = dy[:, 1:-1].copy()
    dx[:, 1] += dy[:, 0]
    dx[:, -2] += dy[:, -1]
    return dx


@op("F.pad(x, (1, 2), mode='replicate')", x=(2, 3))
def edge_pad(x):
    return np.pad(x, ((0, 0), (1, 2)), "edge"), x


@right("edge padding", edge_pad)
def edge_pad_backward(dy, x):
    dx = np.zeros_like(x)
    dx += dy[:, 1:4]
    dx[:, 0] += dy[:, 0]
    dx[:, -1] += dy[:, 4:].sum(axis=1)
    return dx


@op("x.flip(1).T", x=(2, 3))
def flip_transpose(x):
    return np.fliplr(x).T, None


@right("flip and transpose", flip_transpose)
def flip_transpose_backward(dy, cache):
    return dy.T[:, ::-1]


@op("x.permute(0, 3, 1, 2).flatten(1)", x=(2, 3, 4, 2))
def permute_flatten(x):
    t = x.transpose(0, 3, 1, 2)
    return t.reshape(t.shape[0], -1), t.shape


@right("NHWC to NCHW and flatten", permute_flatten)
def permute_flatten_backward(dy, shape):
    return np.reshape(dy, shape).transpose((0, 2, 3, 1))


@op("torch.roll(x, 1, 1) - x", x=(2, 4))
def differences(x):
    return np.roll(x, 1, axis=1) - x, None


@right("np.roll minus x", differences)
def differences_backward(dy, cache):
    return np.roll(dy, -1, axis=1) - dy


@op("a + b", a=(3, 4), b=(4,))
def broadcast_add(a, b):
    return a + b, (a.shape, b.shape)


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


@right("broadcasting add, unbroadcast", broadcast_add)
def broadcast_add_backward(dy, cache):
    return tuple(unbroadcast(dy, shape) for shape in cache)


@op("a * b", a=(3, 1, 4), b=(2, 1))
def broadcast_mul(a, b):
    return a * b, (a, b)


@right("broadcasting product with axes of size one", broadcast_mul)
def broadcast_mul_backward(dy, cache):
    a, b = cache
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)


class Flatten:
    """Keeps the shape."""

    def forward(self, x):
        self.shape = x.shape
        return x.ravel().reshape(x.shape[0], -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


right_pair("flatten, class", of_class(Flatten), "x.flatten(1)", x=(2, 3, 2))


@op(
    "torch.where(c, a, b)",
    a=(2, 3),
    b=(2, 3),
    options={"c": np.array([[True, False, True], [False, False, True]])},
)
def select(a, b, c):
    out = b.copy()
    out[c] = a[c]
    return out, c


@right("choose by a given mask", select)
def select_backward(dy, c):
    return np.where(c, dy, 0), np.where(c, 0, dy)


@op("torch.tril(x) + torch.diag(d)", x=(3, 3), d=(3,))
def triangle(x, d):
    return np.tril(x) + np.diag(d), None


@right("lower triangle plus a diagonal", triangle)
def triangle_backward(dy, cache):
    return np.tril(dy), np.diagonal(dy)


@op("F.unfold(x, 2)", x=(1, 2, 3, 3))
def unfold(x):
    columns = [x[:, :, i : i + 2, j : j + 2].reshape(x.shape[0], -1) for i in range(2) for j in range(2)]
    return np.stack(columns, axis=-1), x.shape


@right("unfold (im2col) alone", unfold)
def unfold_backward(dy, shape):
    dx = np.zeros(shape)
    for column, (i, j) in enumerate(np.ndindex(2, 2)):
        dx[:, :, i : i + 2, j : j + 2] += dy[..., column].reshape(shape[0], shape[1], 2, 2)
    return dx
