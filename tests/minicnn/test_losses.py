"""Losses: their values by hand, their gradients by the complex step, and the division by the batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import losses, ops
from minicnn.gradient_check import complex_step, worst_error

REDUCTIONS = list(losses.REDUCTIONS)


def probabilities(rng, shape):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(-1, keepdims=True)


def sample(loss, rng, samples, classes):
    """Targets and predictions that the loss is made for."""
    one_hot = np.eye(classes)[rng.integers(classes, size=samples)]
    from_logits = getattr(loss, "from_logits", True)
    scores = rng.standard_normal((samples, classes))
    probable = losses.CategoricalCrossentropy | losses.CategoricalFocalCrossentropy
    if isinstance(loss, losses.KLDivergence):
        return probabilities(rng, scores.shape), probabilities(rng, scores.shape)
    if isinstance(loss, probable) and not from_logits:
        scores = probabilities(rng, (samples, classes))
    elif isinstance(loss, losses.BinaryCrossentropy):
        one_hot = rng.integers(0, 2, (samples, classes)).astype(float)
        if not from_logits:
            scores = rng.uniform(0.05, 0.95, (samples, classes))
    return (one_hot.argmax(-1) if loss.sparse else one_hot), scores


def all_losses(reduction):
    for from_logits in (False, True):
        for smoothing in (0.0, 0.1):
            yield losses.CategoricalCrossentropy(from_logits, smoothing, reduction)
            yield losses.SparseCategoricalCrossentropy(from_logits, reduction, label_smoothing=smoothing)
            yield losses.BinaryCrossentropy(from_logits, smoothing, reduction)
            focal = {"from_logits": from_logits, "label_smoothing": smoothing, "reduction": reduction}
            yield losses.CategoricalFocalCrossentropy(0.3, 2.5, **focal)
            yield losses.BinaryFocalCrossentropy(smoothing > 0, 0.3, 2.5, **focal)
    yield losses.Huber(0.75, reduction)
    yield losses.KLDivergence(reduction)
    yield losses.MeanSquaredError(reduction)
    yield losses.MeanAbsoluteError(reduction)
    yield losses.CategoricalHinge(reduction)


@pytest.mark.parametrize("loss", list(all_losses("mean_with_sample_weight")), ids=repr)
def test_the_classes_of_a_map_are_its_last_axis(loss, rng):
    targets, scores = sample(loss, rng, 6, 4)
    value, d = loss.forward(targets, scores), loss.backward()
    shape = (2, 3, *scores.shape[1:])
    assert loss.forward(targets.reshape(2, 3, *targets.shape[1:]), scores.reshape(shape)) == pytest.approx(
        value
    )
    np.testing.assert_allclose(loss.backward(), d.reshape(shape), rtol=1e-12, atol=1e-14)


def test_absolute_error_huber_divergence_and_focal_by_hand():
    def both(loss, t, p):
        value = loss.forward(np.array(t), np.array(p))
        return float(value), loss.backward().tolist()

    value, d = both(losses.MeanAbsoluteError(), [[0.0, 0.0, 1.0, 2.0]], [[0.5, -3.0, 1.0, 2.5]])
    assert value == 1.0  # 0.5, 3, 0 and 0.5
    assert d == [[0.25, -0.25, 0.0, 0.25]]
    # errors 0.5, −3 and exactly 2 with δ = 2: 0.125, 2·3 − 2, 2; all thirds
    value, d = both(losses.Huber(2.0), [[0.0, 0.0, 0.0]], [[0.5, -3.0, 2.0]])
    assert value == pytest.approx(6.125 / 3)
    assert d == [pytest.approx([0.5 / 3, -2 / 3, 2 / 3])]
    value, d = both(losses.KLDivergence(), [[0.5, 0.5]], [[0.25, 0.75]])
    assert value == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert d == [pytest.approx([-2, -2 / 3])]
    # α·(1 − p)²·(−log p) with p = 1/4; its slope by p is α·(2·(1 − p)·log p − (1 − p)²/p); and the row's sum is 1
    value, d = both(losses.CategoricalFocalCrossentropy([0.5, 1.0]), [[1.0, 0.0]], [[0.25, 0.75]])
    slope = 0.5 * (1.5 * np.log(0.25) - 9 / 4)
    assert value == pytest.approx(0.5 * 9 / 16 * np.log(4))
    assert d == [pytest.approx([slope * 0.75, slope * -0.25])]
    value, d = both(losses.BinaryFocalCrossentropy(True, 0.25), [[1.0], [0.0]], [[0.25], [0.25]])
    assert value == pytest.approx((0.25 * 9 / 16 * np.log(4) + 0.75 / 16 * np.log(4 / 3)) / 2)
    right = 0.25 * (1.5 * np.log(0.25) - 9 / 4)
    wrong = 0.75 * (0.5 * np.log(4 / 3) + 1 / 16 / 0.75)
    assert d == [pytest.approx([right / 2]), pytest.approx([wrong / 2])]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", [losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy])
def test_focal_losses_of_certain_answers(kind, gamma):
    """Right: no loss. Wrong, or outside [0, 1]: as cross-entropy, since 1 − p is 1 there."""
    plain = (
        losses.BinaryCrossentropy
        if kind is losses.BinaryFocalCrossentropy
        else losses.CategoricalCrossentropy
    )
    focal, cross = kind(alpha=1.0, gamma=gamma), plain()
    t = np.array([[1.0, 0.0]], np.float32)
    assert focal(t, np.array([[1.0, 0.0]], np.float32)) == 0
    assert np.isfinite(focal.backward()).all()
    p = np.array([[0.0, 1.0]], np.float32)
    assert focal(t, p) == pytest.approx(cross(t, p), rel=1e-6)
    p = np.array([[-1.0, 2.0]], np.float32)
    assert focal(t, p) == pytest.approx(cross(t, p), rel=1e-6)
    assert focal.backward().tolist() == cross.backward().tolist()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (losses.MeanAbsoluteError, ["mae", "mean_absolute_error", losses.mae, losses.mean_absolute_error]),
        (losses.Huber, ["huber", "Huber", losses.huber]),
        (losses.KLDivergence, ["kl_divergence", "kld", "KLD", losses.kl_divergence]),
        (losses.CategoricalFocalCrossentropy, ["categorical_focal_crossentropy"]),
        (losses.BinaryFocalCrossentropy, ["binary_focal_crossentropy", losses.binary_focal_crossentropy]),
    ],
)
def test_names_of_the_losses_for_outliers_and_distributions(kind, names):
    for name in names:
        assert type(losses.get(name)) is kind
    assert (
        losses.get({"class_name": kind.__name__, "config": kind().get_config()}).get_config()
        == kind().get_config()
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Huber(-1.0), r"delta=-1\.0: expected a number from 0"),
        (lambda: losses.CategoricalFocalCrossentropy(gamma=-1), "gamma=-1: expected a number from 0"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=np.nan), "gamma=nan: expected a number from 0"),
    ],
)
def test_arguments_of_the_focal_losses_and_huber(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "loss", [loss for r in REDUCTIONS for loss in all_losses(r)], ids=lambda loss: loss.name
)
@given(
    samples=st.integers(1, 4),
    classes=st.integers(2, 5),
    weighted=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_gradient(loss, samples, classes, weighted, seed):
    rng = np.random.default_rng(seed)
    y_true, y_pred = sample(loss, rng, samples, classes)
    weights = rng.uniform(0, 2, samples) if weighted else None
    with ops.use("reference"):
        loss.forward(y_true, y_pred, weights)
        analytic = loss.backward()
        exact = complex_step(
            lambda y_pred: loss.forward(y_true, y_pred, weights), {"y_pred": y_pred}, np.array(1.0)
        )
    assert worst_error(analytic, exact["y_pred"]) <= 1e-12


def test_values_by_hand():
    half = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
    assert losses.CategoricalCrossentropy()(np.eye(3)[[0, 0]], half) == pytest.approx(np.log([2, 8]).mean())
    assert losses.SparseCategoricalCrossentropy()([0, 0], half) == pytest.approx(np.log([2, 8]).mean())
    logits = np.log(half)
    assert losses.SparseCategoricalCrossentropy(from_logits=True)([0, 0], logits) == pytest.approx(
        np.log([2, 8]).mean()
    )
    assert losses.BinaryCrossentropy()(np.array([[1.0]]), np.array([[0.25]])) == pytest.approx(np.log(4))
    assert losses.BinaryCrossentropy(from_logits=True)([[1.0]], np.zeros((1, 1))) == pytest.approx(np.log(2))
    assert losses.MeanSquaredError()([[1.0, 2.0]], np.array([[3.0, 5.0]])) == pytest.approx((4 + 9) / 2)
    assert losses.CategoricalHinge()([[0.0, 1.0, 0.0]], np.array([[0.25, 0.5, 1.0]])) == pytest.approx(1.5)
    assert losses.CategoricalHinge()([[0.0, 1.0, 0.0]], np.array([[0.25, 3.0, 1.0]])) == 0


@pytest.mark.parametrize("loss", list(all_losses("sum_over_batch_size")), ids=lambda loss: loss.name)
def test_a_batch_said_twice_has_the_same_loss_and_half_the_gradient_each(loss, rng):
    y_true, y_pred = sample(loss, rng, 3, 4)
    once, gradient = loss.forward(y_true, y_pred), loss.backward()
    twice = loss.forward(np.concatenate([y_true, y_true]), np.concatenate([y_pred, y_pred]))
    assert twice == pytest.approx(once, rel=1e-13)
    np.testing.assert_allclose(
        loss.backward(), np.concatenate([gradient, gradient]) / 2, rtol=1e-12, atol=1e-15
    )


def test_weights_enter_as_keras_has_it(rng):
    loss = losses.MeanSquaredError()
    y_true, y_pred = sample(loss, rng, 4, 3)
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    each = ((y_pred - y_true) ** 2).mean(1)
    assert loss(y_true, y_pred, weights) == pytest.approx((weights * each).sum() / 4)
    assert not loss.backward()[0].any()  # a sample of weight 0 moves nothing
    assert losses.MeanSquaredError("sum")(y_true, y_pred, weights) == pytest.approx((weights * each).sum())
    mean = losses.MeanSquaredError("mean_with_sample_weight")
    assert mean(y_true, y_pred, weights) == pytest.approx((weights * each).sum() / 8)
    assert mean(y_true, y_pred, np.zeros(4)) == 0


def test_the_loss_stays_finite_where_a_probability_is_zero():
    certain = np.array([[1.0, 0.0, 0.0]])
    loss = losses.CategoricalCrossentropy()
    assert loss(np.eye(3)[[1]], certain) == pytest.approx(-np.log(losses.EPSILON))
    assert np.isfinite(loss.backward()).all()
    huge = np.array([[1e4, -1e4, 0.0]])
    loss = losses.CategoricalCrossentropy(from_logits=True)
    assert loss(np.eye(3)[[1]], huge) == pytest.approx(2e4)
    np.testing.assert_allclose(loss.backward(), [[1, -1, 0]], atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", list(all_losses("sum_over_batch_size")), ids=lambda loss: loss.name)
def test_the_dtype_is_that_of_the_predictions(loss, dtype, rng):
    y_true, y_pred = sample(loss, rng, 4, 3)
    assert loss.forward(y_true, y_pred.astype(dtype), [1, 2, 3, 4]).dtype == dtype
    assert loss.backward().dtype == dtype


@pytest.mark.parametrize(
    ("loss", "y_true", "message"),
    [
        ("categorical_crossentropy", [0, 1], "sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", [0, 3], r"label 3, expected an integer from 0 to 2"),
        ("sparse_categorical_crossentropy", [0, -1], r"label -1"),
        ("sparse_categorical_crossentropy", np.eye(3)[:2], "categorical_crossentropy"),
        ("mse", np.zeros((2, 4)), r"\(2, 4\)"),
    ],
)
def test_targets_that_do_not_fit(loss, y_true, message):
    with pytest.raises(ValueError, match=message):
        losses.get(loss)(y_true, np.ones((2, 3)) / 3)


@pytest.mark.parametrize("y_true", [[0, 1], [[0], [1]], np.zeros((3, 2)), np.zeros(4)])
def test_class_numbers_of_maps_are_one_for_each_row(y_true):
    with pytest.raises(ValueError, match=r"expected \(2, 2\)"):
        losses.SparseCategoricalCrossentropy()(y_true, np.ones((2, 2, 3)) / 3)


@pytest.mark.parametrize("implementation", ["reference", "kernels"])
@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 4, 2, 3)])
def test_losses_of_maps_are_the_mean_over_all_rows(shape, implementation, rng):
    """Each row (…, K) counts as a sample: the maps' loss and gradient are those of the rows (M, K)."""
    z, numbers = rng.standard_normal(shape), rng.integers(3, size=shape[:-1])
    t, p = np.eye(3)[numbers], np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    smooth = 0.9 * t + 0.1 / 3
    logits = {"from_logits": True, "label_smoothing": 0.1}
    formula = -np.log((p**smooth).prod(-1)).mean(), (p - smooth) / numbers.size
    with ops.use(implementation):
        for loss, y_true in [
            (losses.CategoricalCrossentropy(**logits), t),
            (losses.SparseCategoricalCrossentropy(**logits), numbers),
            (losses.SparseCategoricalCrossentropy(**logits), numbers[..., None]),
        ]:
            assert loss(y_true, z) == pytest.approx(formula[0], rel=1e-12)
            np.testing.assert_allclose(loss.backward(), formula[1], rtol=1e-10)
    hinge, rows = losses.CategoricalHinge(), losses.CategoricalHinge()
    assert hinge(t, z) == pytest.approx(rows(t.reshape(-1, 3), z.reshape(-1, 3)), rel=1e-12)
    np.testing.assert_allclose(hinge.backward(), rows.backward().reshape(shape), rtol=1e-12)


def test_bad_arguments():
    with pytest.raises(ValueError, match="did you mean 'CategoricalCrossentropy'"):
        losses.get("catgorical_crossentropy")
    with pytest.raises(ValueError, match="reduction='median'"):
        losses.MeanSquaredError("median")
    with pytest.raises(ValueError, match="label_smoothing=2"):
        losses.CategoricalCrossentropy(label_smoothing=2)
    with pytest.raises(ValueError, match="sample_weight has 3 entries, expected 2"):
        losses.MeanSquaredError()(np.ones((2, 1)), np.ones((2, 1)), [1, 2, 3])


def test_a_loss_that_meets_several_weights_has_their_sum():
    """Losses (2, 1) with weights (2, 3), by hand: the mean of six products; dy = w · (p − t) / 6."""
    t, p = np.zeros((2, 1, 2)), np.array([[[1.0, 2.0]], [[3.0, 0.0]]])
    weights = np.array([[1.0, 0.0, 2.0], [1.0, 1.0, 1.0]])
    loss = losses.MeanSquaredError()
    assert loss.forward(t, p, weights) == pytest.approx((3 * 2.5 + 3 * 4.5) / 6, rel=1e-15)
    assert loss.backward() == pytest.approx(np.array([[[3.0, 6.0]], [[9.0, 0.0]]]) / 6, rel=1e-15)


def test_a_focal_loss_of_a_denormal_probability_is_finite():
    with np.errstate(all="raise", under="ignore"):
        for gamma in (0.0, 0.5, 2.0):
            loss = losses.BinaryFocalCrossentropy(gamma=gamma)
            loss.forward(np.array([[0.0]], "float32"), np.array([[1e-40]], "float32"))
            assert np.isfinite(loss.backward()).all()
