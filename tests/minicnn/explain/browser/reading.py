"""What a reader finds in the panel, as Python values."""

# Select each of some numbers and return what the panel then says: read in one go, as there are hundreds.
READ_ALL = """(quantities) => quantities.map((quantity) => {
    explain.show(quantity);
    const panel = document.querySelector("[data-panel]"), number = (element, name) => Number(element.dataset[name]);
    const factorsOf = (line) => [...line.querySelectorAll("[data-factor]")];
    const rest = panel.querySelector("[data-rest]");
    return {
        address: location.hash.slice(1),
        kind: panel.dataset.kind, node: panel.dataset.node, index: panel.dataset.index,
        value: number(panel.querySelector("[data-value]"), "value"),
        total: panel.querySelector("[data-total]") && number(panel.querySelector("[data-total]"), "value"),
        right: !panel.querySelector(".total.wrong"),
        terms: [...panel.querySelectorAll("[data-term]")].map((line) => ({
            value: number(line, "value"),
            chosen: line.dataset.chosen,
            factors: factorsOf(line).map((factor) => number(factor, "value")),
            buttons: factorsOf(line).filter((factor) => factor.tagName === "BUTTON").length,
        })),
        rest: rest ? number(rest, "value") : 0,
        steps: [...panel.querySelectorAll("[data-step]")].map((line) => number(line, "value")),
        sentence: panel.querySelector(".sentence").textContent,
        form: explain.state.explanation.form,
        error: explain.state.explanation.error,
    };
})"""

# Return two numbers of every array of the step: the largest and the last; and the loss.
QUANTITIES = """() => {
    const { net, run, grads, step } = explain.trace, found = [];
    const some = (array, quantity) => {
        if (!array) return;
        const sizes = Array.from(array, Math.abs), largest = sizes.indexOf(Math.max(...sizes));
        const indices = [largest, array.length - 1];
        for (const index of new Set(indices)) found.push({ ...quantity, index });
    };
    for (const { id, weights } of net.nodes) {
        if (!run.values[id]) continue;
        some(run.values[id], { kind: "value", node: id });
        some(grads.values[id], { kind: "gradient", node: id });
        for (const weight of Object.keys(weights)) {
            some(weights[weight].value, { kind: "weight", node: id, weight });
            some(grads.weights[id]?.[weight], { kind: "weightGradient", node: id, weight });
            some(step.weights[id]?.[weight]?.value, { kind: "update", node: id, weight });
        }
    }
    if (run.loss !== null) found.push({ kind: "loss" });
    return found;
}"""


def show(page, **quantity):
    """Select a number by its name."""
    page.evaluate("(quantity) => explain.show(quantity)", quantity)


def shown_value(page):
    """Return the selected number as the panel's heading has it, with all its digits."""
    return float(page.locator("[data-panel] h2 [data-value]").get_attribute("data-value"))


def selected(page):
    """Return what the panel says is selected: kind, node, index."""
    panel = page.locator("[data-panel]")
    return tuple(panel.get_attribute(f"data-{name}") for name in ("kind", "node", "index"))


def click_cell(page, canvas, row, column):
    """Click the middle of a cell of a map, given how many rows and columns it has."""
    box = canvas.bounding_box()
    rows, columns = canvas.evaluate("(map) => [map.height, map.width]")
    x, y = box["width"] * (column + 0.5) / columns, box["height"] * (row + 0.5) / rows
    canvas.click(position={"x": x, "y": y})
