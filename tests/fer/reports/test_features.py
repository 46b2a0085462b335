"""Principal components beside the eigenvectors of the covariance matrix."""

import sys
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.reports import features


@given(st.integers(3, 30), st.integers(2, 8), st.integers(0, 1000))
def test_components_are_eigenvectors_of_the_covariance(rows, columns, seed):
    x = np.random.default_rng(seed).normal(size=(rows, columns)) * np.arange(1, columns + 1)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    found, shares = features.principal(x)
    assert shares == pytest.approx(values[::-1][:2] / values.sum())
    for number in range(2):
        expected = (x - x.mean(axis=0)) @ vectors[:, -1 - number]
        sign = np.sign(expected @ found[:, number])
        np.testing.assert_allclose(found[:, number], sign * expected, atol=1e-9 * np.abs(x).max())


def test_by_hand():
    # three points on a line along (3, 4)/5, and none beside it
    found, shares = features.principal(np.array([[0, 0], [3, 4], [6, 8]]))
    np.testing.assert_allclose(found, [[-5, 0], [0, 0], [5, 0]], atol=1e-12)
    assert shares == pytest.approx([1, 0])
    mirrored, _ = features.principal(-np.array([[0, 0], [3, 4], [6, 8]]))
    np.testing.assert_allclose(mirrored, [[5, 0], [0, 0], [-5, 0]], atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 5), (4, 1), (1, 1)])
def test_where_there_are_fewer_components_the_rest_is_0(shape):
    found, shares = features.principal(np.arange(shape[0] * shape[1]).reshape(shape))
    assert found.shape == (shape[0], 2)
    assert not found[:, 1].any()
    assert shares[1] == 0
    assert np.isfinite(found).all()


def test_the_map_without_scikit_learn_is_one(monkeypatch, rng):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    x = rng.normal(size=(120, 4))
    (name,), (points,) = zip(*features.maps(x).items())
    np.testing.assert_array_equal(points, features.principal(x)[0])
    assert name.startswith("principal components: ")


def test_with_scikit_learn_there_is_a_second_map_of_enough_faces(monkeypatch, rng):
    class TSNE:
        def __init__(self, init, random_state):
            assert (init, random_state) == ("pca", 0)

        def fit_transform(self, x):
            return x[:, 1:3]

    module = ModuleType("sklearn.manifold")
    module.TSNE = TSNE
    monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.manifold", module)
    x = rng.normal(size=(120, 4)).astype(np.float32)
    _, (_, near) = zip(*features.maps(x).items())
    np.testing.assert_array_equal(near, x[:, 1:3])
    assert len(features.maps(x[:50])) == 1
