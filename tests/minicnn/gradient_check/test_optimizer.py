"""check_optimizer: right steps in students' styles pass, and the slip of a wrong one is named."""

import numpy as np
import pytest

from minicnn import ops, optimizers
from minicnn.gradient_check import check_optimizer
from minicnn.gradient_check.causes import updates
from minicnn.gradient_check.optimizer import RULES
from minicnn.layers.base import Parameter

ADAM = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


def adam(change="", rate=0.01, b1=0.9, b2=0.999, eps=1e-8, decay=0.0):
    """Adam as in many tutorials; ``change`` is the slip."""

    def step(w, g, state):
        t = state["t"] = state.get("t", 0) + 1
        if change == "coupled":
            g = g + decay * w
        m = state.get("m", np.zeros_like(w))
        v = state.get("v", np.zeros_like(w))
        if change == "beta swapped":
            m, v = b2 * m + (1 - b2) * g, b1 * v + (1 - b1) * g**2
        elif change == "sign of m":
            m, v = b1 * m - (1 - b1) * g, b2 * v + (1 - b2) * g**2
        elif change == "not squared":
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g
        elif change == "plain sums":
            m, v = b1 * m + g, b2 * v + (1 - b2) * g**2
        else:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        if change != "state not kept":
            state["m"], state["v"] = m, v
        if change == "t minus 1":
            t -= 1
        if change == "t fixed":
            t = 1
        if change == "t one more":
            t += 1
        first, second = b1, b2
        if change == "beta swapped":
            first, second = b2, b1
        m_hat, v_hat = (m, v) if change == "no correction" else (m / (1 - first**t), v / (1 - second**t))
        if change == "m not corrected":
            m_hat = m
        if change == "v not corrected":
            v_hat = v
        if change == "corrected kept":
            state["m"], state["v"] = m_hat, v_hat
        root = np.sqrt(v_hat + eps) if change == "eps inside" else np.sqrt(v_hat) + eps
        if change == "no root":
            root = v_hat + eps
        if change == "another eps":
            root = np.sqrt(v_hat) + 1e-6
        size = {"rate twice": rate * rate, "rate left out": 1, "uphill": -rate}.get(change, rate)
        if change in ("decoupled", "decay without rate"):
            w = w * (1 - (rate if change == "decoupled" else 1) * decay)
        return w - size * m_hat / root

    return step


def check(slip, **options):
    with np.errstate(all="ignore"):
        return check_optimizer(adam(slip, **options), "adamw" if options else "adam", **ADAM, **(
            {"weight_decay": options["decay"]} if options else {}
        ))  # fmt: skip


def test_adam_of_the_paper_and_adam_of_keras_pass():
    report = check("")
    assert report.passed
    assert report.error < 1e-12
    assert "all 5 steps are right" in str(report)

    def keras(w, g, state):
        m, v = state.setdefault("m", np.zeros_like(w)), state.setdefault("v", np.zeros_like(w))
        state["t"] = state.get("t", 0) + 1
        ops.reference.adam_update(w, g, m, v, None, 0.01, 0.9, 0.999, 1e-3, state["t"])

    report = check_optimizer(keras, "adam", learning_rate=0.01, epsilon=1e-3)
    assert report.passed
    assert "before its correction" in str(report)
    assert check("decoupled", decay=0.1).passed


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("no correction", "the bias correction is missing"),
        ("m not corrected", "the bias correction of m is missing"),
        ("v not corrected", "the bias correction of v is missing"),
        ("t minus 1", "t − 1 is used"),
        ("t one more", "t is one too many"),
        ("t fixed", "t does not grow"),
        ("corrected kept", "kept as state"),
        ("beta swapped", "β₁ and β₂ have changed places"),
        ("sign of m", "the sign of the gradient in m is wrong"),
        ("plain sums", "the factor 1 − β₁ of g in m is missing"),
        ("not squared", "the gradient is not squared in v"),
        ("state not kept", "the state is not kept"),
        ("eps inside", "ε is inside the root"),
        ("another eps", "an ε of 1e-06 is used, and 1e-08 was expected"),
        ("no root", "the root is missing"),
        ("rate twice", "the learning rate is applied twice"),
        ("rate left out", "the learning rate is missing"),
        ("uphill", "the sign of the step is wrong"),
    ],
)
def test_adam_slips(slip, words):
    report = check(slip)
    assert not report.passed
    assert words in str(report.cause)
    assert f"likely cause: {report.cause}" in str(report)


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("", "the weight decay is missing"),
        ("coupled", "the weight decay is coupled"),
        ("decay without rate", "not multiplied by the learning rate"),
    ],
)
def test_adamw_slips(slip, words):
    assert words in str(check(slip, decay=0.1).cause)


class Momentum:
    """As in a book: an object with a velocity of its own."""

    def __init__(self, change="", rate=0.1, mu=0.9):
        self.change, self.rate, self.mu, self.u = change, rate, mu, None

    def update(self, w, g):
        u = np.zeros_like(w) if self.u is None or self.change == "reset" else self.u
        old = u
        if self.change == "pytorch":
            self.u = self.mu * u + g
            return w - self.rate * self.u
        if self.change == "rate twice":
            self.u = self.mu * u + self.rate * g
            return w - self.rate * self.u
        share = 1 - self.mu if self.change == "mean" else 1
        sign = 1 if self.change == "uphill" else -1
        self.u = self.mu * u + sign * share * self.rate * g
        if self.change == "nesterov":
            return w + self.mu * self.u - self.rate * g
        return w + (old if self.change == "late" else self.u)


@pytest.mark.parametrize("change", ["", "pytorch"])
def test_both_forms_of_momentum_pass(change):
    assert check_optimizer(Momentum(change), "momentum", learning_rate=0.1).passed


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ("uphill", "momentum", "the sign of the step is wrong"),
        ("reset", "momentum", "there is no momentum"),
        ("mean", "momentum", "the factor 1 − μ is too much"),
        ("late", "momentum", "the velocity before this step is used"),
        ("rate twice", "momentum", "the learning rate is applied twice"),
        ("nesterov", "momentum", "this is Nesterov's momentum"),
        ("", "nesterov", "Nesterov's look-ahead is missing"),
        ("", "sgd", "a momentum of 0.9 is used, and 0.0 was expected"),
        ("", "adam", "this is momentum, not adam"),
    ],
)
def test_momentum_slips(change, rule, words):
    assert words in str(check_optimizer(Momentum(change), rule, learning_rate=0.1).cause)


def rmsprop(change):
    def step(w, g, state):
        v = state.get("v", 0 * w)
        state["v"] = {
            "adagrad": v + g**2,
            "rho swapped": 0.1 * v + 0.9 * g**2,
            "not squared": 0.9 * v + 0.1 * g,
        }.get(change, 0.9 * v + 0.1 * g**2)
        v = state["v"]
        root = np.sqrt(v) + 1e-7 if change == "outside" else np.sqrt(v + 1e-7)
        return w - 0.01 * g / ((v + 1e-7) if change == "no root" else root)

    return step


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("", "None"),
        ("outside", "None"),
        ("adagrad", "as in Adagrad"),
        ("rho swapped", "ρ and 1 − ρ have changed places"),
        ("not squared", "the gradient is not squared in v"),
        ("no root", "the root is missing"),
    ],
)
def test_rmsprop(change, words):
    with np.errstate(all="ignore"):
        report = check_optimizer(rmsprop(change), "rmsprop", learning_rate=0.01)
    assert report.passed == (words == "None")
    assert words in str(report.cause)
    assert (report.remark is not None) == (change == "outside")


def test_what_a_step_must_leave_alone():
    def changes_g(w, g, state):
        g *= 0.1
        return w - g

    def does_nothing(w, g, state):
        w = w - 0.1 * g  # a new array, and nobody sees it

    def keeps_g(w, g, state):
        for old in state.get("all", []):
            w = w - 0.1 * old
        state.setdefault("all", []).append(g)
        return w - 0.1 * g

    assert "changes the gradient g in place" in check_optimizer(changes_g, "sgd", learning_rate=0.1).cause
    assert "returns nothing" in check_optimizer(does_nothing, "sgd", learning_rate=0.1).cause
    report = check_optimizer(keeps_g, "momentum", learning_rate=0.1, momentum=1.0)
    assert not report.passed
    assert "store a copy" in report.cause

    def in_place(w, g, state):
        w -= 0.1 * g

    assert check_optimizer(in_place, "sgd", learning_rate=0.1).passed


def test_another_step_as_reference():
    good, wrong = adam(), adam("no correction")
    assert check_optimizer(good, adam()).passed
    report = check_optimizer(wrong, good)
    assert not report.passed
    assert report.cause is None
    assert "none of the known causes" in str(report)
    assert report.at[0] == 1


def test_noise_has_no_cause():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        report = check_optimizer(
            lambda w, g, state, rng=rng: w - 0.01 * rng.standard_normal(w.shape), "adam", seed=seed
        )
        assert not report.passed
        assert report.cause is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_lines_are_the_reference_updates(rule, decay):
    h = {"weight_decay": decay, **{k: v for k, v in RULES[rule].items() if k != "weight_decay"}}
    rng = np.random.default_rng(1)
    w, gradients = rng.standard_normal(5), rng.standard_normal((4, 5))
    keras = dict(updates.CHOICES[rule]).popitem()[1] if rule.startswith("adam") else {}
    path = updates.walk(updates.changed(updates.EQUATIONS[rule], keras), h, w, gradients)
    state = {name: np.zeros(5) for name in ("a", "b")}
    for t, (g, expected) in enumerate(zip(gradients, path), 1):
        rate = h["learning_rate"]
        if rule.startswith("adam"):
            ops.reference.adam_update(w, g, state["a"], state["b"], None, rate, 0.9, 0.999, 1e-7, t, decay)
        elif rule == "rmsprop":
            ops.reference.rmsprop_update(w, g, state["a"], None, None, rate, 0.9, 0.0, 1e-7, decay)
        else:
            ops.reference.sgd_update(w, g, state["a"], rate, h["momentum"], rule == "nesterov", decay)
        np.testing.assert_allclose(w, expected, rtol=1e-12)


@pytest.mark.slow
def test_every_slip_is_wrong_and_named():
    """Each slip gives other weights than the equation, and is found by its own numbers."""
    for rule in RULES:
        h = {"weight_decay": 0.1, **RULES[rule]} | {"learning_rate": 0.05}
        for text, by in updates.slips(rule, h):

            class Wrong:
                def __init__(self, lines=updates.changed(updates.EQUATIONS[rule], by), h=h):  # noqa: B008
                    self.lines, self.h, self.gradients = lines, h, []

                def update(self, w, g):
                    self.first = w if not self.gradients else self.first
                    self.gradients.append(g)
                    return updates.walk(self.lines, self.h, self.first, np.array(self.gradients))[-1]

            with np.errstate(all="ignore"):
                report = check_optimizer(Wrong(), rule, **h)
            assert not report.passed, text
            assert report.cause is not None, text


@pytest.mark.parametrize("rule", [optimizers.Nadam, optimizers.Adagrad, optimizers.Adadelta])
def test_an_optimizer_of_the_library_beside_its_equation(rule):
    """As a reader checks one whose equation has no name here: against lines of one's own."""

    def written(w, g, state):
        t = state["t"] = state.get("t", 0) + 1
        m, v, s = (state.setdefault(name, np.zeros_like(w)) for name in "mvs")
        if rule is optimizers.Adagrad:
            state["v"] = v + g**2
            return w - 0.01 * g / np.sqrt(0.1 + state["v"] + 1e-7)
        if rule is optimizers.Adadelta:
            state["v"] = 0.95 * v + 0.05 * g**2
            step = np.sqrt(s + 1e-7) / np.sqrt(state["v"] + 1e-7) * g
            state["s"] = 0.95 * s + 0.05 * step**2
            return w - 0.01 * step
        state["m"], state["v"] = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        u, after = (0.9 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
        state["product"] = state.get("product", 1.0) * u
        m_hat = after * state["m"] / (1 - state["product"] * after) + (1 - u) * g / (1 - state["product"])
        return w - 0.01 * m_hat / (np.sqrt(state["v"] / (1 - 0.999**t)) + 1e-7)

    class Ours:
        def __init__(self):
            self.optimizer, self.weight = rule(0.01), None

        def update(self, w, g):
            if self.weight is None:
                self.weight = Parameter(w.copy(), "w", "w")
            self.weight.grad = g
            self.optimizer.apply([self.weight])
            return self.weight.value.copy()

    report = check_optimizer(Ours(), written, steps=20)
    assert report.passed, report
    if rule is not optimizers.Adagrad:
        return
    wrong = check_optimizer(Ours(), lambda w, g, state: w - 0.01 * g / np.sqrt(0.1 + g**2 + 1e-7))
    assert wrong.at[0] == 2  # the first step has no past


def test_refusals():
    with pytest.raises(ValueError, match="reference_equation='adem': expected one of sgd"):
        check_optimizer(adam(), "adem")
    with pytest.raises(ValueError, match=r"beta1=0\.9: adam has no such hyperparameter, only weight_decay"):
        check_optimizer(adam(), "adam", beta1=0.9)
    with pytest.raises(ValueError, match="steps=1: expected at least 2"):
        check_optimizer(adam(), "adam", steps=1)
    with pytest.raises(ValueError, match="expected step\\(w, g, state\\) -> w, or an object"):
        check_optimizer(3, "adam")
    with pytest.raises(ValueError, match="failed with TypeError"):
        check_optimizer(lambda w, g: w, "adam")
    with pytest.raises(ValueError, match=r"returned shape \(\), expected that of w: \(3, 4\)"):
        check_optimizer(lambda w, g, state: 0.0, "adam")


def test_a_state_of_ones_own_equation_that_is_lost_or_another():
    def adagrad(w, g, state, kept=1):
        state["h"] = kept * state.get("h", 0) + g * g
        return w - 0.05 * g / (np.sqrt(state["h"]) + 1e-7)

    def adadelta(w, g, state, of_squares=False):
        squares = state["Eg"] = 0.95 * state.get("Eg", 0) + 0.05 * g * g
        d = -np.sqrt(state.get("Ed", 0) + 1e-6) / np.sqrt(squares + 1e-6) * g
        state["Ed"] = 0.95 * state.get("Ed", 0) + 0.05 * (g if of_squares else d) ** 2
        return w + d

    lost = check_optimizer(lambda w, g, state: adagrad(w, g, state, kept=0), adagrad)
    assert lost.cause == "the state “h” is not kept: it starts anew at every step. Is = used instead of +=?"
    other = check_optimizer(lambda w, g, state: adadelta(w, g, state, of_squares=True), adadelta)
    assert other.cause == "the state “Ed” is updated with what “Eg” is updated with: both are the same"
    assert check_optimizer(lambda w, g, state: adagrad(w, 2 * g + 1, state), adagrad).cause is None
