"""What the page's engine computes, run in node on all nets in one go, and what the
library computes of the same.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from minicnn import Input, Model, Sequential, layers, losses, ops, optimizers
from minicnn.explain.recording.record import record
from tests.minicnn.explain.expected import expected
from tests.minicnn.explain.nets import NETS, SHAPE, compiled, image, restless, sequence
from tests.minicnn.explain.node import NODE

EPSILON = 0.25  # of nudges: so far that a gradient alone would not tell where the loss goes
SLIGHT = 1e-3  # and so near that it does, but for the slope of the slope
PIXEL, WEIGHT = 31, 5  # those that are nudged
SECTIONS = {
    "section_inside": ("normed", "2:6"),
    "section_branches": ("residual", "1:2"),
    "section_end": ("graph", "7:"),
}


def tied():
    """Return a net where, on a blank image, windows have several maxima, ReLUs get
    zeros, joined inputs are equal.
    """
    x = Input(SHAPE, dtype="float64")
    largest = layers.Maximum()([layers.Rescaling(2.0)(x), layers.Rescaling(3.0)(x)])
    smallest = layers.Minimum()(
        [layers.Rescaling(4.0)(x), layers.ReLU()(layers.Rescaling(5.0, offset=0.0)(x))]
    )
    pooled = layers.MaxPooling2D(3, strides=2, padding="same")(layers.Concatenate()([largest, smallest, x]))
    scores = layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(pooled))
    return compiled(Model(x, scores), optimizer="sgd")


def probabilities():
    """Return a net trained on the cross-entropy of outputs that no softmax has
    made; one of them is too small.
    """
    head = layers.Flatten(), layers.Dense(3, activation="sigmoid")
    model = Sequential([Input(SHAPE, dtype="float64"), *head])
    compiled(model, losses.CategoricalCrossentropy(label_smoothing=0.1), optimizers.SGD(0.1, momentum=0.5))
    model.layers[-1].bias.value[0] = -40
    return model


def twice():
    """Return a net with a softmax inside, and one at its end, to whose output the loss applies another."""
    inside = layers.Conv2D(3, 1, activation="softmax")
    return compiled(sequence(inside), loss=losses.CategoricalCrossentropy(from_logits=True))


def stepped(make, optimizer=None):
    """Return a function that makes the net and lets it take two steps, so that its optimizer has a state."""

    def made():
        model = make()
        if optimizer is not None:
            model.compile(optimizer(), model.loss)
            model.optimizer.exclude_from_weight_decay(var_names=["bias"])
        with ops.use("reference"):
            for seed in (1, 2):
                model.train_on_batch(image(seed)[None], np.eye(model.output_shape[-1])[[seed]])
        return model

    return made


MODELS = NETS | {
    "tied": tied,
    "probabilities": probabilities,
    "twice": twice,
    "stepped_adam": stepped(NETS["plain"]),
    "stepped_adamw": stepped(NETS["squares"], lambda: optimizers.AdamW(0.01, weight_decay=0.1)),
    "stepped_momentum": stepped(probabilities),
}


def picture(name):
    """Return the image for a net of MODELS."""
    return np.zeros(SHAPE) if name == "tied" else image()


def change_of_weight(model):
    """Move a weight of the last layer by about EPSILON, to a number of float32; return by how much."""
    entries = model.layers[-1].kernel.value.reshape(-1)
    before = entries[WEIGHT]
    entries[WEIGHT] = np.float32(before + EPSILON)
    return entries[WEIGHT] - before


HELPERS = [
    *(["formatNumber", number, text] for number, text in [
        (0, "0"), (-0.0, "0"), (12345, "12345"), (0.123456, "0.1235"), (-1.5, "-1.5"), (99999.96, "100000"),
        (0.00012345, "0.0001234"), (0.0000999, "9.990e-5"), (123456.7, "1.235e+5"), (-1e-12, "-1.000e-12"),
    ]),
    ["unravel", [2, 3, 4], 23, [1, 2, 3]],
    ["unravel", [2, 3, 4], 4, [0, 1, 0]],
    ["unravel", [], 0, []],
    ["ravel", [2, 3, 4], [1, 2, 3], 23],
    ["ravel", [5], [4], 4],
]  # fmt: skip


def questions(name, recording):
    """Return what is asked of the engine about one net: lists of a function's name and its arguments."""
    dense = [node["id"] for node in recording["nodes"] if node["type"] == "Dense"]
    pixel = {"kind": "value", "node": 0, "index": PIXEL}
    weight = {"kind": "weight", "node": dense[-1], "weight": "kernel", "index": WEIGHT}
    return {
        "pixel": ["nudgeCurve", "trace", pixel, [EPSILON, 0]],
        "weight": ["nudgeCurve", "trace", weight, [change_of_weight(MODELS[name]())]],
        "slightly": ["nudgeCurve", "trace", pixel, [SLIGHT, 0]],
        "target": ["nudgeTarget", "trace", pixel | {"kind": "gradient"}],
        "from the loss": ["walk", "trace", {"kind": "loss"}],
        "from a pixel": ["walk", "trace", pixel | {"kind": "gradient"}],
        "update": ["explain", "trace", weight | {"kind": "update"}],
        "name": ["nameOf", "trace", weight | {"kind": "weightGradient"}],
    } | {
        f"{kind} {node['id']}": ["explain", "trace", {"kind": kind, "node": node["id"], "index": 3}]
        for node in recording["nodes"]
        for kind in ("value", "gradient")
        if np.prod(node["shape"]) > 3
    }


@cache
def results():
    """Return name -> what the engine has computed, for MODELS and SECTIONS; answers are by question name."""
    recordings = {name: record(make(), picture(name), 1) for name, make in MODELS.items()}
    asked = {name: questions(name, recording) for name, recording in recordings.items()}
    for name, (net, part) in SECTIONS.items():
        recordings[name] = record(MODELS[net](), image(), 1, layers=part)
        asked[name] = {"pixel": asked[net]["pixel"], "target": asked[net]["target"]}
    recordings["restless"], asked["restless"] = record(restless(), image(), 1), asked["section_end"]
    asked["plain"] |= {f"helper {number}": helper[:-1] for number, helper in enumerate(HELPERS)}
    with TemporaryDirectory() as folder:
        for name, recording in recordings.items():
            Path(folder, f"{name}.json").write_text(json.dumps(recording))
            Path(folder, f"{name}.questions.json").write_text(json.dumps(list(asked[name].values())))
        script = Path(__file__).with_name("engine_cases.mjs")
        done = subprocess.run(
            [NODE, script, folder], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = {name: json.loads(Path(folder, f"{name}.result.json").read_text()) for name in recordings}
    for name, result in found.items():
        result["recording"] = recordings[name]
        result["answers"] = dict(zip(asked[name], result["answers"]))
    return found


@cache
def library():
    """Return name -> what the library computes, for MODELS."""
    return {name: expected(make(), picture(name), 1) for name, make in MODELS.items()}
