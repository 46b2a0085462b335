"""Reductions and algebra: sums, maxima, products, norms, inverses: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_closure, op, right, right_pair, uniform


@op("x.sum(1)", x=(3, 4))
def row_sum(x):
    return x.sum(axis=1), x.shape


@right("row sums, broadcast_to (a view that cannot be written)", row_sum)
def row_sum_backward(dy, shape):
    return np.broadcast_to(dy[:, None], shape)


@op("x.mean()", x=(3, 4))
def mean_of_all(x):
    return float(x.mean()), x


@right("mean of all as a Python float", mean_of_all)
def mean_of_all_backward(dy, x):
    return np.full(x.shape, dy / x.size)


@op("x.var(0, unbiased=False)", x=(4, 3))
def variance(x):
    return np.var(x, axis=0), x - x.mean(axis=0)


@right("np.var, which takes absolute values of complex numbers", variance)
def variance_backward(dy, centred):
    return dy * 2 * centred / len(centred)


@op("x.std(0, unbiased=True)", x=(4, 3))
def deviation(x):
    s = np.std(x, axis=0, ddof=1)
    return s, (x - x.mean(0), s)


@right("np.std with ddof=1", deviation)
def deviation_backward(dy, cache):
    centred, s = cache
    return dy * centred / ((len(centred) - 1) * s)


@op("x.amax(0)", x=(4, 3))
def column_max(x):
    return np.amax(x, axis=0), x


@right("column maximum, equality mask", column_max)
def column_max_backward(dy, x):
    return (x == x.max(axis=0)) * dy


@op("x.amin(1)", x=(3, 4))
def row_min(x):
    return np.array([min(row) for row in x]), x


@right("row minimum, Python's min", row_min)
def row_min_backward(dy, x):
    dx = np.zeros(x.shape)
    for i, row in enumerate(x):
        dx[i, list(row).index(min(row))] = dy[i]
    return dx


@op("x.prod(1)", x=uniform(0.5, 2, 3, 4))
def row_product(x):
    p = np.prod(x, axis=1)
    return p, (x, p)


@right("row products, divided by each", row_product)
def row_product_backward(dy, cache):
    x, p = cache
    return (dy * p)[:, None] / x


@op("x.prod()", x=[0.0, 2.0, -3.0])
def product_with_zero(x):
    result = 1.0
    for v in x:
        result = result * v
    return result, x


@right("product with a zero, product of the others", product_with_zero)
def product_with_zero_backward(dy, x):
    return dy * np.array([np.prod(np.delete(x, i)) for i in range(len(x))])


@op("x.cumsum(1)", x=(2, 4))
def running_sum(x):
    return np.cumsum(x, axis=1), None


@right("cumulative sum, reversed", running_sum)
def running_sum_backward(dy, cache):
    return dy[:, ::-1].cumsum(axis=1)[:, ::-1]


@op("x.norm()", x=(3, 2))
def norm(x):
    return np.linalg.norm(x), x


@right("np.linalg.norm of a matrix", norm)
def norm_backward(dy, x):
    return dy * x / np.linalg.norm(x)


@op("x.abs().sum() + 0.5 * (x ** 2).sum()", x=(3, 2))
def elastic(x):
    return np.sum(np.abs(x)) + 0.5 * np.sum(x**2), x


@right("elastic net penalty", elastic)
def elastic_backward(dy, x):
    return dy * (np.sign(x) + x)


@op("torch.linalg.inv(a)", a=[[3.0, 1.0, 0.2], [0.5, 2.0, -1.0], [0.0, 1.0, 4.0]])
def inverse(a):
    inv = np.linalg.inv(a)
    return inv, inv


@right("matrix inverse", inverse)
def inverse_backward(dy, inv):
    return -inv.T @ dy @ inv.T


@op("torch.linalg.solve(a, b)", a=[[3.0, 1.0], [0.5, 2.0]], b=(2,))
def solve(a, b):
    x = np.linalg.solve(a, b)
    return x, (a, x)


@right("linear solve", solve)
def solve_backward(dx, cache):
    a, x = cache
    db = np.linalg.solve(a.T, dx)
    return -np.outer(db, x), db


@op("torch.logdet(a @ a.T)", a=[[3.0, 1.0], [0.5, 2.0]])
def log_det(a):
    return np.log(np.linalg.det(a @ a.T)), a


@right("log determinant", log_det)
def log_det_backward(dy, a):
    return 2 * dy * np.linalg.inv(a).T


@op("torch.trace(a @ b)", a=(3, 2), b=(2, 3))
def trace(a, b):
    return np.trace(a.dot(b)), (a, b)


@right("trace of a product", trace)
def trace_backward(dy, cache):
    a, b = cache
    return dy * b.T, dy * a.T


@op("torch.outer(a, b)", a=(3,), b=(2,))
def outer(a, b):
    return np.outer(a, b), (a, b)


@right("outer product", outer)
def outer_backward(dy, cache):
    a, b = cache
    return dy @ b, dy.T @ a


@op("torch.kron(a, b)", a=(2, 2), b=(2, 3))
def kronecker(a, b):
    return np.kron(a, b), (a, b)


@right("Kronecker product", kronecker)
def kronecker_backward(dy, cache):
    a, b = cache
    blocks = dy.reshape(2, 2, 2, 3)
    return np.einsum("ipjq,pq->ij", blocks, b), np.einsum("ipjq,ij->pq", blocks, a)


def horner(coefficients, x):
    """Recursion: c0 + x (c1 + x (…))."""
    if len(coefficients) == 1:
        return coefficients[0] + 0 * x
    return coefficients[0] + x * horner(coefficients[1:], x)


@op("c[0] + c[1] * x + c[2] * x ** 2 + c[3] * x ** 3", c=(4,), x=(5,))
def polynomial(c, x):
    return horner(c, x), (c, x)


@right("polynomial by recursion", polynomial)
def polynomial_backward(dy, cache):
    c, x = cache
    dc = np.array([np.sum(dy * x**k) for k in range(len(c))])
    return dc, dy * sum(k * c[k] * x ** (k - 1) for k in range(1, len(c)))


@op("(1 + x ** 2) ** 0.5 - 1", x=(6,))
def hypot(x):
    return np.hypot(1, x) - 1, x


@right("np.hypot, which takes no complex numbers", hypot)
def hypot_backward(dy, x):
    return dy * x / np.hypot(1, x)


@op("x ** p", x=uniform(0.5, 2, 4), p=(4,))
def power(x, p):
    return np.power(x, p), (x, p)


@right("power with both gradients", power)
def power_backward(dy, cache):
    x, p = cache
    return dy * p * x ** (p - 1), dy * x**p * np.log(x)


@op("x / y", x=(4,), y=uniform(1, 2, 4))
def quotient(x, y):
    return np.divide(x, y), (x, y)


@right("quotient", quotient)
def quotient_backward(dy, cache):
    x, y = cache
    return dy / y, -dy * x / y**2


@op("a * b + torch.sin(a)", a=(), b=())
def two_numbers(a, b):
    return a * b + np.sin(a), (a, b)


@right("two numbers, as in a graph by hand", two_numbers)
def two_numbers_backward(dout, cache):
    a, b = cache
    return dout * b + dout * np.cos(a), dout * a


class Value:
    """A number of a graph, as in micrograd."""

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def relu(self):
        return Value(max(0.0, self.data), ((self, float(self.data > 0)),))

    def backward(self, grad):
        self.grad += grad
        for parent, slope in self.parents:
            parent.backward(grad * slope)


def micrograd():
    leaves = []

    def forward(a, b):
        leaves[:] = [Value(float(a)), Value(float(b))]
        left, right_one = leaves
        leaves.append((left * right_one + left).relu() * right_one + left * left)
        return leaves[2].data

    def backward(grad):
        a, b, out = leaves
        out.backward(grad)
        return a.grad, b.grad

    return forward, backward


right_pair(
    "micrograd, a graph of float()", of_closure(micrograd), "torch.relu(a * b + a) * b + a * a", a=1.5, b=0.4
)
