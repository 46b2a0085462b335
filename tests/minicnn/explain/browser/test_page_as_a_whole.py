"""The page in both themes and in narrow windows, parts of nets, closed layers,
and what it says when it fails.
"""

from itertools import pairwise

import numpy as np
import pytest

from minicnn import Input, Sequential, explain, layers
from minicnn.explain.page import rendered
from tests.minicnn.explain.browser.reading import selected, show
from tests.minicnn.explain.nets import NETS, compiled, image
from tests.minicnn.explain.ready_page import recording
from tests.minicnn.explain.test_ready_page import ADDRESSES, IN_FRAMES


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 1000), (390, 844)])
def test_the_page_does_not_scroll_sideways(visit, width, height):
    page = visit("plain", viewport={"width": width, "height": height})
    for address in (
        "",
        "loss",
        "value/2/9",
        "gradient/1/9",
        "weightGradient/2.kernel/3",
        "update/2.kernel/3",
    ):
        page.evaluate("(address) => { location.hash = address; }", address)
        page.wait_for_function("(address) => location.hash.slice(1) === address", arg=address)
        assert page.evaluate("document.documentElement.scrollWidth") == width, address
    page.locator("[data-back]").click()
    for tab in ("after", "start"):
        if page.locator(f"[data-tab={tab}]").count():
            page.locator(f"[data-tab={tab}]").click()
            assert page.evaluate("document.documentElement.scrollWidth") == width, tab


@pytest.mark.parametrize("address", ["value/2/9", "gradient/1/9", "weightGradient/2.kernel/3"])
def test_on_a_phone_everything_is_read_from_top_to_bottom(visit, address):
    """The parts of the panel are as wide as the window, below each other; nothing is cut off at its right."""
    page = visit("plain", address=address, viewport={"width": 390, "height": 844})
    page.locator(".side .nudge").wait_for()
    boxes = [page.locator(part).bounding_box() for part in (".lens", ".arithmetic", ".side")]
    assert all(box["width"] == 390 for box in boxes)
    ends = [(box["y"], box["y"] + box["height"]) for box in boxes]
    assert all(below[0] >= above[1] - 0.5 for above, below in pairwise(ends))
    cut = page.evaluate(
        """() => [...document.querySelectorAll("#top *, #play *, #panel button, #panel h2, #panel .digits")]
            .filter((part) => !part.closest(".patches, .maps, .table-box, .help dl, .trail ol, [hidden]"))
            .filter((part) => part.getBoundingClientRect().right > 391)
            .map((part) => part.outerHTML)"""
    )
    assert cut == []


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


def test_channels_that_are_not_shown_are_counted(visit, tmp_path):
    file = tmp_path / "explain.html"
    file.write_text(rendered(recording()), encoding="utf-8")
    page = visit(file)
    seen = page.evaluate(
        """() => [...document.querySelectorAll("#net .mosaic.form-map")].map((box) => {
            const lane = box.closest(".weight") ?? box.parentElement, large = box.querySelector("canvas.large");
            const { node, kind, weight } = large.dataset, { nodes } = explain.trace.net;
            const shape = weight ? nodes[node].weights[weight].shape : nodes[node].shape;
            return {
                kind, channels: shape.slice(2).reduce((a, b) => a * b),
                shown: Math.max(weight ? 1 : box.querySelectorAll(".thumb").length, 1),
                sign: lane.querySelector(".more").textContent,
            };
        })"""
    )
    for mosaic in seen:
        some = mosaic["shown"] < mosaic["channels"]
        assert mosaic["sign"] == (f"{mosaic['shown']} of {mosaic['channels']}" if some else ""), mosaic
    assert sum(bool(mosaic["sign"]) for mosaic in seen) > 4
    assert any(not mosaic["sign"] for mosaic in seen)
    # its sign is not cut off
    cut = page.evaluate(
        """() => [...document.querySelectorAll("#net .more:not(:empty)")].filter((sign) => {
            const lane = sign.closest(".column").getBoundingClientRect(), own = sign.getBoundingClientRect();
            return own.right > lane.right + 0.5 || own.width < 10;
        }).length"""
    )
    assert cut == 0


@pytest.mark.parametrize("address", ["", "loss"])
def test_pointing_at_a_lens_that_shows_nothing_is_no_error(visit, address):
    page = visit("plain", address=address)
    page.evaluate(
        """() => {
            const lens = document.querySelector("[data-lens]");
            for (const name of ["pointermove", "pointerleave", "click"])
                lens.dispatchEvent(new PointerEvent(name, { clientX: 1, clientY: 1, bubbles: true }));
            lens.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
        }"""
    )
    assert selected(page)[0] == address
    assert not page.locator("#failure").is_visible()


def test_one_of_many_terms_that_is_0_is_one(visit, tmp_path):
    """A net whose dense layer has two inputs, one of which is 0."""
    model = compiled(
        Sequential([Input((1, 2, 1), dtype="float64"), layers.Flatten(), layers.Dense(2, use_bias=False)]),
        "mse",
    )
    page = visit(
        explain.write(model, np.array([[[0.0], [1.5]]]), [1.0, 0.0], tmp_path / "page.html"),
        address="value/2/0",
    )
    assert page.locator(".sum h3").inner_text() == "2 terms, the largest first; 1 is 0"


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
