"""A page without an interface, so that what a command records can be read back from it quickly."""

import json
import re

from minicnn import Input, Sequential, layers
from minicnn.explain import page
from tests.minicnn.explain.nets import shaken

FRAME = "{{title}}{{style}}<p>{{recording}}</p>{{script}}"


def use_bare_page(folder, monkeypatch):
    """Let pages be written in this frame; the current directory becomes the folder."""
    web = folder / "web"
    web.mkdir()
    for name, text in {"page.html": FRAME, "style.css": "", "main.js": ""}.items():
        (web / name).write_text(text)
    monkeypatch.setattr(page, "WEB", web)
    monkeypatch.chdir(folder)


def recorded(path):
    """Return what is recorded in a page."""
    return json.loads(re.search("<p>(.*)</p>", path.read_text(encoding="utf-8"))[1])


def saved(path="model.npz", shape=(12, 12, 1), classes=7):
    """Save a small net, compiled, and return it."""
    model = Sequential(
        [
            Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(classes, activation="softmax", name="dense"),
        ],
        name="mine",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    shaken(model).save(path)
    return model
