"""Layers that join: a graph with one input, branches that compute different things,
and the layer that joins them.
"""

from minicnn import layers
from minicnn.gradient_check.suite.layers import RANDOM, LayerCase, register
from minicnn.layers.graph import Graph


def _case(kind, draw, wide, branches_of, numbers, **options):
    """The case of a layer that joins the branches of these numbers; a number may come twice."""
    shape = draw.maps(wide)

    def make(dtype):
        x = layers.Input(shape[1:], dtype=dtype)
        branches = branches_of(x)
        return Graph(x, kind(**options)([branches[number] for number in numbers]), name=kind.__name__.lower())

    return LayerCase(make, draw.array(shape, ["normal"]))


def _some(draw):
    return [draw.integer(0, 2) for _ in range(draw.integer(1, 3))]


@register(layers.Add, layers.Average, layers.Multiply, layers.Maximum, layers.Minimum)
def _merge(draw, wide, kind):
    return _case(kind, draw, wide, _alike, _some(draw))


@register(layers.Subtract)
def _subtract(draw, wide, kind):
    return _case(kind, draw, wide, _alike, [draw.integer(0, 2), draw.integer(0, 2)])


def _alike(x):
    """Return the input, a convolution of its shape, and its mean: one pixel, broadcast over the map."""
    convolved = layers.Conv2D(x.shape[-1], 1, bias_initializer=RANDOM)(x)
    return [x, convolved, layers.GlobalAveragePooling2D(keepdims=True)(x)]


@register(layers.Concatenate)
def _concatenate(draw, wide, kind):
    axis = draw.choice([-1, 1, 2, 3])

    def branches(x):
        longer = {
            1: lambda: layers.ZeroPadding2D(((1, 0), (0, 0)))(x),
            2: lambda: layers.ZeroPadding2D(((0, 0), (1, 0)))(x),
        }.get(axis, lambda: layers.Conv2D(2, 1, bias_initializer=RANDOM)(x))
        return [x, longer(), layers.Activation("tanh")(x)]

    return _case(kind, draw, wide, branches, _some(draw), axis=axis)
