"""The play tells the step in order; the nudge says what the library would; the
update is shown before and after.
"""

import numpy as np
import pytest

from minicnn import explain, layers, ops
from tests.minicnn.explain.browser.reading import show
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, compiled, image, restless, sequence


def loss_of(model, x):
    with ops.use("reference"):
        return float(model.evaluate(x[None], [[0, 1, 0]], verbose=0))


def nudged(page, epsilon):
    """Widen the scale until epsilon is on it, move the slider there; return what the block then says."""
    page.locator("input[data-nudge]").wait_for()
    return page.evaluate(
        """(wanted) => {
            const read = (name) => Number(document.querySelector(`dd[data-nudge=${name}]`).dataset.value);
            const move = (place) => {
                const slider = document.querySelector("input[data-nudge]");
                slider.value = place;
                slider.dispatchEvent(new Event("input"));
                return read("epsilon");
            };
            while (move(500) < Math.abs(wanted)) document.querySelector("[data-scale='−']").click();
            move(Math.round((500 * wanted) / move(500)));
            return { epsilon: read("epsilon"), actual: read("actual"), linear: read("linear") };
        }""",
        epsilon,
    )


@pytest.mark.parametrize("epsilon", [0.02, -0.4])
def test_a_nudged_weight_does_to_the_loss_what_it_does_in_the_library(visit, epsilon):
    page, model = visit("plain"), NETS["plain"]()
    show(page, kind="weight", node=2, weight="kernel", index=7)
    seen = nudged(page, epsilon)
    before = loss_of(model, image())
    kernel = model.layers[1].kernel
    gradient = expected(NETS["plain"](), image(), 1)["weight_gradients"][2]["kernel"].ravel()[7]
    kernel.value.ravel()[7] += seen["epsilon"]
    assert seen["actual"] == pytest.approx(loss_of(model, image()) - before, rel=1e-5, abs=1e-9)
    assert seen["linear"] == pytest.approx(gradient * seen["epsilon"], rel=1e-5)
    assert seen["epsilon"] == pytest.approx(epsilon, rel=0.2)


def test_a_nudged_pixel_does_to_the_loss_what_it_does_in_the_library(visit):
    page, model, x = visit("plain"), NETS["plain"](), image()
    show(page, kind="value", node=0, index=40)
    seen = nudged(page, 0.5)
    before = loss_of(model, x)
    x.ravel()[40] += seen["epsilon"]
    assert seen["actual"] == pytest.approx(loss_of(model, x) - before, rel=1e-5, abs=1e-9)


def test_the_curve_is_drawn(visit):
    page = visit("plain")
    show(page, kind="weight", node=2, weight="kernel", index=7)
    nudged(page, 0.3)
    page.wait_for_function(
        "document.querySelector('.nudge-plot .curve')?.getAttribute('d').split('L').length > 20"
    )
    assert page.locator(".nudge-plot .tangent").count() == 1


def move_slider(page, place):
    """Move the nudge's slider to a place between -500 and 500."""
    page.locator("input[data-nudge]").evaluate(
        "(slider, place) => { slider.value = place; slider.dispatchEvent(new Event('input')); }", place
    )


@pytest.mark.parametrize("place", [-500, -180, 35, 499])
def test_the_slider_has_the_scale_of_the_plot_under_it(visit, place):
    """Its thumb, 16 pixels wide, stands above the point of the curve."""
    page = visit("plain")
    show(page, kind="weight", node=2, weight="kernel", index=7)
    move_slider(page, place)
    slider = page.locator("input[data-nudge]")
    box, point = slider.bounding_box(), page.locator(".nudge-plot .actual").bounding_box()
    thumb = box["x"] + 8 + (place + 500) / 1000 * (box["width"] - 16)
    assert point["x"] + point["width"] / 2 == pytest.approx(thumb, abs=1)
    ends = page.locator(".slider-ends").inner_text().replace("−", "-").split()
    epsilon = float(page.locator("dd[data-nudge=epsilon]").get_attribute("data-value"))
    assert epsilon == pytest.approx(place / 500 * float(ends[-1]), rel=1e-6)
    assert float(ends[0]) == -float(ends[-1])


def test_the_scale_is_made_wider_and_narrower(visit):
    page = visit("plain")
    show(page, kind="weight", node=2, weight="kernel", index=7)
    move_slider(page, 40)

    def read():
        """Return ε, the end of the scale, and what the ratio lacks to 1."""
        epsilon, ratio = (
            float(page.locator(f"dd[data-nudge={name}]").get_attribute("data-value"))
            for name in ("epsilon", "ratio")
        )
        return (
            epsilon,
            float(page.locator(".slider-ends span").last.inner_text().replace("−", "-")),
            abs(ratio - 1),
        )

    epsilon, scale, _ = read()
    page.locator("[data-scale='+']").click()
    assert read()[:2] == (pytest.approx(epsilon), pytest.approx(scale / 10))
    page.locator("[data-scale='−']").click()
    assert read()[:2] == (pytest.approx(epsilon), pytest.approx(scale))
    for text, clicks in (("−", 2), ("+", 5)):
        for _ in range(clicks):
            page.locator(f"[data-scale='{text}']").click()
        assert page.locator(f"[data-scale='{text}']").is_disabled()
    # at the narrowest scale the curve is its tangent
    move_slider(page, 500)
    assert read()[2] < 1e-4


@pytest.mark.parametrize(
    "quantity",
    [
        {"kind": "weight", "node": 2, "weight": "kernel", "index": 7},
        {"kind": "update", "node": 2, "weight": "bias", "index": 1},
        {"kind": "value", "node": 0, "index": 40},
        {"kind": "gradient", "node": 2, "index": 9},
    ],
    ids=lambda quantity: quantity["kind"],
)
def test_the_ratio_of_the_nudge_is_above_the_fold(visit, quantity):
    page = visit("plain", viewport={"width": 1280, "height": 800})
    show(page, **quantity)
    ratio = page.locator("dd[data-nudge=ratio]")
    ratio.wait_for()
    box, side = ratio.bounding_box(), page.locator(".side").bounding_box()
    assert box["y"] + box["height"] <= min(800, side["y"] + side["height"])
    assert page.locator(".side").evaluate("(side) => side.scrollTop") == 0


def test_a_nudge_through_a_layer_without_arithmetic_says_that_it_is_by_slopes(visit):
    page = visit("opaque")
    show(page, kind="value", node=0, index=0)
    assert "slopes measured there" in page.locator("[data-nudge=note]").inner_text()
    show(page, kind="weight", node=4, weight="kernel", index=0)
    page.locator("dd[data-nudge=ratio]").wait_for()
    assert page.locator("[data-nudge=note]").count() == 0
    assert float(page.locator(".loss-card, .column.loss [data-after]").first.get_attribute("data-after"))


@pytest.mark.parametrize("right", [True, False])
def test_the_ratio_tells_a_wrong_backward_pass_of_a_layer_of_ones_own(visit, tmp_path, right):
    class Leak(layers.Layer):
        def forward(self, x, training=False):
            self.positive = x > 0
            return np.where(self.positive, x, 0.5 * x)

        def backward(self, dy):
            return np.where(self.positive, dy, 0.5 * dy if right else 0)

    model = compiled(sequence(layers.Conv2D(3, 3), Leak(), layers.Conv2D(2, 3)))
    page = visit(explain.write(model, image(), 1, tmp_path / "page.html"))
    show(page, kind="weight", node=1, weight="kernel", index=4)
    page.locator("input[data-nudge]").wait_for()
    while page.locator("[data-scale='+']").is_enabled():
        page.locator("[data-scale='+']").click()
    move_slider(page, 400)
    ratio = float(page.locator("dd[data-nudge=ratio]").get_attribute("data-value"))
    assert (abs(ratio - 1) < 1e-3) == right


def test_what_cannot_be_nudged_says_why(visit, tmp_path):
    page = visit(explain.write(restless(), image(), 1, tmp_path / "restless.html"))
    show(page, kind="value", node=0, index=0)
    text = page.locator("[data-nudge=none]").inner_text()
    assert text.endswith("The output of restless after a change is not known: its numbers are recorded ones.")


def test_the_play_goes_forward_then_backward_then_updates(visit):
    page = visit("plain")
    told = []
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        headline = page.locator("[data-play=story] strong").inner_text()
        if told and told[-1] == headline:
            break
        told.append(headline)
        if not headline.startswith("Update"):
            assert page.locator("[data-play=story] .equation").count() > 0, headline
            assert (
                page.locator("[data-play=story] a.docs")
                .get_attribute("href")
                .partition("#")[0]
                .endswith(".md")
            )
    nodes = page.evaluate("explain.trace.net.nodes.map((node) => node.name)")
    order = [line.split(": ")[1].split(" (")[0] for line in told[:-1]]
    assert order == [*nodes, "loss", "loss", *reversed(nodes[1:-1])]
    assert told[-1].startswith("Update")
    assert page.locator(".after-update").is_visible()
    page.keyboard.press("ArrowLeft")
    assert page.locator("[data-play=story] strong").inner_text() == told[-2]


def test_what_is_selected_stays_while_the_play_goes_on(visit):
    page = visit("plain")
    page.locator("[data-play=on]").click()
    page.locator("[data-play=on]").click()
    page.locator("[data-play=example]").click()
    assert page.locator("[data-panel]").get_attribute("data-node") == "1"
    assert page.locator(".values-unknown").count() == 0
    page.locator("[data-play=on]").click()
    assert page.locator("[data-panel]").get_attribute("data-node") == "1"


def test_what_is_not_computed_yet_is_faded(visit):
    page = visit("plain")
    for _ in range(3):
        page.locator("[data-play=on]").click()
    classes = page.eval_on_selector_all(".column", "(all) => all.map((column) => column.className)")
    assert "at-work" in classes[2]
    unknown = ["values-unknown" in text for text in classes]
    assert unknown == [False] * 3 + [True] * (len(classes) - 3)
    assert all("gradients-unknown" in text for text in classes)


def test_space_plays_and_pauses(visit):
    page = visit("plain")
    page.locator("h1").click()
    page.keyboard.press(" ")
    assert page.locator("[data-play=play]").get_attribute("aria-label").startswith("Pause")
    assert page.locator("input[data-play]").input_value() == "1"
    page.keyboard.press(" ")
    assert page.locator("[data-play=play]").get_attribute("aria-label").startswith("Play")


def test_the_loss_before_and_after_is_the_library_s(visit):
    page, truth = visit("plain"), expected(NETS["plain"](), image(), 1)
    for name, number in (("before", truth["loss"]), ("after", truth["loss_after"])):
        text = page.locator(f".loss-card [data-{name}]").get_attribute(f"data-{name}")
        assert float(text) == pytest.approx(number, rel=1e-5)
    page.locator("[data-tab=after]").click()
    rows = page.locator(".after-update tbody tr")
    assert rows.count() == 4
    rows.first.locator("button.factor").nth(2).click()
    assert page.locator("[data-panel]").get_attribute("data-kind") == "update"
