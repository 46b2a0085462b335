"""Functions that change what they were given, are no functions, or answer in another shape."""

import numpy as np

from tests.minicnn.gradient_check.students import dense as d
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op, right, right_pair

IN_PLACE = ["in place"]


@op("x ** 2", x=(3, 2))
def square(x):
    return x**2, x


@faulty("square, dout *= 3, then used", square, IN_PLACE)
def square_times(dout, x):
    dout *= 3
    return dout * 2 * x


@faulty("square, dout set to zero and returned", square, IN_PLACE)
def square_zero(dout, x):
    dout[:] = 0
    return dout


@faulty("square, right numbers, but dout is overwritten", square, IN_PLACE)
def square_overwritten(dout, x):
    dout *= 2 * x
    return dout


@faulty("square, x is changed in backward", square, IN_PLACE)
def square_x(dout, x):
    x *= 2
    return dout * x


@op("torch.relu(x)", x=(3, 4))
def relu_in_place(x):
    x[x < 0] = 0
    return x, x > 0


@faulty("relu, in place on x", relu_in_place, IN_PLACE)
def relu_in_place_backward(dout, mask):
    return dout * mask


@op("torch.relu(x)", x=(3, 4))
def relu_out(x):
    np.maximum(x, 0, out=x)
    return x, x


@faulty("relu, out=x", relu_out, IN_PLACE)
def relu_out_backward(dout, x):
    return dout * (x > 0)


@op("x @ w", x=(3, 4), w=(4, 2))
def learns(x, w):
    return x @ w, (x, w)


@faulty("dense, the step of descent is taken inside backward", learns, IN_PLACE)
def learns_backward(dout, cache):
    x, w = cache
    dx, dw = dout @ w.T, x.T @ dout
    w -= 0.01 * dw
    return dx, dw


class ScalesDy(d.Affine):
    """Divides the upstream gradient by the batch where it lies."""

    def backward(self, dout):
        dout /= len(dout)
        return super().backward(dout)


faulty_pair(
    "affine class, dout /= batch",
    of_class(ScalesDy, ["w", "b"], ["dW", "db"]),
    "x @ w + b",
    IN_PLACE,
    x=(3, 4),
    w=(4, 2),
    b=(2,),
)

# ---- no functions

RANDOM = ["twice", "random", "not a function", "same input", "differ"]


@op("x", x=(4, 5))
def random_dropout(x):
    mask = (np.random.rand(*x.shape) < 0.5) / 0.5  # noqa: NPY002
    return x * mask, mask


@faulty("dropout with a new mask at each call", random_dropout, RANDOM)
def random_dropout_backward(dout, mask):
    return dout * mask


calls = [0]


@op("x", x=(3, 3))
def counts_calls(x):
    calls[0] += 1
    return x * calls[0], calls[0]


@faulty("a factor that grows with each call", counts_calls, RANDOM)
def counts_calls_backward(dout, factor):
    return dout * factor


running = {"mean": np.zeros(3)}


@op("x", x=(4, 3))
def running_mean(x):
    running["mean"] = 0.9 * running["mean"] + 0.1 * np.real(x).mean(axis=0)
    return x - running["mean"], None


@faulty("centred by a moving mean that each call moves", running_mean, RANDOM)
def running_mean_backward(dout, cache):
    return dout


noise = np.random.default_rng(0)


@op("x", x=(3, 3))
def noisy(x):
    return x + 0.01 * noise.standard_normal(x.shape), None


@faulty("Gaussian noise from a generator that goes on", noisy, RANDOM)
def noisy_backward(dout, cache):
    return dout


# ---- the answer's shape


@faulty("square product, only dx", learns, ["1 gradient", "returned 1", "missing", "no gradient"])
def one_of_two(dout, cache):
    return dout @ cache[1].T


@faulty("None for dw", learns, ["none", "no gradient", "missing"])
def none_for_dw(dout, cache):
    return dout @ cache[1].T, None


@faulty("None for everything, return forgotten", square, ["none", "no gradient", "missing", "return"])
def return_forgotten(dout, x):
    _ = dout * 2 * x


@faulty("x transposed", square, ["shape", "transpos"])
def transposed(dout, x):
    return (dout * 2 * x).T


@faulty("the sum of all entries", square, ["shape"])
def summed(dout, x):
    return np.sum(dout * 2 * x)


@faulty("rounded to integers", square, ["int", "dtype"])
def as_integers(dout, x):
    return (100 * dout * x).astype(int)


@faulty("a scalar times dout, x forgotten", square, None, may=["2·dy"])
def two_dout(dout, x):
    return 2 * dout


@faulty("nan where x is small", square, ["nan", "not a number"])
def nan_backward(dout, x):
    return np.where(np.abs(x) < 0.5, np.nan, dout * 2 * x)


@faulty("a list for a tuple", learns, ["list"])
def as_list(dout, cache):
    return [dout @ cache[1].T, cache[0].T @ dout]


@faulty("a dict of gradients with other names", learns, ["dict"])
def as_dict(dout, cache):
    return {"dinput": dout @ cache[1].T, "dkernel": cache[0].T @ dout}


@faulty("float32 in backward", square, ["float32"])
def as_single(dout, x):
    return (dout * 2 * x).astype(np.float32)


@faulty("an axis too many", square, ["shape"])
def one_axis_more(dout, x):
    return (dout * 2 * x)[:, None]


@faulty("one entry of many is forgotten", square, None, may=["[2, 1]", "last"])
def one_entry(dout, x):
    dx = dout * 2 * x
    dx[2, 1] = 0
    return dx


@faulty("one entry off by a millionth", square, None, may=["everywhere but", "only in the"])
def one_entry_slightly(dout, x):
    dx = dout * 2 * x
    dx[1, 0] *= 1 + 1e-6
    return dx


# ---- right: nested lists, and in-place work on arrays of one's own


@right("square, nested lists", square)
def square_lists(dout, x):
    return ([[2 * d * v for d, v in zip(*rows)] for rows in zip(dout, x)],)


@right("square, a buffer of its own with out=", square)
def square_buffer(dout, x):
    buffer = np.empty_like(x)
    np.multiply(x, dout, out=buffer)
    buffer += buffer
    return buffer


@right("square, one array in a tuple", square)
def square_tuple(dout, x):
    return (2 * x * dout,)


@op("x ** 2", x=(3, 2))
def square_copy(x):
    y = x.copy()
    y *= x
    return y, x


@right("square, works on a copy of dout", square_copy)
def square_copy_backward(dout, x):
    dout = np.array(dout)
    dout *= x
    dout += dout
    return dout


class InPlaceOfItsOwn:
    """Writes into one buffer that it keeps."""

    buffer = None

    def forward(self, x):
        if self.buffer is None or self.buffer.dtype != x.dtype:
            self.buffer = np.empty_like(x)
        np.exp(x, out=self.buffer)
        return self.buffer.copy()

    def backward(self, dy):
        return self.buffer * dy


right_pair("exp, class with a buffer that it keeps", of_class(InPlaceOfItsOwn), "x.exp()", x=(3, 2))
