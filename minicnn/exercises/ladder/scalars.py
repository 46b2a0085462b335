"""Scalars: the chain rule on a graph of five numbers.

A backward pass gets dy, the slope of the loss in y, and returns the slope in each number that y was made of.
That is dy times the slope of y in this number.

    add        y = a + b          an example: a = 2, b = 3, dy = 10   ->   da = 10, db = 10
    multiply   y = a · b                      a = 2, b = 3, dy = 10   ->   da = 30, db = 20
    maximum    y = max(a, b)                  a = 2, b = 3, dy = 10   ->   da = 0,  db = 10
    graph      s = a + b;  p = s · c;  m = max(s, d);  y = p + m · e

All are numbers (NumPy arrays without axes). For maximum, if a = b, a gets dy.
"""

import numpy as np

from minicnn.exercises.rungs import Outcome, Rung, compared

PAGE = "docs/backprop/scalars.md"


def add_forward(a, b):
    """Return y = a + b, and what the backward pass needs."""
    return a + b, ()


def add_backward(dy, cache):
    """Return da, db."""
    # your code: da, db
    da = dy
    db = dy
    return da, db


def multiply_forward(a, b):
    """Return y = a · b, and what the backward pass needs."""
    return a * b, (a, b)


def multiply_backward(dy, cache):
    """Return da, db."""
    a, b = cache
    # your code: da, db
    da = dy * b
    db = dy * a
    return da, db


def maximum_forward(a, b):
    """Return y, the larger of a and b, and what the backward pass needs."""
    return np.where(a >= b, a, b), (a, b)


def maximum_backward(dy, cache):
    """Return da, db."""
    a, b = cache
    # your code: da, db
    da = np.where(a >= b, dy, 0.0)
    db = np.where(a >= b, 0.0, dy)
    return da, db


def graph_forward(a, b, c, d, e):
    """Return y, and all numbers on the way."""
    s = a + b
    p = s * c
    m = np.where(s >= d, s, d)
    y = p + m * e
    return y, (a, b, c, d, e, s, p, m)


def graph_backward(dy, cache):
    """Return da, db, dc, dd, de. Go through the lines of graph_forward from the last to the first."""
    a, b, c, d, e, s, p, m = cache
    # your code: da, db, dc, dd, de
    dp, dm, de = dy, dy * e, dy * m
    ds = np.where(s >= d, dm, 0.0)
    dd = np.where(s >= d, 0.0, dm)
    ds = ds + dp * c
    dc = dp * s
    da, db = ds, ds
    return da, db, dc, dd, de


_DY = np.array(1.7)


def _gradient(op, of, values):
    """Compare one number with the right one: too many formulas give a single number for the checker's causes."""

    def check(work):
        work.hand(work.draw(values), dy=float(_DY))
        results = []
        for names in (work, work.right):
            _, cache = names[f"{op}_forward"](**{name: np.array(value) for name, value in values.items()})
            results.append(dict(zip(values, names[f"{op}_backward"](_DY.copy(), cache))))
        given, right = results[0].get(of), float(results[1][of])
        if given is None:
            return Outcome(state="not done yet")
        slips = {"dy is missing: the slope of y is multiplied by dy": right / _DY, "the sign is wrong": -right}
        slips |= {"dy is used twice": right * _DY} | {"this is dy itself": _DY, "this is 0": 0.0}
        slips |= {f"this is d{name}, the gradient of {name}": results[1][name] for name in values}
        return compared(given, right, f"d{of}", slips)

    return check


_TWO = {"a": 2.1, "b": 3.6}
_SWAPPED = {"a": 3.6, "b": 2.1}
_EQUAL = {"a": 2.5, "b": 2.5}
_FIVE = {"a": 1.3, "b": 0.8, "c": -2.2, "d": 1.1, "e": 3.4}
_OTHER = {**_FIVE, "d": 4.7}
RUNGS = (
    Rung("add", "y = a + b",
         _gradient("add", "a", _TWO),
         "if a grows by a little h, y grows by h too. What is the slope?",
         "the slope of y is 1 in a and 1 in b, and each is multiplied by dy: an addition copies dy to both"),
    Rung("add: b", "the same for b",
         _gradient("add", "b", _TWO),
         "as for a",
         "db = dy"),
    Rung("multiply", "y = a · b",
         _gradient("multiply", "a", _TWO),
         "if a grows by h, y grows by h · b",
         "da = dy · b: the other number. A multiplication swaps"),
    Rung("multiply: b", "the same for b",
         _gradient("multiply", "b", _TWO),
         "as for a",
         "db = dy · a"),
    Rung("maximum", "y = max(a, b), and b is larger",
         _gradient("maximum", "a", _TWO),
         "y is b here. If a changes a little, does y change?",
         "all of dy goes to the larger number, and the other gets 0: a maximum routes"),
    Rung("maximum: b", "the same for b",
         _gradient("maximum", "b", _TWO),
         "y is b here",
         "db = dy where b > a"),
    Rung("maximum: a", "a is larger",
         _gradient("maximum", "a", _SWAPPED),
         "now y is a",
         "compare a and b: da = np.where(a >= b, dy, 0.0), and db the other way round"),
    Rung("maximum: b again", "the same for b: a is larger",
         _gradient("maximum", "b", _SWAPPED),
         "now y is a. If b changes a little, does y change?",
         "db = np.where(a >= b, 0.0, dy)"),
    Rung("maximum: tie", "a = b: a gets dy",
         _gradient("maximum", "a", _EQUAL),
         "if a = b, all of dy goes to a. That is the convention here: any other share would be as good",
         "da = np.where(a >= b, dy, 0.0): >= and not >"),
    Rung("maximum: tie: b", "a = b: b gets 0",
         _gradient("maximum", "b", _EQUAL),
         "one of them gets all of dy, and the other nothing",
         "db = np.where(a >= b, 0.0, dy)"),
    Rung("graph: e", "y = p + m · e: the last line",
         _gradient("graph", "e", _OTHER),
         "y = p + m · e is an addition, and a multiplication. What does each send to e?",
         "dp = dy, dm = dy · e, de = dy · m"),
    Rung("graph: c", "p = s · c",
         _gradient("graph", "c", _OTHER),
         "what arrives at p is dp. p is a product",
         "dc = dp · s"),
    Rung("graph: d", "m = max(s, d), and d is larger",
         _gradient("graph", "d", _OTHER),
         "what arrives at m is dm = dy · e. Which of s and d gets it?",
         "dd = np.where(s >= d, 0.0, dm), and s gets the rest"),
    Rung("graph: d again", "m = max(s, d), and s is larger",
         _gradient("graph", "d", _FIVE),
         "now m is s. If d changes a little, does y change?",
         "dd = np.where(s >= d, 0.0, dm)"),
    Rung("graph: a", "s is used twice",
         _gradient("graph", "a", _FIVE),
         "s is used twice: by p and by m. How do its two gradients come together?",
         "they are added: ds = dp · c + (dm, if s is the larger). Then da = ds and db = ds"),
    Rung("graph: b", "the same for b",
         _gradient("graph", "b", _FIVE),
         "as for a",
         "db = ds"),
    Rung("graph: a again", "s is used twice, and d is larger",
         _gradient("graph", "a", _OTHER),
         "now the maximum sends nothing to s",
         "ds = dp · c, and 0 from the maximum"),
)
