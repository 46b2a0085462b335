"""What a notebook shows of each object: its numbers, with every text escaped, in the notebook's own colors."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, explain, layers, metrics, utils
from minicnn._base import notebook
from minicnn.gradient_check import check_optimizer

BAD = "</td><script>alert('1')</script>$\\bad"
EMPTY = {"img", "br", "hr"}


class Shown(HTMLParser):
    """The rows of a piece of HTML, whose tags are all closed in their order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.rows, self.text = [], [], []
        self.tags = set()
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def table_of(html):
    return Shown(html.partition("<?xml")[0]).rows


def model(name="mine"):
    net = Sequential(
        [
            Input((6, 5, 1)),
            layers.Conv2D(2, 3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        name=name,
    )
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def trained(epochs=3, **arguments):
    x, y = np.random.default_rng(0).random((20, 6, 5, 1)), np.arange(20) % 3
    return model().fit(x, y, epochs=epochs, verbose=0, validation_data=(x, y), **arguments)


def curves_of(figure):
    """Return title -> {label: (x, y)} of a figure's panels."""
    return {
        axes.get_title(): {
            line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines
        }
        for axes in figure.axes
    }


def readable_on_any_page(html):
    """Whether the piece has no colors of its own, outside of pictures, and nothing is loaded."""
    return not re.search(r"background|(?<!-)color:|<style|<script|<link|src=", html.partition("<?xml")[0])


# ---- history -----------------------------------------------------------------------------------------------


def test_a_history_shows_its_epochs_and_its_curves():
    history = trained(3)
    html = history._repr_html_()
    head, *rows = table_of(html)
    assert head == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    for n, row in enumerate(rows):
        assert row[1:] == [f"{history.history[name][n]:.4g}" for name in head[1:]]
    assert readable_on_any_page(html)
    picture = ElementTree.fromstring(re.search("<svg.*</svg>", html, re.DOTALL)[0])
    assert picture.tag.endswith("svg")


def test_the_curves_are_the_numbers():
    history = trained(3)
    panels = curves_of(history.plot())
    assert panels.keys() == {"loss", "accuracy"}
    for name, lines in panels.items():
        assert lines == {
            "training": ([1, 2, 3], history.history[name]),
            "validation": ([1, 2, 3], history.history[f"val_{name}"]),
        }


@pytest.mark.parametrize("frequency", [2, [1, 4]])
def test_a_validation_of_some_epochs_stands_at_these(frequency):
    history = trained(5, validation_freq=frequency)
    at = [2, 4] if frequency == 2 else frequency
    x, y = curves_of(history.plot())["loss"]["validation"]
    assert x == at
    assert y == history.history["val_loss"]
    column = [row[3] for row in table_of(history._repr_html_())[1:]]
    assert [n + 1 for n, text in enumerate(column) if text] == at
    assert [text for text in column if text] == [f"{value:.4g}" for value in y]


def test_a_resumed_history_knows_its_epochs():
    before, after = trained(4, validation_freq=2), callbacks.History()
    after.set_state(before.get_state())
    assert after.epochs_of == before.epochs_of
    assert after.epochs_of["val_loss"] == [1, 3]
    old = {name: value for name, value in before.get_state().items() if name != "epochs_of"}
    after.set_state(old)
    assert after.epochs_of["loss"] == [0, 1, 2, 3]
    assert len(after.epochs_of["val_loss"]) == 2
    with pytest.raises(ValueError, match="epochs_of"):
        after.set_state(old | {"epochs_of": 3})


def test_a_long_history_is_shortened_and_a_step_not_taken_is_told():
    history = callbacks.History()
    history.epoch = list(range(100))
    history.history = {"loss": [1 / (n + 1) for n in range(100)]}
    history.skipped_steps = [0] * 99 + [2]
    head, *rows = table_of(history._repr_html_())
    assert head == ["epoch", "loss", "steps not taken"]
    assert len(rows) == notebook.MOST_ROWS - 1
    assert rows[0] == ["1", "1", "0"]
    assert rows[11] == ["…"] * 3
    assert rows[-1] == ["100", "0.01", "2"]
    assert len(curves_of(history.plot())["loss"]["training"][0]) == 100


def test_names_of_results_are_escaped_and_other_values_are_left_out_of_the_curves():
    history = callbacks.History()
    history.epoch, history.skipped_steps = [0, 1], [0, 0]
    history.history = {BAD: [1.0, np.inf], "words": ["a", "b"], "arrays": [np.zeros(2)] * 2}
    html = history._repr_html_()
    assert "script" not in Shown(html.partition("<?xml")[0]).tags
    assert table_of(html)[0] == ["epoch", BAD, "words", "arrays"]
    ((title, lines),) = curves_of(history.plot()).items()
    assert title == BAD
    assert np.isnan(lines["training"][1][1])


def test_a_history_without_numbers_has_a_table():
    history = callbacks.History()
    history.epoch, history.history, history.skipped_steps = [0], {"words": ["a"]}, [0]
    assert table_of(history._repr_html_()) == [["epoch", "words"], ["1", "a"]]
    assert "<svg" not in history._repr_html_()


def test_a_history_without_epochs():
    history = callbacks.History()
    assert table_of(history._repr_html_()) == [["epoch"]]
    with pytest.raises(ValueError, match=r"no epochs yet: call model\.fit first"):
        history.plot()


# ---- models ------------------------------------------------------------------------------------------------


def test_a_model_shows_its_summary():
    net, said = model(), []
    html = net._repr_html_()
    net.summary(print_fn=said.append)
    rows = table_of(html)
    assert rows[0] == ["Layer (type)", "Output shape", "Param #"]
    assert rows[1][1:] == ["(None, 4, 3, 2)", "20"]
    for row in rows:
        assert re.search(r"\s+".join(map(re.escape, row)), said[0])
    text = "".join(Shown(html).text)
    assert 'Model: "mine"' in text
    assert "Total params: 95" in text  # 3·3·1·2 + 2 of the convolution, 24·3 + 3 of the dense layer
    assert readable_on_any_page(html)


def test_names_of_layers_and_models_are_escaped():
    net = model(name="<b>mine</b>")
    net.layers[0].name = BAD
    html = net._repr_html_()
    assert "script" not in Shown(html).tags
    assert f"{BAD} (Conv2D)" in table_of(html)[1]
    assert "<b>mine" not in html


def test_a_model_that_is_not_built_shows_its_name():
    assert Sequential([layers.Dense(2)])._repr_html_() is None


def test_a_plot_of_a_model_shows_itself(tmp_path):
    figure = utils.plot_model(model(), None)
    path = utils.plot_model(model(), tmp_path / "model.png", dpi=40)
    assert path == tmp_path / "model.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    for shown in (figure, path):
        assert ElementTree.fromstring(shown._repr_svg_()).tag.endswith("svg")
    assert path.with_suffix(".txt")._repr_svg_() is None


def test_a_layer_name_is_no_formula_in_a_plot():
    net = model()
    net.layers[0].name = "a$\\bad{$"
    assert "<svg" in utils.plot_model(net, None, show_layer_names=True)._repr_svg_()


# ---- pages and reports -------------------------------------------------------------------------------------


def test_a_step_shows_itself_in_a_frame(tmp_path):
    image = np.random.default_rng(0).random((6, 5, 1))
    page = explain.show(model(), image, 1, title=BAD, height=500)
    frame = Frame(page._repr_html_())
    assert frame.attributes["height"] == "500"
    assert frame.attributes["sandbox"] == "allow-scripts allow-popups"
    assert frame.attributes["srcdoc"] == page.html
    assert len(repr(page)) < 100
    path = explain.write(model(), image, 1, tmp_path / "page.html", title=BAD)
    assert Frame(path._repr_html_()).attributes["srcdoc"] == path.read_text(encoding="utf-8")
    path.unlink()
    assert path._repr_html_() is None


class Frame(HTMLParser):
    """The only tag of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.attributes = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        assert self.attributes is None
        assert tag == "iframe"
        self.attributes = dict(attrs)


def test_reports_have_tables():
    report = metrics.classification_report([0, 1, 1, 0], [0, 1, 0, 0], ["<i>", "b"])
    rows = table_of(report._repr_html_())
    assert rows[1] == ["<i>", "0.6667", "1.0000", "0.8000", "2"]
    assert "i" not in Shown(report._repr_html_()).tags
    wrong = check_optimizer(lambda w, g, state: w + 0.1 * g, "sgd", learning_rate=0.1)
    text = "".join(Shown(wrong._repr_html_()).text)
    assert "WRONG" in text
    assert "likely cause" in text
    assert "background" not in wrong._repr_html_()


def test_nothing_of_it_is_loaded_before_it_is_shown():
    shown = "{'matplotlib', 'IPython', 'html', 'PIL.ImageOps'}"
    code = f"import sys, minicnn; print({shown} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
