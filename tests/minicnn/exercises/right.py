"""What students write that is right, in other styles than the solution: exercise -> functions that replace its own."""

LOOPS_OF_CONV = """
def conv2d_backward(dy, cache):
    x, xp, kernel, stride, padding, dilation = cache
    dxp, dkernel, dbias = np.zeros(xp.shape), np.zeros(kernel.shape), np.zeros(kernel.shape[3])
    for n in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                for a in range(kernel.shape[0]):
                    for b in range(kernel.shape[1]):
                        r, c = i * stride + a * dilation, j * stride + b * dilation
                        dxp[n, r, c] += kernel[a, b] @ dy[n, i, j]
                        dkernel[a, b] += np.outer(xp[n, r, c], dy[n, i, j])
                dbias += dy[n, i, j]
    return dxp[:, padding : padding + x.shape[1], padding : padding + x.shape[2]], dkernel, dbias
"""
SLICES_OF_CONV = """
def conv2d_backward(dy, cache):
    x, xp, kernel, stride, padding, dilation = cache
    oh, ow = dy.shape[1:3]
    dxp, dkernel = np.zeros_like(xp), np.empty_like(kernel)
    for a in range(kernel.shape[0]):
        for b in range(kernel.shape[1]):
            rows = np.arange(oh) * stride + a * dilation
            columns = np.arange(ow) * stride + b * dilation
            at = np.ix_(range(len(x)), rows, columns)
            dkernel[a, b] = np.einsum("nijc,nijk->ck", xp[at], dy)
            dxp[at] += np.einsum("nijk,ck->nijc", dy, kernel[a, b])
    h, w = x.shape[1:3]
    return dxp[:, padding : h + padding, padding : w + padding], dkernel, np.einsum("nijk->k", dy)
"""
MASK_OF_POOL = """
def max_pool_backward(dy, cache):
    x, (kh, kw), stride = cache
    dx = np.zeros(x.shape)
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            window = x[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            flat = window.reshape(len(x), kh * kw, -1)
            first = np.arange(kh * kw)[:, None] == flat.argmax(axis=1)[:, None]
            share = (first * dy[:, i, j][:, None]).reshape(window.shape)
            dx[:, i * stride : i * stride + kh, j * stride : j * stride + kw] += share
    return dx
"""
PATHS_OF_NORM = """
def batch_norm_forward(x, gamma, beta, epsilon=1e-3):
    flat = x.reshape(-1, x.shape[-1])
    mu, var = flat.mean(0), flat.var(0)
    return gamma * (x - mu) / np.sqrt(var + epsilon) + beta, (x, mu, var + epsilon, gamma)

def batch_norm_backward(dout, cache):
    x, mu, v, gamma = cache
    shape, m = x.shape, x.size // x.shape[-1]
    x, dout = x.reshape(m, -1), dout.reshape(m, -1)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu), 0) * -0.5 * v**-1.5
    dmu = np.sum(-dxhat / np.sqrt(v), 0) + dvar * np.mean(-2 * (x - mu), 0)
    dx = dxhat / np.sqrt(v) + dvar * 2 * (x - mu) / m + dmu / m
    return dx.reshape(shape), np.sum(dout * (x - mu) / np.sqrt(v), 0), dout.sum(0)
"""
PRODUCT_OF_NORM = """
def batch_norm_backward(dy, cache):
    xhat, gamma, r, axes = cache
    m = dy.size / dy.shape[-1]
    flat = dy.reshape(-1, dy.shape[-1])
    dgamma, dbeta = (flat * xhat.reshape(flat.shape)).sum(0), flat.sum(0)
    return (m * dy - dbeta - xhat * dgamma) * gamma * r / m, dgamma, dbeta
"""
CLASS_OF_ADAM = """
def adam_step(w, g, state, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    if not state:
        state["m"], state["v"], state["t"] = np.zeros_like(w), np.zeros_like(w), 0
    state["t"] += 1
    state["m"] += (1 - beta_1) * (g - state["m"])
    state["v"] += (1 - beta_2) * (g * g - state["v"])
    rate = learning_rate * np.sqrt(1 - beta_2 ** state["t"]) / (1 - beta_1 ** state["t"])
    w -= rate * state["m"] / (np.sqrt(state["v"]) + epsilon * np.sqrt(1 - beta_2 ** state["t"]))
    return w
"""
LOOPS_OF_FAST = """
def fast_forward(x, kernel, bias):
    h, w = x.shape[1] - 2, x.shape[2] - 2
    y = sum(x[:, a : a + h, b : b + w] @ kernel[a, b] for a in range(3) for b in range(3)) + bias
    return y, (x, kernel)

def fast_backward(dy, cache):
    x, kernel = cache
    h, w = dy.shape[1:3]
    dx, dkernel = np.zeros_like(x), np.zeros_like(kernel)
    for a in range(3):
        for b in range(3):
            part = np.s_[:, a : a + h, b : b + w]
            dx[part] += dy @ kernel[a, b].T
            dkernel[a, b] = np.tensordot(x[part], dy, ((0, 1, 2), (0, 1, 2)))
    return dx, dkernel, dy.sum((0, 1, 2))
"""

RIGHT = {
    "scalars": [
        "def graph_backward(dy, cache):\n    a, b, c, d, e, s, p, m = cache\n    ds = dy * c + (dy * e if s >= d else 0)\n"
        "    return ds, ds, dy * s, (0 if s >= d else dy * e), dy * m",
        "def multiply_backward(dout, ab):\n    return tuple(dout * each for each in ab[::-1])\n"
        "def maximum_backward(dy, cache):\n    mask = cache[0] >= cache[1]\n    return dy * mask, dy * (1 - mask)",
    ],
    "dense": [
        "def dense_backward(dout, cache):\n    x, w = cache\n    return np.dot(dout, w.T), np.dot(x.T, dout), np.sum(dout, 0)",
        "def dense_backward(dy, cache):\n    x, W = cache\n    dx, dW, db = np.zeros_like(x), np.zeros_like(W), 0\n"
        "    for n in range(len(x)):\n        dx[n] = W @ dy[n]\n        dW += np.outer(x[n], dy[n])\n        db = db + dy[n]\n"
        "    return dx, dW, db",
    ],
    "relu": [
        "def relu_backward(dy, x):\n    dx = dy.copy()\n    dx[x <= 0] = 0\n    return dx",
        "def relu_forward(x):\n    mask = x > 0\n    return x * mask, mask\n"
        "def relu_backward(dy, mask):\n    return np.where(mask, dy, 0)",
    ],
    "softmax_cross_entropy": [
        "def cross_entropy(z, labels):\n    n = z.shape[0]\n    p = softmax(z)\n    t = np.eye(z.shape[1])[labels]\n"
        "    return -np.sum(t * np.log(p)) / n, (p - t) / n",
        "def softmax(z):\n    z = z - np.max(z, axis=-1).reshape(-1, 1)\n    return np.exp(z - np.log(np.exp(z).sum(1))[:, None])",
    ],
    "max_pool": [
        MASK_OF_POOL,
        "def max_pool_forward(x, size, stride):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, ::stride, ::stride]\n"
        "    return windows.max(axis=(-1, -2)), (x, size, stride)",
    ],
    "average_pool": [
        "def average_pool_backward(dy, cache):\n    shape, (kh, kw), s = cache\n    dx = np.zeros(shape)\n"
        "    oh, ow = dy.shape[1:3]\n    for a in range(kh):\n        for b in range(kw):\n"
        "            dx[:, a : a + s * (oh - 1) + 1 : s, b : b + s * (ow - 1) + 1 : s] += dy / kh / kw\n    return dx",
        "def average_pool_backward(dy, cache):\n    shape, (kh, kw), s = cache\n    dx = np.zeros(shape)\n"
        "    for n, i, j, c in np.ndindex(*dy.shape):\n"
        "        dx[n, i * s : i * s + kh, j * s : j * s + kw, c] += np.ones((kh, kw)) * dy[n, i, j, c] / (kh * kw)\n"
        "    return dx",
    ],
    "conv2d": [LOOPS_OF_CONV, SLICES_OF_CONV],
    "dropout": [
        "def dropout_forward(x, rate, uniform, training=True):\n    if not training:\n        return x, None\n"
        "    keep = uniform >= rate\n    return np.where(keep, x, 0) / (1 - rate), (keep, rate)\n"
        "def dropout_backward(dy, cache):\n    if cache is None:\n        return dy\n    keep, rate = cache\n"
        "    return np.where(keep, dy / (1 - rate), 0)",
        "def dropout_forward(x, rate, uniform, training=True):\n    mask = np.ones(x.shape)\n    if training:\n"
        "        mask[uniform < rate] = 0\n        mask /= 1 - rate\n    return mask * x, mask",
    ],
    "batch_norm": [PATHS_OF_NORM, PRODUCT_OF_NORM],
    "residual": [
        "def residual_backward(dy, cache):\n    x, W, z = cache\n    dz = np.where(z > 0, dy, 0)\n    dx = dy.copy()\n"
        "    dx += np.dot(dz, W.T)\n    return dx, np.dot(x.T, dz)",
        "def residual_forward(x, W):\n    h = x @ W * (x @ W > 0)\n    return h + x, (x, W, h)",
    ],
    "optimizers": [
        CLASS_OF_ADAM,
        "def momentum_step(w, g, state, learning_rate=0.01, momentum=0.9):\n    if 'u' not in state:\n"
        "        state['u'] = np.zeros(w.shape)\n    state['u'] *= momentum\n    state['u'] -= learning_rate * g\n"
        "    return w + state['u']\ndef sgd_step(w, g, state, learning_rate=0.01):\n    w -= learning_rate * g\n    return w",
    ],
    "im2col": [
        "def im2col(x, kh, kw):\n    rows = [x[n, i : i + kh, j : j + kw].ravel() for n in range(len(x))\n"
        "            for i in range(x.shape[1] - kh + 1) for j in range(x.shape[2] - kw + 1)]\n    return np.stack(rows)",
        "def col2im(dcolumns, shape, kh, kw):\n    n, h, w, c = shape\n    dx = np.zeros(shape)\n    row = 0\n"
        "    for s in range(n):\n        for i in range(h - kh + 1):\n            for j in range(w - kw + 1):\n"
        "                dx[s, i : i + kh, j : j + kw] += dcolumns[row].reshape(kh, kw, c)\n                row += 1\n"
        "    return dx",
    ],
    "train_your_layer": [
        "def _dense_backward(self, dy):\n    self.bias.grad = np.einsum('nf->f', dy)\n"
        "    self.kernel.grad = np.einsum('nd,nf->df', self.x, dy)\n    return np.einsum('nf,df->nd', dy, self.kernel.value)\n"
        "MyDense.backward = _dense_backward",
        "def _conv_forward(self, x, training=False):\n    self.x = x\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))\n"
        "    return np.einsum('nijcab,abck->nijk', windows, self.kernel.value) + self.bias.value\n"
        "MyConv2D.forward = _conv_forward",
    ],
    "make_it_fast": [
        LOOPS_OF_FAST,
        "def fast_forward(x, kernel, bias):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))\n"
        "    columns = np.moveaxis(windows, 3, 5).reshape(-1, kernel[..., 0].size)\n"
        "    matrix = kernel.reshape(-1, kernel.shape[3])\n"
        "    y = (columns @ matrix).reshape(*windows.shape[:3], -1) + bias\n"
        "    return y, (columns, matrix, x.shape, kernel.shape)",
    ],
}  # fmt: skip
