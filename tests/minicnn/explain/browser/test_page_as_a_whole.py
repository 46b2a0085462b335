"""The page in both themes and in narrow windows, parts of nets, closed layers,
and what it says when it fails.
"""

import pytest

from minicnn import explain
from minicnn.explain.page import rendered
from tests.minicnn.explain.browser.reading import selected, show
from tests.minicnn.explain.nets import NETS, image
from tests.minicnn.explain.ready_page import recording
from tests.minicnn.explain.test_ready_page import ADDRESSES, IN_FRAMES


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 1000)])
def test_the_page_does_not_scroll_sideways(visit, width, height):
    page = visit("plain", viewport={"width": width, "height": height})
    for address in ("", "#loss", "#value/2/9", "#weightGradient/2.kernel/3"):
        page.evaluate("(address) => { location.hash = address; }", address)
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_whole_of_a_short_net_is_seen_at_once(visit):
    page = visit("plain")
    assert page.evaluate(
        "(() => { const net = document.getElementById('net'); return net.scrollWidth <= net.clientWidth; })()"
    )
    assert page.evaluate("document.documentElement.scrollHeight") == 800
    assert page.locator(".column.loss").bounding_box()["x"] < 1280


@pytest.mark.parametrize("node", [0, 9])
def test_a_selected_number_is_in_view_however_long_the_net(visit, node):
    page = visit("graph", viewport={"width": 800, "height": 1000})
    for place in (0, 5000):
        page.evaluate("(place) => { document.getElementById('net').scrollLeft = place; }", place)
        show(page, kind="gradient", node=node, index=place % 7)
        box = page.locator(f'[data-column="{node}"]').bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 800


def test_both_themes_paint_the_maps(visit):
    page = visit("plain", color_scheme="dark")
    pixel = """(() => {
        const map = document.querySelector('[data-column="2"] .gradients canvas.large');
        return [...map.getContext("2d").getImageData(0, 0, map.width, map.height).data];
    })()"""
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    dark = page.evaluate(pixel)
    page.locator("[data-theme-switch]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    light = page.evaluate(pixel)
    assert sum(light) > sum(dark)
    page.locator("[data-theme-switch]").click()
    assert page.evaluate(pixel) == dark


def test_zero_is_neutral_and_signs_are_hues(visit):
    page = visit("plain")
    colours = page.evaluate(
        """() => {
            const map = document.querySelector('[data-column="2"] .gradients canvas.large');
            const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
            const { shape } = explain.trace.net.nodes[2], channel = Number(map.dataset.channel);
            const slice = explain.trace.grads.values[2].filter((_, n) => n % shape[2] === channel);
            return Array.from(slice, (number, n) => ({ number, red: data[4 * n], blue: data[4 * n + 2] }));
        }"""
    )
    most = max(abs(colour["number"]) for colour in colours)
    assert any(colour["number"] == 0 for colour in colours)
    for colour in colours:
        warmth = colour["red"] - colour["blue"]
        if colour["number"] == 0:
            assert abs(warmth) < 12
        elif abs(colour["number"]) > most / 20:
            assert warmth * colour["number"] > 0


@pytest.mark.parametrize("view", ["values", "gradients", "both"])
def test_the_switch_shows_values_gradients_or_both(visit, view):
    page = visit("plain")
    page.locator(f"[data-view={view}]").first.click()
    seen = [
        page.locator(f'[data-column="2"] .lane.{lane} canvas.large').is_visible()
        for lane in ("values", "gradients")
    ]
    assert seen == [view != "gradients", view != "values"]
    show(page, kind="gradient", node=2, index=0)
    assert page.locator('[data-column="2"] .lane.gradients canvas.large').is_visible()


def test_a_part_of_a_net_says_what_it_lacks(visit):
    page = visit("section")
    assert page.evaluate("explain.trace.net.message") in page.locator(".note").inner_text()
    assert page.locator(".column.loss").count() == 0
    page.locator("[data-start=gradient]").first.click()
    assert selected(page)[0] == "gradient"
    assert page.locator("[data-nudge=none]").inner_text()


def test_a_closed_layer_shows_its_numbers_and_says_why(visit):
    page = visit("opaque")
    node = page.evaluate("explain.trace.net.nodes.find((node) => node.type === 'Opaque').id")
    assert page.locator(f'[data-column="{node}"].opaque canvas').count() > 1
    show(page, kind="value", node=node, index=0)
    assert page.locator(".sentence").inner_text()
    assert page.locator("[data-factor]").count() >= 1


def test_wires_join_what_does_not_stand_side_by_side(visit):
    page = visit("residual")
    far = page.evaluate(
        "explain.trace.net.nodes.flatMap((node) => node.inputs.filter((input) => node.id - input > 1)).length"
    )
    assert page.locator("svg.links .wires path").count() == far > 0


def test_an_error_is_a_message_and_not_a_blank_page(visit, tmp_path):
    text = explain.write(NETS["plain"](), image(), 1, tmp_path / "page.html").read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace('"format":2', '"format":7'), encoding="utf-8")
    page = visit(broken, expect_fault="format 7")
    assert "format 7" in page.locator("#failure").inner_text()
    broken.write_text(text.replace("function start(", "function ("), encoding="utf-8")
    page = visit(broken, expect_fault="SyntaxError|Function statements")
    assert page.locator("#failure").is_visible()


def test_a_number_that_cannot_be_explained_leaves_the_page_usable(visit):
    page = visit("plain")
    pool = page.evaluate("explain.trace.net.nodes.find((node) => node.type === 'MaxPooling2D').id")
    page.evaluate("(pool) => { explain.trace.run.extra[pool] = undefined; }", pool)
    show(page, kind="value", node=pool, index=0)
    assert page.locator("[data-panel] .note").is_visible()
    page.locator("[data-back]").click()
    show(page, kind="loss")
    assert selected(page)[0] == "loss"


def test_reduced_motion_fades_nothing_in(visit):
    page = visit("plain", reduced_motion="reduce")
    lane = page.locator('[data-column="2"] .lane.values > *').first
    assert lane.evaluate("(box) => getComputedStyle(box).transitionDuration") == "0s"


def test_the_ready_page_answers_its_questions(visit, tmp_path):
    """Each link of the docs selects a number, whose terms add up to it."""
    file = tmp_path / "explain.html"
    file.write_text(rendered(recording()), encoding="utf-8")
    page = visit(file)
    for address in ADDRESSES + IN_FRAMES:
        page.goto("about:blank")
        page.goto(f"{file.as_uri()}#{address}")
        page.locator("[data-panel] .total").first.wait_for()
        assert page.evaluate("location.hash") == f"#{address}"
        assert page.locator("[data-panel] .total.wrong").count() == 0
        value, total = (
            float(page.locator(f"[data-panel] [data-{name}]").first.get_attribute("data-value"))
            for name in ("value", "total")
        )
        assert value == pytest.approx(total, rel=1e-9)
