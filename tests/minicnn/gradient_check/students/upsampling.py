"""Upsampling and shuffling: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import op, right


@op("F.interpolate(x, scale_factor=2)", x=(2, 2, 2, 3))
def upsample(x):
    return x.repeat(2, axis=2).repeat(2, axis=3), x.shape


@right("nearest upsampling, reshape and sum", upsample)
def upsample_backward(dy, shape):
    n, c, h, w = shape
    return dy.reshape(n, c, h, 2, w, 2).sum(axis=(3, 5))


@right("nearest upsampling, four slices", upsample)
def upsample_slices(dy, shape):
    return dy[:, :, ::2, ::2] + dy[:, :, 1::2, ::2] + dy[:, :, ::2, 1::2] + dy[:, :, 1::2, 1::2]


@op("F.interpolate(x[None, None], size=(5, 7), mode='bilinear', align_corners=True)[0, 0]", x=(3, 4))
def bilinear(x):
    def weights(n, m):
        places = np.linspace(0, m - 1, n)
        low = np.minimum(places.astype(int), m - 2)
        part = places - low
        matrix = np.zeros((n, m))
        matrix[np.arange(n), low] = 1 - part
        matrix[np.arange(n), low + 1] = part
        return matrix

    A, B = weights(5, x.shape[0]), weights(7, x.shape[1])
    return A @ x @ B.T, (A, B)


@right("bilinear upsampling as two matrices", bilinear)
def bilinear_backward(dy, cache):
    A, B = cache
    return A.T @ dy @ B


@op("F.pixel_shuffle(x, 2)", x=(1, 8, 2, 3))
def pixel_shuffle(x, r=2):
    n, c, h, w = x.shape
    y = x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // r**2, h * r, w * r), (x.shape, r)


@right("pixel shuffle", pixel_shuffle)
def pixel_shuffle_backward(dy, cache):
    (n, c, h, w), r = cache
    return dy.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 3, 5, 2, 4).reshape(n, c, h, w)


@op("F.channel_shuffle(x, 2)", x=(1, 6, 2, 2))
def channel_shuffle(x):
    order = np.arange(6).reshape(2, 3).T.ravel()
    return x[:, order], order


@right("channel shuffle, argsort of the order", channel_shuffle)
def channel_shuffle_backward(dy, order):
    return dy[:, np.argsort(order)]
