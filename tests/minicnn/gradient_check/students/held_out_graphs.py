"""A small engine with ``_backward`` closures, a tape, vjp closures: right, and with a slip in one operation."""

from functools import partial

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, op, right, right_pair


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(i, keepdims=True)
    return g


class Tensor:
    """A node of a graph; ``slip`` is the mistake that its author made."""

    slip = ""

    def __init__(self, data, prev=()):
        self.data, self.grad = data, np.zeros(np.shape(data))
        self._prev, self._backward = prev, lambda: None

    def made(self, data, *prev):
        return type(self)(data, prev)

    def __add__(self, other):
        out = self.made(self.data + other.data, self, other)

        def _backward():
            for each in (self, other):
                if self.slip == "no unbroadcast":
                    each.grad = each.grad + out.grad
                else:
                    each.grad = each.grad + unbroadcast(out.grad, each.data.shape)

        out._backward = _backward
        return out

    def __mul__(self, other):
        out = self.made(self.data * other.data, self, other)

        def _backward():
            if self.slip == "assign":
                self.grad = unbroadcast(other.data * out.grad, self.data.shape)
                other.grad = unbroadcast(self.data * out.grad, other.data.shape)
            else:
                self.grad = self.grad + unbroadcast(other.data * out.grad, self.data.shape)
                other.grad = other.grad + unbroadcast(self.data * out.grad, other.data.shape)

        out._backward = _backward
        return out

    def __truediv__(self, other):
        out = self.made(self.data / other.data, self, other)

        def _backward():
            sign = 1 if self.slip == "quotient" else -1
            self.grad = self.grad + out.grad / other.data
            other.grad = other.grad + sign * out.grad * self.data / other.data**2

        out._backward = _backward
        return out

    def __matmul__(self, other):
        out = self.made(self.data @ other.data, self, other)

        def _backward():
            b = other.data if self.slip == "matmul" else other.data.T
            self.grad = self.grad + out.grad @ b
            other.grad = other.grad + self.data.T @ out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = self.made(self.data**n, self)

        def _backward():
            self.grad = self.grad + (1 if self.slip == "power" else n) * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def _unary(self, value, slope):
        out = self.made(value, self)

        def _backward():
            self.grad = self.grad + slope * (1 if self.slip == "no out.grad" else out.grad)

        out._backward = _backward
        return out

    def tanh(self):
        t = np.tanh(self.data)
        return self._unary(t, 1 - t if self.slip == "tanh" else 1 - t**2)

    def exp(self):
        e = np.exp(self.data)
        return self._unary(e, e)

    def relu(self):
        return self._unary(np.where(self.data > 0, self.data, 0), self.data > 0)

    def mean(self):
        count = len(self.data) if self.slip == "mean" else self.data.size
        return self._unary(self.data.mean(), np.ones(self.data.shape) / count)

    def row_sums(self):
        out = self.made(self.data.sum(1), self)

        def _backward():
            g = out.grad if self.slip == "rows" else out.grad[:, None]
            self.grad = self.grad + np.broadcast_to(g, self.data.shape)

        out._backward = _backward
        return out

    def backward(self, dy):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                if self.slip == "order":
                    order.insert(0, node)
                for child in node._prev:
                    visit(child)
                if self.slip != "order":
                    order.append(node)

        visit(self)
        self.grad = dy
        for node in order if self.slip == "order" and order[0] is self else reversed(order):
            node._backward()


def graph(build, slip=""):
    """Return (forward, backward) of an expression of tensors."""
    kind = type("Tensor", (Tensor,), {"slip": slip})

    def forward(**arrays):
        leaves = [kind(value) for value in arrays.values()]
        out = build(*leaves)
        return out.data, (out, leaves)

    def backward(dy, cache):
        out, leaves = cache
        out.backward(np.asarray(dy))
        return tuple(leaf.grad for leaf in leaves)

    return forward, backward


def mlp(x, w1, b1, w2):
    return ((x @ w1 + b1).relu() @ w2).tanh()


MLP = {"x": (4, 3), "w1": (3, 5), "b1": (5,), "w2": (5, 2)}
MLP_TRUTH = "torch.tanh(torch.relu(x @ w1 + b1) @ w2)"
right_pair("graph: two layers", graph(mlp), MLP_TRUTH, **MLP)
right_pair("graph: x used three times", graph(lambda x: x * x.tanh() + x), "x * torch.tanh(x) + x", x=(3, 4))
right_pair(
    "graph: gaussian of a distance",
    graph(lambda x, m: (((x + m) ** 2).row_sums() / m.exp().row_sums()).mean()),
    "(((x + m)**2).sum(1) / torch.exp(m).sum(1)).mean()",
    x=(4, 3),
    m=(4, 3),
)

faulty_pair("graph: bias not unbroadcast", graph(mlp, "no unbroadcast"), MLP_TRUTH, ["shape", "sum"], **MLP)
faulty_pair(
    "graph: grad = for += in a product with itself",
    graph(lambda x, w: x * x * w, "assign"),
    "x * x * w",
    ["+=", "product", "missing", "path", "2", "half", "twice", "branch"],
    x=(3, 4),
    w=(3, 4),
)
faulty_pair(
    "graph: sign of the denominator",
    graph(lambda a, b: a / b, "quotient"),
    "a / b",
    ["sign"],
    a=(3, 4),
    b=(3, 4),
)
faulty_pair(
    "graph: matmul, b for its transpose",
    graph(Tensor.__matmul__, "matmul"),
    "a @ b",
    ["transpos"],
    a=(3, 4),
    b=(4, 4),
)
faulty_pair(
    "graph: power without n",
    graph(lambda x: x**3, "power"),
    "x**3",
    ["divided by 3", "0.333333 times"],
    x=(5, 4),
)
faulty_pair(
    "graph: tanh, 1 - t for 1 - t^2", graph(Tensor.tanh, "tanh"), "torch.tanh(x)", ["1 − y"], x=(3, 4)
)
faulty_pair(
    "graph: exp without out.grad",
    graph(Tensor.exp, "no out.grad"),
    "torch.exp(x)",
    ["upstream", "dy"],
    x=(3, 4),
)
faulty_pair(
    "graph: mean over the rows only",
    graph(lambda x: (x**2).mean(), "mean"),
    "(x**2).mean()",
    ["4 times", "multiplied by 4", "4:", "number of", "divide"],
    x=(3, 4),
)
faulty_pair(
    "graph: row sums, broadcast along the wrong axis",
    graph(Tensor.row_sums, "rows"),
    "x.sum(1)",
    ["axis", "transpos", "wrong place"],
    x=(4, 4),
)
# ---- vjp closures, composed


def vjp_linear(w, x):
    return x @ w, lambda g: g @ w.T


def vjp_scale(s, x):
    return s * x, lambda g: s * g


def vjp_sin(x):
    return np.sin(x), lambda g: np.cos(x) * g


def compose(*stages):
    def run(x):
        backs = []
        for stage in stages:
            x, back = stage(x)
            backs.append(back)
        return x, backs

    return run


MATRIX = np.random.default_rng(3).standard_normal((3, 3))


@op("torch.sin(2 * torch.sin(x) @ M)", x=(2, 3), options={"M": MATRIX})
def pipeline(x, M):
    return compose(vjp_sin, partial(vjp_scale, 2), partial(vjp_linear, M), vjp_sin)(x)


@right("pipeline of vjp closures, reduced from the end", pipeline)
def pipeline_back(g, backs):
    for back in backs[::-1]:
        g = back(g)
    return g


@faulty("pipeline of vjp closures, from the start", pipeline, None)
def pipeline_from_the_start(g, backs):
    for back in backs:
        g = back(g)
    return g


@faulty("pipeline of vjp closures, the last one skipped", pipeline, None)
def pipeline_one_skipped(g, backs):
    for back in backs[-2::-1]:
        g = back(g)
    return g
