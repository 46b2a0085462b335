"""The cases themselves, held to PyTorch: the right ones are right, each faulty one is wrong on its arrays."""

import copy

import numpy as np
import pytest
from hypothesis import settings

from tests.minicnn.gradient_check.students import load
from tests.minicnn.gradient_check.students.corpus import CASES
from tests.minicnn.gradient_check.students.optimizers import STEPS, TORCH

torch = pytest.importorskip("torch")
load()

NEAR = 1e-7  # how far from a tie its neighbours are drawn
NEIGHBOURS = max(60, 2 * settings().max_examples)


def truth(case, arrays, dy=None):
    """Return y and the gradients of sum(dy · y) by PyTorch."""
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    options = {
        name: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in case.given.options.items()
    }
    from tests.minicnn.gradient_check.students import truths

    names = {"torch": torch, "F": torch.nn.functional, **vars(truths), **tensors, **options}
    y = eval(case.given.truth, names)
    if dy is None:
        return y.detach().numpy()
    gradients = torch.autograd.grad((torch.tensor(dy) * y).sum(), list(tensors.values()), allow_unused=True)
    return [
        np.zeros(value.shape) if gradient is None else gradient.numpy()
        for gradient, value in zip(gradients, arrays.values())
    ]


def run(case):
    """Return (arrays, y, dy, gradients), or a word for what the functions did that they may not."""
    arrays, kept = case.arrays(), case.arrays()
    y, *_, cache = case.forward(**arrays, **case.given.options)
    y = np.array(y)
    dy = np.random.default_rng(5).standard_normal(np.shape(y))
    again = copy.deepcopy(dy)
    held = [each for each in cache if isinstance(each, np.ndarray)] if isinstance(cache, tuple) else []
    before = copy.deepcopy(held)
    given = case.backward(again, cache)
    if isinstance(given, list | dict):
        return "no tuple"
    if not isinstance(given, tuple):
        given = (given,)
    unchanged = all(np.array_equal(arrays[name], kept[name]) for name in kept)
    if not unchanged or not np.array_equal(dy, again) or not all(map(np.array_equal, held, before)):
        return "changes what it was given"
    if not np.allclose(y, case.forward(**kept, **case.given.options)[0], rtol=1e-14, atol=0):
        return "not a function"
    if [np.shape(each) for each in given] != [value.shape for value in arrays.values()]:
        return "of another shape"
    return arrays, y, dy, given


def is_right(case, arrays, y, dy, given):
    """Compare with PyTorch; at ties, with what it says beside them."""
    bound = 1e-5 if case.given.single else 1e-10
    np.testing.assert_allclose(y, truth(case, arrays), rtol=bound, atol=bound)
    if not case.given.kinks:
        return all(np.allclose(a, b, bound, bound) for a, b in zip(given, truth(case, arrays, dy)))
    rng = np.random.default_rng(3)
    near = []
    for _ in range(NEIGHBOURS):
        beside = {name: value + NEAR * rng.standard_normal(value.shape) for name, value in arrays.items()}
        near.append(truth(case, beside, dy))
    for mine, theirs in zip(given, zip(*near)):
        theirs = np.array(theirs)
        for values, bounds in (
            (np.asarray(mine), theirs),
            (np.sum(mine), theirs.sum(tuple(range(1, theirs.ndim)))),
        ):
            if (values < bounds.min(0) - 1e-5).any() or (values > bounds.max(0) + 1e-5).any():
                return False
    return True


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].is_right])
def test_right_cases_agree_with_pytorch(name):
    case = CASES[name]
    result = run(case)
    assert not isinstance(result, str), result
    assert is_right(case, *result)


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].is_right])
def test_faulty_cases_do_not(name):
    case = CASES[name]
    result = run(case)
    assert isinstance(result, str) or not is_right(case, *result)


@pytest.mark.parametrize("name", STEPS)
def test_update_rules(name):
    make, rule, is_right, _ = STEPS[name]
    kind, settings = TORCH[rule]
    rng = np.random.default_rng(2)
    start, gradients = rng.standard_normal(6), rng.standard_normal((5, 6))
    w, step = start.copy(), make()
    theirs = torch.nn.Parameter(torch.tensor(start))
    optimizer = getattr(torch.optim, kind)([theirs], **settings)
    for g in gradients:
        w = step(w, g.copy())
        theirs.grad = torch.tensor(g)
        optimizer.step()
    assert np.allclose(w, theirs.detach().numpy(), rtol=1e-7, atol=1e-9) == is_right
