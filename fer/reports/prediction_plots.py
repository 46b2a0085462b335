"""Figures of predictions: faces beside their probabilities, maps of the pixels that count."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from fer.emotions import EMOTIONS
from fer.reports.plots import BLUE, GRAY, ORANGE, PALE, class_names, headline, new_figure, plain_axes
from minicnn.terminal import printable

MOST_BARS = 10  # beside a face
MOST_LETTERS = 21  # of two names above the bars in one line
_ROW = 2.05  # inches of a row of faces
_NARROW, _WIDE = 1.0, 1.15  # relative widths of a face and of its bars

Maps = tuple[np.ndarray, np.ndarray, np.ndarray]  # HiResCAM, occlusion, input gradient: of the face's shape
Frame = tuple[float, float, float, float, str]  # left, top, width, height, and its text


def predictions(
    images: Sequence[np.ndarray],
    probabilities: np.ndarray,
    labels: Sequence[int | None] | None = None,
    captions: Sequence[str] | None = None,
    title: str = "",
    columns: int = 3,
    maps: Sequence[Maps] | None = None,
    photo: np.ndarray | None = None,
    frames: Sequence[Frame] = (),
    classes: Sequence[str] = EMOTIONS,
) -> Figure:
    """Draw faces, each beside the bars of its probabilities.

    The predicted emotion is blue. If the true one is known, its name is bold, a wrong prediction orange.

    Args:
        images: N gray images, 0-255.
        probabilities: (N, classes).
        labels: the N true emotions; None for an unknown one.
        captions: a line under each face.
        title: written above.
        columns: at most this many faces in a row; 2 with ``maps``.
        maps: for each face, which pixels its prediction depends on; drawn below and beside it.
        photo: the picture that the faces were cut from; drawn at the left, with ``frames``.
        frames: where the faces are in the picture.
        classes: the names of the classes.
    """
    count = len(images)
    columns = min(columns if maps is None else 2, count)
    if photo is not None and (count < 5 or maps is not None):
        columns = 1
    rows = -(-count // columns)
    # panels of a face, one above the other and side by side
    deep, across = (1, 2) if maps is None else (2, 3)
    width = columns * (4.3 if maps is None else 6.2) + 0.2
    height = max(_ROW * deep * rows + 0.2, 2.9 if photo is not None else 0) + (0.4 if title else 0)
    beside = 0.0 if photo is None else float(np.clip(3 * photo.shape[1] / photo.shape[0], 2, 6))
    figure = new_figure(width + beside, height)
    headline(figure, title)
    part: Figure | SubFigure = figure
    if photo is not None:
        left, part = np.asarray(figure.subfigures(1, 2, width_ratios=[beside, width]))
        _photo(left.subplots(), photo, frames)
    ratios = ([_NARROW] * (across - 1) + [_WIDE]) * columns
    grid = part.add_gridspec(deep * rows, across * columns, width_ratios=ratios)
    for i in range(count):
        top, start = deep * (i // columns), across * (i % columns)
        axes = [
            part.add_subplot(grid[top + row, start + column])
            for row in range(deep)
            for column in range(across - 1)
        ]
        face(axes[0], images[i], "" if captions is None else captions[i])
        if maps is not None:
            _explain(axes[1:], images[i], maps[i])
        beside_faces = part.add_subplot(grid[top : top + deep, start + across - 1])
        bars(beside_faces, probabilities[i], None if labels is None else labels[i], classes)
    return figure


def face(axes: Axes, image: np.ndarray, caption: str = "") -> None:
    """Draw a gray image, without axes."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(caption, fontsize=9, color=GRAY, parse_math=False)


def bars(
    axes: Axes, probabilities: np.ndarray, label: int | None = None, classes: Sequence[str] = EMOTIONS
) -> None:
    """Draw the probabilities (classes,) of a face as bars: the highest in colour, the true class's name bold.

    Of more than MOST_BARS classes those with the highest probabilities are drawn, and the true one.
    """
    if len(classes) > MOST_BARS:
        order = np.argsort(-probabilities, kind="stable")
        drawn_first = list(order[:MOST_BARS])
        if label is not None and label not in drawn_first:
            drawn_first[-1] = label
        probabilities, classes = probabilities[drawn_first], [classes[k] for k in drawn_first]
        label = None if label is None else drawn_first.index(label)
    names = class_names(classes)
    chosen = int(np.argmax(probabilities))
    right = label is None or label == chosen
    colours = [PALE] * len(names)
    colours[chosen] = BLUE if right else ORANGE
    drawn = axes.barh(range(len(names)), probabilities, color=colours)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.bar_label(drawn, [f"{share:.0%}" for share in probabilities], padding=3, fontsize=8)
    title = names[chosen]
    if label is not None:
        wrong = f"{title}, true: {names[label]}"
        if len(wrong) > MOST_LETTERS:
            wrong = ",\ntrue: ".join(printable(classes[k], 14) for k in (chosen, label))
        title = f"{title} ✓" if right else wrong
        axes.get_yticklabels()[label].set_fontweight("bold")
    size = 10 if max(map(len, title.splitlines())) < 18 else 9
    axes.set_title(title, fontsize=size, color=colours[chosen], weight="bold", loc="left", parse_math=False)
    axes.set(xlim=(0, 1.22), xticks=[])
    axes.tick_params(left=False, labelsize=9 if len(names) <= len(EMOTIONS) else 7)
    axes.invert_yaxis()
    plain_axes(axes)
    axes.spines["bottom"].set_visible(False)


def _explain(panels: Sequence[Axes], image: np.ndarray, maps: Maps) -> None:
    """Draw HiResCAM and occlusion over the face, and the input gradient beside it."""
    for axes, name, values in zip(panels, ("HiResCAM", "occlusion"), maps):
        face(axes, image, name)
        # The opacity grows with the map: where it is low, the face is visible.
        strength = np.maximum(values, 0) / (values.max() if values.max() > 0 else 1)
        axes.imshow(strength, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * strength, interpolation="bilinear")
    slope = maps[2]
    face(panels[2], np.zeros_like(image), "input gradient")
    # A few pixels have much larger slopes than all others: the colours end at the 99th percentile.
    sizes = np.abs(slope)
    limit = float(np.percentile(sizes, 99)) or float(sizes.max()) or 1.0
    panels[2].imshow(slope, cmap="RdBu_r", vmin=-limit, vmax=limit)


def _photo(axes: Axes, photo: np.ndarray, frames: Sequence[Frame]) -> None:
    """Draw a picture, (H, W) gray or (H, W, 3), with frames."""
    axes.imshow(photo, cmap="gray", vmin=0, vmax=255)
    axes.set_axis_off()
    axes.set_anchor("N")
    for left, top, width, height, text in frames:
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=ORANGE, lw=2))
        if text:
            label = axes.text(left, top, text, va="bottom", fontsize=9, color="white")
            label.set_bbox({"facecolor": ORANGE, "edgecolor": "none", "pad": 2})
