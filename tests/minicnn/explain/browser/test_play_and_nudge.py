"""The play tells the step in order; the nudge says what the library would; the
update is shown before and after.
"""

import pytest

from minicnn import ops
from tests.minicnn.explain.browser.reading import show
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, image


def loss_of(model, x):
    with ops.use("reference"):
        return float(model.evaluate(x[None], [[0, 1, 0]], verbose=0))


def nudged(page, epsilon):
    """Move the slider as near to epsilon as it goes; return what the block then says."""
    page.locator("input[data-nudge]").wait_for()
    return page.evaluate(
        """(wanted) => {
            const slider = document.querySelector("input[data-nudge]");
            const read = (name) => Number(document.querySelector(`dd[data-nudge=${name}]`).dataset.value);
            let best = null;
            for (let place = 0; place <= 1000; place += 10) {
                slider.value = Math.sign(wanted) * place;
                slider.dispatchEvent(new Event("input"));
                const distance = Math.abs(read("epsilon") - wanted);
                if (!best || distance < best.distance) {
                    best = { distance, epsilon: read("epsilon"), actual: read("actual"), linear: read("linear") };
                }
            }
            return best;
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


def test_what_cannot_be_nudged_says_why(visit):
    page = visit("opaque")
    show(page, kind="value", node=0, index=0)
    assert "recorded" in page.locator("[data-nudge=none]").inner_text()


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
