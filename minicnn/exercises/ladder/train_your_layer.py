"""Your layer trains: your own convolution and dense layer run inside fit, on drawn faces.

A layer of minicnn has three methods. build makes the weights; forward keeps what backward needs; backward sets the
gradient of each weight (self.kernel.grad), and returns dx. self.kernel.value is an array of numbers.

    MyConv2D   x (N, H, W, C) -> y (N, H - 2, W - 2, K), kernel (3, 3, C, K), stride 1, no padding
    MyDense    x (N, D) -> y (N, F), kernel (D, F)

Take over what you wrote for the exercises dense and conv2d. The last rung trains MyConv2D, ReLU, max-pooling and
MyDense on faces of 12×12 pixels that laugh, are sad, or are surprised, and compares the
accuracy with that of our layers.
"""

import numpy as np

from minicnn import Input, Sequential, layers, ops
from minicnn.exercises.rungs import WRONG, Outcome, Rung, layer
from minicnn.optimizers import SGD

PAGE = "docs/contributing.md"
SECONDS = 60.0
LIBRARY = ("", "from minicnn import layers")


class MyConv2D(layers.Layer):
    """A convolution: 3×3, stride 1, no padding."""

    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters

    def build(self, input_shape):
        """Make the weights."""
        super().build(input_shape)
        self.kernel = self.add_weight("kernel", (3, 3, input_shape[-1], self.filters))
        self.bias = self.add_weight("bias", (self.filters,), "zeros")

    def compute_output_shape(self, input_shape):
        """Return the shape of y."""
        n, h, w, _ = input_shape
        return n, h - 2, w - 2, self.filters

    def forward(self, x, training=False):
        """Return y."""
        self.x = x
        kernel, bias = self.kernel.value, self.bias.value
        h, w = x.shape[1] - 2, x.shape[2] - 2
        # your code: y
        y = bias
        for a in range(3):
            for b in range(3):
                y = y + x[:, a : a + h, b : b + w] @ kernel[a, b]
        return y

    def backward(self, dy):
        """Set self.kernel.grad and self.bias.grad, and return dx."""
        x, kernel = self.x, self.kernel.value
        h, w = dy.shape[1:3]
        # your code: dkernel, dbias, dx
        dkernel, dx = np.zeros_like(kernel), np.zeros_like(x)
        dbias = dy.sum(axis=(0, 1, 2))
        for a in range(3):
            for b in range(3):
                dkernel[a, b] = np.tensordot(x[:, a : a + h, b : b + w], dy, ((0, 1, 2), (0, 1, 2)))
                dx[:, a : a + h, b : b + w] += dy @ kernel[a, b].T
        self.kernel.grad, self.bias.grad = dkernel, dbias
        return dx


class MyDense(layers.Layer):
    """A dense layer."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, input_shape):
        """Make the weights."""
        super().build(input_shape)
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units))
        self.bias = self.add_weight("bias", (self.units,), "zeros")

    def compute_output_shape(self, input_shape):
        """Return the shape of y."""
        return input_shape[0], self.units

    def forward(self, x, training=False):
        """Return y."""
        self.x = x
        # your code: y
        y = x @ self.kernel.value + self.bias.value
        return y

    def backward(self, dy):
        """Set self.kernel.grad and self.bias.grad, and return dx."""
        x, kernel = self.x, self.kernel.value
        # your code: dkernel, dbias, dx
        dkernel, dbias, dx = x.T @ dy, dy.sum(axis=0), dy @ kernel.T
        self.kernel.grad, self.bias.grad = dkernel, dbias
        return dx


def _faces(count, rng):
    """Return drawn faces (count, 12, 12, 1), and their emotions: 0 laughs, 1 is sad, 2 is surprised."""
    labels = rng.integers(0, 3, count)
    faces = rng.normal(0, 0.3, (count, 12, 12, 1))
    mouths = [
        [(7, 3), (8, 4), (8, 5), (8, 6), (7, 7)],
        [(8, 3), (7, 4), (7, 5), (7, 6), (8, 7)],
        [(7, 4), (7, 6), (6, 5), (8, 5), (7, 5)],
    ]
    for face, label in zip(faces, labels):
        down, right = rng.integers(0, 3, 2)
        for row, column in ((3, 3), (3, 7), *mouths[label]):
            face[row + down, column + right] += 1.5
    return faces.astype(np.float32), labels


def _accuracy(conv, dense, seed=0):
    """Return the accuracy on faces that were not trained on."""
    (x, y), (x_test, y_test) = (_faces(n, np.random.default_rng(n)) for n in (480, 200))
    rng = np.random.default_rng(seed)
    head = [layers.ReLU(), layers.MaxPooling2D(), layers.Flatten(), dense, layers.Softmax()]
    model = Sequential([Input((12, 12, 1)), conv, *head])
    model.set_weights([rng.normal(0, 0.2, w.shape).astype(np.float32) for w in model.get_weights()])
    model.compile(SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=16, epochs=6, shuffle=False, verbose=0)
    return float(model.evaluate(x_test, y_test, verbose=0)[1])


def _trains(work):
    with ops.use("reference"):
        ours = _accuracy(layers.Conv2D(8, 3), layers.Dense(3))
        yours = _accuracy(work["MyConv2D"](8), work["MyDense"](3))
    remark = f"yours is right for {yours:.1%} of new faces, ours for {ours:.1%}"
    if yours < ours - 0.02:
        return Outcome(state=WRONG, cause="something differs between a check and a training: float32? a second batch?",
                       numbers=remark)
    return Outcome(remark=remark)


_CONV, _DENSE = (2, 5, 4, 3), (4, 3)
RUNGS = (
    Rung("MyDense: kernel", "its gradient",
         layer("MyDense", "kernel", _DENSE, 5),
         "as in the exercise dense",
         "dkernel = x.T @ dy"),
    Rung("MyDense: bias", "its gradient",
         layer("MyDense", "bias", _DENSE, 5),
         "as in dense",
         "dy.sum(axis=0)"),
    Rung("MyDense: x", "its gradient",
         layer("MyDense", "x", _DENSE, 5),
         "as in dense",
         "dy @ kernel.T"),
    Rung("MyConv2D: kernel", "its gradient",
         layer("MyConv2D", "kernel", _CONV, 4),
         "as in the exercise conv2d, with stride 1 and without padding",
         "loop over the nine entries (a, b): which pixels did each read? x[:, a : a + h, b : b + w]"),
    Rung("MyConv2D: bias", "its gradient",
         layer("MyConv2D", "bias", _CONV, 4),
         "as in conv2d",
         "sum over three axes"),
    Rung("MyConv2D: x", "its gradient",
         layer("MyConv2D", "x", _CONV, 4),
         "as in conv2d",
         "dx[:, a : a + h, b : b + w] += dy @ kernel[a, b].T"),
    Rung("trains", "as accurate as our layers",
         _trains,
         "does it compute in float32 if x is float32? Is each gradient new for each batch?",
         "np.zeros_like(x) instead of np.zeros(shape); no += on a gradient that is kept from the last batch"),
)
