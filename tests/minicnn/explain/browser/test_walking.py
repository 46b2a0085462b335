"""By clicks alone: numbers in maps, walks from the loss to a pixel and back, the trail, the keys."""

import re

import pytest

from tests.minicnn.explain.browser.reading import click_cell, selected, show, shown_value


def test_from_the_loss_to_a_pixel_by_clicks_alone(visit):
    page = visit("plain")
    page.locator(".column.loss [data-loss]").click()
    assert selected(page)[0] == "loss"
    nodes = []
    for _ in range(20):
        page.locator(".side .onward").wait_for()
        if page.locator(".side [data-onward=end]").count():
            break
        page.locator(".side button[data-onward]").first.click()
        kind, node, _ = selected(page)
        assert kind == "gradient"
        assert page.locator(".total .check").inner_text() == "✓ the number above"
        nodes.append(int(node))
    assert nodes == sorted(nodes, reverse=True)
    assert nodes[-1] == 0
    assert nodes[0] == page.evaluate("explain.trace.net.nodes[explain.trace.net.fused].inputs[0]")


def test_from_a_pixel_back_to_the_loss_by_factors(visit):
    page = visit("plain")
    page.locator("[data-start=gradient]", has_text="pixel").click()
    assert selected(page)[:2] == ("gradient", "0")
    for _ in range(20):
        # a gradient is a sum over the gradients behind it: the first factor of the largest term leads there
        page.locator("[data-term] button[data-factor]").first.click()
        if selected(page)[0] == "value":
            break
    assert selected(page)[:2] == ("value", str(page.evaluate("explain.trace.net.loss.node")))


def test_a_click_in_a_map_selects_the_number_under_it(visit):
    page = visit("plain")
    canvas = page.locator('[data-column="2"] .values canvas.large')
    channel = int(canvas.get_attribute("data-channel"))
    click_cell(page, canvas, 3, 4)
    shape = page.evaluate("explain.trace.net.nodes[2].shape")
    assert selected(page) == ("value", "2", str((3 * shape[1] + 4) * shape[2] + channel))
    number = page.evaluate("([n]) => explain.trace.run.values[2][n]", [int(selected(page)[2])])
    assert shown_value(page) == number
    assert page.locator("svg.links .ring.selected").count() > 0
    assert page.locator("svg.links .cone").count() >= 2


@pytest.mark.parametrize(("kind", "weight"), [("weight", "kernel"), ("weightGradient", "kernel")])
def test_a_click_in_a_kernel_selects_its_entry(visit, kind, weight):
    page = visit("plain")
    canvas = page.locator(f'[data-column="2"] canvas[data-kind={kind}][data-weight={weight}]')
    slice_ = int(canvas.get_attribute("data-channel"))
    click_cell(page, canvas, 2, 1)
    _, columns, inputs, outputs = page.evaluate("explain.trace.net.nodes[2].weights.kernel.shape")
    assert selected(page) == (kind, "2", str((2 * columns + 1) * inputs * outputs + slice_))


def test_the_lens_enlarges_and_its_arrow_keys_move(visit):
    page = visit("plain")
    show(page, kind="value", node=2, index=0)
    lens = page.locator("[data-lens]")
    small = page.locator('[data-column="2"] .values canvas.large').bounding_box()
    assert lens.bounding_box()["height"] > 1.3 * small["height"]
    lens.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    shape = page.evaluate("explain.trace.net.nodes[2].shape")
    assert selected(page)[2] == str((shape[1] + 1) * shape[2])
    assert page.locator(".crumb").count() == 2
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert selected(page)[2] == str(shape[2])


def test_the_lens_steps_through_channels(visit):
    page = visit("plain")
    show(page, kind="gradient", node=2, index=1)
    page.get_by_role("button", name="channel after this one").click()
    assert selected(page) == ("gradient", "2", "2")
    assert page.locator("[data-lens]").get_attribute("data-channel") == "2"


def test_the_trail_leads_back(visit):
    page = visit("plain")
    show(page, kind="loss")
    show(page, kind="gradient", node=2, index=5)
    page.locator("[data-related=value]").click()
    assert selected(page) == ("value", "2", "5")
    assert page.url.endswith("#value/2/5")
    page.locator("[data-back]").click()
    assert selected(page) == ("gradient", "2", "5")
    page.locator("[data-crumb='1']").click()
    assert selected(page)[0] == "loss"
    page.keyboard.press("Backspace")
    assert selected(page)[0] == ""
    assert page.locator("[data-prediction]").is_visible()


def test_an_address_leads_to_a_number(visit):
    page = visit("plain", address="slot/2.kernel.m.after/3")
    assert selected(page) == ("slot", "2", "3")
    for wrong in ("value/99/0", "value/2/100000", "weight/2.nothing/0", "nonsense", "gradient/2/x"):
        assert selected(visit("plain", address=wrong))[0] == "", wrong


def test_the_net_is_walked_over_with_keys(visit):
    page = visit("plain")
    assert page.locator('#net canvas[tabindex="0"]').count() == 1
    page.locator('#net canvas[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    shape = page.evaluate("explain.trace.net.nodes[0].shape")
    name = f"{page.evaluate('explain.trace.net.nodes[0].name')}[1, 1, "
    assert page.locator("#tip").inner_text().startswith(name)
    assert page.locator("#spoken").inner_text().startswith(name)
    page.keyboard.press("Enter")
    assert selected(page)[:2] == ("value", "0")
    assert int(selected(page)[2]) // shape[2] == shape[1] + 1
    reached = {press(page, "Shift+ArrowRight")["node"] for _ in range(6)}
    assert {"1", "2"} <= reached
    reached = {press(page, "Shift+ArrowDown")["kind"] for _ in range(6)}
    assert {"gradient", "weightGradient"} & reached
    assert page.locator('#net canvas[tabindex="0"]').count() == 1
    page.keyboard.press("Escape")
    assert selected(page)[0] == ""


def press(page, key):
    """Press a key; return the data of the map that has the focus then."""
    page.keyboard.press(key)
    return page.evaluate("({ ...document.activeElement.dataset })")


def test_every_map_has_a_text(visit):
    page = visit("graph")
    texts = page.eval_on_selector_all("canvas", "(all) => all.map((map) => map.getAttribute('aria-label'))")
    assert len(texts) > 50
    assert all(text and re.search(r"numbers|positions", text) for text in texts)


def test_more_terms_come_at_a_click(visit):
    page = visit("plain")
    show(page, kind="weightGradient", node=2, weight="bias", index=0)
    few = page.locator("[data-term]").count()
    page.locator("[data-more]").last.click()
    positions = page.evaluate("explain.trace.net.nodes[2].shape.slice(0, 2).reduce((a, b) => a * b)")
    assert few < page.locator("[data-term]").count() == positions
    assert page.locator("[data-rest]").count() == 0


def test_a_factor_pointed_at_is_ringed_in_the_net(visit):
    page = visit("plain")
    show(page, kind="value", node=2, index=9)
    page.locator("[data-term] button[data-factor]").first.hover()
    assert page.locator("svg.links .ring.pointed").count() > 0
    page.locator("#top h1").hover()
    assert page.locator("svg.links .ring.pointed").count() == 0
