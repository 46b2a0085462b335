"""Draw the pictures of README.md and docs/ from the library's own numbers: ``python docs/figures.py``."""

from pathlib import Path

import numpy as np
from drawing import ACCENT, GRADIENT, NEGATIVE, PAPER, colours
from matplotlib.figure import Figure

from fer.data import synthetic
from fer.emotions import EMOTIONS
from fer.networks import architectures
from minicnn import layers

IMAGES = Path(__file__).parent / "images"


def trained(dataset, epochs=4):
    """Return the `simple` network after a few epochs on the synthetic faces."""
    model = architectures.build("simple", seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(dataset.train.images[..., None], dataset.train.labels, batch_size=64, epochs=epochs)
    return model


def one_step(model, image, label):
    """Return [(layer, output, gradient)] of one training step on one image: forward,
    then backward, layer by layer.
    """
    x = image[None, :, :, None].astype("float32")
    outputs = []
    for layer in model.layers:
        x = layer.forward(x, training=False)
        outputs.append(x)
    dy = x - np.eye(len(EMOTIONS), dtype="float32")[[label]]  # p − t: softmax and cross-entropy in one
    gradients = []
    for layer in reversed(model.layers):
        gradients.append(dy)
        layer.needs_dx = True
        dy = (layer.pre_activation_backward if layer is model.layers[-1] else layer.backward)(dy)
    return list(zip(model.layers, outputs, reversed(gradients)))


def mosaic(maps, channels):
    """Return four channels of (H, W, C) as a 2 × 2 picture with a gap of one pixel."""
    picked = [np.pad(maps[..., channel], (0, 1), constant_values=np.nan) for channel in channels]
    return np.block([picked[:2], picked[2:]])[:-1, :-1]


def overview():
    """A training step on one face: what goes forward above, the gradient that comes back below."""
    dataset = synthetic.load()
    model = trained(dataset)
    probabilities = model.predict(dataset.test.images[..., None])
    labels = dataset.test.labels
    right = probabilities[np.arange(len(labels)), labels]
    happy_or_surprised = np.isin(labels, [EMOTIONS.index("Happy"), EMOTIONS.index("Surprise")])
    chosen = int(np.flatnonzero(happy_or_surprised & (right > 0.5) & (right < 0.75))[0])
    image, label = dataset.test.images[chosen], int(labels[chosen])
    steps = [
        (layer, output[0], gradient[0])
        for layer, output, gradient in one_step(model, image, label)
        if isinstance(layer, layers.MaxPooling2D | layers.Dense | layers.Normalization)
    ]

    figure = Figure(figsize=(11, 4.1), layout="constrained", facecolor=PAPER)
    axes = figure.subplots(2, len(steps), width_ratios=[1.15, 1, 1, 1, 0.35, 1.25])
    for column, (_, output, gradient) in enumerate(steps):
        above, below = axes[:, column]
        if output.ndim == 3:
            strongest = np.argsort(-np.abs(gradient).sum((0, 1)))[:4]
            strongest = np.resize(strongest, 4) if output.shape[-1] >= 4 else None
            values = image if strongest is None else mosaic(output, strongest)
            slopes = gradient[..., 0] if strongest is None else mosaic(gradient, strongest)
            above.imshow(colours(values, "value"))
            below.imshow(colours(slopes, "gradient"))
            name = "face" if strongest is None else "conv, ReLU, pool"
            above.set_title(f"{name}\n{' × '.join(map(str, output.shape))}", fontsize=9)
        elif len(output) != len(EMOTIONS):
            above.imshow(colours(output.reshape(-1, 8), "value"), aspect="auto")
            below.imshow(colours(gradient.reshape(-1, 8), "gradient"), aspect="auto")
            above.set_title(f"dense\n{len(output)}", fontsize=9)
        else:
            places = np.arange(len(EMOTIONS))
            above.barh(places, output, color=[ACCENT if k == label else "0.6" for k in places])
            below.barh(places, gradient, color=[NEGATIVE if v < 0 else GRADIENT for v in gradient])
            above.set_title("softmax: p\n(green: the label)", fontsize=9)
            below.set_title("p − t", fontsize=9)
            for axis in (above, below):
                axis.set_facecolor(PAPER)
                axis.set_yticks(places, EMOTIONS, fontsize=8)
                axis.yaxis.tick_right()
                axis.invert_yaxis()
                axis.spines[["top", "left"]].set_visible(False)
                axis.tick_params(axis="x", labelsize=7)
            above.set_xlim(0, 1)
            continue
        for axis in (above, below):
            axis.set_xticks([])
            axis.set_yticks([])
    axes[0, 0].set_ylabel("forward  →", fontsize=11)
    axes[1, 0].set_ylabel("←  backward: gradients", fontsize=11)
    return figure


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    overview().savefig(IMAGES / "overview.png", dpi=100)
