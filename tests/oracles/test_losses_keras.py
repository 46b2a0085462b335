"""Losses for outliers, distributions and rare classes beside Keras: values and, by PyTorch, gradients."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from minicnn import losses  # noqa: E402

CASES = [
    ("MeanAbsoluteError", {}),
    ("Huber", {}),
    ("Huber", {"delta": 0.4}),
    ("KLDivergence", {}),
    *(("CategoricalFocalCrossentropy", o) for o in ({}, {"alpha": [0.2, 0.5, 0.9, 1.0], "gamma": 1.5})),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}),
    ("CategoricalFocalCrossentropy", {"label_smoothing": 0.2, "gamma": 0.0}),
    ("BinaryFocalCrossentropy", {}),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.7, "gamma": 1.5}),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2, "apply_class_balancing": True}),
]


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 2, 4)], ids=["rows", "maps"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_value_and_gradient(name, options, shape, computing_in):
    computing_in("float64")
    rng = np.random.default_rng(1)
    t = (
        rng.dirichlet(np.ones(4), shape[:-1])
        if name == "KLDivergence"
        else rng.integers(0, 2, shape).astype(float)
    )
    p = (
        rng.standard_normal(shape)
        if "from_logits" in options or name in ("Huber", "MeanAbsoluteError")
        else rng.uniform(0.02, 0.98, shape)
    )
    ours, theirs = getattr(losses, name)(**options), getattr(keras.losses, name)(**options)
    leaf = torch.tensor(p, requires_grad=True)
    expected = theirs(torch.tensor(t), leaf)
    expected.backward()
    assert ours(t, p) == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(ours.backward(), leaf.grad.numpy(), rtol=1e-8, atol=1e-12)
    config = theirs.get_config()  # without Huber's delta
    assert {key: value for key, value in ours.get_config().items() if key in config} == {
        key: value for key, value in config.items() if key in ours.get_config()
    }
